"""The real controller process, driven over real HTTP, with workers that are played."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.analysis.histogram import Histogram
from gateway.answers.segments import code_of, places_of
from gateway.app.start import ControllerStart
from gateway.domain.segment import Segment, SegmentBy
from gateway.handoff.link import Applied, Hello, Link, Message, Publish
from gateway.handoff.observations import Observations, Series, Spread
from gateway.handoff.routing_table import RoutingTable
from gateway.handoff.ticket import TicketMaker, route_code
from tests.unit.control.test_evidence import said
from tests.unit.proxy.test_units import record

PATIENCE_S = 4.0
JSON = {"Content-Type": "application/json"}


class _PlayedWorker:
    """Speaks the workers' side of the link; comes back when the controller does."""

    def __init__(self, number: int, path: str, *, pid: int | None = None) -> None:
        self.number = number
        self.pid = 1000 + number if pid is None else pid
        self.table: RoutingTable | None = None
        self._path = path
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self._task = tasks.create_task(self._stay_linked())

    def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        if self._link is not None:
            self._link.close()

    @property
    def share(self) -> int | None:
        return None if self.table is None else self.table.services[0].share

    def send(self, message: Message) -> None:
        assert self._link is not None
        self._link.send(message)

    async def _stay_linked(self) -> None:
        while True:
            lost = asyncio.Event()
            link = Link(self._receive, lambda _link, gone=lost: gone.set())  # type: ignore[misc]
            try:
                await asyncio.get_running_loop().create_unix_connection(
                    lambda made=link: made,  # type: ignore[misc]
                    self._path,
                )
            except OSError:
                await asyncio.sleep(0.02)
                continue
            self._link = link
            link.send(Hello(worker=self.number, pid=self.pid, table=self.table))
            await lost.wait()

    def _receive(self, link: Link, message: Message) -> None:
        assert isinstance(message, Publish)
        if self.table is None or message.table.epoch > self.table.epoch:
            self.table = message.table
            link.send(Applied(epoch=message.table.epoch))


class _Stage:
    """The sockets a supervisor would hold, a controller, and played workers."""

    def __init__(self, folder: Path, *, workers: int = 2) -> None:
        self.folder = folder
        self.config = folder / "gateway.yaml"
        self.state = folder / "state.db"
        self.admin = socket.create_server(("127.0.0.1", 0))
        self.link = socket.socket(socket.AF_UNIX)
        self.link.bind(str(folder / "l"))
        self.link.listen()
        self.table = tempfile.TemporaryFile()  # ruff: ignore[open-file-with-context-handler]: closed with the stage
        self.lifeline, self.held = os.pipe()
        self.workers = [_PlayedWorker(n, str(folder / "l")) for n in range(workers)]
        self.url = f"http://127.0.0.1:{self.admin.getsockname()[1]}"
        self.log = folder / "log"
        self.controller: asyncio.subprocess.Process | None = None
        self._tasks = asyncio.TaskGroup()

    def configure(
        self, *, weight: float = 10, admin: str = "", extra: str = ""
    ) -> None:
        self.config.write_text(f"""
listen: 127.0.0.1:8080
workers: {len(self.workers)}
state: sqlite:{self.state}
admin: {{listen: 127.0.0.1:8081{admin}}}
services:
  chat:
    versions:
      v1: {{endpoints: [http://127.0.0.1:9001]}}
      v2: {{endpoints: [http://127.0.0.1:9002], set_headers: {{x-key: hush-hush}}}}
    baseline: v1
    candidate: v2
    weights: {{v2: {weight}}}
{extra}""")

    async def start(self, *, blocked: bool = False) -> None:
        """Start the controller; *blocked*: with SIGHUP held back, as its parent may."""
        start = ControllerStart(
            config_path=str(self.config),
            document=None,
            admin_fd=self.admin.fileno(),
            link_fd=self.link.fileno(),
            table_fd=self.table.fileno(),
            lifeline_fd=self.lifeline,
            data_addresses=["127.0.0.1:8080"],
        )
        was = signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGHUP} if blocked else ()
        )
        with self.log.open("ab") as log:
            self.controller = await asyncio.create_subprocess_exec(
                sys.executable,
                "-W",
                "error",
                "-m",
                "gateway.app.controller",
                msgspec.json.encode(start).decode(),
                pass_fds=(
                    start.admin_fd,
                    start.link_fd,
                    start.table_fd,
                    start.lifeline_fd,
                ),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        signal.pthread_sigmask(signal.SIG_SETMASK, was)

    async def ready_line(self) -> str:
        assert self.controller is not None
        assert self.controller.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.controller.stdout.readline()).decode()

    async def end(self, number: signal.Signals) -> int:
        assert self.controller is not None
        self.controller.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.controller.wait()

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, object], aiohttp.typedefs.LooseHeaders]:
        sent = None if body is None else json.dumps(body)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                self.url + path,
                data=sent,
                headers={**JSON, **(headers or {})},
                timeout=aiohttp.ClientTimeout(PATIENCE_S),
            ) as answer,
        ):
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            document = json.loads(text) if is_json else {"text": text}
            return answer.status, document, answer.headers

    async def put(
        self, weights: object, **headers: str
    ) -> tuple[int, dict[str, object]]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        path = "/api/v1/services/chat/weights"
        status, document, _headers = await self.ask("PUT", path, weights, headers=named)
        return status, document

    async def readiness(self) -> tuple[int, dict[str, object]]:
        status, document, _headers = await self.ask("GET", "/readyz")
        return status, document

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        for worker in self.workers:
            if worker._task is not None:
                worker.stop()
        if self.controller is not None and self.controller.returncode is None:
            self.controller.kill()
            await self.controller.wait()
        with contextlib.suppress(BaseExceptionGroup):
            await self._tasks.__aexit__(None, None, None)
        self.admin.close()
        self.link.close()
        self.table.close()
        os.close(self.lifeline)
        if self.held >= 0:
            os.close(self.held)

    def start_workers(self) -> None:
        for worker in self.workers:
            worker.start(self._tasks)


async def _until(claim: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            held = claim()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def stage() -> AsyncIterator[_Stage]:
    """Sockets, a folder and a configuration; nothing runs yet."""
    with tempfile.TemporaryDirectory(prefix="sg") as folder:
        async with _Stage(Path(folder)) as made:
            made.configure()
            yield made


@pytest.fixture
async def running(stage: _Stage) -> _Stage:
    """Two played workers and a controller that is ready."""
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    return stage


async def test_it_says_when_the_first_table_is_in_force_everywhere(
    stage: _Stage,
) -> None:
    """One line, for people and scripts."""
    stage.start_workers()
    await stage.start()

    line = await stage.ready_line()

    assert line == (
        f"ready: data http://127.0.0.1:8080 · admin {stage.url}"
        " · services: chat (v1 90 %, v2 10 %)\n"
    )
    assert [worker.share for worker in stage.workers] == [10_000, 10_000]


async def test_a_weight_is_in_force_on_every_worker_when_it_is_answered(
    running: _Stage,
) -> None:
    """The answer is not a promise but a fact."""
    status, answer = await running.put({"v2": 25.125}, If_Match='"1"')

    assert status == 200
    assert [worker.share for worker in running.workers] == [25_125, 25_125]
    assert answer == {
        "service": "chat",
        "weights": {"v1": 74.875, "v2": 25.125},
        "revision": 2,
        "epoch": 2,
        "workers": {"configured": 2, "connected": 2, "in_force": 2},
        "durable": True,
    }


async def test_what_cannot_be_done_is_refused_with_a_status_that_says_why(
    running: _Stage,
) -> None:
    """And nothing moves."""
    stale, conflict = await running.put({"v2": 20}, If_Match="7")
    bad_sum, _ = await running.put({"v1": 50, "v2": 20})
    no_name, unknown = await running.put({"v3": 20})
    not_json, _, _ = await running.ask(
        "PUT",
        "/api/v1/services/chat/weights",
        {},
        headers={"Content-Type": "text/plain"},
    )
    too_large, _ = await running.put({"x" * 70_000: 1})
    elsewhere, _, _ = await running.ask(
        "PUT", "/api/v1/services/chta/weights", {"v2": 1}
    )
    nowhere, listing, _ = await running.ask("GET", "/api/v2")
    wrong_method, _, headers = await running.ask("DELETE", "/api/v1/reload")

    assert (stale, bad_sum, no_name) == (409, 422, 422)
    assert (not_json, too_large, elsewhere) == (415, 413, 404)
    assert (nowhere, wrong_method) == (404, 405)
    assert headers["Allow"] == "POST"  # type: ignore[index]
    assert conflict["error"]["type"] == "revision_conflict"  # type: ignore[index]
    assert "Known: v1, v2." in unknown["error"]["message"]  # type: ignore[index]
    assert "/api/v1/services" in listing["error"]["message"]  # type: ignore[index]
    assert {worker.share for worker in running.workers} == {10_000}


async def test_weights_survive_a_restart_of_everything(running: _Stage) -> None:
    """Controller and workers begin with nothing but the store."""
    await running.put({"v2": 33})
    assert await running.end(signal.SIGTERM) == 0
    for worker in running.workers:
        worker.table = None
    running.table.truncate(0)

    await running.start()

    await _until(lambda: {worker.share for worker in running.workers} == {33_000})


async def test_a_changed_configured_weight_wins_over_the_kept_one(
    running: _Stage,
) -> None:
    """The file speaks for itself again."""
    await running.put({"v2": 33})
    running.configure(weight=5)

    status, answer, _ = await running.ask("POST", "/api/v1/reload")

    assert status == 200
    assert answer["services"] == {
        "chat": {"weights": {"v1": 95.0, "v2": 5.0}, "revision": 3}
    }
    assert {worker.share for worker in running.workers} == {5_000}


async def test_a_killed_controller_adopts_what_the_workers_run_on(
    running: _Stage,
) -> None:
    """Even when store and shared table are lost with it."""
    await running.put({"v2": 40})
    await running.end(signal.SIGKILL)
    for kept in running.folder.glob("state.db*"):
        kept.unlink()
    running.table.truncate(0)
    os.write(running.table.fileno(), b"torn")

    await running.start()

    await _until(lambda: all(worker.table.epoch == 3 for worker in running.workers))  # type: ignore[union-attr]
    _status, view, _ = await running.ask("GET", "/api/v1/services/chat")
    assert view["weights"] == {"v1": 60.0, "v2": 40.0}
    assert view["revision"] == 2
    assert {worker.share for worker in running.workers} == {40_000}


async def test_a_bad_file_changes_nothing_and_a_mended_one_is_taken_by_sighup(
    running: _Stage,
) -> None:
    """The refusal says what is wrong."""
    running.configure(extra="nonsense: 1")
    refused, answer, _ = await running.ask("POST", "/api/v1/reload")
    running.configure(weight=12)
    assert running.controller is not None
    running.controller.send_signal(signal.SIGHUP)

    await _until(lambda: {worker.share for worker in running.workers} == {12_000})

    assert refused == 422
    assert "nonsense" in answer["error"]["message"]  # type: ignore[index]


async def test_a_controller_that_restarts_on_a_broken_file_works_as_before(
    stage: _Stage,
) -> None:
    """With the tokens of the configuration that was accepted last."""
    stage.configure(
        admin=", tokens: [{name: hands, role: operator, value: do-do-do-do-do-do}]"
    )
    operator = {"Authorization": "Bearer do-do-do-do-do-do"}
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    await stage.put({"v2": 40}, **operator)
    stage.configure(extra="nonsense: 1")
    await stage.end(signal.SIGKILL)

    await stage.start()
    refused, _ = await stage.put({"v2": 0})
    status, answer = await stage.put({"v2": 0}, **operator)

    assert (refused, status) == (401, 200)
    assert answer["durable"] is True
    assert {worker.share for worker in stage.workers} == {0}
    await _until(lambda: _tells(stage, "cannot be used"))


async def test_an_edited_file_waits_for_its_reload_also_when_the_controller_dies(
    running: _Stage,
) -> None:
    """Neither its weights nor its store are taken up by accident."""
    await running.put({"v2": 3})
    elsewhere = running.folder / "elsewhere.db"
    kept, running.state = running.state, elsewhere
    running.configure(weight=77)
    await running.end(signal.SIGKILL)

    await running.start()
    await _until(lambda: _tells(running, "not reloaded"))
    refused, why, _ = await running.ask("POST", "/api/v1/reload")
    running.state = kept
    running.configure(weight=77)

    assert {worker.share for worker in running.workers} == {3_000}
    assert not elsewhere.exists()
    assert refused == 422
    assert "state" in str(why)
    assert (await running.ask("POST", "/api/v1/reload"))[0] == 200
    assert {worker.share for worker in running.workers} == {77_000}
    assert await _is_sound(running)


async def _tells(stage: _Stage, words: str) -> bool:
    _, ready = await stage.readiness()
    return words in str(ready["degraded"])


async def test_a_file_that_hangs_holds_up_neither_weights_nor_the_end(
    running: _Stage,
) -> None:
    """A pipe nobody writes to, or a dead file server."""
    running.config.unlink()
    os.mkfifo(running.config)
    assert running.controller is not None
    running.controller.send_signal(signal.SIGHUP)
    waiting = asyncio.create_task(running.ask("POST", "/api/v1/reload"))  # ruff: ignore[banned-api]: ends below
    await asyncio.sleep(0.2)

    status, _ = await running.put({"v2": 50})
    began = time.monotonic()
    code = await running.end(signal.SIGTERM)
    took = time.monotonic() - began
    with contextlib.suppress(aiohttp.ClientError):
        await waiting

    assert (status, code) == (200, 0)
    assert took < 1.2
    assert "Traceback" not in running.log.read_text()


async def test_it_ends_well_while_it_still_reads_its_first_file(
    stage: _Stage,
) -> None:
    """Told to stop, it waits for no disk."""
    stage.config.unlink()
    os.mkfifo(stage.config)
    await stage.start()
    await asyncio.sleep(1.5)  # it has taken its signal handlers by then

    began = time.monotonic()
    code = await stage.end(signal.SIGTERM)

    assert code == 0
    assert time.monotonic() - began < 1.2
    assert not stage.log.read_text()


async def test_a_wish_to_reload_that_comes_while_it_starts_is_kept(
    running: _Stage,
) -> None:
    """It is obeyed once the controller knows what runs."""
    await running.end(signal.SIGKILL)
    running.configure(weight=66)

    await running.start(blocked=True)
    assert running.controller is not None
    running.controller.send_signal(signal.SIGHUP)

    await _until(lambda: {worker.share for worker in running.workers} == {66_000})


async def test_a_worker_that_is_not_there_is_counted_in_the_answer(
    stage: _Stage,
) -> None:
    """In force on one of two is not everywhere."""
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    stage.workers[1].stop()
    await _until(lambda: _tells(stage, "not linked"))

    _, answer = await stage.put({"v2": 20})

    assert answer["workers"] == {"configured": 2, "connected": 1, "in_force": 1}


async def test_no_counter_goes_down_when_worker_and_controller_die(
    running: _Stage,
) -> None:
    """Prometheus would take it for a restart and count everything again."""
    for number, worker in enumerate(running.workers):
        worker.send(_frame(number, 1000 + number, complete=5))
    await _until(lambda: _has_counted(running, 10))
    running.workers[0].stop()  # dead for good, replaced by another process
    running.workers[0] = _PlayedWorker(0, str(running.folder / "l"), pid=2000)
    running.workers[0].start(running._tasks)
    running.workers[1].stop()  # dies together with the controller
    await running.end(signal.SIGKILL)
    running.workers[1] = _PlayedWorker(1, str(running.folder / "l"), pid=2001)
    running.workers[1].start(running._tasks)

    await running.start()

    await _until(lambda: all(worker.table for worker in running.workers))
    assert await _has_counted(running, 10)


def _frame(worker: int, pid: int, *, complete: int) -> Observations:
    return Observations(
        worker=worker,
        pid=pid,
        sequence=1,
        series=[
            Series(
                service="chat",
                version="v2",
                outcomes={"complete": complete},
                codes={200: complete},
                failures={},
            )
        ],
        downstream_connections=0,
        refused={},
    )


async def _has_counted(stage: _Stage, requests: int) -> bool:
    _, scraped, _ = await stage.ask("GET", "/metrics")
    labels = 'outcome="complete",service="chat",version="v2"'
    return f"sluicegate_requests_total{{{labels}}} {requests}.0" in str(scraped)


async def test_bytes_that_are_no_text_are_refused_as_any_wrong_token(
    stage: _Stage,
) -> None:
    """And no fault of ours."""
    stage.configure(
        admin=", tokens: [{name: hands, role: operator, value: do-do-do-do-do-do}]"
    )
    stage.start_workers()
    await stage.start()
    await stage.ready_line()

    head = await _raw(stage, b"Authorization: Bearer \xff")

    assert head.startswith(b"HTTP/1.1 401 ")


async def _raw(stage: _Stage, header: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*stage.admin.getsockname()[:2])
    writer.write(
        b"GET /api/v1/services HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n"
    )
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


async def _is_sound(stage: _Stage) -> bool:
    status, ready = await stage.readiness()
    return status == 200 and ready["degraded"] == []


async def test_without_its_store_a_weight_falls_but_does_not_rise(
    stage: _Stage,
) -> None:
    """It says it is degraded, and recovers by itself."""
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    await stage.end(signal.SIGKILL)
    holder = sqlite3.connect(stage.state, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    await stage.start()

    rise, refusal = await stage.put({"v2": 50})
    fall, answer = await stage.put({"v2": 4})
    _, degraded = await stage.readiness()
    holder.execute("ROLLBACK")
    holder.close()
    await _until(lambda: _is_sound(stage))

    assert (rise, fall) == (503, 200)
    assert answer["durable"] is False
    assert "locked" in str(refusal)
    assert "locked" in str(degraded["degraded"])
    assert {worker.share for worker in stage.workers} == {4_000}
    status, later = await stage.put({"v2": 50})
    assert (status, later["durable"]) == (200, True)


async def test_a_start_without_its_store_leaves_the_candidate_out_until_it_is_back(
    stage: _Stage,
) -> None:
    """What the store knows may be that it was taken out."""
    holder = sqlite3.connect(stage.state, isolation_level=None)
    holder.execute("CREATE TABLE held (it)")
    holder.execute("BEGIN EXCLUSIVE")
    stage.start_workers()
    await stage.start()
    line = await stage.ready_line()
    shares = {worker.share for worker in stage.workers}
    is_told = await _tells(stage, "held down")
    holder.execute("ROLLBACK")
    holder.close()

    assert "v2 0 %" in line
    assert (shares, is_told) == ({0}, True)
    await _until(lambda: {worker.share for worker in stage.workers} == {10_000})
    assert await _is_sound(stage)


async def test_tokens_decide_who_may_read_and_who_may_write(stage: _Stage) -> None:
    """And no secret is shown or logged."""
    stage.configure(
        admin=", tokens: [{name: eyes, role: viewer, value: see-see-see-see-1},"
        " {name: hands, role: operator, value: do-do-do-do-do-do}]"
    )
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    viewer = {"Authorization": "Bearer see-see-see-see-1"}
    operator = {"Authorization": "Bearer do-do-do-do-do-do"}

    nobody, _, headers = await stage.ask("GET", "/api/v1/services")
    looks, view, _ = await stage.ask("GET", "/api/v1/services", headers=viewer)
    touches, _ = await stage.put({"v2": 5}, **viewer)
    acts, _ = await stage.put({"v2": 5}, **operator)
    health, _, _ = await stage.ask("GET", "/healthz")

    assert (nobody, looks, touches, acts, health) == (401, 200, 403, 200, 200)
    assert "Bearer" in headers["WWW-Authenticate"]  # type: ignore[index]
    assert "hush-hush" not in str(view)
    assert "see-see" not in stage.log.read_text()


async def test_no_page_in_a_browser_can_act_where_no_tokens_are(
    running: _Stage,
) -> None:
    """DNS rebinding, foreign origins, forms."""
    rebound, _, _ = await running.ask("GET", "/metrics", headers={"Host": "evil.test"})
    foreign, _ = await running.put({"v2": 99}, Origin="http://evil.test")
    form, _, _ = await running.ask(
        "POST", "/api/v1/reload", "x", headers={"Content-Type": "text/plain"}
    )

    assert (rebound, foreign, form) == (403, 403, 415)
    assert {worker.share for worker in running.workers} == {10_000}


async def test_what_workers_saw_is_shown_to_people_and_to_prometheus(
    running: _Stage,
) -> None:
    """The same counts on both ways."""
    duration = Histogram()
    duration.add(0.5)
    running.workers[0].send(
        Observations(
            worker=0,
            pid=1000,
            sequence=1,
            series=[
                Series(
                    service="chat",
                    version="v2",
                    outcomes={"upstream_error": 1},
                    codes={502: 1},
                    failures={"connect": 1},
                    duration=Spread(duration.sparse(), duration.total),
                )
            ],
            downstream_connections=3,
            refused={404: 2},
        )
    )

    async def is_counted() -> bool:
        _, scraped, _ = await running.ask("GET", "/metrics")
        return 'version="v2",outcome="upstream_error"} 1.0' in str(scraped) or (
            'outcome="upstream_error",service="chat",version="v2"} 1.0' in str(scraped)
        )

    await _until(is_counted)
    _, view, _ = await running.ask("GET", "/api/v1/services/chat")
    statistics = view["versions"]["v2"]["statistics"]  # type: ignore[index]
    assert statistics["error_rate"] == pytest.approx(1)
    assert statistics["codes"] == {"502": 1}


async def test_it_ends_with_code_2_when_there_is_nothing_to_serve(
    stage: _Stage,
) -> None:
    """The log says what is wrong with the file."""
    stage.configure(extra="nonsense: 1")
    stage.start_workers()
    await stage.start()

    assert stage.controller is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await stage.controller.wait() == 2
    assert "nonsense" in stage.log.read_text()


async def test_it_ends_when_its_supervisor_is_gone_and_removes_the_link(
    running: _Stage,
) -> None:
    """Nobody else is left to tidy up."""
    os.close(running.held)
    running.held = -1

    assert running.controller is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await running.controller.wait() == 0
    assert not (running.folder / "l").exists()
    assert "Warning" not in running.log.read_text()


def _issue(
    stage: _Stage, version: str, *, unique: int = 1, age_s: float = 0, worker: int = 0
) -> str:
    """Make a request id as a worker would, with the key of its table."""
    table = stage.workers[worker].table
    assert table is not None
    assert table.ticket_key is not None
    route = route_code("chat", version)
    maker = TicketMaker(
        table.ticket_key, route=route, segments=code_of(()), epoch=table.epoch
    )
    issued = int(time.time() - age_s)  # ruff: ignore[banned-api]: ids carry the date
    return maker.make(issued, unique).decode()


def _piece(request_id: str, value: object = 1, **more: object) -> dict[str, object]:
    return {"request_id": request_id, "signal": "thumbs_up", "value": value, **more}


async def _feedback(stage: _Stage, version: str) -> object:
    _, view, _ = await stage.ask("GET", "/api/v1/services/chat")
    return view["versions"][version]["feedback"]  # type: ignore[index]


async def test_feedback_is_counted_for_the_version_that_answered(
    running: _Stage,
) -> None:
    """Once, whatever is sent again, and shown to people and to Prometheus."""
    request_id = _issue(running, "v2")

    first = await running.ask("POST", "/api/v1/feedback", _piece(request_id))
    again = await running.ask("POST", "/api/v1/feedback", _piece(request_id))
    other = await running.ask("POST", "/api/v1/feedback", _piece(request_id, False))

    assert [answer[0] for answer in (first, again, other)] == [200, 200, 200]
    assert [answer[1] for answer in (first, again, other)] == [
        {"result": "counted"},
        {"result": "unchanged"},
        {"result": "replaced"},
    ]
    assert await _feedback(running, "v1") == {}
    assert await _feedback(running, "v2") == {
        "thumbs_up": {"count": 1, "sum": 0.0, "mean": 0.0, "segments": {}}
    }
    _, scraped, _ = await running.ask("GET", "/metrics")
    labels = 'service="chat",signal="thumbs_up",version="v2"'
    assert f"sluicegate_signal_total{{{labels}}} 1.0" in str(scraped)
    assert f"sluicegate_signal_sum{{{labels}}} 0.0" in str(scraped)


async def test_evidence_is_shown_by_version_and_with_its_age(
    running: _Stage,
) -> None:
    """What the workers said is known to who asks, and not only to Prometheus."""
    _, before, _ = await running.ask("GET", "/api/v1/services/chat")
    told = said(record(1), record(2), record(1))
    running.workers[0].send(told)

    async def is_counted() -> bool:
        view: Any = (await running.ask("GET", "/api/v1/services/chat"))[1]
        return bool(view["versions"]["v2"]["evidence"]["units"] == 2)

    await _until(is_counted)
    listed: Any = (await running.ask("GET", "/api/v1/services"))[1]
    [chat] = listed["services"]

    assert before["evidence_age_seconds"] is None
    assert 0 <= chat["evidence_age_seconds"] < PATIENCE_S
    assert chat["versions"]["v1"]["evidence"] == {"units": 0, "pairs": 0}


async def test_feedback_that_cannot_be_counted_says_what_to_do(
    running: _Stage,
) -> None:
    """400 what is wrong, 404 what is gone, 410 what is late."""
    good = _issue(running, "v2")
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    closed = _issue(running, "v2", age_s=25 * 3600)
    expired = _issue(running, "v2", age_s=31 * 24 * 3600)
    gone = _issue(running, "v3")
    refusals = {
        "no request id": _piece(forged),
        "(it is `ticket` in the access log), not x-request-id": _piece("r-1"),
        "closed": _piece(closed),
        "expired": _piece(expired),
        "not served": _piece(gone),
        "no name": _piece(good, signal="Thumbs up!"),
        "out of bounds": _piece(good, 1e99),
        "must be a number": _piece(good, "1"),
        "must be strings": {**_piece(good), "request_id": 7},
        "Unknown key 'version'": _piece(good, version="v2"),
        "no JSON object": 7,
    }

    answers = {
        told: await running.ask("POST", "/api/v1/feedback", sent)
        for told, sent in refusals.items()
    }

    assert [answer[0] for answer in answers.values()] == [
        *(400, 400, 410, 410, 404),
        *[400] * 6,
    ]
    for told, (_, document, _) in answers.items():
        assert told in document["error"]["message"]  # type: ignore[index]
    assert await _feedback(running, "v2") == {}


async def test_a_list_of_feedback_is_answered_piece_by_piece(running: _Stage) -> None:
    """What is wrong with one is no harm to the others."""
    pieces = [
        _piece(_issue(running, "v2", unique=number), id=f"n{number}")
        for number in range(1000)
    ]
    pieces[500] = _piece("nonsense", id="bad")

    status, answer, _ = await running.ask("POST", "/api/v1/feedback", pieces)
    too_many, _, _ = await running.ask("POST", "/api/v1/feedback", [*pieces, pieces[0]])
    too_large, _, _ = await running.ask("POST", "/api/v1/feedback", ["x" * 600_000])

    assert (status, answer["taken"], answer["refused"]) == (200, 999, 1)
    results: list[dict[str, object]] = answer["results"]  # type: ignore[assignment]
    assert results[499] == {"id": "n499", "result": "counted"}
    assert results[500]["id"] == "bad"
    assert results[500]["status"] == 400
    assert (too_many, too_large) == (413, 413)


async def test_ids_and_counts_survive_the_controller_and_ids_a_restart_of_all(
    running: _Stage,
) -> None:
    """Clients hold ids for a month."""
    old = [_issue(running, "v2", unique=number) for number in range(3)]
    await running.ask("POST", "/api/v1/feedback", _piece(old[0]))
    await running.ask("GET", "/metrics")
    await running.end(signal.SIGKILL)
    await running.start()
    await _until(lambda: _is_sound(running))
    after_crash = await running.ask("POST", "/api/v1/feedback", _piece(old[1]))
    counted = await _feedback(running, "v2")

    await running.end(signal.SIGTERM)
    for worker in running.workers:
        worker.table = None
    running.table.truncate(0)
    await running.start()
    await _until(lambda: all(worker.table for worker in running.workers))
    after_restart = await running.ask("POST", "/api/v1/feedback", _piece(old[2]))

    assert (after_crash[0], after_restart[0]) == (200, 200)
    assert counted["thumbs_up"]["count"] == 2  # type: ignore[index]


async def test_without_a_readable_store_ids_are_made_with_a_key_of_the_moment(
    stage: _Stage,
) -> None:
    """Feedback goes on; the gateway is ready, and degraded as it was."""
    holder = sqlite3.connect(stage.state, isolation_level=None)
    holder.execute("CREATE TABLE held (it)")
    holder.execute("BEGIN EXCLUSIVE")
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    meanwhile = [_issue(stage, "v1", unique=number) for number in range(2)]

    status, _, _ = await stage.ask("POST", "/api/v1/feedback", _piece(meanwhile[0]))
    ready, _ = await stage.readiness()
    holder.execute("ROLLBACK")
    holder.close()
    await _until(lambda: _is_sound(stage))
    later, _, _ = await stage.ask("POST", "/api/v1/feedback", _piece(meanwhile[1]))

    assert (status, ready, later) == (200, 200, 200)


async def test_an_app_may_give_feedback_and_no_key_is_ever_shown(
    stage: _Stage,
) -> None:
    """Not by the API, not in the log."""
    stage.configure(
        admin=", tokens: [{name: shop, role: app, value: tell-tell-tell-tell},"
        " {name: hands, role: operator, value: do-do-do-do-do-do}]"
    )
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    app = {"Authorization": "Bearer tell-tell-tell-tell"}
    operator = {"Authorization": "Bearer do-do-do-do-do-do"}
    path, piece = "/api/v1/feedback", _piece(_issue(stage, "v2"))

    nobody, _, _ = await stage.ask("POST", path, piece)
    tells, answer, _ = await stage.ask("POST", path, piece, headers=app)
    acts, _ = await stage.put({"v2": 5}, **app)
    shown = [
        await stage.ask("GET", where, headers=operator)
        for where in ("/api/v1/services", "/metrics", "/readyz")
    ]

    assert (nobody, tells, acts) == (401, 200, 403)
    assert answer == {"result": "counted"}  # nothing of the version
    assert stage.workers[0].table is not None
    key = stage.workers[0].table.ticket_key
    assert key is not None
    told = str(shown) + stage.log.read_text()
    for written in (key.secret.hex(), repr(key.secret)[2:-1]):
        assert written not in told


_TENANT = Segment(name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a", "b"))


def _read_answers(worker: int, pid: int) -> Observations:
    """Say what a worker has read of answers, of one slice apart."""
    spread = Histogram()
    for seconds in (0.2, 0.3):
        spread.add(seconds)
    said = {
        "service": "chat",
        "version": "v2",
        "outcomes": {"complete": 1, "refused": 1},
        "codes": {200: 2},
        "duration": Spread.of(spread),
        "first_content": Spread.of(spread),
        "per_token": Spread.of(spread),
        "tokens": {"input": 5, "output": 7},
        "cost": 0.25,
        "priced": 1,
        "signals": {"refusal": (2, 1.0, 1.0), "of_the_past": (1, 1.0, 1.0)},
        "skipped": {"event": 1},
        "late": 1,
    }
    return Observations(
        worker=worker,
        pid=pid,
        sequence=1,
        series=[Series(**said)],  # type: ignore[arg-type]
        slices=[Series(**said, slice=places_of(_TENANT)[1])],  # type: ignore[arg-type]
        downstream_connections=0,
        refused={},
        dropped={"access_log": 3},
    )


async def test_what_workers_read_in_answers_reaches_people_and_scrapers(
    stage: _Stage,
) -> None:
    """Added up over the workers, in a text that Prometheus can read."""
    stage.configure(
        extra="    segments: [{name: tenant, by: {header: x-tenant}, values: [a, b]}]"
    )
    stage.start_workers()
    await stage.start()
    await stage.ready_line()
    for worker in stage.workers:
        worker.send(_read_answers(worker.number, worker.pid))

    async def samples() -> dict[str, float]:
        _, scraped, _ = await stage.ask("GET", "/metrics")
        return {
            f"{sample.name} {' '.join(sample.labels[k] for k in sorted(sample.labels))}": (
                sample.value
            )
            for family in text_string_to_metric_families(str(scraped["text"]))
            for sample in family.samples
            if sample.labels.get("version") != "v1"
        }

    async def is_counted() -> bool:
        return (await samples())["sluicegate_tokens_total chat output v2"] >= 14

    await _until(is_counted)
    scraped = await samples()
    assert scraped["sluicegate_time_to_first_token_seconds_count chat v2"] == 4
    assert scraped["sluicegate_time_per_output_token_seconds_bucket 0.2 chat v2"] == 2
    assert scraped["sluicegate_cost_usd_total chat v2"] == pytest.approx(0.5)
    assert scraped["sluicegate_requests_total refused chat v2"] == 2
    assert scraped["sluicegate_signal_sum chat refusal v2"] == 2
    assert scraped["sluicegate_signal_total chat other v2"] == 2
    assert scraped["sluicegate_unread_total chat v2 event"] == 2
    assert scraped["sluicegate_first_token_late_total chat v2"] == 2
    assert scraped["sluicegate_access_log_dropped_total "] == 6

    _, shown, _ = await stage.ask("GET", "/api/v1/services/chat")
    version = shown["versions"]["v2"]  # type: ignore[index]
    seen = version["statistics"]
    assert (seen["refused_rate"], seen["error_rate"]) == (0.5, 0.0)
    assert seen["tokens"] == {"input": 10, "output": 14}
    assert seen["tokens_per_second"] == pytest.approx(4.0)
    assert seen["cost_per_request_usd"] == pytest.approx(0.25)
    assert seen["signals"]["refusal"]["mean"] == pytest.approx(0.5)
    assert version["segments"]["tenant"]["a"]["requests"] == 4
