"""Several candidates: what is written arrives lane by lane, and what cannot be does not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from gateway.domain.deployment import Deployment
from gateway.domain.rollout import SetWeight, Strategy
from gateway.domain.units import BUCKETS
from gateway.settings.several import MOST_CANDIDATES

Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]

CHAT = "services.chat"


@pytest.fixture
def several(document: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """Write a service with versions v1 to v4; *text* is what else it says."""

    def write(text: str) -> dict[str, Any]:
        written = deepcopy(document)
        chat = written["services"]["chat"]
        for name in ("v3", "v4"):
            chat["versions"][name] = deepcopy(chat["versions"]["v2"])
        chat.pop("candidate", None)
        chat.pop("weights", None)
        chat |= yaml.safe_load(text)
        return written

    return write


def test_each_candidate_has_a_lane_of_its_own(
    several: Callable[[str], dict[str, Any]], load: Load
) -> None:
    found = load(several("{candidates: [v2, v3], rollout: {strategy: ab}}"))

    assert [(s.name, s.candidate, s.known_as, s.lanes) for s in found.services] == [
        ("chat:v2", "v2", "chat", 2),
        ("chat:v3", "v3", "chat", 2),
    ]
    assert [service.name for service in found.offered] == ["chat:v2"]
    assert {service.candidates for service in found.services} == {("v2", "v3")}


def test_alpha_is_shared_and_what_is_not_written_is_the_same_for_all(
    several: Callable[[str], dict[str, Any]], load: Load
) -> None:
    text = (
        "{candidates: [v2, v3, v4], rollout: {strategy: ab, analysis: {alpha: 0.03}}}"
    )
    plans = [service.rollout for service in load(several(text)).services]

    assert [plan and plan.analysis.alpha for plan in plans] == pytest.approx([0.01] * 3)
    assert plans[0] is not None
    assert plans[0].strategy is Strategy.AB
    [step] = plans[0].steps
    assert isinstance(step, SetWeight)
    assert step.share == BUCKETS // 4


def test_one_candidate_in_a_list_is_the_same_as_one(
    several: Callable[[str], dict[str, Any]], load: Load
) -> None:
    for rollout in ("", ", rollout: {strategy: canary}", ", rollout: {strategy: ab}"):
        listed = load(several(f"{{candidates: [v2]{rollout}}}"))
        named = load(several(f"{{candidate: v2{rollout}}}"))

        assert listed == named
        assert listed.services[0].name == "chat"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "{candidates: [v2, v3]}",
            "candidates",
            "found 2 candidates and no rollout",
        ),
        (
            "{candidates: [v2, v3], rollout: {}}",
            "candidates",
            "strategy canary: only an ab compares several",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: blue_green}}",
            "candidates",
            "Write `rollout: {strategy: ab}`, or one `candidate`.",
        ),
        (
            "{candidates: [v2, v3], candidate: v2, rollout: {strategy: ab}}",
            "candidates",
            "Write one of the two.",
        ),
        (
            "{candidates: [v2, v9], rollout: {strategy: ab}}",
            "candidates[1]",
            "unknown version 'v9'",
        ),
        (
            "{candidates: [v2, v1], rollout: {strategy: ab}}",
            "candidates[1]",
            "'v1', which is the baseline",
        ),
        (
            "{candidates: [v2, v2], rollout: {strategy: ab}}",
            "candidates[1]",
            "'v2' twice",
        ),
        (
            "{candidates: [v2, v3], weights: {v2: 5}, rollout: {strategy: ab}}",
            "weights",
            "weights beside a rollout",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, steps: [{setWeight: 60}]}}",
            "rollout.steps[0].setWeight",
            "60 percent for each of 2 candidates, which leaves the baseline none to "
            "compare with. Write less than 50: percent are of the whole service.",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, steps: [{setWeight: 50}]}}",
            "rollout.steps[0].setWeight",
            "Write less than 50",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, steps: [{setWeight: 5},"
            " {setMirrorRoute: {name: m, percentage: 5}}]}}",
            "rollout.steps[1].setMirrorRoute",
            "does not say to which of them",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, mirror: {reverse: 10}}}",
            "rollout.mirror.reverse",
            "does not say from which of them",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, mirror: {concurrency: 2}}}",
            "rollout.mirror.concurrency",
            "a limit for copies beside 2 candidates",
        ),
        (
            "{candidates: [v2, v3],"
            " rollout: {strategy: ab, mirror: {tokens_per_minute: 5}}}",
            "rollout.mirror.tokens_per_minute",
            "a limit for copies beside 2 candidates",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, rollback_steps: [50, 5]}}",
            "rollout.rollback_steps[0]",
            "Write less than 50",
        ),
        (
            "{candidates: [v2, v3], rollout: {strategy: ab, advance: time}}",
            "rollout.advance",
            "which people end",
        ),
    ],
)
def test_what_several_candidates_cannot_have_is_refused_with_what_to_write(
    several: Callable[[str], dict[str, Any]],
    lines: Lines,
    text: str,
    place: str,
    words: str,
) -> None:
    found = lines(several(text))

    assert any(
        line.startswith(f"{CHAT}.{place}: ") and words in line for line in found
    ), found


def test_there_is_an_end_to_how_many(
    several: Callable[[str], dict[str, Any]], lines: Lines
) -> None:
    names = [f"w{number}" for number in range(MOST_CANDIDATES + 1)]
    written = several("{rollout: {strategy: ab}}")
    chat = written["services"]["chat"]
    chat["versions"] |= {name: deepcopy(chat["versions"]["v2"]) for name in names}
    chat["candidates"] = names

    assert any(f"at most {MOST_CANDIDATES}" in line for line in lines(written))


def test_what_is_wrong_with_the_whole_is_said_once(
    several: Callable[[str], dict[str, Any]], lines: Lines
) -> None:
    """And no lane is out of reach behind the other."""
    text = (
        "{candidates: [v2, v3], rollout: {strategy: ab},"
        " feedback: {signals: [refusal]}}"
    )

    [found] = lines(several(text))

    assert found.startswith(f"{CHAT}.feedback.signals[0]: ")


def test_no_name_of_a_service_is_that_of_a_lane(
    document: dict[str, Any], lines: Lines
) -> None:
    document["services"]["chat:v2"] = document["services"].pop("chat")

    [found] = lines(document)

    assert "found the name 'chat:v2'" in found
