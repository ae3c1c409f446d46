"""After a switch without hold-back: copies go back to the old version, and tell.

With the running command; the figures are told for whoever reads the test's output.
"""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import (
    Json,
    Release,
    moment,
    plant,
    release,
    running_release,
)
from tests.end_to_end.running import COMMAND, ModelServer, tell, until

pytestmark = pytest.mark.slow  # half a minute of rollouts

Models = tuple[ModelServer, ModelServer]

COPIES: Json = {"setMirrorRoute": {"name": "shadow", "percentage": 100}}
BACK_PERCENT = 20


def switching(models: Models, watch: str, **settings: Any) -> Json:
    """Make a blue-green release that keeps nothing back, and copies back instead."""
    return release(
        models,
        rollout={
            "strategy": "blue_green",
            "steps": [COPIES, {"analysis": {}}],
            "mirror": {
                "concurrency": 64,
                "tokens_per_minute": None,
                "reverse": BACK_PERCENT,
            },
        },
        analysis={"watch": watch, "holdback": 0},
        **settings,
    )


def shown(running: Release, command: str) -> str:
    """Give what a command prints, on one line."""
    admin = f"http://127.0.0.1:{running.gateway.admin}"
    found = subprocess.run(
        [COMMAND, command, "chat", "--admin", admin],
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(found.stdout.split())


def replayed(running: Release) -> None:
    """Demand that the journal says how each decision came about."""
    admin = f"http://127.0.0.1:{running.gateway.admin}"
    command = [COMMAND, "replay", "--admin", admin]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.parametrize(
    ("fault", "metric"),
    [
        ({"error": 0.3}, "error_rate"),
        ({"error": 0.1}, "error_rate"),
        ({"refusals": 0.3}, "refused"),
    ],
    ids=["errs", "errs seldom", "refuses"],
)
def test_a_candidate_that_fails_at_100_percent_is_switched_back_by_reversed_pairs(
    models: Models, tmp_path: Path, fault: Json, metric: str
) -> None:
    with (
        running_release(switching(models, "5m", workers=2), tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_phase("baking", within_s=30)
        assert running.gateway.candidate_weight() == 100
        assert (
            "reversed pairs (20 % of the requests to v2"
            in (running.decision()["body"]["said"])
        )
        for command in ("status", "analysis"):
            assert "It is compared with reversed pairs" in shown(running, command)
        time.sleep(2.0)
        asked = models[0].stats()["requests"]
        assert set(audience.since(time.monotonic() - 1.0)) == {"v2"}

        planted = plant(models[1], **fault)
        running.until_phase("rolled_back", within_s=40)
        decided = moment(running.decision())
        time.sleep(1.0)

        found = running.decision()["body"]["findings"][0]
        assert (found["metric"], found["is_mirrored"]) == (metric, True)
        assert models[0].stats()["requests"] > asked
        exposed = [
            visit
            for visit in audience.visits
            if visit.version == "v2" and planted <= visit.begun
        ]
        before = [visit for visit in exposed if visit.begun <= decided]
        last = max(visit.begun for visit in exposed)
        tell(
            f"{fault}: switched back after {len(before)} requests to the candidate and"
            f" {decided - planted:.2f} s, by {found['candidate_units']} pairs since the"
            f" start; the last request to it {last - decided:+.3f} s from the decision"
        )
        assert last - decided < 1.0
        assert set(audience.since(last + 0.001)) == {"v1"}
        replayed(running)


def test_an_equal_candidate_passes_the_watch_by_pairs_and_copies_end_with_it(
    models: Models, tmp_path: Path
) -> None:
    with (
        running_release(switching(models, "3s"), tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_phase("baking", within_s=30)
        until("pairs", lambda: _pairs(running) > 0)
        running.until_phase("promoted", within_s=30)

        said = running.decision()["body"]["said"]
        assert "3 s without a regression" in said
        assert "mirrored pairs. Promoted" in said
        time.sleep(1.0)
        asked = models[0].stats()["requests"]
        time.sleep(1.0)
        assert models[0].stats()["requests"] == asked, "no copy any more"
        assert not audience.unhappy()
        replayed(running)


def _pairs(running: Release) -> int:
    known = running.analysis()["assessment"]
    return int(known["units_in_step"]["candidate"]) if known["is_mirrored"] else 0
