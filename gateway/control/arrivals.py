"""Exchanges in the order in which they arrived: none counts before those ahead of it.

Answers end in another order than they began: in the first seconds of a weight those of the
quicker version are all there is. A success of the baseline is evidence against a candidate
that has shown nothing yet, so that a candidate which is slower and not worse in anything
else would be taken back for errors that nobody made. So what succeeds waits until all that
arrived before it is over, or was told at its deadline. What fails counts at once, unless its
key came to another worker before: then another exchange may be the key's first, and it waits
for its turn as successes do. Failures are few, and a candidate that fails must not have to
wait for its answers.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from heapq import heappop, heappush, nsmallest
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Final

import msgspec

from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.units import Share
from gateway.handoff.evidence import OVERDUE, Arrival, Block, Record

MOST_WAITING: Final = 200_000
"""Records that wait; beyond, the oldest go first."""

MOST_COMING: Final = 200_000
"""Keys that came and are not counted yet; beyond, they are not put in order."""

MOST_KEPT: Final = 50_000
"""Records that wait and outlive a restart: 3.4 MB, 15 ms each time they are written. Those of
20 s under 2,500 requests a second; all that may wait would take a quarter of a second."""

_SILENT_S: Final = 2.0
"""After which a worker that says nothing holds nobody up."""

_AT_ONCE: Final = frozenset({
    OVERDUE,
    Outcome.CLIENT_ERROR.value,
    *(outcome.value for outcome in ERRORS),
})


class Settled:
    """Up to when all that arrived is known, over all workers.

    Args:
        clock: Monotonic, seconds; that of the machine, which all processes share.

    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[int, tuple[float, float, float]] = {}
        self._before: float | None = None

    def tell(self, worker: int, since: float, until: float) -> None:
        """Hear since when a worker's oldest exchange runs, and until when arrivals are told."""
        self._told[worker] = (since, until, self._clock())

    def before(self) -> float | None:
        """Give the moment before which no arrival is awaited; None: not known yet."""
        if heard := [since for since, _until in self._heard()]:
            self._before = max(min(heard), self._before or 0.0)
        return self._before

    def until(self) -> float:
        """Give the moment before which all arrivals have been told; 0: not known yet."""
        return min((until for _since, until in self._heard()), default=0.0)

    def _heard(self) -> list[tuple[float, float]]:
        """Give what was told by workers that are not silent."""
        now = self._clock()
        told = self._told.values()
        return [(since, until) for since, until, at in told if now - at < _SILENT_S]


class Split(msgspec.Struct, frozen=True, array_like=True):
    """Under what a record was made, and by which process; see handoff.evidence.Block."""

    revision: int
    share: Share
    names: tuple[str, ...]
    segments: int
    worker: int


def split_of(block: Block, worker: int) -> Split:
    """Tell under what the records of a block were made, and by whom."""
    return Split(block.revision, block.share, block.names, block.segments, worker)


class Coming:
    """Keys that came, until all that came before them have been told of.

    Which of two workers saw a key first, or under an earlier weight, must not depend on
    whose message is read first.

    Args:
        take: Takes keys that came under one split to one worker, in order.

    """

    def __init__(self, take: Callable[[Split, Sequence[Arrival]], None]) -> None:
        self._take = take
        self._held: list[tuple[float, int, Split, Arrival]] = []
        self._count = 0

    def add(self, block: Block, worker: int) -> None:
        """Take the keys of a block."""
        split = split_of(block, worker)
        for arrival in block.arrivals:
            self._count += 1
            self._held.append((arrival.arrived, self._count, split, arrival))
        if len(self._held) > MOST_COMING:
            self.settle(inf)

    def settle(self, until: float) -> None:
        """Take those that came before a moment, in order."""
        held = self._held
        held.sort()
        due = bisect_left(held, (until,))
        self._held = held[due:]
        for split, group in groupby(held[:due], key=itemgetter(2)):
            self._take(split, [arrival for *_, arrival in group])


class Waiting:
    """Records that wait for those ahead of them.

    Args:
        take: Takes a record when it is its turn.
        is_ahead: Whether no other worker has seen its key before it, under its weight, as
            far as arrivals have been told.

    """

    def __init__(
        self,
        take: Callable[[Split, Record], None],
        is_ahead: Callable[[Split, Record], bool],
    ) -> None:
        self._take = take
        self._is_ahead = is_ahead
        self._failed: list[tuple[Split, Record]] = []
        self._held: list[tuple[float, int, Split, Record]] = []
        self._count = 0
        self._before = 0.0

    def add(self, block: Block, worker: int) -> None:
        """Take the records of a block."""
        split = split_of(block, worker)
        for record in block.records:
            if record.arrived < self._before:
                self._take(split, record)
            elif record.is_late or record.outcome in _AT_ONCE:
                self._failed.append((split, record))
            else:
                self._hold(split, record)
        while len(self._held) > MOST_WAITING:
            self._give()
        if len(self._failed) > MOST_WAITING:
            self._let_failed_go(inf)

    def settle(self, before: float, until: float) -> None:
        """Take failures that need not wait, and what arrived before a moment, in order.

        Args:
            before: No arrival before is awaited.
            until: All arrivals before have been told.

        """
        self._before = max(self._before, before)
        self._let_failed_go(max(until, self._before))
        while self._held and self._held[0][0] < self._before:
            self._give()

    @property
    def is_cut(self) -> bool:
        """Whether more wait than `dump` gives.

        What is left out then is the quicker version's, for that is what waits.
        """
        return len(self._held) + len(self._failed) > MOST_KEPT

    def dump(self) -> bytes:
        """Give those that wait; the oldest, where there are very many."""
        waiting = [(split, record) for *_, split, record in self._held] + self._failed
        if self.is_cut:
            waiting = nsmallest(MOST_KEPT, waiting, key=lambda each: each[1].arrived)
        return msgspec.msgpack.encode(waiting)

    def load(self, dumped: bytes) -> None:
        """Take up what `dump` gave.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        kind = list[tuple[Split, Record]]
        for split, record in msgspec.msgpack.decode(dumped, type=kind):
            self._hold(split, record)

    def _let_failed_go(self, until: float) -> None:
        """Take the failures that are ahead of their keys' others; let the others wait."""
        failed, self._failed = self._failed, []
        for split, record in failed:
            if record.arrived >= until:
                self._failed.append((split, record))
            elif self._is_ahead(split, record):
                self._take(split, record)
            else:
                self._hold(split, record)

    def _hold(self, split: Split, record: Record) -> None:
        self._count += 1
        heappush(self._held, (record.arrived, self._count, split, record))

    def _give(self) -> None:
        _arrived, _count, split, record = heappop(self._held)
        self._take(split, record)
