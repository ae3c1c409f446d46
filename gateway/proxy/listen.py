"""The worker's listening sockets: inherited, shared with its siblings, drained at the end.

Here too: how many clients a worker takes. Without a bound of its own it would run into
the limit of open files, where the kernel's queue is closed without a word and no endpoint
can be reached any more.
"""

import asyncio
import logging
import math
import resource
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import zip_longest
from time import monotonic
from typing import Final, cast

from gateway.domain.deployment import BACKLOG
from gateway.domain.errors import TooManyClients
from gateway.domain.tls import ServerTls
from gateway.proxy.deadlines import NEVER
from gateway.proxy.downstream import Downstream
from gateway.proxy.mirror import Mirrors
from gateway.proxy.plane import Plane
from gateway.proxy.refuse import error_answer
from gateway.proxy.seldom import Seldom
from gateway.proxy.tls_gate import Handshake, TlsGate

_log: Final = logging.getLogger("sluicegate.listen")

_OWN_FILES: Final = 64  # libraries, log, link, listeners, and clients being turned away
_LINGERING: Final = 24  # clients that are given time to read why they are turned away
_LINGER: Final = 1.0  # seconds
_COMPLAIN: Final = 10.0  # seconds between two lines of log


def open_files() -> float:
    """Give how many files this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft


class Listener:
    """Accepts client connections from sockets that the supervisor has bound."""

    def __init__(self, plane: Plane, listen_fds: Sequence[int]) -> None:
        self._plane = plane
        self._mirrors = Mirrors(plane)
        self._listen_fds = listen_fds
        self._door = Door(plane, open_files)
        self._gates = [TlsGate() for _fd in listen_fds]
        self._servers: list[asyncio.Server] = []

    def use(self, tls: Sequence[ServerTls | None]) -> None:
        """Let new connections speak TLS as the table says; none of them where empty."""
        for gate, wanted in zip_longest(self._gates, tls[: len(self._gates)]):
            gate.use(wanted)

    async def open(self) -> None:
        """Start accepting. The plane must have its first table."""
        loop = asyncio.get_running_loop()
        for fd, gate in zip(self._listen_fds, self._gates, strict=True):
            server = await loop.create_server(
                partial(Entering, self._door, gate),
                sock=socket.socket(fileno=fd),
                backlog=BACKLOG,  # it listens already: without, it would listen for 100
            )
            self._servers.append(server)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let running exchanges finish for so long, then cut them."""
        for server in self._servers:
            server.close()
        self._plane.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._plane.is_empty.wait()
                await self._mirrors.drain()
        self._plane.abort()
        self._mirrors.abandon()
        await asyncio.sleep(0)


class Door:
    """Says who may come in, and turns the others away.

    Args:
        plane: Of the worker.
        files: Gives how many files the process may have open.

    """

    def __init__(self, plane: Plane, files: Callable[[], float]) -> None:
        self.plane = plane
        self._files = files
        self._complaints = Seldom(_COMPLAIN)
        self.lingering = 0

    def most(self) -> int | None:
        """Give how many clients there may be; None when there is no bound.

        Room is kept for as many connections to endpoints as there may be, but for no
        more of them than for clients: each client needs one at most.
        """
        files = self._files()
        if files == math.inf:
            return None
        room = max(2, int(files) - _OWN_FILES)
        upstream = sum(pool.limits.connections for pool in self.plane.pools())
        return room - min(upstream, room // 2)

    def may_enter(self) -> bool:
        """Tell whether there is room for one more."""
        most = self.most()
        return most is None or len(self.plane.clients) < most

    def turn_away(self, transport: asyncio.Transport) -> bool:
        """Write the answer, count it; give whether the client may take time to read it."""
        error = self._full()
        self._count(error)
        request_id = self.plane.request_id()
        transport.write(
            error_answer(error, request_id, b"", close=True, bodiless=False)
        )
        return self.lingering < _LINGERING

    def close_unheard(self, transport: asyncio.Transport) -> None:
        """Close a connection that cannot be told why: there is no TLS to tell it in."""
        if not self.may_enter():
            self._count(self._full())
        transport.abort()

    def _full(self) -> TooManyClients:
        return TooManyClients(
            f"The gateway serves {len(self.plane.clients)} connections in this worker,"
            " as many as its limit of open files allows.",
            remedy="Try again shortly, or raise the limit (ulimit -n).",
        )

    def _count(self, error: TooManyClients) -> None:
        self.plane.refuse(error.status)
        if self._complaints.allow(monotonic()):
            _log.warning("Clients are turned away. %s", error)


class Entering(asyncio.Protocol):
    """A connection of which it is not yet known whether there is room for it."""

    def __init__(self, door: Door, gate: TlsGate | None = None) -> None:
        self._door = door
        self._gate = gate
        self._transport: asyncio.Transport | None = None
        self.deadline = self.looked_at = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Become a Downstream, or turn the client away."""
        made = cast("asyncio.Transport", transport)
        if self._gate is not None and self._gate.is_on:
            self._secure(made, self._gate)
        elif self._door.may_enter():
            downstream = Downstream(self._door.plane)
            made.set_protocol(downstream)
            downstream.connection_made(made)
        elif self._door.turn_away(made):
            self._linger(made)
        else:
            made.close()

    def _secure(self, transport: asyncio.Transport, gate: TlsGate) -> None:
        """Begin a handshake; without room for it, or a certificate, there is none."""
        context = gate.context() if self._door.may_enter() else None
        if context is None:
            self._door.close_unheard(transport)
            return
        plane = self._door.plane
        plane.spawn(Handshake(plane, transport, context).run())

    def _linger(self, transport: asyncio.Transport) -> None:
        """Close gently: bytes left unread would turn the close into a reset."""
        self._transport = transport
        self._door.lingering += 1
        wheel = self._door.plane.wheel
        wheel.set(self, wheel.read_clock() + _LINGER)
        transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Throw it away."""

    def on_deadline(self, _now: float) -> None:
        """Wait no longer."""
        self.abort()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for the next."""
        self.deadline = NEVER
        if self._transport is not None:
            self._transport = None
            self._door.lingering -= 1
