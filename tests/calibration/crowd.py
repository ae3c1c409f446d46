"""Keys that come back when they have been answered, through real routing and real workers.

Who is answered sooner comes back sooner: so what is seen of a version depends on how fast
it is, everywhere but in where a key was sent when it came.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from random import Random
from typing import Final, NamedTuple

from gateway.control.arrivals import Settled
from gateway.control.examination import Examination, Stage
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.domain.verdict import Assessment
from gateway.handoff.evidence import Block, Record
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.inspection import fingerprint_of
from gateway.proxy.routes import Route, Target
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.proxy.units import Unit, Units
from tests.calibration.bursts import DESIGN

A_LOOK: Final = 0.25
LONGEST_THINK_S: Final = 60.0


def version(name: str) -> Version:
    """Make a version."""
    endpoint = Endpoint(url="http://h", host="h", port=80)
    return Version(name=name, endpoints=(endpoint,))


SERVICE: Final = Service(
    name="chat",
    versions=(version("v1"), version("v2")),
    baseline="v1",
    candidate="v2",
)

Weight = Callable[[float], float]
"""The candidate's weight, in percent, at a time."""


def table(service: Service, revision: int, percent: float) -> Route:
    """Make the route that a published weight makes."""
    share = Share(round(percent * 1000))
    routed = RoutedService(service=service, share=share, salt="s", revision=revision)
    tracing = Tracing(Random(1), 0.0)
    targets = {
        each.name: Target(routed, each, Tally(service.name, each.name), tracing)
        for each in service.versions
    }
    return Route(routed, targets, Random(revision))


def faulty(route: Route, percent: float) -> Route:
    """Let a route send as if the weight were another one, and claim its own."""
    wrong = table(route.service, route.split.revision, percent)
    wrong.split = route.split
    return wrong


class Crowd(NamedTuple):
    """What traffic is like.

    Attributes:
        keys: How many there are from the start.
        joins: New ones a second.
        thinks: Seconds from an answer to the next request, of a key of median activity.
        tail: Of Pareto's law of activity.
        lasts: Seconds that answers of the baseline and of the candidate take.
        workers: How many; each request goes to any of them.
        most_begun: Of each worker; see Units.

    """

    keys: int = 2_000
    joins: float = 50.0
    thinks: float = 2.0
    tail: float = 1.2
    lasts: tuple[float, float] = (0.2, 1.0)
    workers: int = 3
    most_begun: int = 5_000


class _Running(NamedTuple):
    at: float
    number: int
    key: bytes
    think: float
    worker: int
    unit: Unit | None
    route: Route
    is_candidate: bool
    since: float


class Arena:
    """A crowd, and the gateway that counts it.

    Args:
        crowd: See Crowd.
        seed: Of chance.
        weight: See Weight.
        break_it: Makes something else of each route.

    """

    def __init__(
        self,
        crowd: Crowd,
        seed: int,
        weight: Weight,
        break_it: Callable[[Route], Route] = lambda route: route,
    ) -> None:
        self._crowd, self._dice, self._weight = crowd, Random(seed), weight
        self._break_it = break_it
        self._salt = seed
        self.now = 0.0
        self._number = 0
        self._workers = [Units(workers=crowd.workers) for _ in range(crowd.workers)]
        for units in self._workers:
            units.most_begun = crowd.most_begun
        self._running: list[_Running] = []
        self._waits = [self._joining(A_LOOK) for _ in range(crowd.keys)]
        heapify(self._waits)
        self._settled = Settled(lambda: self.now)
        self.examination = Examination(DESIGN, ())
        self._route = self._begin(0)

    def looks(self, until: float) -> Iterator[Assessment]:
        """Go on, look by look; the weight is looked up each second."""
        while self.now < until:
            if not self.now % 1.0 and self.now:
                self._route = self._begin(self._route.split.revision)
            end = self.now + A_LOOK
            for _ in range(round(self._crowd.joins * A_LOOK)):
                heappush(self._waits, self._joining(A_LOOK))
            self._go_on(end)
            self.now = end
            yield self._look()

    def _begin(self, before: int) -> Route:
        percent = self._weight(self.now)
        route = table(SERVICE, before + 1, percent)
        if before and route.split.share == self._route.split.share:
            return self._route
        stage = Stage(number=before + 1, rung=1)
        split = route.split
        self.examination.epoch_begins(split.revision, split.share, self.now, step=stage)
        return self._break_it(route)

    def _joining(self, within: float) -> tuple[float, bytes, float]:
        """Make a key: when it comes, and how long it thinks on average."""
        dice, crowd = self._dice, self._crowd
        think = min(crowd.thinks * 2 / dice.paretovariate(crowd.tail), LONGEST_THINK_S)
        key = b"%d/%x" % (self._salt, dice.getrandbits(64))
        return self.now + dice.random() * within, key, think

    def _go_on(self, end: float) -> None:
        waits, running = self._waits, self._running
        while True:
            arrives = waits[0][0] if waits else end
            ends = running[0].at if running else end
            if min(arrives, ends) >= end:
                return
            if ends <= arrives:
                self._end(heappop(running))
            else:
                self._send(*heappop(waits))

    def _send(self, at: float, key: bytes, think: float) -> None:
        dice, route = self._dice, self._route
        worker = dice.randrange(self._crowd.workers)
        is_candidate = route.target_for(key) is route.candidate
        unit = self._workers[worker].arrived(
            route.split, fingerprint_of(key), at, is_candidate=is_candidate
        )
        self._number += 1
        lasts = self._crowd.lasts[is_candidate] * dice.uniform(0.5, 1.5)
        heappush(
            self._running,
            _Running(
                at + lasts,
                self._number,
                key,
                think,
                worker,
                unit,
                route,
                is_candidate,
                at,
            ),
        )

    def _end(self, ended: _Running) -> None:
        comes = ended.at + self._dice.expovariate(1 / ended.think)
        heappush(self._waits, (comes, ended.key, ended.think))
        if ended.unit is None:
            return
        split = ended.route.split
        record = Record(
            fingerprint=ended.unit.fingerprint,
            bucket=ended.route.bucket(ended.key),
            is_candidate=ended.is_candidate,
            arrived=ended.since,
            nth=ended.unit.nth,
            window=ended.unit.window,
            nth_in_window=ended.unit.nth_in_window,
            outcome="complete",
            duration=ended.at - ended.since,
            is_stream=False,
            first_content=None,
            per_token=None,
            input_tokens=None,
            output_tokens=None,
            cost=None,
            is_late=False,
            values=[],
            cell=b"",
        )
        self._workers[ended.worker].ended(split, record)

    def _look(self) -> Assessment:
        for number, units in enumerate(self._workers):
            sampled = units.sampled
            self.examination.thin_out(sampled)
            for block in units.take(can_send=True):
                self.hears(block, number)
            self._settled.tell(number, units.since(self.now), self.now)
        settled = self._settled
        return self.examination.look(settled.before(), settled.until(), self._close)

    def _close(self) -> None:
        self.examination.close_block()

    def hears(self, block: Block, worker: int) -> None:
        """Let the controller hear a block."""
        self.examination.take(block, worker=worker)
