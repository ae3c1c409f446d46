"""Rollouts over real HTTP: the real controller process, workers that are played."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.segments import code_of
from gateway.cli.main import main
from gateway.handoff.evidence import Block, Evidence, PairRecord, Record
from tests.flows.test_admin_api import _is_sound, _Stage, _until
from tests.unit.proxy.test_units import record

Json = dict[str, Any]

ACTIONS = "start, pause, resume, promote, abort, retry, kill, unkill"
CHAT = "/api/v1/services/chat"


class _Release(_Stage):
    """A controller with a service under release, whose candidate takes connections."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, workers=1)
        self.keys = 0
        self.sequence = 0
        self.port = 0

    def configure_rollout(self, *, admin: str = "", **more: object) -> None:
        port = self.port
        service: Json = {
            "versions": {
                "v1": {"endpoints": [f"http://127.0.0.1:{port}"]},
                "v2": {"endpoints": [f"http://127.0.0.1:{port}"]},
                "v3": {"endpoints": [f"http://127.0.0.1:{port}"]},
            },
            "baseline": "v1",
            "candidate": "v2",
            "rollout": {
                "steps": [{"setWeight": 20}, {"setWeight": 50}],
                "analysis": {"metrics": [{"signal": "error_rate"}]},
            },
            **more,
        }
        self.config.write_text(f"""
listen: 127.0.0.1:8080
workers: 1
state: sqlite:{self.state}
admin: {{listen: 127.0.0.1:8081{admin}}}
services: {json.dumps({"chat": service})}
""")

    async def act(self, action: str, body: object = None, **headers: str) -> Any:
        path = f"{CHAT}/{action}"
        status, answer, _ = await self.ask("POST", path, body, headers=headers)
        return status, answer

    async def get(self, path: str, **headers: str) -> Any:
        status, answer, _ = await self.ask("GET", path, headers=headers)
        return status, answer

    async def phase(self) -> str:
        _, view = await self.get(CHAT)
        return str(view["rollout"]["phase"])

    def sees(self, keys: int, *, failing: str = "") -> None:
        """Let the played worker tell of keys that nobody has seen."""
        table = self.workers[0].table
        assert table is not None
        split = table.services[0]
        records = []
        for _ in range(keys):
            self.keys += 1
            made = record(self.keys)
            made.bucket = self.keys * 7919 % 100_000
            made.is_candidate = made.bucket < split.share
            side = ("v1", "v2")[made.is_candidate]
            made.outcome = "upstream_error" if side == failing else "complete"
            records.append(made)
        self.tells(records)

    def tells(
        self, records: Sequence[Record] = (), *, pairs: Sequence[PairRecord] = ()
    ) -> None:
        """Let the played worker tell of what it recorded under the weight in force."""
        table = self.workers[0].table
        assert table is not None
        split = table.services[0]
        self.sequence += 1
        block = Block(
            service="chat",
            revision=split.revision,
            versions=("v1", "v2"),
            share=split.share,
            names=(),
            segments=code_of(()),
            records=list(records),
            pairs=list(pairs),
        )
        self.workers[0].send(
            Evidence(
                worker=0,
                pid=1000,
                sequence=self.sequence,
                sampled=1.0,
                since=time.monotonic(),
                until=time.monotonic(),
                blocks=[block],
            )
        )

    async def has_units(self, units: int) -> bool:
        _, view = await self.get(f"{CHAT}/analysis")
        found = (view["assessment"] or {}).get("units_in_step")
        return bool(found and found["candidate"] + found["baseline"] == units)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the command line against this controller."""
        return await asyncio.to_thread(_run, [*arguments, "--admin", self.url])


def _run(arguments: list[str]) -> tuple[int, str]:
    out = StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(arguments)
        except SystemExit as left:
            return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
async def idle() -> AsyncIterator[_Release]:
    """Give a controller that is ready, with a rollout that has not begun."""
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, "127.0.0.1", 0
    )
    async with server:
        with tempfile.TemporaryDirectory(prefix="sg") as folder:
            async with _Release(Path(folder)) as made:
                made.port = server.sockets[0].getsockname()[1]
                made.configure_rollout()
                made.start_workers()
                await made.start()
                await made.ready_line()
                yield made


@pytest.fixture
async def release(idle: _Release) -> _Release:
    """Give the same in its first step, at 20 %."""
    status, _ = await idle.act("start")
    assert status == 200
    await _until(lambda: idle.workers[0].share == 20_000)
    return idle


async def test_an_action_is_in_force_when_it_is_answered(release: _Release) -> None:
    status, answer = await release.act("abort", {"reason": "looks odd"})

    assert status == 200
    assert release.workers[0].share == 0
    assert answer["said"] == "Aborted by hand: weight 20 % to 0 %."
    assert answer["weights"] == {"v1": 100.0, "v2": 0.0, "v3": 0.0}
    assert answer["rollout"]["phase"] == "aborted"
    assert (answer["durable"], answer["workers"]["in_force"]) == (True, 1)
    _, told = await release.get("/api/v1/journal?service=chat&after=1")
    last = told["entries"][-1]
    assert (last["body"]["by"], last["body"]["reason"]) == ("local", "looks odd")


async def test_a_whole_story_by_hand(release: _Release) -> None:
    """Each answer says where it stands; what cannot be says what can."""
    steps = [
        ("start", 409, "Possible now: pause, promote"),
        ("pause", 200, "Paused by hand"),
        ("pause", 409, "paused already. Possible now: resume"),
        ("resume", 200, "Step 1 of 2 goes on"),
        ("resume", 409, "The rollout is progressing"),
        ("unkill", 409, "`unkill` is not possible"),
        ("promote", 200, "weight 20 % to 50 %"),
        ("abort", 200, "weight 50 % to 0 %"),
        ("abort", 409, "retry"),
        ("start", 409, "`retry` tries the same once more"),
        ("retry", 200, "Attempt 2 begins"),
        ("kill", 200, "all to the baseline (v1)"),
        ("retry", 409, "Possible now: unkill"),
        ("unkill", 200, "the weight stays 0 %"),
    ]
    for action, expected, words in steps:
        status, answer = await release.act(action)
        told = answer["said"] if status == 200 else answer["error"]["message"]
        assert (action, status) == (action, expected), told
        assert words in told
        if status == 409:
            assert answer["error"]["type"] == "not_allowed_now"

    status, answer = await release.act("retry")
    assert status == 200
    status, answer = await release.act("promote", {"full": True})
    assert (status, answer["weights"]["v2"]) == (200, 100.0)
    assert answer["rollout"]["serves"] == "v2"


async def test_a_kill_tells_of_the_baseline_and_of_the_other_way_out(
    release: _Release,
) -> None:
    _, answer = await release.act("kill")

    [note] = answer["notes"]
    assert "v1" in note
    assert "`promote --full` is the other way out" in note
    assert answer["rollout"]["killed"] is True


async def test_what_is_not_understood_is_refused_and_changes_nothing(
    release: _Release,
) -> None:
    cases: list[tuple[str, str, object, int, str]] = [
        ("POST", f"{CHAT}/explode", None, 404, f"There is: {ACTIONS}."),
        ("POST", "/api/v1/services/chta/kill", None, 404, "Did you mean 'chat'"),
        ("POST", f"{CHAT}/abort", [1], 422, '{"reason": "why"'),
        ("POST", f"{CHAT}/abort", {"reason": 7}, 422, "'reason' is 7"),
        ("POST", f"{CHAT}/abort", {"full": "yes"}, 422, "'full' is 'yes'"),
        ("POST", f"{CHAT}/abort", {"force": True}, 422, "'force' is True"),
        ("POST", f"{CHAT}/abort", {"reason": "x" * 501}, 400, "501 characters"),
        ("GET", f"{CHAT}/abort", None, 405, "Use POST"),
        ("GET", "/api/v1/services/chta/analysis", None, 404, "'chta'"),
        ("GET", "/api/v1/journal?service=chta", None, 404, "'chta'"),
        ("GET", "/api/v1/journal?after=-1", None, 400, "after is '-1'"),
        ("GET", "/api/v1/journal?limit=ten", None, 400, "limit is 'ten'"),
        ("GET", f"/api/v1/journal?after={'9' * 30}", None, 400, "no number"),
    ]
    for method, path, body, expected, words in cases:
        status, answer, _ = await release.ask(method, path, body)
        assert (path, status) == (path, expected)
        assert words in answer["error"]["message"]  # type: ignore[index]
    no_json, _, _ = await release.ask(
        "POST", f"{CHAT}/abort", {}, headers={"Content-Type": "text/plain"}
    )

    assert no_json == 415
    assert release.workers[0].share == 20_000


async def test_viewers_see_everything_and_touch_nothing(release: _Release) -> None:
    tokens = (
        ", tokens: [{name: eyes, role: viewer, value: see-see-see-see-1},"
        " {name: app, role: app, value: app-app-app-app-1},"
        " {name: hands, role: operator, value: do-do-do-do-do-do}]"
    )
    release.configure_rollout(admin=tokens)
    assert (await release.ask("POST", "/api/v1/reload"))[0] == 200
    eyes = {"Authorization": "Bearer see-see-see-see-1"}
    hands = {"Authorization": "Bearer do-do-do-do-do-do"}
    app = {"Authorization": "Bearer app-app-app-app-1"}
    acting = f"{CHAT}/abort"
    reading = (f"{CHAT}/analysis", "/api/v1/journal")

    seen = [(await release.ask("GET", path, headers=eyes))[0] for path in reading]
    told = [(await release.ask("GET", path, headers=app))[0] for path in reading]
    touched, _, _ = await release.ask("POST", acting, headers=eyes)
    by_app, _, _ = await release.ask("POST", acting, headers=app)
    nobody, _, _ = await release.ask("POST", acting)
    assert release.workers[0].share == 20_000
    acted, _, _ = await release.ask("POST", acting, headers=hands)

    assert (seen, told) == ([200, 200], [403, 403])
    assert (touched, by_app, nobody, acted) == (403, 403, 401, 200)
    _, journal = await release.get("/api/v1/journal", **eyes)
    assert journal["entries"][-1]["body"]["by"] == "hands"


async def test_bad_evidence_takes_the_candidate_back_and_is_told_everywhere(
    release: _Release,
) -> None:
    release.sees(80, failing="v2")

    await _until(lambda: release.workers[0].share == 0)

    _, analysis = await release.get(f"{CHAT}/analysis")
    assert analysis["rollout"]["phase"] == "rolled_back"
    found = analysis["metrics"][0]
    assert (found["metric"], found["verdict"]) == ("error_rate", "regressed")
    assert found["e_value"] >= found["e_threshold"]
    assert found["candidate"] == pytest.approx(1)
    _, view = await release.get(CHAT)
    assert (view["protection"], view["weights"]["v2"]) == ("off", 0.0)
    _, scraped = await release.get("/metrics")
    for line in (
        'sluicegate_rollout_phase{phase="rolled_back",service="chat"} 1.0',
        'sluicegate_rollbacks_total{metric="error_rate",service="chat"} 1.0',
        'sluicegate_weight_percent{service="chat",version="v2"} 0.0',
    ):
        assert line in scraped["text"]
    await _until(lambda: _is_journalled(release, "moved"))
    _, journal = await release.get("/api/v1/journal?service=chat")
    assert journal["entries"][-1]["body"]["said"].startswith("error_rate regressed")


async def _is_journalled(release: _Release, kind: str) -> bool:
    _, journal = await release.get("/api/v1/journal?service=chat")
    return bool(journal["entries"][-1]["kind"] == kind)


async def _is_refused(release: _Release, action: str, status: int) -> bool:
    """Try once; until the candidate was asked whether it is there, that is 409."""
    return bool((await release.act(action))[0] == status)


async def _is_degraded(release: _Release) -> bool:
    return "locked" in str((await release.readiness())[1])


async def test_a_candidate_is_taken_back_while_the_store_is_locked(
    release: _Release,
) -> None:
    """And a promotion has to wait."""
    await release.end(signal.SIGKILL)
    holder = sqlite3.connect(release.state, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    await release.start()
    await _until(lambda: _is_degraded(release))
    await _until(lambda: _is_refused(release, "promote", 503))
    release.sees(80, failing="v2")

    await _until(lambda: release.workers[0].share == 0)
    status, answer = await release.act("kill")
    holder.execute("ROLLBACK")
    holder.close()

    assert (status, answer["durable"]) == (200, False)
    await _until(lambda: _is_sound(release))
    await release.end(signal.SIGKILL)
    release.table.truncate(0)
    for worker in release.workers:
        worker.table = None
    await release.start()
    await _until(lambda: release.workers[0].table is not None)
    _, view = await release.get(CHAT)
    assert (view["rollout"]["killed"], view["rollout"]["phase"]) == (
        True,
        "rolled_back",
    )


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_a_rollout_outlives_its_controller_with_all_its_evidence(
    release: _Release, *, all_of_it: bool
) -> None:
    """Killed alone, or together with the workers: nothing is counted twice."""
    await release.act("pause")
    release.sees(150)
    await _until(lambda: release.has_units(150))
    await asyncio.sleep(1.3)  # evidence is kept every second
    await release.end(signal.SIGKILL)
    if all_of_it:
        release.table.truncate(0)
        for worker in release.workers:
            worker.table = None

    await release.start()
    await _until(lambda: release.workers[0].table is not None)
    await _until(lambda: release.has_units(150))
    release.keys = 0
    release.sequence = 0
    release.workers[0].pid = 1000
    release.sees(150)
    release.sees(10)
    await _until(lambda: release.has_units(160))

    _, view = await release.get(CHAT)
    assert view["rollout"]["pause_reason"] == "operator"
    assert view["weights"]["v2"] == pytest.approx(20)
    code, told = await release.command("replay")
    assert (code, "all came out the same" in told) == (0, True), told


async def test_a_reload_by_post_tells_the_rollout(release: _Release) -> None:
    """As SIGHUP does: the candidate is another one now."""
    release.configure_rollout(candidate="v3")

    status, answer, _ = await release.ask("POST", "/api/v1/reload")

    assert status == 200
    assert await release.phase() == "aborted"
    assert release.workers[0].share == 0
    assert answer["services"]["chat"]["weights"]["v3"] == 0  # type: ignore[index]


async def test_the_commands_tell_the_story(idle: _Release) -> None:
    code, told = await idle.command("start", "chat", "--reason", "release 7")
    assert code == 0
    assert "Attempt 1 begins: v2 against v1." in told
    await _until(lambda: idle.workers[0].share == 20_000)
    idle.sees(40)
    await _until(lambda: idle.has_units(40))

    analysis = await idle.command("analysis", "chat")
    status = await idle.command("status", "chat")
    refused = await idle.command("retry", "chat")
    paused = await idle.command("pause", "chat", "--json")
    killed = await idle.command("kill", "chat")
    unknown = await idle.command("abort", "chta")

    assert analysis[0] == 0
    assert "progressing, step 1 of 2 (setWeight), candidate at 20 %" in analysis[1]
    assert "error_rate" in analysis[1]
    assert "protection: analysing" in status[1]
    assert refused[0] == 1
    assert "Possible now:" in refused[1]
    assert json.loads(paused[1])["rollout"]["pause_reason"] == "operator"
    assert killed[1].startswith("Nobody has asked v1")
    assert "chat: Killed: all to the baseline (v1)" in killed[1]
    assert (unknown[0], "Did you mean 'chat'" in unknown[1]) == (1, True)


async def test_the_journal_and_its_replay_on_the_command_line(idle: _Release) -> None:
    await idle.command("start", "chat", "--reason", "release 7")
    await _until(lambda: idle.workers[0].share == 20_000)
    await idle.act("pause")
    await idle.act("kill")

    code, told = await idle.command("journal", "chat")
    _, lines = await idle.command("journal", "--json", "--blocks")
    replayed, made = await idle.command("replay", "chat", "--json")
    none, nothing = await idle.command("replay", "other")

    assert (code, told.count("\n")) == (0, 4)
    assert "by local: Attempt 1 begins: v2 against v1. (release 7)" in told
    entries = [json.loads(line) for line in lines.splitlines()]
    assert [entry["seq"] for entry in entries] == [*range(1, len(entries) + 1)]
    assert len(entries) > 4
    decisions = json.loads(made)["decisions"]
    assert (replayed, json.loads(made)["broken_at"], len(decisions)) == (0, None, 4)
    assert all(one["again"] is None for one in decisions)
    assert (none, "0 decisions" in nothing) == (0, True)


async def test_the_journal_of_a_service_that_is_gone_can_still_be_read(
    release: _Release,
) -> None:
    """Page by page, to its end; a name that nobody ever had is refused."""
    await release.act("abort")
    text = release.config.read_text().replace('{"chat":', '{"talk":')
    release.config.write_text(text)
    assert (await release.ask("POST", "/api/v1/reload"))[0] == 200

    status, told = await release.get("/api/v1/journal?service=chat")
    last = told["entries"][-1]
    end = await release.get(f"/api/v1/journal?service=chat&after={last['seq']}")
    unknown, refused = await release.get("/api/v1/journal?service=chta")
    none = await release.get("/api/v1/journal?service=talk")
    code, shown = await release.command("journal", "chat")

    assert (status, last["body"]["said"]) == (
        200,
        "Aborted by hand: weight 20 % to 0 %.",
    )
    assert end == none == (200, {"entries": []})
    assert (unknown, "'chta'" in refused["error"]["message"]) == (404, True)
    assert (code, "Aborted by hand" in shown) == (0, True)


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_how_a_rollout_ended_is_known_after_a_restart(
    release: _Release, *, all_of_it: bool
) -> None:
    """With what it was decided by, and from when that is."""
    release.sees(80, failing="v2")
    await _until(lambda: release.workers[0].share == 0)
    await _until(lambda: _is_journalled(release, "moved"))
    _, before = await release.get(f"{CHAT}/analysis")
    await release.end(signal.SIGKILL)
    if all_of_it:
        release.table.truncate(0)
        for worker in release.workers:
            worker.table = None

    await release.start()
    await _until(lambda: release.workers[0].table is not None)
    await _until(lambda: _is_analysed(release))
    _, after = await release.get(f"{CHAT}/analysis")
    code, told = await release.command("analysis", "chat")

    assert after["as_of"] is not None
    for part in ("alpha", "as_of", "assessment", "metrics"):
        assert after[part] == before[part], part
    assert after["metrics"][0]["verdict"] == "regressed"
    assert (code, f"as it was known at the end, {after['as_of']}" in told) == (0, True)


async def _is_analysed(release: _Release) -> bool:
    return bool((await release.get(f"{CHAT}/analysis"))[1]["metrics"])


async def test_after_a_restart_the_api_answers_first_and_says_what_is_taken_up(
    release: _Release,
) -> None:
    """Whatever it finds at that moment, it says one of the two, and in the end the same.

    A store that is slow (a machine that is busy) has it analysed before all is taken up.
    """
    await release.end(signal.SIGKILL)
    await release.start()
    await _until(lambda: _answers(release))

    _, view = await release.get(CHAT)
    first = view["protection"]
    await _until(lambda: _is_analysed(release))
    await _until(lambda: _has_taken_up_all(release))
    _, view = await release.get(CHAT)

    assert first in {"taking up evidence", "analysing"}
    assert view["protection"] == "analysing"


async def _has_taken_up_all(release: _Release) -> bool:
    status, ready = await release.readiness()
    return (status, ready["taking_up"]) == (200, [])


async def _answers(release: _Release) -> bool:
    with contextlib.suppress(OSError):
        return bool((await release.ask("GET", "/healthz"))[0] == 200)
    return False


async def test_mirrored_pairs_are_shown_where_there_are_no_units(
    idle: _Release,
) -> None:
    """In the preview of a blue-green switch the candidate has no weight."""
    idle.configure_rollout(rollout={"strategy": "blue_green"})
    assert (await idle.ask("POST", "/api/v1/reload"))[0] == 200
    await idle.act("start")
    table = idle.workers[0].table
    assert table is not None
    halves = [record(n) for n in range(7)]
    pairs = [PairRecord(baseline=half, candidate=half) for half in halves]
    idle.tells(pairs=pairs)

    async def is_shown() -> bool:
        _, view = await idle.get(CHAT)
        counted = [one["evidence"] for one in view["versions"].values()]
        return counted[:2] == [{"units": 0, "pairs": 7}] * 2

    await _until(is_shown)
    code, told = await idle.command("status", "chat")
    rows = [line.split() for line in told.splitlines()]
    assert (code, ["v2", "0", "7"] in rows) == (0, True)


async def test_a_changed_journal_is_told_by_replay(release: _Release) -> None:
    """By whoever can write to the file."""
    await release.act("abort")
    await release.end(signal.SIGTERM)
    with sqlite3.connect(release.state) as file:
        changed = file.execute(
            "UPDATE body SET body = CAST("
            "replace(CAST(body AS TEXT), 'by hand', 'by itself') AS BLOB)"
        )
        assert changed.rowcount
    file.close()
    await release.start()
    await _until(lambda: release.workers[0].table is not None)

    code, told = await release.command("replay")

    assert code == 1
    assert "the chain breaks at entry" in told


async def test_waiting_ends_with_what_became_of_it(idle: _Release) -> None:
    """For pipelines: 0 promoted, 1 otherwise; each change is told once."""
    waiting = asyncio.create_task(idle.command("start", "chat", "--wait"))  # ruff: ignore[banned-api]: ends below
    await _until(lambda: idle.workers[0].share == 20_000)
    await idle.act("promote", {"full": True})
    promoted = await waiting
    idle.configure_rollout(candidate="v3")
    await idle.ask("POST", "/api/v1/reload")
    waiting = asyncio.create_task(  # ruff: ignore[banned-api]: ends below
        idle.command("start", "chat", "--wait", "--json")
    )
    await _until(lambda: idle.workers[0].share == 20_000)
    await idle.act("abort")
    aborted = await waiting

    assert promoted[0] == 0
    assert promoted[1].splitlines()[-1] == "promoted, candidate at 100 %"
    assert (aborted[0], json.loads(aborted[1])["rollout"]["phase"]) == (1, "aborted")
    assert "v2" in json.loads(aborted[1])["weights"]
