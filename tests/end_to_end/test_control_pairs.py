"""A judge that is asked about two answers of the same version: fair ones pass, blind ones do not."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.judges import (
    HALLUCINATION,
    Models,
    judged_release,
    readers,
    running_judge,
)
from tests.end_to_end.releases import Json, Release, plant, running_release
from tests.end_to_end.running import tell, until

_ENOUGH = 80
"""Control pairs in which a judge that goes by the order is found long since (27 are)."""


@pytest.fixture(autouse=True)
def _behave(models: Models) -> Iterator[None]:
    yield
    for server in models:
        server.forget()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "is_blind"),
    [({}, False), ({"by_order": 0.2}, False), ({"by_order": 0.9}, True)],
    ids=["fair", "leans to the first", "goes by the order"],
)
def test_a_judge_that_goes_by_the_order_of_answers_is_found(
    models: Models, tmp_path: Path, behaviour: dict[str, Any], is_blind: bool
) -> None:
    """Both versions are alike, and neither is blamed."""
    for server in models:
        plant(server, wrong=0.05)
    with running_judge(**behaviour) as judge:
        document = judged_release(
            models,
            judge,
            metrics=[{"signal": HALLUCINATION}],
            rollout={
                "strategy": "blue_green",
                "steps": [
                    {"setMirrorRoute": {"name": "shadow", "percentage": 100}},
                    {"analysis": {}},
                    {"pause": {}},
                ],
                "mirror": {
                    "concurrency": 64,
                    "tokens_per_minute": None,
                    "control": 50,
                },
            },
        )
        with (
            running_release(document, tmp_path) as running,
            readers(running, rate=100) as audience,
        ):
            running.start()
            began = time.monotonic()
            until("controls", lambda: _is_known(running), within_s=60)

            told = _judgements(running)
            said = running.analysis()["assessment"]["integrity"]
            tell(f"{time.monotonic() - began:.1f} s: {said} {told}")
            assert (said is not None) is is_blind
            if is_blind:
                assert "the judge cannot tell answers apart" in said
                until("paused", lambda: running.phase == "paused")
            assert told["controls"] > 0
            assert told["pairs_won"] + told["pairs_lost"] + told["pairs_tied"] > 0
            assert not audience.unhappy()
            assert {visit.version for visit in audience.visits} == {"v1"}
            assert _copies(running, "v1") > 0


def _judgements(running: Release) -> Json:
    [found] = [
        each["judgements"]
        for each in running.analysis()["metrics"]
        if each["metric"] == HALLUCINATION and each["segment"] is None
    ]
    return dict(found)


def _is_known(running: Release) -> bool:
    told = _judgements(running)
    is_over = told["log_e_controls"] >= (told["log_threshold_controls"] or 1e9)
    return is_over or int(told["controls"]) >= _ENOUGH


def _copies(running: Release, version: str) -> float:
    found = running.gateway.metric("sluicegate_mirrored_requests_total")
    return sum(value for labels, value in found if labels["version"] == version)
