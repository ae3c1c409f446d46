"""How a candidate takes over: what is written arrives, and what leads nowhere does not."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import yaml

from gateway.domain.deployment import Deployment
from gateway.domain.rollout import (
    Advance,
    Analyse,
    AnalysisPlan,
    CountedBy,
    HeaderMatch,
    MirrorLimits,
    OnRollback,
    Pause,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Step,
    Strategy,
)
from gateway.domain.service import COMPARED_FIRST_TOKEN
from gateway.domain.units import Seconds, Share

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]

PLACE = "services.chat.rollout"

OF_ARGO = """
rollout:
  steps:
    - setMirrorRoute:
        name: mirror-route
        percentage: 35
        match:
          - headers:
              Agent-1b:
                exact: firefox
    - setWeight: 20
    - pause:
        duration: "1h"
    - setHeaderRoute:
        name: "header-route-1"
        match:
          - headerName: Custom-Header1
            headerValue:
              exact: Mozilla/5.0
          - headerName: Custom-Header2
            headerValue:
              prefix: Mozilla
          - headerName: Custom-Header3
            headerValue:
              regex: "Mozilla.{0,9}"
    - pause:
        duration: 600
    - pause:
        duration: "30"
    - analysis: {}
    - setHeaderRoute:
        name: "header-route-1"
    - setMirrorRoute:
        name: mirror-route
    - setWeight: 40
    - pause: {}
"""


def _plan(deployment: Deployment) -> RolloutPlan:
    plan = deployment.services[0].rollout
    assert plan is not None
    return plan


def test_without_a_block_there_is_no_rollout(
    document: dict[str, Any], load: Load
) -> None:
    """And an answer is never late, unless somebody says when."""
    (service,) = load(document).services

    assert service.rollout is None
    assert {v.deadlines.first_token for v in service.versions} == {None}


def test_an_empty_block_is_the_usual_plan(written: Write, load: Load) -> None:
    assert _plan(load(written("service", "rollout: {}"))) == RolloutPlan()


def test_steps_of_argo_paste_in_unchanged(load: Load, document: dict[str, Any]) -> None:
    """Names and durations are as Argo Rollouts' documentation spells them."""
    document["services"]["chat"] |= yaml.safe_load(OF_ARGO)

    agent = HeaderMatch(name="agent-1b", exact="firefox")
    assert _plan(load(document)).steps == (
        SetMirrorRoute(name="mirror-route", share=Share(35_000), match=(agent,)),
        SetWeight(share=Share(20_000)),
        Pause(duration=Seconds(3600.0)),
        SetHeaderRoute(
            name="header-route-1",
            match=(
                HeaderMatch(name="custom-header1", exact="Mozilla/5.0"),
                HeaderMatch(name="custom-header2", prefix="Mozilla"),
                HeaderMatch(name="custom-header3", regex="Mozilla.{0,9}"),
            ),
        ),
        Pause(duration=Seconds(600.0)),
        Pause(duration=Seconds(30.0)),
        Analyse(),
        SetHeaderRoute(name="header-route-1"),
        SetMirrorRoute(name="mirror-route", share=Share(0)),
        SetWeight(share=Share(40_000)),
        Pause(),
    )


def test_a_mirror_with_a_match_alone_copies_all_that_fit(
    written: Write, load: Load
) -> None:
    """As in Argo Rollouts, where a missing percentage is all."""
    text = (
        "rollout: {steps: [{setMirrorRoute: {name: a, match: [{headers: {b: "
        "{prefix: c}}}]}}, {setWeight: 0.001}]}"
    )

    assert _plan(load(written("service", text))).steps == (
        SetMirrorRoute(
            name="a", share=Share(100_000), match=(HeaderMatch(name="b", prefix="c"),)
        ),
        SetWeight(share=Share(1)),
    )


@pytest.mark.parametrize(
    ("strategy", "steps"),
    [
        (Strategy.CANARY, RolloutPlan().steps),
        (
            Strategy.BLUE_GREEN,
            (SetMirrorRoute(name="preview", share=Share(100_000)), Analyse()),
        ),
        (Strategy.AB, (SetWeight(share=Share(50_000)),)),
    ],
)
def test_each_strategy_has_steps_of_its_own(
    written: Write, load: Load, strategy: Strategy, steps: tuple[Step, ...]
) -> None:
    """Where none are written."""
    plan = _plan(load(written("service", f"rollout: {{strategy: {strategy}}}")))

    assert (plan.strategy, plan.steps) == (strategy, steps)


def test_everything_about_a_rollout_arrives(written: Write, load: Load) -> None:
    text = """
    rollout:
      strategy: canary
      autostart: true
      advance: time
      steps: [{setWeight: 12.345}, {pause: {}}, {setWeight: 100}]
      mirror: {concurrency: 3, tokens_per_minute: null, control: 2.5}
      analysis:
        alpha: 0.05
        beta: 0.1
        unit: request
        washout: 0
        warmup: 1m
        window: 5m
        closes: {after: 2m, exchanges: 7, grace: 9s}
        minimum_units: 1
        dwell: 0s
        step_timeout: 1h
        bake: 0
        holdback: 0
        watch: 0s
        strict: true
      on_rollback: drain
      drain_timeout: 90s
      rollback_steps: [8, 4.5]
    """

    assert _plan(load(written("service", text))) == RolloutPlan(
        autostart=True,
        advance=Advance.TIME,
        steps=(
            SetWeight(share=Share(12_345)),
            Pause(),
            SetWeight(share=Share(100_000)),
        ),
        mirror=MirrorLimits(
            concurrency=3, tokens_per_minute=None, control=Share(2_500)
        ),
        analysis=AnalysisPlan(
            alpha=0.05,
            beta=0.1,
            unit=CountedBy.REQUEST,
            washout=0,
            warmup=Seconds(60.0),
            window=Seconds(300.0),
            closes_after=Seconds(120.0),
            closes_exchanges=7,
            grace=Seconds(9.0),
            minimum_units=1,
            dwell=Seconds(0.0),
            step_timeout=Seconds(3600.0),
            bake=Seconds(0.0),
            holdback=Share(0),
            watch=Seconds(0.0),
            strict=True,
        ),
        on_rollback=OnRollback.DRAIN,
        drain_timeout=Seconds(90.0),
        rollback_steps=(Share(8_000), Share(4_500)),
    )


def test_nothing_may_be_kept_back_where_copies_go_back(
    written: Write, load: Load
) -> None:
    plan = _plan(
        load(
            written(
                "service",
                "rollout: {strategy: blue_green, mirror: {reverse: 12.5},"
                " analysis: {holdback: 0}}",
            )
        )
    )

    assert plan.reverse_mirror == Share(12_500)
    assert plan.mirror == MirrorLimits()


def test_a_plan_is_kept_as_json_and_comes_back_the_same(
    load: Load, document: dict[str, Any]
) -> None:
    """The journal and the store hold it for longer than a process lives."""
    document["services"]["chat"] |= yaml.safe_load(OF_ARGO)
    plan = _plan(load(document))

    assert msgspec.json.decode(msgspec.json.encode(plan), type=RolloutPlan) == plan


@pytest.mark.parametrize(
    ("text", "due"),
    [("{}", 30.0), ("{first_token: 3s}", 3.0), ("{first_token: null}", None)],
)
def test_beside_a_rollout_a_first_token_is_due(
    document: dict[str, Any], load: Load, text: str, due: float | None
) -> None:
    """So that a candidate that hangs is found; who wants none says so."""
    chat = document["services"]["chat"]
    chat["rollout"] = {}
    chat["versions"]["v2"]["deadlines"] = yaml.safe_load(text)

    v1, v2 = load(document).services[0].versions

    assert v1.deadlines.first_token == COMPARED_FIRST_TOKEN == Seconds(30)
    assert v2.deadlines.first_token == due


def test_weights_beside_a_rollout_are_refused(written: Write, lines: Lines) -> None:
    """Two would decide, and one of them would be ignored."""
    assert lines(written("service", "{rollout: {}, weights: {v2: 5}}")) == [
        "services.chat.weights: found weights beside a rollout, whose plan decides "
        "them. Remove `weights`; the first `setWeight` of the steps comes with the "
        "start."
    ]


def test_a_rollout_needs_a_candidate(document: dict[str, Any], lines: Lines) -> None:
    chat = document["services"]["chat"]
    chat["rollout"] = {}
    del chat["candidate"], chat["versions"]["v2"]

    assert lines(document) == [
        "services.chat.rollout: found a rollout, and no candidate. Add a version, and "
        "name it: `candidate: v2`."
    ]


def test_autostart_needs_a_state_that_lasts(
    document: dict[str, Any], lines: Lines, load: Load
) -> None:
    """A restart would forget that the candidate was taken back."""
    document["state"] = "memory:"
    chat = document["services"]["chat"]
    chat["rollout"] = {}
    assert _plan(load(document)) == RolloutPlan()

    chat["rollout"] = {"autostart": True}
    (line,) = lines(document)

    assert line.startswith(f"{PLACE}.autostart: found autostart with a state that ends")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("5", "", "some of: strategy, autostart"),
        ("{stategy: ab}", "", "Did you mean 'strategy'?"),
        ("{strategy: bluegreen}", ".strategy", "Did you mean 'blue_green'?"),
        ("{advance: evidnce}", ".advance", "Did you mean 'evidence'?"),
        ("{autostart: maybe}", ".autostart", "true or false"),
        ("{on_rollback: wait}", ".on_rollback", "Known: immediate"),
        ("{on_rollback: drian}", ".on_rollback", "Did you mean 'drain'?"),
        ("{drain_timeout: 0}", ".drain_timeout", "no duration"),
        ("{mirror: {concurrency: 0}}", ".mirror.concurrency", "from 1 to"),
        (
            "{mirror: {tokens_per_minute: 1k}}",
            ".mirror.tokens_per_minute",
            "found '1k'",
        ),
        ("{steps: []}", ".steps", "found an empty list"),
        ("{steps: {setWeight: 5}}", ".steps", "Write a list"),
        ("{steps: [setWeight]}", ".steps[0]", "some of: setWeight, pause"),
        ("{steps: [{}]}", ".steps[0]", "Write one key in each step"),
        ("{steps: [{setWeight: 5, pause: {}}]}", ".steps[0]", "found setWeight, pause"),
        ("{steps: [{setWieght: 5}]}", ".steps[0]", "Did you mean 'setWeight'?"),
        ("{steps: [{set_weight: 5}]}", ".steps[0]", "Did you mean 'setWeight'?"),
        ("{steps: [{setWeight: 101}]}", ".steps[0].setWeight", "found 101 percent"),
        ("{steps: [{setWeight: 0.0001}]}", ".steps[0].setWeight", "three decimals"),
        ("{steps: [{setWeight: 5%}]}", ".steps[0].setWeight", "found '5%'"),
        ("{steps: [{setWeight: }]}", ".steps[0].setWeight", "found nothing"),
        ("{steps: [{pause: }]}", ".steps[0].pause", "`pause: {}`"),
        ("{steps: [{pause: 10m}]}", ".steps[0].pause", "some of: duration"),
        (
            "{steps: [{pause: {duration: 0}}]}",
            ".steps[0].pause.duration",
            "no duration",
        ),
        ("{steps: [{pause: {duration: ''}}]}", ".steps[0].pause.duration", "found ''"),
        ("{steps: [{setCanaryScale: {}}]}", ".steps[0].setCanaryScale", "no servers"),
        ("{steps: [{experiment: {}}]}", ".steps[0].experiment", "Remove it"),
        (
            "{steps: [{analysis: {templates: []}}]}",
            ".steps[0].analysis.templates",
            "rollout.analysis.metrics",
        ),
        (
            "{steps: [{setHeaderRoute: {match: []}}]}",
            ".steps[0].setHeaderRoute.name",
            "such as `name: staff`",
        ),
        (
            "{steps: [{setHeaderRoute: {name: a, match: [{headerName: x-sluicegate-a, headerValue: {exact: b}}]}}]}",
            ".steps[0].setHeaderRoute.match[0].headerName",
            "clients cannot send",
        ),
        (
            "{steps: [{setHeaderRoute: {name: a, match: [{headerName: b}]}}]}",
            ".steps[0].setHeaderRoute.match[0].headerValue",
            "missing",
        ),
        (
            "{steps: [{setHeaderRoute: {name: a, match: [{headerName: b, headerValue: {}}]}}]}",
            ".steps[0].setHeaderRoute.match[0].headerValue",
            "Write one of: exact, prefix, regex",
        ),
        (
            "{steps: [{setHeaderRoute: {name: a, match: [{headerName: b, headerValue: {exact: 1}}]}}]}",
            ".steps[0].setHeaderRoute.match[0].headerValue.exact",
            "quote it",
        ),
        (
            "{steps: [{setHeaderRoute: {name: a, match: [{headerName: b, headerValue: {regex: c+}}]}}]}",
            ".steps[0].setHeaderRoute.match[0].headerValue.regex",
            "without a limit",
        ),
        (
            "{steps: [{setMirrorRoute: {name: a, match: [{path: {exact: /}}]}}]}",
            ".steps[0].setMirrorRoute.match[0].path",
            "not available yet",
        ),
        (
            "{steps: [{setMirrorRoute: {name: a, percentage: 1, match: [{}, {}]}}]}",
            ".steps[0].setMirrorRoute.match",
            "found 2 entries, of which any would do",
        ),
        (
            "{steps: [{setWeight: 5}, {setHeaderRoute: {name: a}}]}",
            ".steps[1].setHeaderRoute.name",
            "no step above sets it",
        ),
        (
            "{steps: [{setMirrorRoute: {name: shadow, percentage: 5}}, {setWeight: 5}, {setMirrorRoute: {name: shadwo}}]}",
            ".steps[2].setMirrorRoute.name",
            "Did you mean 'shadow'?",
        ),
        ("{steps: [{pause: {}}]}", ".steps", "nothing would be compared"),
        ("{steps: [{setWeight: 100}]}", ".steps", "nothing would be compared"),
        (
            "{steps: [{setWeight: 25}, {pause: {}}, {setWeight: 10}]}",
            ".steps[2].setWeight",
            "found 10 percent after 25. Write weights that rise; the way down is",
        ),
        (
            "{strategy: blue_green, steps: [{setWeight: 10}]}",
            ".steps[0].setWeight",
            "switches at once",
        ),
        (
            "{strategy: ab, steps: [{setWeight: 10}, {setWeight: 20}]}",
            ".steps[1].setWeight",
            "holds at its weight",
        ),
        ("{strategy: ab, steps: [{setWeight: 0}]}", ".steps", "between 0 and 100"),
        ("{strategy: ab, advance: time}", ".advance", "which people end"),
        (
            "{advance: time, steps: [{setWeight: 5}, {pause: {}}, {setWeight: 50}]}",
            ".steps[2].setWeight",
            "found 50 percent with no pause behind it",
        ),
        ("{analysis: {alpha: 0}}", ".analysis.alpha", "from 1e-06 to 0.5"),
        ("{analysis: {alpha: 5}}", ".analysis.alpha", "once in a hundred"),
        ("{analysis: {alpah: 0.1}}", ".analysis", "Did you mean 'alpha'?"),
        ("{analysis: {unit: user}}", ".analysis.unit", "Known: key, request"),
        ("{analysis: {window: 1s}}", ".analysis.window", "at least 10 seconds"),
        ("{analysis: {window: never}}", ".analysis.window", "no duration"),
        (
            "{analysis: {closes: {exchanges: 21}}}",
            ".analysis.closes.exchanges",
            "to 20",
        ),
        ("{analysis: {dwell: 24h}}", ".analysis.dwell", "a longer step_timeout"),
        (
            "{analysis: {step_timeout: 5m}}",
            ".analysis.closes.after",
            "found 600 seconds, and a step lasts 300 at most",
        ),
        (
            "{analysis: {closes: {grace: 24h}}}",
            ".analysis.closes.grace",
            "found 86400 seconds, and a step lasts 86400 at most",
        ),
        ("{mirror: {control: 51}}", ".mirror.control", "Write at most 50"),
        ("{analysis: {holdback: 51}}", ".analysis.holdback", "Write at most 50"),
        ("{analysis: {holdback: 0}}", ".analysis.holdback", "`bake: 0s`"),
        (
            "{strategy: blue_green, mirror: {reverse: 10}, analysis: {watch: 0s}}",
            ".mirror.reverse",
            "over at once (`watch: 0s`). Remove it",
        ),
        (
            "{strategy: blue_green, analysis: {holdback: 0}}",
            ".analysis.holdback",
            "`mirror: {reverse: 10}`, which compares with copies; or `watch: 0s`",
        ),
        (
            "{steps: [{setWeight: 97}], analysis: {holdback: 5}}",
            ".analysis.holdback",
            "with a step at 97, which leaves the baseline less than that. Write at "
            "most 3.",
        ),
        (
            "{analysis: {metrics: [{signal: error_rate, on_failure: warn}]}}",
            ".analysis.metrics",
            "all only warn: no step could ever be proven. Let one answer with "
            "`on_failure: rollback` or `pause`; or write `advance: time`",
        ),
        (
            "{strategy: blue_green, analysis: {metrics: [{signal: error_rate, "
            "on_failure: warn}]}}",
            ".analysis.metrics",
            "give the `analysis` step a duration",
        ),
        (
            "{strategy: blue_green, analysis: {metrics: [{signal: duration}]}}",
            ".analysis.metrics",
            "mirrored requests prove nothing else",
        ),
        (
            "{analysis: {metrics: [{signal: error_rate}, "
            "{signal: 'feedback:bad', worse: higher}]}}",
            ".analysis.metrics[1].signal",
            "found 'feedback:bad', which is known 86400 seconds after an answer "
            "(feedback.deadline), and a step lasts 86400 at most (step_timeout)",
        ),
        ("{rollback_steps: [0]}", ".rollback_steps[0]", "0 is the end of them all"),
        ("{rollback_steps: [5, 20]}", ".rollback_steps[1]", "found 20 percent after 5"),
    ],
)
def test_a_rollout_that_leads_nowhere_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    """At its place, with what to write instead."""
    found = lines(written("service", f"rollout: {text}"))

    assert found[0].startswith(f"{PLACE}{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "{advance: time, steps: [{setWeight: 5}, {pause: {duration: 1h}}], analysis: "
        "{metrics: [{signal: error_rate, on_failure: warn}]}}",
        "{advance: time, steps: [{setWeight: 5}, {pause: {duration: 1h}}], analysis: "
        "{metrics: [{signal: 'feedback:bad', worse: higher}]}}",
        "{analysis: {metrics: [{signal: error_rate}, "
        "{signal: 'feedback:bad', worse: higher, on_failure: warn}]}}",
        "{analysis: {step_timeout: 25h, metrics: "
        "[{signal: 'feedback:bad', worse: higher}]}}",
        "{strategy: ab, analysis: {metrics: [{signal: 'feedback:bad', worse: higher}]}}",
        "{strategy: blue_green, analysis: {metrics: [{signal: error_rate}, "
        "{signal: 'feedback:bad', worse: higher}]}}",
    ],
)
def test_what_no_step_waits_for_may_come_late_or_only_warn(
    written: Write, load: Load, text: str
) -> None:
    assert load(written("service", f"rollout: {text}")).services[0].rollout is not None


def test_there_is_a_bound_on_steps(written: Write, lines: Lines) -> None:
    steps = ", ".join(["{setWeight: 1}", *["{pause: {}}"] * 100])

    assert lines(written("service", f"rollout: {{steps: [{steps}]}}")) == [
        f"{PLACE}.steps: found 101 entries. Write at most 100."
    ]
