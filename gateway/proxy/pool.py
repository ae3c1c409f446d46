"""Connections to one endpoint: kept alive, counted, limited; who waits, waits in order."""

import asyncio
import errno
import logging
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from gateway.domain.errors import (
    Erred,
    OutOfResources,
    UpstreamFailed,
    UpstreamFull,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from gateway.domain.outcome import Failure
from gateway.domain.service import Endpoint, PoolLimits, Timeouts
from gateway.proxy.deadlines import NEVER, Wheel
from gateway.proxy.standing import Standing
from gateway.proxy.upstream import Upstream
from gateway.proxy.upstream_tls import EndpointTls, made, reason, remedy
from gateway.proxy.watched import Abortable
from gateway.proxy.whole import WholeAnswers

_logger: Final = logging.getLogger("sluicegate.pool")

_OUR_OWN: Final = {
    errno.EMFILE: "it has reached its limit of open files (ulimit -n)",
    errno.ENFILE: "the machine has reached its limit of open files (fs.file-max)",
    errno.ENOMEM: "the machine has no memory left",
    errno.ENOBUFS: "the machine has no memory left for sockets",
    errno.EADDRNOTAVAIL: "all local ports are taken (net.ipv4.ip_local_port_range)",
}
"""What no endpoint is to blame for."""

Spawn = Callable[[Coroutine[object, object, None]], object]
"""Runs a coroutine in the worker's task group."""


class Waiter(Protocol):
    """An exchange that wants a connection."""

    def connected(self, upstream: Upstream) -> None:
        """Begin on it, at once."""

    def not_connected(self, failure: Failure, error: UpstreamFailed) -> None:
        """Do without: there will be none."""


class Pool(Standing):
    """The connections of one worker to one endpoint of one version.

    Of an endpoint with a name, which leads to several addresses, there is one for each.

    Args:
        endpoint: Where to connect.
        timeouts: Of the version.
        limits: Of the version.
        wheel: Watches connections and the queue.
        whole_answers: Reads the usual answers of all connections.
        spawn: For connecting, the only thing here that cannot be done at once.

    Attributes:
        tls: How its connections speak TLS, if they do.
        address: Where its name leads; None: that is asked whenever one connects.
        check_headers: Lines of a health check.

    """

    __slots__ = (
        "_connecting",
        "_fresh",
        "_idle",
        "_spawn",
        "_waiting",
        "_wheel",
        "_whole_answers",
        "address",
        "busy",
        "check_headers",
        "deadline",
        "endpoint",
        "is_retired",
        "limits",
        "looked_at",
        "timeouts",
        "tls",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        timeouts: Timeouts,
        limits: PoolLimits,
        wheel: Wheel,
        whole_answers: WholeAnswers,
        spawn: Spawn,
    ) -> None:
        Standing.__init__(self, endpoint.url)
        self.endpoint = endpoint
        self.address: str | None = None
        self.check_headers: tuple[tuple[str, str], ...] = ()
        self.timeouts = timeouts
        self.limits = limits
        self._wheel = wheel
        self._whole_answers = whole_answers
        self._spawn = spawn
        self._idle: dict[Upstream, None] = {}  # the one used last at the end
        self.busy = 0
        self._connecting = 0
        self._waiting: dict[Waiter, float] = {}  # to the time at which it gives up
        self._fresh: dict[Waiter, float] = {}  # the same, served by new ones only
        self.is_retired = False
        self.tls = EndpointTls()
        self.deadline = self.looked_at = NEVER

    @property
    def idle(self) -> int:
        """Connections waiting for an exchange."""
        return len(self._idle)

    @property
    def pending(self) -> int:
        """Exchanges waiting for a connection."""
        return len(self._waiting) + len(self._fresh)

    @property
    def outstanding(self) -> int:
        """Exchanges on this endpoint or waiting for it: what balancing compares."""
        return self.busy + self.pending

    def connection(self) -> Upstream:
        """Make a connection that is not connected yet."""
        return Upstream(self, self.timeouts, self._wheel, self._whole_answers)

    def take(self) -> Upstream | None:
        """Give an idle connection, the one used last; None when there is none."""
        idle = self._idle
        for upstream in reversed(idle):  # those that close wait for forget()
            transport = upstream.transport
            if transport is not None and not transport.is_closing():
                del idle[upstream]
                self.busy += 1
                return upstream
        return None

    def ask(self, waiter: Waiter, *, fresh: bool = False) -> None:
        """Queue for a connection; `fresh` refuses one that was used before.

        Raises:
            UpstreamFull: The queue is full.

        """
        if self.pending >= self.limits.pending:
            raise self._full()
        now = self._wheel.now
        queue = self._fresh if fresh else self._waiting
        queue[waiter] = gives_up = now + self.timeouts.connect
        if self.deadline == NEVER:
            self._wheel.set(self, gives_up)
        self._connect_if_needed()

    def leave(self, waiter: Waiter) -> None:
        """Leave the queue: the client is gone."""
        self._waiting.pop(waiter, None)
        self._fresh.pop(waiter, None)

    def give_back(self, upstream: Upstream) -> None:
        """Take a connection that is free again; the oldest waiter gets it."""
        if self._waiting:
            self._hand_over(upstream, self._pop(self._waiting))
            return
        self.busy -= 1
        if self.is_retired:
            upstream.close()
        self._idle[upstream] = None

    def forget(self, upstream: Upstream) -> None:
        """Let go of a connection that is gone."""
        if upstream in self._idle:
            del self._idle[upstream]
        else:
            self.busy -= 1
        self._connect_if_needed()

    def retire(self) -> None:
        """Close what is idle, and later what becomes idle: the table names us no more."""
        self.is_retired = True
        for upstream in tuple(self._idle):
            upstream.close()

    def on_deadline(self, now: float) -> None:
        """Turn away those who have waited as long as a connection may take."""
        for queue in (self._waiting, self._fresh):
            for waiter in [w for w, gives_up in queue.items() if gives_up <= now]:
                del queue[waiter]
                if self._connecting:
                    self._turn_away(waiter, Failure.CONNECT_TIMEOUT, self._slow())
                else:
                    self._turn_away(waiter, Failure.FULL, self._full())
        left = (*self._waiting.values(), *self._fresh.values())
        if left:
            self._wheel.set(self, min(left))

    def _connect_if_needed(self) -> None:
        while self._connecting < self.pending and self._may_open():
            self._connecting += 1
            self._spawn(self._connect())

    def _may_open(self) -> bool:
        return self.busy + self.idle + self._connecting < self.limits.connections

    async def dial(self, make: Callable[[], Upstream]) -> Upstream:
        """Connect.

        Raises:
            OSError: It cannot be reached.
            ValueError: Its name is none (IDNA cannot encode it).

        """
        endpoint, tls = self.endpoint, self.tls.arguments(self.endpoint)
        transport, upstream = await asyncio.get_running_loop().create_connection(
            make, self.address or endpoint.host, endpoint.port, **tls
        )
        if tls:
            made(transport)
        return upstream

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self.timeouts.connect):
                upstream = await self.dial(self.connection)
        except TimeoutError:
            self.is_unreachable = True
            self._not_connected(Failure.CONNECT_TIMEOUT, self._slow())
        except (OSError, ValueError) as error:
            lacking = _OUR_OWN.get(getattr(error, "errno", None) or 0)
            if lacking is None:
                self.is_unreachable = True
                self._not_connected(Failure.CONNECT, self._unreachable(error))
            else:
                self._not_connected(Failure.GATEWAY, self._out_of(lacking))
        else:
            self.is_unreachable = False
            self._made(upstream)

    def watch(self, now: float) -> None:
        """Try it when its time is over, on a connection that no request waits for."""
        if self.wants_trial(now):
            if self._may_open():
                self._connecting += 1
                self._spawn(self._try())
            else:
                self.tried(now, is_reached=True)
        elif self.is_suspect:
            self.look(now)

    async def _try(self) -> None:
        await self._connect()
        self.tried(self._wheel.now, is_reached=not self.is_unreachable)

    def _made(self, upstream: Upstream) -> None:
        self._wheel.read_clock()
        self._connecting -= 1
        self.busy += 1
        queue = self._fresh or self._waiting
        if queue:
            self._hand_over(upstream, self._pop(queue))
        else:
            upstream.keep()

    def _hand_over(self, upstream: Upstream, waiter: Waiter) -> None:
        """Let *waiter* begin. Should its code fail, it alone is given up."""
        try:
            waiter.connected(upstream)
        except Exception:
            _logger.exception("A request could not begin on %s.", self.endpoint.url)
            upstream.abort()
            self._turn_away(waiter, Failure.GATEWAY, _erred())

    def _not_connected(self, failure: Failure, error: UpstreamFailed) -> None:
        self._wheel.read_clock()
        self._connecting -= 1
        queue = self._fresh or self._waiting
        if queue:
            self._turn_away(self._pop(queue), failure, error)
        self._connect_if_needed()

    @staticmethod
    def _turn_away(waiter: Waiter, failure: Failure, error: UpstreamFailed) -> None:
        """Tell *waiter* there is nothing. Should its code fail, it alone is given up."""
        try:
            waiter.not_connected(failure, error)
        except Exception:
            _logger.exception("A request could not be refused.")
            if isinstance(waiter, Abortable):
                waiter.abort()

    @staticmethod
    def _pop(queue: dict[Waiter, float]) -> Waiter:
        waiter = next(iter(queue))
        del queue[waiter]
        return waiter

    def _unreachable(self, error: Exception) -> UpstreamUnreachable:
        return UpstreamUnreachable(
            f"The model server {self.endpoint.url} cannot be reached ({reason(error)}).",
            remedy=remedy(error),
        )

    def _out_of(self, lacking: str) -> OutOfResources:
        return OutOfResources(
            f"The gateway can open no connection to {self.endpoint.url}: {lacking}.",
            remedy="Try again shortly, or raise that limit.",
        )

    def _slow(self) -> UpstreamTimedOut:
        return UpstreamTimedOut(
            f"The model server {self.endpoint.url} took no connection within"
            f" {self.timeouts.connect:g} s.",
            remedy="Check that it runs, or raise timeouts.connect.",
        )

    def _full(self) -> UpstreamFull:
        return UpstreamFull(
            f"All {self.limits.connections} connections to {self.endpoint.url} are"
            f" busy and {self.pending} requests wait.",
            remedy="Try again shortly, or raise limits.connections.",
        )


def _erred() -> Erred:
    return Erred(
        "The gateway failed on this request.",
        remedy="Try again, and report the traceback in the gateway's log.",
    )
