"""The worker's listening sockets: bound elsewhere, shared with its siblings, drained at the end.

A reload may bring more and take some away. Who came by one that is taken away is answered
to the end, and then the connection is closed.

Here too: how many clients a worker takes. Without a bound of its own it would run into
the limit of open files, where the kernel's queue is closed without a word and no endpoint
can be reached any more.
"""

import asyncio
import logging
import math
import resource
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, cast

from gateway.domain.deployment import BACKLOG
from gateway.domain.errors import TooManyClients, TooManyOfOne
from gateway.domain.tls import ServerTls
from gateway.proxy.crowd import address_of, origin_of
from gateway.proxy.deadlines import NEVER
from gateway.proxy.downstream import Downstream
from gateway.proxy.mirror import Mirrors
from gateway.proxy.plane import Drainable, Plane
from gateway.proxy.refuse import error_answer
from gateway.proxy.seldom import Seldom
from gateway.proxy.tls_gate import Handshake, TlsGate
from gateway.wire.forwarded import is_within

_log: Final = logging.getLogger("sluicegate.listen")

_OWN_FILES: Final = 64  # libraries, log, link, listeners, and clients being turned away
_LINGERING: Final = 24  # clients that are given time to read why they are turned away
_LINGER: Final = 1.0  # seconds
_COMPLAIN: Final = 10.0  # seconds between two lines of log
_ASKS_AGAIN: Final = 2.0  # seconds in which a client that is in use asks again
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # ruff: ignore[hardcoded-bind-all-interfaces]

Handed = tuple[int, str, int]
"""A listening socket as the supervisor hands it on: number, name, descriptor."""

Sockname = tuple[Any, ...]
"""Of an Internet socket: host and port first."""


def open_files() -> float:
    """Give how many files this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft


class Listener:
    """Accepts client connections from sockets that the supervisor has bound.

    Args:
        plane: Of the worker.
        listening: Number, name (deployment.names_of) and descriptor of each; they are
            its own from now on.

    """

    def __init__(self, plane: Plane, listening: Iterable[Handed]) -> None:
        self._plane = plane
        self._mirrors = Mirrors(plane)
        handed = tuple(listening)
        self._names = {number: name for number, name, _fd in handed}
        self._sockets = {number: socket.socket(fileno=fd) for number, _, fd in handed}
        self._door = Door(plane, open_files)
        self._gates: dict[int, TlsGate] = {}
        self._servers: dict[int, asyncio.Server] = {}
        self._tls: Mapping[str, ServerTls | None] = {}
        self._is_open = self._is_closed = False
        self._gone: list[Sockname] = []
        self._accepting = asyncio.Lock()

    def use(self, tls: Mapping[str, ServerTls | None]) -> None:
        """Let new connections speak TLS as the table says, by the listeners' names.

        One that it does not name is on its way out, and stays as it is.
        """
        self._tls = tls
        for number, gate in self._gates.items():
            name = self._names[number]
            if name in tls:
                gate.use(tls[name])
        if self._is_open and self._sockets.keys() - self._servers.keys():
            self._plane.spawn(self._accept())  # a name it did not know before

    async def open(self) -> None:
        """Start accepting. The plane must have its first table."""
        self._is_open = True
        await self._accept()

    async def change(self, listening: Iterable[Handed]) -> None:
        """Accept from these from now on, and from no others."""
        handed = tuple(listening)
        wanted = {number: socket.socket(fileno=fd) for number, _, fd in handed}
        if self._is_closed:
            wanted, unwanted = {}, wanted
        else:
            unwanted = {n: wanted.pop(n) for n in wanted.keys() & self._sockets.keys()}
        kept = wanted.keys() | unwanted.keys()
        gone = [self._stop(number) for number in self._sockets.keys() - kept]
        for one in unwanted.values():
            one.close()  # it is here already
        self._sockets |= wanted
        self._names = {number: name for number, name, _fd in handed}
        back = [one.getsockname() for one in wanted.values()]
        self._gone = [name for name in (*self._gone, *gone) if name not in back]
        await self._accept()
        self.say_farewell()

    def say_farewell(self) -> None:
        """Let those go who came by sockets that are gone; call this now and then."""
        if not self._gone:
            return
        left = [client for client in self._plane.clients if came_by(client, self._gone)]
        for client in left:
            client.drain()
        if not left:
            self._gone = []

    async def empty(self) -> None:
        """Stop accepting, and wait until all that runs is over, however long it takes.

        Clients that ask again soon are answered and told to connect anew: to close on
        them at once would lose the request of one that is just writing it.
        """
        self._close()
        self._plane.is_draining = True
        await asyncio.sleep(_ASKS_AGAIN)
        self._plane.drain()
        await self._plane.is_empty.wait()
        await self._mirrors.drain()

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let running exchanges finish for so long, then cut them."""
        self._close()
        self._plane.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._plane.is_empty.wait()
                await self._mirrors.drain()
        self._plane.abort()
        self._mirrors.abandon()
        await asyncio.sleep(0)

    async def _accept(self) -> None:
        """Accept from all sockets that the table knows, if it is time."""
        loop = asyncio.get_running_loop()
        async with self._accepting:
            for number in self._sockets.keys() - self._servers.keys():
                name = self._names[number]
                if not self._is_open or name not in self._tls:
                    continue
                self._gates[number] = gate = TlsGate()
                gate.use(self._tls[name])
                server = await loop.create_server(
                    partial(Entering, self._door, gate),
                    sock=self._sockets[number],
                    backlog=BACKLOG,  # it listens already: else it would listen for 100
                )
                if number in self._sockets:
                    self._servers[number] = server
                else:
                    server.close()

    def _stop(self, number: int) -> Sockname:
        """Accept from a socket no more; give where it was bound."""
        one = self._sockets.pop(number)
        name: Sockname = one.getsockname()
        self._gates.pop(number, None)
        server = self._servers.pop(number, None)
        one.close() if server is None else server.close()
        return name

    def _close(self) -> None:
        self._is_open, self._is_closed = False, True
        for number in tuple(self._sockets):
            self._stop(number)


def came_by(client: Drainable, names: Sequence[Sockname]) -> bool:
    """Tell whether a client connected to one of these, which may be wildcards."""
    if not isinstance(client, Downstream) or client.transport is None:
        return False  # a tunnel, which ends when its ends like
    own = client.transport.get_extra_info("sockname")
    return own is not None and any(
        own[1] == name[1] and (own[0] == name[0] or name[0] in _WILDCARDS)
        for name in names
    )


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

    def may_enter(self, address: str = "") -> bool:
        """Tell whether there is room for one more from *address*; "" is any."""
        return self._lacks(address) is None

    def _lacks(self, address: str) -> tuple[str, TooManyClients] | None:
        """Say what there is too much of for one more, and how that is told."""
        here, limits, most = len(self.plane.clients), self.plane.limits, self.most()
        if most is not None and here >= most:
            return "files", _full(
                here, "as many as its limit of open files allows", "ulimit -n"
            )
        if limits.connections is not None and here >= limits.connections:
            return "connections", _full(here, "as many as it may", "limits.connections")
        if limits.connections_per_client is not None and self._is_greedy(address):
            return "connections_per_client", TooManyOfOne(
                f"The gateway serves {limits.connections_per_client} connections from"
                f" {origin_of(address)} in this worker, as many as it may.",
                remedy="Close some, or raise limits.connections_per_client.",
            )
        return None

    def _is_greedy(self, address: str) -> bool:
        """Whether an address has all it may have; a trusted proxy is many clients."""
        most, routes = self.plane.limits.connections_per_client, self.plane.routes
        if most is None or self.plane.crowd.of(origin_of(address)) < most:
            return False
        return routes is None or not is_within(address, routes.trusted)

    def turn_away(self, transport: asyncio.Transport) -> bool:
        """Write the answer, count it; give whether the client may take time to read it."""
        lacking = self._lacks(address_of(transport))
        if lacking is None:
            return False  # somebody has just left
        why, error = lacking
        self._count(why, error)
        request_id = self.plane.request_id()
        transport.write(
            error_answer(error, request_id, b"", close=True, bodiless=False)
        )
        return self.lingering < _LINGERING

    def close_unheard(self, transport: asyncio.Transport) -> None:
        """Close a connection that cannot be told why: there is no TLS to tell it in."""
        lacking = self._lacks(address_of(transport))
        if lacking is not None:
            self._count(*lacking)
        transport.abort()

    def _count(self, why: str, error: TooManyClients) -> None:
        self.plane.overload.shed[why] += 1
        self.plane.refuse(error.status)
        if self._complaints.allow(monotonic()):
            _log.warning("Clients are turned away. %s", error)


def _full(here: int, why: str, limit: str) -> TooManyClients:
    return TooManyClients(
        f"The gateway serves {here} connections in this worker, {why}.",
        remedy=f"Try again shortly, or raise the limit ({limit}).",
    )


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
        elif self._door.may_enter(address_of(made)):
            downstream = Downstream(self._door.plane)
            made.set_protocol(downstream)
            downstream.connection_made(made)
        elif self._door.turn_away(made):
            self._linger(made)
        else:
            made.close()

    def _secure(self, transport: asyncio.Transport, gate: TlsGate) -> None:
        """Begin a handshake; without room for it, or a certificate, there is none."""
        may_enter = self._door.may_enter(address_of(transport))
        context = gate.context() if may_enter else None
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
