"""The supervisor: holds the sockets and keeps controller and workers running.

It touches no request and holds no state but which sockets and workers there are, so that
nothing in it can fail: sockets stay bound while processes come and go, and no queued
connection is lost.
"""

import asyncio
import logging
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

import msgspec

from gateway.app.bound import Bound, bind, shown
from gateway.app.crew import Crew, Member
from gateway.app.obeying import Obeying
from gateway.app.start import BAD_START, ControllerStart, WorkerStart
from gateway.domain.deployment import BACKLOG, Deployment
from gateway.domain.errors import CannotListen
from gateway.handoff import endpoint_health, held_states
from gateway.handoff.environment import child_environment

_log: Final = logging.getLogger("sluicegate.supervisor")

_FIRST_PAUSE: Final = 0.1  # seconds before a dead process is started again
_LONGEST_PAUSE: Final = 5.0
_HEALTHY: Final = 5.0  # seconds a process must live to be restarted without delay
_GRACE: Final = 5.0  # seconds beyond the drain before a process is killed
_TO_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_ONE_WISH: Final = 0.5  # signals nearer are one: GNU timeout signals child and group


def run(
    deployment: Deployment,
    *,
    config_path: Path | None,
    document: dict[str, object] | None,
) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        deployment: The configuration, already checked.
        config_path: Where it came from, read again at every reload; None when
            `document` is given instead.
        document: A configuration as a mapping.

    Returns:
        The exit code: 0 after a clean drain, 1 when something had to be killed.

    Raises:
        CannotListen: An address cannot be bound.

    """
    _prepare()
    with ExitStack() as stack:
        bound = Bound(deployment.listen)
        stack.callback(bound.close)
        admin = stack.enter_context(bind(deployment.admin.listen))
        folder = Path(tempfile.mkdtemp(prefix="sluicegate-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        link = stack.enter_context(_bind_link(folder / "link.sock"))
        table = stack.enter_context(tempfile.TemporaryFile())
        lifeline, shared = _lifeline(stack), _shared(stack)
        ours, theirs = _orders(stack)
        crew = Crew(
            bound,
            WorkerStart(
                link_path=str(folder / "link.sock"),
                table_fd=table.fileno(),
                lifeline_fd=lifeline,
                workers=deployment.workers,
                states_fd=shared[0],
                health_fd=shared[1],
            ),
        )
        start = ControllerStart(
            config_path=None if config_path is None else str(config_path),
            document=document,
            admin_fd=admin.fileno(),
            link_fd=link.fileno(),
            table_fd=table.fileno(),
            lifeline_fd=lifeline,
            orders_fd=theirs.fileno(),
            data_addresses=[shown(each.socket) for each in bound.listening],
        )
        return Supervisor(deployment.drain, crew, ours).serve(start)


class Kept(Protocol):
    """A process that is kept running; crew.Member is one.

    Attributes:
        name: Its first word is its module.
        is_wanted: Whether it is started again when it ends.

    """

    name: str
    is_wanted: bool

    def start(self) -> tuple[bytes, tuple[int, ...]]:
        """Give what it is started with now: the argument, and descriptors."""

    def begun(self) -> None:
        """Hear that it runs."""

    def ended(self) -> None:
        """Hear that it ended."""


class KeptController:
    """The controller, started the same way each time."""

    name = "controller"
    is_wanted = True

    def __init__(self, start: ControllerStart) -> None:
        self._start = start

    def start(self) -> tuple[bytes, tuple[int, ...]]:
        """Give what it is started with."""
        start = self._start
        fds = (start.admin_fd, start.link_fd, start.table_fd, start.lifeline_fd)
        return msgspec.json.encode(start), (*fds, start.orders_fd)

    def begun(self) -> None:
        """Nothing is handed over."""

    def ended(self) -> None:
        """Nothing led to it."""


class Supervisor:
    """Keeps the processes alive, and ends them in order.

    Args:
        drain: Seconds a worker may take to finish running exchanges.
        crew: The workers; its sockets are closed first when stopping.
        orders: From the controller; see obeying.

    """

    def __init__(self, drain: float, crew: Crew, orders: socket.socket) -> None:
        self._drain = drain
        self._crew = crew
        self._orders = orders
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stop = asyncio.Event()
        self._told_at = 0.0
        self._code = 0
        self._patience: asyncio.Timeout | None = None
        self._is_reload_wanted = False

    def serve(self, controller: ControllerStart) -> int:
        """Run an event loop; until it can obey, a signal to stop waits."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _TO_STOP)
        return asyncio.run(self.run(controller))

    async def run(self, controller: ControllerStart) -> int:
        """Start everything, keep it running, stop it in order when told to."""
        self._obey_signals()
        async with asyncio.TaskGroup() as tasks:

            def keep(member: Member) -> None:
                tasks.create_task(self._keep_member(member))

            loop = asyncio.get_running_loop()
            obeying = Obeying(self._orders, self._crew, keep)
            loop.add_reader(self._orders, obeying.hear)
            tasks.create_task(self._keep(KeptController(controller)))
            for member in self._crew.members:
                keep(member)
            await self._stop.wait()
            loop.remove_reader(self._orders)
            return await self._end()

    def _obey_signals(self) -> None:
        """Obey from now on, also what has waited for it."""
        loop = asyncio.get_running_loop()
        for number in _TO_STOP:
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_STOP)

    def _told_to_stop(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._stop.is_set():
            self._told_at = now
            self._stop.set()
        elif self._patience is not None and now - self._told_at > _ONE_WISH:
            with suppress(RuntimeError):  # told twice: no more waiting
                self._patience.reschedule(now)

    def _told_to_reload(self) -> None:
        """Tell the controller; one that is not running is told when it is."""
        self._is_reload_wanted = "controller" not in self._running
        self._signal("controller", signal.SIGHUP)

    async def _keep_member(self, member: Member) -> None:
        await self._keep(member)
        self._crew.left(member)

    async def _keep(self, kept: Kept) -> None:
        """Run one process again and again until told to stop, or it is not wanted."""
        pause, is_first, name = _FIRST_PAUSE, True, kept.name
        while kept.is_wanted and not self._stop.is_set():
            began = monotonic()
            code = await self._run_once(kept)
            if self._stop.is_set() or not kept.is_wanted:
                return
            if code == BAD_START and is_first:
                self._code = code  # nothing has run yet: end, and say so
                self._stop.set()
                return
            lived = monotonic() - began
            is_first = is_first and code is None
            if code is not None:
                _log.warning("%s ended (%s).", name, _ended(code))
            pause = _FIRST_PAUSE if lived > _HEALTHY else min(2 * pause, _LONGEST_PAUSE)
            _log.warning("%s is started again in %.1f s.", name, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def _run_once(self, kept: Kept) -> int | None:
        """Run one process to its end; give its exit code, None when it never began."""
        name = kept.name
        try:
            process = await self._start(kept)
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread to watch it
            _log.warning("%s cannot be started: %s.", name, error)
            return None
        self._running[name] = process
        if name == "controller" and self._is_reload_wanted:
            self._told_to_reload()
        if self._stop.is_set():
            process.terminate()
        code = await process.wait()
        del self._running[name]
        kept.ended()
        return code

    async def _start(self, kept: Kept) -> asyncio.subprocess.Process:
        start, fds = kept.start()
        try:
            if kept.name != "controller":
                return await self._spawn(kept.name, start, fds)
            # The controller begins with SIGHUP blocked, so that one which comes before
            # it can obey waits for it instead of ending it. It unblocks it itself.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
            try:
                return await self._spawn(kept.name, start, fds)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        finally:
            kept.begun()

    @staticmethod
    async def _spawn(
        name: str, start: bytes, fds: tuple[int, ...]
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder named gateway where the user stands is not ours
            "-m",
            f"gateway.app.{name.split()[0]}",
            start.decode(),
            env=child_environment(),
            pass_fds=fds,
            process_group=0,  # Ctrl-C reaches the supervisor alone
        )

    async def _end(self) -> int:
        """Drain the workers, then end the controller, which counts to the last."""
        self._crew.bound.close()
        workers = [name for name in self._running if name != "controller"]
        drained = await self._end_all(workers, self._drain + _GRACE)
        ended = await self._end_all(["controller"], _GRACE)
        return self._code if drained and ended else 1

    async def _end_all(self, names: Sequence[str], seconds: float) -> bool:
        """Tell processes to end; kill those that do not within *seconds*."""
        running = {n: self._running[n] for n in names if n in self._running}
        for name in running:
            self._signal(name, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as self._patience:
                for process in running.values():
                    await process.wait()
            return True
        for name, process in running.items():
            if process.returncode is None:
                _log.warning("%s did not end in time and is killed.", name)
                self._signal(name, signal.SIGKILL)
                await process.wait()
        return False

    def _signal(self, name: str, number: signal.Signals) -> None:
        process = self._running.get(name)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _shared(stack: ExitStack) -> tuple[int, int]:
    """Make the memory that workers share: held states, and the health of endpoints."""
    fds = held_states.make_shared(), endpoint_health.make_shared()
    for fd in fds:
        stack.callback(os.close, fd)
    return fds


def _lifeline(stack: ExitStack) -> int:
    """Make the pipe whose other end only this process holds; give the children's."""
    lifeline, held = os.pipe()
    stack.callback(os.close, lifeline)
    stack.callback(os.close, held)
    return lifeline


def _orders(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Make the line between controller and supervisor: ours, and theirs."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    return stack.enter_context(ours), stack.enter_context(theirs)


def _prepare() -> None:
    """Set what belongs to the process: its log, its signals, its limit of files."""
    logging.basicConfig(
        format="%(asctime)s %(name)s: %(message)s",
        level=logging.INFO,
        stream=sys.stderr,
    )
    # Until the loop takes them. The controller has yet to read the file: no wish is lost.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _allow_many_files()


def _allow_many_files() -> None:
    """Let this process and its children open as many files as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS: the hard limit may be no number
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _ended(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def _bind_link(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise CannotListen(
            f"Cannot make the socket {path}: {error.strerror or error}.",
            remedy="Set TMPDIR to a folder that can be written and has a short path.",
        ) from None
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound
