"""Releases that are guarded by a judge: what it finds, and what happens when it fails.

The judge is simulated, and known: it finds 80 % of what is bad and leaves alone 90 % of
what is not. Figures are told, not asserted (pytest -rP).
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.judges import (
    HALLUCINATION,
    JudgeServer,
    judged_release,
    readers,
    results,
    running_judge,
)
from tests.end_to_end.releases import Json, Release, moment, plant, running_release
from tests.end_to_end.running import ModelServer, tell, until

Models = tuple[ModelServer, ModelServer]

HALVES: list[Json] = [{"setWeight": 50}, {"pause": {}}]


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with running_judge() as server:
        yield server


@contextmanager
def reading(
    document: Json, folder: Path, **audience: Any
) -> Generator[tuple[Release, Audience]]:
    """Run a release before readers, in its first step."""
    with (
        running_release(document, folder) as running,
        readers(running, **audience) as visitors,
    ):
        running.start()
        running.until_step(1)
        yield running, visitors


def test_a_candidate_that_hallucinates_is_taken_back(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """5 -> 60 %: nothing in status codes and latencies shows it."""
    for server in models:
        plant(server, wrong=0.05)
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path) as (running, audience):
        time.sleep(2.0)
        planted = plant(models[1], wrong=0.6)

        running.until_phase("rolled_back", within_s=40)

        decision = running.decision()
        worst = decision["body"]["findings"][0]
        tell(
            f"hallucination 5 -> 60 %: {moment(decision) - planted:.1f} s after its onset,"
            f" {worst['candidate_units']} units; {decision['body']['said']}; {results(running)}"
        )
        assert worst["metric"] == HALLUCINATION
        assert running.gateway.candidate_weight() == 0
        assert not audience.unhappy()
