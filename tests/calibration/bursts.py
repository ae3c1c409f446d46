"""Keys that send many requests at once, through workers that record and a book that counts.

Who ends first is not who arrived first: here answers of the candidate take longer, and
nothing else differs between the versions. A key's unit must not be chosen by its end.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple

from gateway.analysis.counts import Counts
from gateway.analysis.design import Design, Kind, Metric
from gateway.answers.segments import code_of
from gateway.control.arrivals import Settled
from gateway.control.examination import Examination, Stage
from gateway.domain.rollout import Margin
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.domain.verdict import Assessment
from gateway.handoff.evidence import Record
from gateway.proxy.units import Split, Units

A_LOOK: Final = 0.25
A_BLOCK: Final = 5.0
WINDOW_S: Final = 60.0
LONG: Final = 1

SEGMENTS: Final = (
    Segment(name="lane", by=SegmentBy.HEADER, key="x-lane", values=("long",)),
)

DESIGN: Final = Design(
    metrics=(
        Metric(
            name="error_rate",
            signal="error_rate",
            kind=Kind.RATE,
            share=1.0,
            margins=(Margin(),) * 4,
            tolerance=Margin(),
        ),
    ),
    cells=(("lane", "long"),),
    cell_shares=((0.5, 0.5),),
    alpha=0.05,
    window=Seconds(WINDOW_S),
    windows=10,
)


class World(NamedTuple):
    """What traffic is like.

    Attributes:
        keys: New ones a second.
        burst: Requests that each sends at once.
        again: Seconds after which a key sends as many again; 0: never.
        lasts: Seconds that an answer of the baseline takes, and of the candidate.
        fails_in: The same, of what fails.
        errors: Of both versions.
        workers: Over which the requests of a key are spread.
        share: The candidate's.
        spread: Sigma of the logarithm of how long answers take.

    """

    keys: float = 10.0
    burst: int = 60
    again: float = 0.0
    lasts: tuple[float, float] = (5.0, 10.0)
    fails_in: tuple[float, float] = (5.0, 10.0)
    errors: float = 0.05
    workers: int = 1
    share: Share = Share(50_000)
    spread: float = 0.2


class Ending(NamedTuple):
    """A recorded exchange that ends."""

    at: float
    number: int
    worker: int
    record: Record


class Bursts:
    """Traffic of a world, and the gateway that counts it.

    Args:
        world: See World.
        seed: Of chance.

    Attributes:
        counts: What blocks that are closed have counted.

    """

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._dice = world, Random(seed)
        self.now = 0.0
        self.counts = Counts()
        self._number = 0
        self._workers = [Units(workers=world.workers) for _ in range(world.workers)]
        self._running: list[Ending] = []
        self._sends: list[tuple[float, int, int]] = []
        self._split = Split(
            service="chat",
            revision=1,
            versions=("v1", "v2"),
            share=world.share,
            names=(),
            segments=code_of(SEGMENTS),
            window=Seconds(WINDOW_S),
        )
        self._settled = Settled(lambda: self.now)
        self.examination = Examination(DESIGN, SEGMENTS)
        self.examination.epoch_begins(1, world.share, 0.0, step=Stage(number=1, rung=1))

    def looks(self, until: float) -> Iterator[Assessment]:
        """Go on, look by look."""
        next_key, blocks = 0.0, 0
        while self.now < until:
            look_at = self.now + A_LOOK
            while next_key < look_at:
                next_key += self._dice.expovariate(self._world.keys)
                heappush(
                    self._sends, (next_key, self._dice.getrandbits(64), self._bucket())
                )
            while self._sends and self._sends[0][0] < look_at:
                self._send(*heappop(self._sends))
            self._end(look_at)
            self.now = look_at
            yield self._look()
            if self.now // A_BLOCK > blocks:
                blocks = int(self.now // A_BLOCK)
                self._close()

    def _bucket(self) -> int:
        return self._dice.randrange(BUCKETS)

    def _send(self, at: float, fingerprint: int, bucket: int) -> None:
        world, dice = self._world, self._dice
        self._end(at)
        if world.again:
            heappush(self._sends, (at + world.again, fingerprint, bucket))
        side = bucket < world.share
        for place in range(world.burst):
            worker = dice.randrange(world.workers)
            arrived = at + place * 1e-4
            cell = bytes([LONG * (dice.random() < 0.5)])
            units = self._workers[worker]
            unit = units.arrived(self._split, fingerprint, arrived, is_candidate=side)
            if unit is None:
                continue
            is_error = dice.random() < world.errors
            mean = (world.fails_in if is_error else world.lasts)[side]
            lasts = mean * dice.lognormvariate(0.0, world.spread)
            record = Record(
                fingerprint=fingerprint,
                bucket=bucket,
                is_candidate=side,
                arrived=arrived,
                nth=unit.nth,
                window=unit.window,
                nth_in_window=unit.nth_in_window,
                outcome="upstream_error" if is_error else "complete",
                duration=lasts,
                is_stream=False,
                first_content=None,
                per_token=None,
                input_tokens=None,
                output_tokens=None,
                cost=None,
                is_late=False,
                values=[],
                cell=cell,
                firsts=units.claim(self._split, unit, cell),
            )
            self._number += 1
            heappush(
                self._running, Ending(arrived + lasts, self._number, worker, record)
            )

    def _end(self, until: float) -> None:
        while self._running and self._running[0].at <= until:
            ending = heappop(self._running)
            self._workers[ending.worker].ended(self._split, ending.record)

    def _look(self) -> Assessment:
        for number, units in enumerate(self._workers):
            for block in units.take(can_send=True):
                self.examination.take(block, worker=number)
            self._settled.tell(number, units.since(self.now), self.now)
        settled = self._settled
        return self.examination.look(settled.before(), settled.until(), self._close)

    def _close(self) -> None:
        self.counts.merge(self.examination.close_block())
