"""Exchanges in the order in which they arrived: none counts before those ahead of it.

Answers end in another order than they began: in the first seconds of a weight those of the
quicker version are all there is. A success of the baseline is evidence against a candidate
that has shown nothing yet, so that a candidate which is slower and not worse in anything
else would be taken back for errors that nobody made. So what succeeds waits until all that
arrived before it is over, or was told at its deadline. What fails counts at once: failures
are few, and a candidate that fails must not have to wait for its answers.
"""

from collections.abc import Callable
from heapq import heappop, heappush, nsmallest
from typing import Final

import msgspec

from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.units import Share
from gateway.handoff.evidence import OVERDUE, Block, Record

MOST_WAITING: Final = 200_000
"""Records that wait; beyond, the oldest go first."""

MOST_KEPT: Final = 5_000
"""Records that wait and outlive a restart."""

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
        self._told: dict[int, tuple[float, float]] = {}
        self._before: float | None = None

    def tell(self, worker: int, since: float) -> None:
        """Hear since when the oldest exchange is running that a worker awaits."""
        self._told[worker] = (since, self._clock())

    def before(self) -> float | None:
        """Give the moment before which no arrival is awaited; None: not known yet."""
        now = self._clock()
        heard = [since for since, at in self._told.values() if now - at < _SILENT_S]
        if heard:
            self._before = max(min(heard), self._before or 0.0)
        return self._before


class Split(msgspec.Struct, frozen=True, array_like=True):
    """Under what a record was made, and by which process; see handoff.evidence.Block."""

    revision: int
    share: Share
    names: tuple[str, ...]
    segments: int
    worker: int


class Waiting:
    """Records that wait for those ahead of them.

    Args:
        take: Takes a record when it is its turn.

    """

    def __init__(self, take: Callable[[Split, Record], None]) -> None:
        self._take = take
        self._held: list[tuple[float, int, Split, Record]] = []
        self._count = 0
        self._before = 0.0

    def add(self, block: Block, worker: int) -> None:
        """Take the records of a block, those at once that need not or must not wait."""
        split = Split(block.revision, block.share, block.names, block.segments, worker)
        for record in block.records:
            is_due = record.arrived < self._before
            if is_due or record.is_late or record.outcome in _AT_ONCE:
                self._take(split, record)
            else:
                self._hold(split, record)
        while len(self._held) > MOST_WAITING:
            self._give()

    def settle(self, before: float) -> None:
        """Take what arrived before a moment, in order."""
        self._before = max(self._before, before)
        while self._held and self._held[0][0] < self._before:
            self._give()

    def dump(self) -> bytes:
        """Give those that wait; the oldest, where there are very many."""
        oldest = nsmallest(MOST_KEPT, self._held)
        return msgspec.msgpack.encode([(split, record) for *_, split, record in oldest])

    def load(self, dumped: bytes) -> None:
        """Take up what `dump` gave.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        kind = list[tuple[Split, Record]]
        for split, record in msgspec.msgpack.decode(dumped, type=kind):
            self._hold(split, record)

    def _hold(self, split: Split, record: Record) -> None:
        self._count += 1
        heappush(self._held, (record.arrived, self._count, split, record))

    def _give(self) -> None:
        _arrived, _count, split, record = heappop(self._held)
        self._take(split, record)
