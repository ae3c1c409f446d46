"""The supervisor outlives whatever happens to its processes."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.app import supervisor as module
from gateway.app.bound import Bound
from gateway.app.crew import Crew
from gateway.app.start import ControllerStart, WorkerStart
from gateway.app.supervisor import Supervisor

CONTROLLER = ControllerStart(
    config_path=None,
    document={},
    admin_fd=0,
    link_fd=0,
    table_fd=0,
    lifeline_fd=0,
    orders_fd=0,
    data_addresses=[],
)
WORKER = WorkerStart(
    link_path="",
    table_fd=0,
    lifeline_fd=0,
    states_fd=0,
    health_fd=0,
)


@pytest.fixture
def orders() -> Iterator[socket.socket]:
    """Give the supervisor's end of a line on which nothing comes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.setblocking(False)
        yield ours


class Process:
    """A process that runs until it is told to end, and writes down its signals."""

    def __init__(self) -> None:
        self.returncode: int | None = None
        self.told: list[int] = []
        self._ended = asyncio.Event()

    def send_signal(self, number: int) -> None:
        self.told.append(number)
        if number != signal.SIGHUP:
            self.end(-number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def end(self, code: int) -> None:
        self.returncode = code
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode


class System:
    """Starts processes, or fails to."""

    def __init__(self) -> None:
        self.failures: dict[str, list[Exception]] = {}
        self.running: dict[str, Process] = {}
        self.started = asyncio.Condition()

    async def start(self, *command: str, **_options: object) -> Process:
        role = command[3].rpartition(".")[2]
        failures = self.failures.get(role)
        if failures:
            raise failures.pop(0)
        self.running[role] = process = Process()
        async with self.started:
            self.started.notify_all()
        return process

    async def until(self, *roles: str) -> None:
        """Wait until these have been started and live."""
        async with asyncio.timeout(10), self.started:
            await self.started.wait_for(
                lambda: all(
                    role in self.running and self.running[role].returncode is None
                    for role in roles
                )
            )


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(asyncio, "create_subprocess_exec", made.start)
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.002)
    return made


@pytest.mark.parametrize("role", ["controller", "worker"])
@pytest.mark.parametrize(
    "failure",
    [
        OSError(24, "Too many open files"),
        FileNotFoundError(2, "No such file or directory"),
        RuntimeError("can't start new thread"),
    ],
)
async def test_what_cannot_be_started_is_tried_again_until_it_can(
    orders: socket.socket,
    system: System,
    role: str,
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    system.failures[role] = [failure] * 3
    supervisor = Supervisor(0.0, Crew(Bound([]), WORKER), orders)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(supervisor.run(CONTROLLER))
        await system.until("controller", "worker")
        supervisor._told_to_stop()

    assert running.result() == 0
    assert caplog.text.count("cannot be started") == 3


async def test_an_end_by_a_signal_without_a_name_is_an_end_like_any_other(
    orders: socket.socket, system: System, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(0.0, Crew(Bound([]), WORKER), orders)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(CONTROLLER))
        await system.until("controller", "worker")
        system.running["worker"].end(-40)
        await system.until("controller", "worker")
        supervisor._told_to_stop()

    assert "worker 0 ended (signal 40)" in caplog.text


async def test_a_reload_reaches_a_controller_that_is_down_once_it_is_started(
    orders: socket.socket,
    system: System,
) -> None:
    supervisor = Supervisor(0.0, Crew(Bound([]), WORKER), orders)
    for _ in range(3):
        supervisor._told_to_reload()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(CONTROLLER))
        await system.until("controller")
        controller = system.running["controller"]
        supervisor._told_to_stop()

    assert controller.told == [signal.SIGHUP, signal.SIGTERM]


async def test_a_controller_begins_with_reloads_blocked_and_not_lost(
    orders: socket.socket, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came before its handler would end it."""
    masks: list[set[signal.Signals]] = []
    spawn = Supervisor._spawn

    async def spying(name: str, start: bytes, fds: tuple[int, ...]) -> Any:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))  # type: ignore[arg-type]
        return await spawn(name, start, fds)

    monkeypatch.setattr(Supervisor, "_spawn", staticmethod(spying))
    nobody = msgspec.structs.replace(WORKER, workers=0)
    supervisor = Supervisor(0.0, Crew(Bound([]), nobody), orders)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(CONTROLLER))
        await system.until("controller")
        supervisor._told_to_stop()

    assert all(signal.SIGHUP in mask for mask in masks)
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
