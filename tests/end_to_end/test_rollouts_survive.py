"""Rollouts outlive what dies around them, and what dies is answered."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import Json, Release, plant, release, running_release
from tests.end_to_end.running import (
    COMMAND,
    Gateway,
    ModelServer,
    running_model_server,
    tell,
    until,
)

Models = tuple[ModelServer, ModelServer]

HELD = [{"setWeight": 20}, {"pause": {}}]
_BY_CTRL_C = 130
_SETTLING_S = 3.0
_MOST_LOST_S = 2.5  # a second of evidence, and what came while it was away


def kept(models: Models, folder: Path) -> Json:
    """Make a release that stays at 20 %, whose state is in a file.

    Errors alone guard it: what fails is slow as well, and either might tell first.
    """
    return release(
        models,
        rollout={"steps": HELD},
        analysis={"metrics": [{"signal": "error_rate"}]},
        state=f"sqlite:{folder / 'state.db'}",
    )


def units(running: Release) -> int:
    """Give the candidate's units that counted in its error rate."""
    [found] = [
        one
        for one in running.analysis()["metrics"]
        if one["metric"] == "error_rate" and one["segment"] is None
    ]
    return int(found["candidate_units"])


def demand_as_before(running: Release, before: Json, counted: int) -> None:
    """Demand the step, the weight and the evidence of before."""
    until("its evidence is taken up", lambda: bool(running.analysis()["metrics"]))
    standing = running.standing
    for key in ("phase", "attempt", "step", "weight", "plan_hash"):
        assert standing[key] == before[key], key
    now = units(running)
    tell(f"{counted} candidate units before, {now} after")
    assert now >= counted * 0.5


def demand_caught(running: Release, models: Models) -> None:
    """Demand that a fault is still answered, and that replay comes to the same."""
    planted = plant(models[1], error=0.4)
    running.until_phase("rolled_back")
    tell(f"caught {time.monotonic() - planted:.1f} s after its onset")
    assert running.gateway.candidate_weight() == 0


def test_a_rollout_outlives_kill_9_of_its_controller(
    models: Models, tmp_path: Path
) -> None:
    with (
        running_release(kept(models, tmp_path), tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_step(1)
        time.sleep(_SETTLING_S)
        before, counted = running.standing, units(running)

        controller = running.gateway.controller()
        os.kill(controller, signal.SIGKILL)
        until(
            "another controller",
            lambda: (
                running.gateway.has_new("controller", {controller})
                and running.gateway.is_administered()
            ),
        )

        demand_as_before(running, before, counted)
        demand_caught(running, models)
        assert {visit.status for visit in audience.unhappy()} <= {500}


def test_a_rollout_outlives_kill_9_of_everything(
    models: Models, tmp_path: Path
) -> None:
    document = kept(models, tmp_path)
    first = Gateway(document, tmp_path)
    try:
        first.wait_until_ready()
        running = Release(first)
        with Audience(first.data):
            running.start()
            running.until_step(1)
            time.sleep(_SETTLING_S)
            before, counted = running.standing, units(running)
            first.clear_away()  # SIGKILL to all of its processes
    finally:
        first.clear_away()

    with (
        running_release(document, tmp_path) as again,
        Audience(again.gateway.data),
    ):
        demand_as_before(again, before, counted)
        demand_caught(again, models)
        said = [entry["body"]["said"] for entry in again.journal("begun", "moved")]
        assert said[-1].startswith("error_rate regressed")


def test_a_candidate_that_dies_is_taken_back(models: Models, tmp_path: Path) -> None:
    """Its connections are refused; nobody has to look at it."""
    with running_model_server("v2") as doomed:
        document = release((models[0], doomed), rollout={"steps": HELD})
        with (
            running_release(document, tmp_path) as running,
            Audience(running.gateway.data) as audience,
        ):
            running.start()
            running.until_step(1)
            time.sleep(_SETTLING_S)

            died = time.monotonic()
            doomed.kill()
            running.until_phase("rolled_back")

            took = time.monotonic() - died
            time.sleep(1)
            unhappy = audience.unhappy()
            tell(
                f"candidate dead: taken back after {took:.2f} s,"
                f" {len(unhappy)} of {len(audience.visits)} visitors unhappy;"
                f" {running.decision()['body']['said']}"
            )
            assert not [v for v in unhappy if v.begun > died + took]


@contextmanager
def following(running: Release, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run `sluicegate journal chat --follow`; what it says goes into a file."""
    at = f"http://127.0.0.1:{running.gateway.admin}"
    with (folder / "followed.log").open("wb") as said:
        process = subprocess.Popen(
            [COMMAND, "journal", "chat", "--follow", "--admin", at],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_who_follows_the_journal_is_told_through_a_restart(
    models: Models, tmp_path: Path
) -> None:
    """Each entry once, as it comes; Ctrl-C ends it."""

    def says(words: str) -> bool:
        return (tmp_path / "followed.log").read_text().count(words) == 1

    with (
        running_release(kept(models, tmp_path), tmp_path) as running,
        following(running, tmp_path) as command,
    ):
        running.start()
        until("the start is told", lambda: says("Attempt 1 begins"))
        controller = running.gateway.controller()
        os.kill(controller, signal.SIGKILL)
        until(
            "another controller",
            lambda: (
                running.gateway.has_new("controller", {controller})
                and running.gateway.is_administered()
            ),
        )
        assert running.act("abort", reason="enough")[0] == 200
        until("the end is told", lambda: says("Aborted by hand"))
        assert says("Attempt 1 begins")

        command.send_signal(signal.SIGINT)
        code = command.wait(10)

    said = (tmp_path / "followed.log").read_text()
    assert code == _BY_CTRL_C, said
    assert "Traceback" not in said
    assert "counts of block" not in said


@pytest.fixture(autouse=True)
def _behave(models: Models) -> None:
    for server in models:
        server.forget()
