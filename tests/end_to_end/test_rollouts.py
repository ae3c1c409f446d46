"""Releases against model servers that fail: what is decided, when, and what clients saw.

Each fault is planted while a rollout is going on. The journal says when it was decided and
by what; the visitors say what they saw. Figures are told, not asserted (pytest -rP).
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import time as unix  # ruff: ignore[banned-api]: the journal is in it
from typing import Any

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import Json, Release, plant, release, running_release
from tests.end_to_end.running import ModelServer, tell, until

Models = tuple[ModelServer, ModelServer]

HELD = [{"setWeight": 20}, {"pause": {}}]
"""A weight that no evidence raises: what happens, happens at 20 %."""

LENGTHS = {
    "segments": [
        {"name": "prompt_size", "by": "request_bytes", "edges": ["1KiB", "8KiB"]}
    ]
}
_SETTLING_S = 2.0
_AFTER_S = 1.0
_SOON_S = 1.0


def spread(models: Models, **more: object) -> None:
    """Let both versions answer as model servers do: never twice in the same time."""
    for server in models:
        plant(server, first_token=0.02, spread=0.5, text_bytes=200, **more)


def holding(models: Models, **settings: Any) -> Json:
    """Make a release that stays at 20 %."""
    return release(models, rollout={"steps": HELD}, **settings)


@contextmanager
def settled(
    document: Json, folder: Path, **audience: Any
) -> Generator[tuple[Release, Audience]]:
    """Run a release before visitors for the block, in its first step for a while."""
    with (
        running_release(document, folder) as running,
        Audience(running.gateway.data, **audience) as visitors,
    ):
        running.start()
        running.until_step(1)
        time.sleep(_SETTLING_S)
        yield running, visitors


def caught(
    running: Release,
    audience: Audience,
    planted: float,
    *,
    what: str,
    within_s: float = 60.0,
) -> Json:
    """Wait until a fault is answered; tell how fast, and demand that it is over."""
    running.until_phase("rolled_back", within_s=within_s)
    time.sleep(_AFTER_S)
    decision = running.decision()
    decided = decision["unix"] - unix() + time.monotonic()
    asked = [v.begun for v in audience.visits if v.version == "v2"]
    last = max(0.0, max(asked, default=0.0) - decided)
    units = sum(planted <= begun <= decided for begun in asked)
    unhappy = len(audience.unhappy())
    tell(
        f"{what}: {decided - planted:.2f} s and {units} candidate requests after its"
        f" onset; to 0 % {last * 1000:.0f} ms after the decision;"
        f" {unhappy} unhappy of {len(audience.visits)};"
        f" {decision['body']['said']}"
    )
    assert last < _SOON_S
    assert running.gateway.candidate_weight() == 0
    return decision


def worst(decision: Json) -> Json:
    """Give the finding that decided."""
    found: Json = decision["body"]["findings"][0]
    return found


def test_a_candidate_that_errs_is_taken_back(models: Models, tmp_path: Path) -> None:
    """Errors from 1 to 30 %.

    An answer that failed is the slowest of all, so a duration may cross first: it says so.
    """
    for server in models:
        plant(server, error=0.01)
    with settled(holding(models), tmp_path) as (running, audience):
        planted = plant(models[1], error=0.3)

        decision = caught(running, audience, planted, what="errors 1 -> 30 %")

        by_errors = worst(decision)["metric"] == "error_rate"
        assert by_errors or "failures on the candidate" in decision["body"]["said"]


@pytest.mark.slow  # half a minute to a minute; tests/calibration has what it takes in units
def test_a_candidate_with_a_slow_tail_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """Its p99 doubles, its body stays.

    Nine runs in ten take 9 to 39 s (median 18 s; 700 to 3,000 requests), as simulated: a
    slow unit is worth ln 5 at 20 %, and of a key's requests one after its first counts.
    """
    spread(models)
    with settled(holding(models), tmp_path, rate=400) as (running, audience):
        planted = plant(models[1], slow=0.03, slow_by=0.15)

        decision = caught(
            running, audience, planted, what="p99 x 2 and more", within_s=90.0
        )

        assert worst(decision)["metric"] in {"duration", "time_to_first_token"}


def test_a_candidate_that_refuses_is_taken_back(models: Models, tmp_path: Path) -> None:
    for server in models:
        plant(server, refusals=0.02, text_bytes=200)
    with settled(holding(models), tmp_path) as (running, audience):
        planted = plant(models[1], refusals=0.3)

        decision = caught(running, audience, planted, what="refusals 2 -> 30 %")

        assert worst(decision)["metric"] == "refused"


def test_a_candidate_that_costs_more_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """Answers are 40 % longer; cost is a metric that the user asked for."""
    spread(models)
    metrics = [{"signal": "error_rate"}, {"signal": "cost"}]
    with settled(
        holding(models, analysis={"metrics": metrics}), tmp_path, rate=400
    ) as (running, audience):
        planted = plant(models[1], text_bytes=280)

        decision = caught(running, audience, planted, what="cost + 40 %")

        assert worst(decision)["metric"] == "cost"


def test_a_candidate_that_is_slow_with_long_prompts_alone_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """One request in ten is long: the segment says it, and names itself."""
    spread(models)
    with settled(
        holding(models, service=LENGTHS), tmp_path, rate=400, long_share=0.1
    ) as (running, audience):
        planted = plant(models[1], beyond=8192, slow=1.0, slow_by=0.1)

        decision = caught(running, audience, planted, what="only long prompts slow")

        found = [f["segment"] for f in running.analysis()["assessment"]["regressed"]]
        assert ["prompt_size", ">=8KiB"] in found or worst(decision)["segment"] is None


def test_a_candidate_that_hangs_is_taken_back(models: Models, tmp_path: Path) -> None:
    """Nobody waits for its answers to end: the deadline says that they are late."""
    with settled(holding(models), tmp_path, clients=64) as (running, audience):
        planted = plant(models[1], hang=True)

        caught(running, audience, planted, what="hangs, deadline 1 s")
        plant(models[1], hang=False)


def test_a_candidate_that_does_not_know_its_model_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """404 is the client's error by the book; that the candidate has more tells."""
    with settled(holding(models), tmp_path) as (running, audience):
        planted = plant(models[1], status=404)

        decision = caught(running, audience, planted, what="404 of a wrong model name")

        assert worst(decision)["metric"] == "client_error_rate"


def test_a_healthy_candidate_is_promoted(models: Models, tmp_path: Path) -> None:
    """By evidence alone, step by step; nobody sees anything of it."""
    spread(models, error=0.001)
    with (
        running_release(release(models), tmp_path) as running,
        Audience(running.gateway.data, rate=600) as audience,
    ):
        began = time.monotonic()
        running.start()

        running.until_phase("promoted", within_s=100)

        tell(f"promoted after {time.monotonic() - began:.1f} s")
        until("v2 serves", lambda: running.gateway.service()["baseline"] == "v2")
        time.sleep(_AFTER_S)
        moment = time.monotonic() - _AFTER_S / 2
        assert set(audience.since(moment)) <= {"v2"}
        said = [entry["body"]["said"] for entry in running.journal("begun", "moved")]
        tell("\n".join(said))


def test_moved_keys_that_miss_their_cache_are_no_evidence(
    models: Models, tmp_path: Path
) -> None:
    """The first answer to a key on its new side is slow, and only that one.

    All keys are known to the baseline before; what counts is the exchange after it.
    """
    spread(models, cold=0.15)
    with (
        running_release(holding(models), tmp_path) as running,
        Audience(running.gateway.data, rate=600, keys=1_500, clients=96) as audience,
    ):
        until("all have come", lambda: len(audience.visits) > 4_000, within_s=40)
        running.start()
        running.until_step(1)
        before = len(audience.visits)
        until(
            "many came after",
            lambda: len(audience.visits) > before + 5_000,
            within_s=40,
        )

        units = running.analysis()["evidence"]["units"]
        tell(f"cold caches: nothing happened in {units} units")
        assert running.phase in {"progressing", "paused"}
        assert not running.analysis()["assessment"]["regressed"]
        assert units["candidate"] > 100


@pytest.fixture(autouse=True)
def _behave(models: Models) -> None:
    for server in models:
        server.forget()
