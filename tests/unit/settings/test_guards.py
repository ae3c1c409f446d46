"""What may guard a rollout: what a service measures, compared as its kind can be."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.answers.signals import SIGNALS
from gateway.domain.deployment import Deployment
from gateway.domain.outcome import Outcome
from gateway.domain.reserved import RESERVED
from gateway.domain.rollout import Margin, MetricRule, OnFailure, Statistic, Worse
from gateway.settings.guards import ALWAYS, measured_by

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]

PLACE = "services.chat.rollout.analysis"


def _guarded(metrics: str, more: str = "") -> str:
    return f"{{{more} rollout: {{analysis: {{metrics: [{metrics}]}}}}}}"


def _rules(deployment: Deployment) -> tuple[MetricRule, ...]:
    plan = deployment.services[0].rollout
    assert plan is not None
    return plan.analysis.metrics


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        (
            "signal: error_rate, importance: 3",
            MetricRule(
                signal="error_rate",
                statistic=Statistic.RATE,
                worse=Worse.HIGHER,
                importance=3.0,
            ),
        ),
        (
            "signal: complete",
            MetricRule(signal="complete", statistic=Statistic.RATE, worse=Worse.LOWER),
        ),
        (
            "signal: duration, statistic: p95, margin: {relative: 0.2, absolute: 50ms}, ceiling: 30s",
            MetricRule(
                signal="duration",
                statistic=Statistic.P95,
                worse=Worse.HIGHER,
                margin=Margin(relative=0.2, absolute=0.05),
                ceiling=30.0,
            ),
        ),
        (
            "signal: time_to_first_token",
            MetricRule(
                signal="time_to_first_token",
                statistic=Statistic.DISTRIBUTION,
                worse=Worse.HIGHER,
            ),
        ),
        (
            "signal: refusal, margin: {relative: 0.25, absolute: 0.005}, on_failure: pause, ceiling: 0.1",
            MetricRule(
                signal="refusal",
                statistic=Statistic.RATE,
                worse=Worse.HIGHER,
                margin=Margin(relative=0.25, absolute=0.005),
                on_failure=OnFailure.PAUSE,
                ceiling=0.1,
            ),
        ),
        (
            "signal: json_validity",
            MetricRule(
                signal="json_validity", statistic=Statistic.RATE, worse=Worse.LOWER
            ),
        ),
        (
            "signal: output_length, worse: lower, on_failure: warn",
            MetricRule(
                signal="output_length",
                statistic=Statistic.DISTRIBUTION,
                worse=Worse.LOWER,
                on_failure=OnFailure.WARN,
            ),
        ),
        (
            "signal: 'feedback:thumbs_up', worse: lower",
            MetricRule(
                signal="feedback:thumbs_up",
                statistic=Statistic.RATE,
                worse=Worse.LOWER,
            ),
        ),
    ],
)
def test_a_rule_is_completed_by_what_its_signal_says_of_itself(
    written: Write, load: Load, metric: str, rule: MetricRule
) -> None:
    """So that the plan is whole when it is frozen."""
    deadline = "feedback: {deadline: 1h},"
    text = _guarded(f"{{{metric}}}, {{signal: cancel_rate}}", deadline)
    assert _rules(load(written("service", text)))[0] == rule


def test_what_a_model_server_reports_is_what_the_rule_says(
    written: Write, load: Load
) -> None:
    """Nobody else knows whether it is a flag or an amount."""
    text = _guarded(
        "{signal: toxicity, statistic: mean, worse: higher, margin: {absolute: 0.02}}",
        "signals: {names: [{name: toxicity, header: x-toxicity}]},",
    )

    (rule,) = _rules(load(written("service", text)))

    assert (rule.statistic, rule.worse) == (Statistic.MEAN, Worse.HIGHER)
    assert rule.margin == Margin(absolute=0.02)


def test_a_signal_may_guard_by_several_statistics(written: Write, load: Load) -> None:
    metrics = "{signal: duration, statistic: p50}, {signal: duration, statistic: p99}"

    assert len(_rules(load(written("service", _guarded(metrics))))) == 2


def test_cost_guards_where_prices_are_known(
    document: dict[str, Any], load: Load, lines: Lines
) -> None:
    """Of both: a price for one of them compares nothing."""
    chat = document["services"]["chat"]
    chat["rollout"] = {"analysis": {"metrics": [{"signal": "cost"}]}}
    chat["versions"]["v1"]["price"] = {"input": 1, "output": 2}
    (line,) = lines(document)
    assert "Give the baseline and the candidate a `price`" in line

    chat["versions"]["v2"]["price"] = {"input": 1, "output": 2}
    assert _rules(load(document))[0].signal == "cost"


def test_every_outcome_and_every_signal_may_guard(written: Write, load: Load) -> None:
    names = ", ".join(SIGNALS)
    signals = [name for name in SIGNALS if name not in set(Outcome)]
    metrics = ", ".join(f"{{signal: {n}, worse: higher}}" for n in (*Outcome, *signals))

    text = _guarded(metrics, f"signals: {{names: [{names}]}},")

    assert len(_rules(load(written("service", text)))) == len(Outcome) + len(signals)


def test_no_other_signal_may_have_the_name_of_one_that_is_always_there() -> None:
    """`empty` is an outcome and a signal, which say the same."""
    assert set(ALWAYS) <= {*RESERVED, *SIGNALS}


def test_it_is_known_of_a_loaded_service_what_it_measures(
    written: Write, load: Load
) -> None:
    """The analyzer asks the same that the configuration was held to."""
    text = "signals: {names: [refusal, {name: toxicity, header: x-toxicity}]}"
    (service,) = load(written("service", text)).services
    measured = measured_by(service)

    assert measured.measure("refusal")
    assert measured.measure("toxicity")
    assert measured.measure("feedback:anything")
    assert measured.measure("repetition") is None
    assert not measured.is_priced


@pytest.mark.parametrize(
    ("metric", "place", "words"),
    [
        ("{}", ".signal", "such as `signal: error_rate`"),
        ("{signal: 5}", ".signal", "Write the name of a signal"),
        ("{signal: eror_rate}", ".signal", "Did you mean 'error_rate'?"),
        ("{signal: p95}", ".signal", "unknown signal 'p95'. Known: error_rate, "),
        ("{singal: a}", ".signal", "missing"),
        ("{signal: grounding_proxy}", ".signal", "Add it to `signals.names`"),
        ("{signal: 'feedback:Thumbs Up'}", ".signal", "a-z, 0-9 and _"),
        ("{signal: 'feedback:'}", ".signal", "found feedback named ''"),
        ("{signal: refusal, statistic: rat}", ".statistic", "Did you mean 'rate'?"),
        (
            "{signal: refusal, statistic: p95}",
            ".statistic",
            "found p95 of 'refusal', which is a flag. Write rate; or leave it out.",
        ),
        (
            "{signal: duration, statistic: mean}",
            ".statistic",
            "an amount. Write one of: distribution, p50, p95, p99; or leave it out.",
        ),
        (
            "{signal: 'feedback:a', statistic: mean, worse: lower}",
            ".statistic",
            "a flag",
        ),
        ("{signal: 'feedback:a'}", ".worse", "`worse: higher` or `worse: lower`"),
        ("{signal: output_length}", ".worse", "not bad news by itself"),
        ("{signal: refusal, worse: up}", ".worse", "Known: higher, lower"),
        ("{signal: refusal, importance: 0}", ".importance", "from 0.001 to 1000"),
        ("{signal: refusal, on_failure: abort}", ".on_failure", "Known: rollback"),
        ("{signal: refusal, margin: 0.2}", ".margin", "some of: relative, absolute"),
        ("{signal: refusal, margin: {}}", ".margin", "no more than the tolerance"),
        (
            "{signal: refusal, margin: {relative: 0.05, absolute: 0.0005}}",
            ".margin",
            "no more than the tolerance of the rollback (0.05 relative and 0.0005 "
            "absolute). Write a wider one, such as {relative: 0.25, absolute: 0.005}.",
        ),
        (
            "{signal: duration, margin: {absolute: 1s}}",
            ".margin",
            "tolerance of the rollback (0.05 relative). Write a wider one, such as "
            "{relative: 0.20}.",
        ),
        ("{signal: refusal, margin: {relative: -1}}", ".margin.relative", "from 0 to"),
        (
            "{signal: refusal, margin: {absolute: 1}}",
            ".margin.absolute",
            "a part of one",
        ),
        ("{signal: refusal, margin: {absolute: 1s}}", ".margin.absolute", "found '1s'"),
        (
            "{signal: json_validity, margin: {relative: 1}}",
            ".margin.relative",
            "a candidate without any would pass",
        ),
        ("{signal: refusal, ceiling: 5}", ".ceiling", "0.05 is 5 %"),
        ("{signal: refusal, ceiling: 0}", ".ceiling", "between 0 and 1"),
        ("{signal: refusal, ceiling: 30s}", ".ceiling", "found '30s'"),
        ("{signal: refusal, ceiling: []}", ".ceiling", "or a duration such as 30s"),
        ("{signal: duration, ceiling: 30s}", ".ceiling", "such as `statistic: p95`"),
        (
            "{signal: duration, statistic: p95, ceiling: soon}",
            ".ceiling",
            "no duration",
        ),
        ("{signal: duration, statistic: p95, ceiling: 0}", ".ceiling", "more than 0"),
        ("{signal: json_validity, ceiling: 0.9}", ".ceiling", "not available yet"),
    ],
)
def test_what_cannot_guard_is_refused(
    written: Write, lines: Lines, metric: str, place: str, words: str
) -> None:
    found = lines(written("service", _guarded(metric)))

    assert found[0].startswith(f"{PLACE}.metrics[0]{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    ("more", "metric", "place", "words"),
    [
        (
            "signals: {names: [{name: toxicity, header: x-toxicity}]},",
            "{signal: toxicity, worse: higher}",
            "[0].statistic",
            "Write `statistic: rate` for a flag, mean for a score",
        ),
        (
            "feedback: {signals: [thumbs_up]},",
            "{signal: 'feedback:thumb_up', worse: lower}",
            "[0].signal",
            "Did you mean 'thumbs_up'?",
        ),
        (
            "dialect: plain,",
            "{signal: time_to_first_token}",
            "[0].signal",
            "answers of this service are not read",
        ),
        (
            "",
            "{signal: duration}, {signal: duration, statistic: distribution}",
            "[1].signal",
            "found the distribution of duration again",
        ),
    ],
)
def test_what_a_service_does_not_have_cannot_guard_it(
    written: Write, lines: Lines, more: str, metric: str, place: str, words: str
) -> None:
    (found,) = lines(written("service", _guarded(metric, more)))

    assert found.startswith(f"{PLACE}.metrics{place}: ")
    assert words in found


def test_segments_may_be_required_whole_or_by_value(written: Write, load: Load) -> None:
    """`other` is what nobody has declared, so it is required only by name."""
    text = """
    segments:
      - {name: size, by: request_bytes, edges: [1KiB]}
      - {name: tenant, by: {header: x-tenant}, values: [a, b]}
    rollout: {analysis: {require_segments: [size, {tenant: b}, {tenant: other}, size]}}
    """
    plan = load(written("service", text)).services[0].rollout

    assert plan is not None
    assert plan.analysis.require_segments == (
        ("size", "<1KiB"),
        ("size", ">=1KiB"),
        ("tenant", "b"),
        ("tenant", "other"),
    )


@pytest.mark.parametrize(
    ("entry", "place", "words"),
    [
        ("tennant", "[0]", "unknown segment 'tennant'. Known: tenant. Did you mean"),
        ("{tennant: a}", "[0]", "Did you mean 'tenant'?"),
        ("{tenant: c}", "[0].tenant", "unknown value 'c'. Known: other, a, b"),
        ("{tenant: 5}", "[0].tenant", "Put the value in quotes"),
        ("{}", "[0]", "found an empty mapping"),
        ("{tenant: a, size: b}", "[0]", "Write the name of a segment"),
        ("5", "[0]", "found 5"),
    ],
)
def test_a_required_segment_must_be_told_apart(
    written: Write, lines: Lines, entry: str, place: str, words: str
) -> None:
    text = f"""
    segments: [{{name: tenant, by: {{header: x-tenant}}, values: [a, b]}}]
    rollout: {{analysis: {{require_segments: [{entry}]}}}}
    """

    (found,) = lines(written("service", text))

    assert found.startswith(f"{PLACE}.require_segments{place}: ")
    assert words in found


def test_metrics_and_segments_are_complained_of_together(
    written: Write, lines: Lines
) -> None:
    """Nobody likes to correct a file twice."""
    text = (
        "rollout: {analysis: {metrics: [{signal: a}, {signal: b}], "
        "require_segments: [c]}}"
    )

    places = [line.partition(": ")[0] for line in lines(written("service", text))]

    assert places == [
        f"{PLACE}.metrics[0].signal",
        f"{PLACE}.metrics[1].signal",
        f"{PLACE}.require_segments[0]",
    ]
