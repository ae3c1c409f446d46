"""Two candidates over real HTTP: the real controller process, a worker that is played."""

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.segments import code_of
from gateway.handoff.evidence import Block, Evidence
from gateway.handoff.routing_table import RoutedService
from tests.flows.test_admin_api import _until
from tests.flows.test_rollouts_api import CHAT, _Release
from tests.unit.proxy.test_units import record

AB = {
    "strategy": "ab",
    "steps": [{"setWeight": 20}],
    "analysis": {"metrics": [{"signal": "error_rate"}]},
}


class _Comparison(_Release):
    """A controller with two candidates beside a baseline."""

    def configure_both(self, *, admin: str = "") -> None:
        both: dict[str, Any] = {"candidate": None, "candidates": ["v2", "v3"]}
        self.configure_rollout(admin=admin, rollout=AB, **both)

    async def restart(self) -> None:
        """Kill the controller; another one takes over, and looks at the worker first."""
        await self.end(signal.SIGKILL)
        await self.start()
        await _until(self._is_ready)

    async def _is_ready(self) -> bool:
        return (await self.readiness())[0] == 200

    def lane(self, candidate: str) -> RoutedService:
        table = self.workers[0].table
        assert table is not None
        (found,) = (r for r in table.services if r.service.name == f"chat:{candidate}")
        return found

    def shares(self) -> list[int]:
        return [self.lane("v2").share, self.lane("v3").share]

    def fails(self, candidate: str, keys: int) -> None:
        """Let the worker tell of keys that nobody has seen; all of the candidate fail."""
        split = self.lane(candidate)
        records = []
        for _ in range(keys):
            self.keys += 1
            made = record(self.keys)
            made.bucket = self.keys * 7919 % 100_000
            made.is_candidate = made.bucket < split.share
            made.outcome = "upstream_error" if made.is_candidate else "complete"
            records.append(made)
        self.sequence += 1
        block = Block(
            service=split.service.name,
            revision=split.revision,
            versions=("v1", candidate),
            share=split.share,
            names=(),
            segments=code_of(()),
            records=records,
        )
        self.workers[0].send(
            Evidence(
                worker=0,
                pid=1000,
                sequence=self.sequence,
                sampled=1.0,
                since=time.monotonic(),
                blocks=[block],
            )
        )


@pytest.fixture
async def both() -> AsyncIterator[_Comparison]:
    """Give a controller whose two candidates have 20 % each."""
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, "127.0.0.1", 0
    )
    async with server:
        with tempfile.TemporaryDirectory(prefix="sg") as folder:
            async with _Comparison(Path(folder)) as made:
                made.port = server.sockets[0].getsockname()[1]
                made.configure_both()
                made.start_workers()
                await made.start()
                await made.ready_line()
                status, told = await made.act("start")
                assert status == 200, told
                await _until(lambda: made.shares() == [40_000, 40_000])
                yield made


def _phases(view: Any) -> dict[str, str]:
    return {lane["candidate"]: lane["phase"] for lane in view["lanes"]}


async def test_a_service_shows_its_candidates_side_by_side(both: _Comparison) -> None:
    _, view = await both.get(CHAT)

    assert view["weights"] == {"v1": 60.0, "v2": 20.0, "v3": 20.0}
    assert (view["candidate"], view["rollout"]) == (None, None)
    assert view["protection"] == "analysing"
    assert [view["versions"][v]["role"] for v in ("v1", "v2", "v3")] == [
        "baseline",
        "candidate",
        "candidate",
    ]
    assert [
        (lane["name"], lane["candidate"], lane["phase"], lane["weight"])
        for lane in view["lanes"]
    ] == [
        ("chat:v2", "v2", "progressing", 20.0),
        ("chat:v3", "v3", "progressing", 20.0),
    ]
    assert view["revision"] == sum(lane["revision"] for lane in view["lanes"])
    _, every = await both.get("/api/v1/services")
    assert [service["name"] for service in every["services"]] == ["chat"]
    _, lane = await both.get("/api/v1/services/chat%3Av3")
    assert (lane["name"], lane["candidate"]) == ("chat:v3", "v3")
    assert lane["rollout"]["phase"] == "progressing"
    assert lane["weights"] == view["weights"]
    _, scraped = await both.get("/metrics")

    for line in (
        'sluicegate_weight_percent{service="chat",version="v1"} 60.0',
        'sluicegate_weight_percent{service="chat",version="v2"} 20.0',
        'sluicegate_weight_percent{service="chat",version="v3"} 20.0',
        'sluicegate_rollout_phase{phase="progressing",service="chat:v3"} 1.0',
    ):
        assert line in scraped["text"]
    assert 'sluicegate_requests_total{outcome="complete",service="chat:' not in str(
        scraped["text"]
    )


async def test_weights_are_put_together_if_nobody_was_faster(
    both: _Comparison,
) -> None:
    path = f"{CHAT}/weights"
    _, view = await both.get(CHAT)
    seen = {"If-Match": f'"{view["revision"]}"'}

    status, told, _ = await both.ask("PUT", path, {"v2": 25, "v3": 10}, headers=seen)
    again, _, _ = await both.ask("PUT", path, {"v2": 5}, headers=seen)
    most, refused, _ = await both.ask("PUT", path, {"v2": 51})

    assert (status, again, most) == (200, 409, 422)
    assert told["weights"] == {"v1": 65.0, "v2": 25.0, "v3": 10.0}
    assert "at most 50" in refused["error"]["message"]  # type: ignore[index]
    assert both.shares() == [50_000, 20_000]
    one, _, _ = await both.ask("PUT", "/api/v1/services/chat:v3/weights", {"v3": 30})
    assert (one, both.shares()) == (200, [50_000, 60_000])


async def test_a_kill_is_in_force_in_all_lanes_and_says_so_of_each(
    both: _Comparison,
) -> None:
    await both.ask("POST", "/api/v1/services/chat:v3/abort")

    status, told = await both.act("kill", {"reason": "enough"})

    assert (status, both.shares()) == (200, [0, 0])
    assert [(lane["name"], lane["is_done"]) for lane in told["lanes"]] == [
        ("chat:v2", True),
        ("chat:v3", True),
    ]
    assert told["weights"] == {"v1": 100.0, "v2": 0.0, "v3": 0.0}
    [note] = told["notes"]
    assert "v1" in note
    status, told = await both.act("kill")
    assert status == 409
    assert "chat:v2" in told["error"]["message"]


async def test_what_one_lane_cannot_do_the_other_does_and_commands_show_both(
    both: _Comparison,
) -> None:
    await both.ask("POST", "/api/v1/services/chat:v3/pause")

    status, told = await both.act("resume")
    code, out = await both.command("pause", "chat")

    assert status == 200
    assert [lane["error"] for lane in told["lanes"]] == ["not_allowed_now", None]
    assert code == 0
    assert "chat:v2: Paused by hand at 20 %." in out
    assert "chat:v3: Paused by hand at 20 %." in out
    _, shown = await both.command("status", "chat")
    _, analysis = await both.command("analysis", "chat")
    code, set_ = await both.command("weights", "chat", "v2=10", "v3=30")
    assert "v2: paused (operator), step 1 of 1 (setWeight), candidate at 20 %" in shown
    assert "v3: paused" in shown
    assert "chat:v2, alpha 0.005 of its own" in analysis
    assert "chat:v3, alpha 0.005 of its own" in analysis
    assert (code, "v1 60 %, v2 10 %, v3 30 %" in set_) == (0, True)


async def test_a_candidate_that_fails_goes_alone(both: _Comparison) -> None:
    both.fails("v3", 200)

    await _until(lambda: both.shares() == [40_000, 0])

    _, view = await both.get(CHAT)
    assert _phases(view) == {"v2": "progressing", "v3": "rolled_back"}
    _, known = await both.get(f"{CHAT}/analysis")
    assert known["alpha"] == pytest.approx(0.01)
    assert [lane["alpha"] for lane in known["lanes"]] == [0.005, 0.005]
    assert [lane["metrics"][0]["verdict"] for lane in known["lanes"]] == [
        "no_data",
        "regressed",
    ]
    _, of_all = await both.get("/api/v1/journal?service=chat")
    _, of_one = await both.get("/api/v1/journal?service=chat:v2")
    assert {e["service"] for e in of_all["entries"]} == {"chat:v2", "chat:v3"}
    assert {e["service"] for e in of_one["entries"]} == {"chat:v2"}
    code, out = await both.command("replay", "chat")
    assert code == 0
    assert "chat:v3: error_rate regressed" in out


async def test_one_is_promoted_by_name_and_serves_after_a_restart(
    both: _Comparison,
) -> None:
    status, refused = await both.act("promote", {"full": True})
    assert status == 409
    assert "`promote chat:v2 --full`" in refused["error"]["message"]

    code, out = await both.command("promote", "chat:v2", "--full")

    assert code == 0, out
    assert "promoted; v1 0 %, v2 100 %, v3 0 %" in out
    await both.restart()
    _, view = await both.get(CHAT)
    assert view["weights"] == {"v1": 0.0, "v2": 100.0, "v3": 0.0}
    assert view["baseline"] == "v2"
    assert _phases(view) == {"v2": "promoted", "v3": "aborted"}


async def test_a_restart_keeps_each_lane(both: _Comparison) -> None:
    await both.ask("POST", "/api/v1/services/chat:v3/abort")
    lanes = [both.lane("v2"), both.lane("v3")]

    await both.restart()

    _, view = await both.get(CHAT)
    assert _phases(view) == {"v2": "progressing", "v3": "aborted"}
    assert [both.lane("v2"), both.lane("v3")] == lanes
