"""What all connections of one worker share: routes, pools, tallies, deadlines, dice."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from random import Random, SystemRandom
from time import monotonic
from time import time as unix_time  # ruff: ignore[banned-api]: for display, and for feedback
from typing import Final, Protocol

from gateway.answers.segments import Place, places_of
from gateway.domain.deployment import ClientLimits
from gateway.handoff.endpoint_health import EndpointHealth
from gateway.handoff.held_states import HeldStates
from gateway.handoff.observations import Observations, Series
from gateway.handoff.routing_table import RoutingTable
from gateway.proxy.access_log import AccessLogger
from gateway.proxy.all_routes import Routes
from gateway.proxy.awaiting import AllAwaiting
from gateway.proxy.counting import count
from gateway.proxy.crowd import Crowd
from gateway.proxy.deadlines import Wheel
from gateway.proxy.failover import Standbys
from gateway.proxy.lasting import Lasting, Patience
from gateway.proxy.observe import Observation
from gateway.proxy.overload import Overload
from gateway.proxy.pins import pins_of
from gateway.proxy.pool import Pool, Spawn
from gateway.proxy.pools import Pools, series_of
from gateway.proxy.request_body import RequestBody
from gateway.proxy.request_ids import RequestIds
from gateway.proxy.routes import Route, Target
from gateway.proxy.sampler import Drawn
from gateway.proxy.sampling import Samples, sample_of
from gateway.proxy.seen import Seen
from gateway.proxy.seldom import Seldom
from gateway.proxy.spans import Recorder
from gateway.proxy.tally import SlicesInTurn, Tally
from gateway.proxy.units import Units
from gateway.proxy.who import Sender, Told
from gateway.proxy.whole import WholeRequests
from gateway.wire.request_head import RequestHead

_logger: Final = logging.getLogger("sluicegate.plane")

Soon = Callable[[Callable[[], None]], object]
_COUNTED_AT_ONCE: Final = 16
"""Exchanges that are counted before the event loop gets its turn."""

_COMPLAIN_EVERY_S: Final = 10.0
_COUNT_BITS: Final = 0xFFFFFFFF


class Drainable(Lasting, Protocol):
    """A client connection, as far as the plane needs to know it."""

    def drain(self) -> None:
        """Close as soon as nothing is running on it."""

    def abort(self) -> None:
        """Close now."""


class Mirroring(Protocol):
    """What copies requests; mirror.Mirrors is one."""

    def use(self, routes: Routes) -> bool:
        """Copy as a routing table says; tell whether there is anything to copy."""

    def observe(
        self,
        target: Target,
        route: Route,
        head: RequestHead,
        body: RequestBody,
        key: bytes | None,
        peer: Sender,
    ) -> Observation:
        """Begin to notice an exchange whose version is chosen; copy it, perhaps."""

    def sweep(self, now: float) -> None:
        """Look at deadlines."""

    def series(self) -> list[Series]:
        """Write down what was counted of copies."""


class Plane:
    """The data plane of one worker process.

    Args:
        spawn: Runs a coroutine in the worker's task group.
        soon: Calls something in the loop's next turn; None: at once.
        workers: How many there are.
        held: Which version holds what, shared with the others; None: with nobody.
        health: What health checks found, shared with the others; None: with nobody.

    Attributes:
        is_telling: Whether exchanges are told of one by one: logged, or traced.
        mirroring: Copies requests; None while the table has nothing to copy.
        unix_s: Wall clock in whole seconds, as of the last sweep.
        spawn: See the arguments.
        handshakes: How many TLS handshakes of clients were `done`, and `failed`.

    """

    def __init__(
        self,
        spawn: Spawn,
        soon: Soon | None = None,
        *,
        workers: int = 1,
        held: HeldStates | None = None,
        health: EndpointHealth | None = None,
    ) -> None:
        self.wheel = Wheel()
        self.whole_requests = WholeRequests()
        self.clients: set[Drainable] = set()
        self.is_empty = asyncio.Event()
        self.crowd, self.overload, self._patience = Crowd(), Overload(), Patience()
        self.refused: dict[int, int] = {}
        self.is_draining = self.is_telling = False
        self._held = HeldStates() if held is None else held
        self.spawn, self._soon = spawn, soon
        self.handshakes = {"done": 0, "failed": 0}
        self._finished: list[Observation] = []
        self.units = Units(workers=workers)
        self.samples = Samples()
        self._awaiting = AllAwaiting()
        self._complaints = Seldom(_COMPLAIN_EVERY_S)
        self._mirrors: Mirroring | None = None
        self.mirroring: Mirroring | None = None
        self.access_log = AccessLogger()
        self.recorder = Recorder()
        self.unix_s = int(unix_time())
        # Seeded from the system: two workers must not toss the same coins.
        self.dice = Random(SystemRandom().getrandbits(256))  # ruff: ignore[suspicious-non-cryptographic-random-usage]
        own = (self.wheel, spawn, self.dice.random, health or EndpointHealth())
        self._pools = Pools(*own, self._readdress)
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._standbys = Standbys(self.wheel, self.dice, workers)
        self._slices = SlicesInTurn()
        self._ids, self._id_count = RequestIds(self.dice), 0
        self._unique_prefix = self.dice.getrandbits(32) << 32
        self.routes: Routes | None = None
        self.limits = ClientLimits()

    def use(self, table: RoutingTable) -> None:
        """Swap the routing table: from the next request on, this one decides."""
        self._pools.begin(v for s in table.services for v in s.service.versions)
        self.limits = table.limits
        self.access_log.use(table.access_log)
        self.recorder.is_on = table.traces is not None
        self.is_telling = self.access_log.is_on or self.recorder.is_on
        self.routes = Routes(table, self._pools.of, self._tally, self.dice)
        pins = {
            name: pins_of(self._held, *lanes) for name, lanes in table.by_name().items()
        }
        for routed, route in self.routes.by_service():
            route.pins = pins[routed.service.known_as]
        self._standbys.use(self.routes.by_service())
        self.overload.use(table.limits, self.routes.by_service())
        self._awaiting.use(self.routes.with_deadlines)
        self.samples.use({
            routed.service.name: routed.service.sampling
            for routed in table.services
            if routed.service.evaluators
        })
        self._mirror()
        self._pools.end()
        self._keep_slices(table)

    def be_one_of(self, workers: int) -> None:
        """Take this worker's part of what all may do together."""
        self.units.be_one_of(workers)
        self._standbys.be_one_of(workers)

    def attach(self, mirrors: Mirroring) -> None:
        """Let *mirrors* copy what the tables say, from now on."""
        self._mirrors = mirrors
        self._mirror()

    def _mirror(self) -> None:
        mirrors, routes = self._mirrors, self.routes
        if mirrors is not None and routes is not None:
            self.mirroring = mirrors if mirrors.use(routes) else None

    def _keep_slices(self, table: RoutingTable) -> None:
        """Let every tally forget the slices that the table does not know."""
        known: dict[tuple[str, str], set[Place]] = {}
        for service in (routed.service for routed in table.services):
            places = {place for s in service.segments for place in places_of(s)}
            for version in service.versions:
                known[service.known_as, version.name] = places
        for name, tally in self._tallies.items():
            tally.keep_slices(known.get(name, ()))

    def _readdress(self) -> None:
        """Send to where names lead now."""
        if self.routes is not None:
            self.use(self.routes.table)

    def pools(self) -> Iterable[Pool]:
        """Give the pools of the table in force."""
        return self._pools

    def _tally(self, service: str, version: str) -> Tally:
        return self._tallies.setdefault((service, version), Tally(service, version))

    def request_id(self) -> bytes:
        """Make an id that no other request has: a UUID."""
        return self._ids.new()

    def unique(self) -> int:
        """Give 64 bits that no other request has."""
        self._id_count += 1
        return self._unique_prefix | (self._id_count & _COUNT_BITS)

    def finish(self, finished: Observation) -> None:
        """Count an exchange when its last byte is on its way."""
        if finished.target.awaiting is not None:
            finished.target.awaiting.ended(finished)
        self._finished.append(finished)
        if self._soon is None:
            self.count_finished()
        elif len(self._finished) == 1:
            self._soon(self._count_some)

    def later(self, act: Callable[[], None]) -> None:
        """Do something in the loop's next turn."""
        (self._soon or _at_once)(act)

    def _count_some(self) -> None:
        """Count a few of those that are over; the others wait for the next turn."""
        finished = self._finished
        some = max(_COUNTED_AT_ONCE, len(finished) // 2)  # else they could pile up
        self._finished = finished[some:]
        if self._finished and self._soon is not None:
            self._soon(self._count_some)
        self._count_all(finished[:some])

    def count_finished(self) -> None:
        """Count all that are over: before the last report."""
        finished, self._finished = self._finished, []
        self._count_all(finished)

    def _count_all(self, finished: Iterable[Observation]) -> None:
        for exchange in finished:
            try:
                self._count(exchange)
            except Exception as error:  # ruff: ignore[blind-except]: it is told
                self._complain("An exchange could not be counted.", error)

    def _complain(self, what: str, error: Exception) -> None:
        """Tell of a failure, seldom: there may be one for every request."""
        if self._complaints.allow(self.wheel.now):
            _logger.error(what, exc_info=error)

    def _count(self, exchange: Observation) -> None:
        try:
            totals = count(exchange, self.units, self._complain)
            if exchange.drawn is not None:
                self._sample(exchange, exchange.drawn, totals)
            if exchange.told is not None:
                self._tell(exchange, totals)
        finally:
            exchange.let_go(self.units)
            exchange.told = None  # they know each other, and would stay for that

    def _sample(self, exchange: Observation, drawn: Drawn, totals: Seen) -> None:
        """Hold an exchange that was sampled for the evaluators, if there is room."""
        service = exchange.route.split.service
        if self.samples.has_room(service):
            try:
                sample = sample_of(exchange, drawn, totals.outcome, self.unique())
                self.samples.add(sample)
            except Exception as error:  # ruff: ignore[blind-except]: it is told
                self.samples.drop(service)
                self._complain("A sampled exchange could not be told of.", error)

    def _tell(self, exchange: Observation, totals: Seen) -> None:
        """Tell of an exchange in the access log and in its trace, where these are on."""
        trace = exchange.head.trace
        if self.access_log.is_on:
            self.access_log.exchange(exchange, totals)
        if trace is not None and self.recorder.is_on:
            self.recorder.add(trace, exchange, totals)

    @property
    def is_tossing(self) -> bool:
        """Whether a coin decides for any service."""
        return self.routes is not None and self.routes.is_tossing

    def close(self) -> None:
        """Write down what is over; nothing comes any more."""
        self.count_finished()
        self.access_log.close()
        self._pools.close()

    def refuse(
        self,
        status: int,
        told: Told | None = None,
        peer: Sender | None = None,
        arrived: float = 0.0,
    ) -> None:
        """Count a request that reached no version; log it when there is one to tell of.

        Args:
            status: What the client was sent.
            told: The request; None when none was read.
            peer: Who sent it.
            arrived: When its head did, by the wheel's clock.

        """
        self.refused[status] = self.refused.get(status, 0) + 1
        log = self.access_log
        if log.is_on and told is not None and peer is not None:
            try:
                log.refusal(told, peer, status, self.wheel.now - arrived)
            except Exception as error:  # ruff: ignore[blind-except]: it is told
                self._complain("A refusal could not be logged.", error)

    def sweep(self) -> None:
        """Look at the deadlines; call every deadlines.SWEEP seconds."""
        self.unix_s = int(unix_time())
        now = monotonic()
        self.overload.sweep(now)
        self.wheel.sweep(now)
        self._patience.end_what_lasts(self.clients, self.limits.stream, now)
        self._pools.sweep(now)
        for exchange in self._awaiting.overdue(now):
            try:
                exchange.note_overdue(now, self.units)
            except Exception as error:  # ruff: ignore[blind-except]: it is told
                self._complain("A late exchange could not be recorded.", error)
        if self._mirrors is not None:
            self._mirrors.sweep(now)

    def forget(self, client: Drainable) -> None:
        """Let go of a client connection that is gone."""
        self.clients.discard(client)
        if self.is_draining and not self.clients:
            self.is_empty.set()

    def drain(self) -> None:
        """Let every client connection close once nothing runs on it; see is_empty."""
        self.is_draining = True
        if not self.clients:
            self.is_empty.set()
        for client in tuple(self.clients):
            client.drain()

    def abort(self) -> None:
        """Close every client connection now."""
        for client in tuple(self.clients):
            client.abort()

    def observe(
        self, worker: int, pid: int, sequence: int, *, slices: bool = True
    ) -> Observations:
        """Write down everything seen so far: of the slices all, or some in turn."""
        pools = self._pools.by_version()
        diverting, now = self._standbys.diverting(), self.wheel.now
        return Observations(
            worker=worker,
            pid=pid,
            sequence=sequence,
            series=self._pools.count(
                series_of(
                    tally, pools.get(name, ()), now, is_diverting=name in diverting
                )
                for name, tally in self._tallies.items()
            ),
            slices=self._slices.write(self._tallies.values(), everything=slices),
            mirrored=[] if self._mirrors is None else self._mirrors.series(),
            endpoints=self._pools.told(self.wheel.now),
            covered=self._standbys.series(),
            downstream_connections=len(self.clients),
            refused=dict(self.refused),
            handshakes=dict(self.handshakes),
            dropped={
                "access_log": self.access_log.dropped,
                "evidence": self.units.dropped,
                "sample": sum(self.samples.dropped.values()),
                "span": self.recorder.dropped,
                **{f"shed {why}": count for why, count in self.overload.shed.items()},
            },
        )


def _at_once(act: Callable[[], None]) -> None:
    act()
