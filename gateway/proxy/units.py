"""Which exchanges may count as evidence, and what is recorded of them until it is sent.

The first exchanges of each key are recorded, not all: what comes later is no unit of its
own. What is known of keys is bounded and may be forgotten; then a key is recorded again,
and the controller, who decides, takes it for what it is.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.domain.segment import MOST_SEGMENTS, MOST_VALUES
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.handoff.evidence import Arrival, Block, PairRecord, Record

RECORDED: Final = 20
"""Exchanges of a key that are recorded under one weight; a step passes on their mean."""

RECORDED_IN_WINDOW: Final = 2
"""Exchanges of a key that are recorded in each window: the first, and one after washout."""

MOST_KEYS: Final = 50_000
"""Keys known at once, twice over: of the last ones, and of those before."""

MOST_BEGUN: Final = 5_000
"""Exchanges that all workers take to be recorded between two messages, each its part.
Beyond, fewer keys are. So many cost the controller 0.15 s of each quarter of a second."""

MOST_HELD: Final = 50_000
"""Records that are held while nothing can be sent; then all of them are dropped."""

LONGEST_S: Final = 600.0
"""Seconds for which others wait for an exchange; see control.arrivals."""

_FULL: Final = 1 << 32
_FEWEST: Final = 1 << 16
_LOW: Final = 0xFFFFFFFF

_IN_WINDOW: Final = MOST_SEGMENTS
_WASHED: Final = 2 * MOST_SEGMENTS
_WASHED_IN_WINDOW: Final = 3 * MOST_SEGMENTS

BEFORE_WASHOUT: Final = (1 << _WASHED) - 1
"""Of Unit's and Record's firsts those that say nothing of the washout."""


class Unit(NamedTuple):
    """What is known of an exchange when it arrives.

    Attributes:
        fingerprint: See handoff.evidence.Record, as for the others.
        nth: How many of this key there have been.
        window: Which one it is.
        nth_in_window: How many there have been in it.

    """

    fingerprint: int
    nth: int
    window: int
    nth_in_window: int


class _Known:
    """What is known of a key. Sets of segments' values have a bit for each.

    Attributes:
        revision: Of the split it was seen under last.
        nth: Exchanges under it.
        window: The latest.
        in_window: Exchanges in it.
        cells: Values it has had an exchange in, under that split.
        cells_in_window: The same, in the window.
        washed: Values it has had an exchange after the washout in.
        washed_in_window: The same, in the window.

    """

    __slots__ = (
        "cells",
        "cells_in_window",
        "in_window",
        "nth",
        "revision",
        "washed",
        "washed_in_window",
        "window",
    )

    def __init__(self, revision: int, window: int) -> None:
        self.begins(revision, window)

    def begins(self, revision: int, window: int) -> None:
        """Begin under another split."""
        self.revision = revision
        self.nth = self.cells = self.washed = 0
        self.goes_on_to(window)

    def goes_on_to(self, window: int) -> None:
        """Begin another window."""
        self.window = window
        self.in_window = self.cells_in_window = self.washed_in_window = 0

    def claim(self, cell: Sequence[int], unit: Unit, washout: int) -> int:
        """Mark the values of an exchange; give which are new, as Record.firsts."""
        is_washed, is_current = unit.nth > washout, unit.window == self.window
        firsts = 0
        for place, value in enumerate(cell):
            bit, first = 1 << (place * MOST_VALUES + value), 1 << place
            if not self.cells & bit:
                self.cells |= bit
                firsts |= first
            if is_washed and not self.washed & bit:
                self.washed |= bit
                firsts |= first << _WASHED
            if not is_current:
                continue
            if not self.cells_in_window & bit:
                self.cells_in_window |= bit
                firsts |= first << _IN_WINDOW
            if is_washed and not self.washed_in_window & bit:
                self.washed_in_window |= bit
                firsts |= first << _WASHED_IN_WINDOW
        return firsts


class Split(NamedTuple):
    """The split of a service under which an exchange is assigned.

    Attributes:
        service: Its name.
        revision: Of its split.
        versions: The baseline's name and the candidate's; "" when there is none.
        share: The candidate's weight.
        names: Of the signals.
        segments: Code of the segments' definitions.
        window: Seconds after which a key may count once more.
        washout: Exchanges of a key after which its times count.

    """

    service: str
    revision: int
    versions: tuple[str, str]
    share: Share
    names: tuple[str, ...]
    segments: int
    window: Seconds
    washout: int = 1

    @property
    def is_coin(self) -> bool:
        """Whether the candidate could get an exchange or not get it."""
        return 0 < self.share < BUCKETS


class Units:
    """The units of one worker.

    Attributes:
        dropped: Records lost since the start, in whole blocks.
        most_begun: This worker's part of MOST_BEGUN.

    """

    def __init__(self, *, workers: int = 1) -> None:
        self.dropped = 0
        self.be_one_of(workers)
        self._limit = self._least = _FULL
        self._blocks: dict[Split, Block] = {}
        self._count = self._begun = 0
        self._known: dict[tuple[str, int], _Known] = {}
        self._before: dict[tuple[str, int], _Known] = {}
        self._running: dict[float, int] = {}

    def be_one_of(self, workers: int) -> None:
        """Take this worker's part of what all may record together."""
        self.most_begun = MOST_BEGUN // workers

    @property
    def sampled(self) -> float:
        """Smallest part of the keys that was recorded since the last message.

        0: records were dropped, of any key.
        """
        return min(self._least, self._limit) / _FULL

    def arrived(
        self,
        split: Split,
        fingerprint: int,
        now: float,
        *,
        is_candidate: bool,
        is_keyless: bool = False,
    ) -> Unit | None:
        """Note an exchange that was assigned by a coin; None when it is not recorded.

        Args:
            split: In force.
            fingerprint: Of its key, or of its own.
            now: Seconds; monotonic clock.
            is_candidate: Where it was assigned to.
            is_keyless: It has no key, and so is a unit of its own.

        """
        if fingerprint & _LOW >= self._limit:
            return None
        if is_keyless:
            self._begin(now)
            self._came(split, is_candidate=is_candidate)
            return Unit(fingerprint, 1, int(now / split.window), 1)
        # The high bits say where the windows of this key begin.
        window = int(now / split.window + (fingerprint >> 32) / _FULL)
        known = self._known.get((split.service, fingerprint))
        if not (known and known.revision == split.revision and known.window == window):
            known = self._know(split, fingerprint, window)
        nth, in_window = known.nth + 1, known.in_window + 1
        if nth > RECORDED and in_window > RECORDED_IN_WINDOW:
            return None  # as most are
        known.nth, known.in_window = nth, in_window
        if in_window == 1:
            block = self._blocks.get(split) or self._open(split)
            block.arrivals.append(Arrival(fingerprint, now, window, is_candidate))
        self._begin(now)
        return Unit(fingerprint, nth, window, in_window)

    def claim(self, split: Split, unit: Unit, cell: Sequence[int]) -> int:
        """Decide of which segments' values an exchange is its key's first.

        Call it before anything of the request is sent to its version, or never: who
        answers first, and how soon, must not decide it.

        Args:
            split: Under which it arrived.
            unit: What was known of it then.
            cell: Number of each segment's value.

        Returns:
            See Record.firsts.

        """
        place = (split.service, unit.fingerprint)
        known = self._known.get(place) or self._before.get(place)
        if known is None or known.revision != split.revision:
            return 0  # it was forgotten, or is under another weight by now
        return known.claim(cell, unit, split.washout)

    def _know(self, split: Split, fingerprint: int, window: int) -> _Known:
        """Give what is known of a key, in this window under this split."""
        place = (split.service, fingerprint)
        known = self._known.get(place)
        if known is None:
            known = self._before.get(place)
            if known is None:
                known = _Known(split.revision, window)
            self._remember(place, known)
        if known.revision != split.revision:
            known.begins(split.revision, window)
        elif known.window != window:
            known.goes_on_to(window)
        return known

    def _came(self, split: Split, *, is_candidate: bool) -> None:
        """Count a request without a key."""
        block = self._blocks.get(split) or self._open(split)
        baseline, candidate = block.keyless
        block.keyless = (baseline + (not is_candidate), candidate + is_candidate)

    def _begin(self, now: float) -> None:
        """Count one more to be recorded; where there are too many, take fewer keys.

        Decided on arrival, by a hash: whatever becomes of an exchange, it is recorded
        or not recorded all the same.
        """
        running = self._running
        running[now] = running.get(now, 0) + 1
        self._begun += 1
        if self._begun > self.most_begun:
            self._begun = 0
            self._limit = max(self._limit // 2, _FEWEST)

    def _remember(self, place: tuple[str, int], known: _Known) -> None:
        if len(self._known) >= MOST_KEYS:
            self._before, self._known = self._known, {}
        self._known[place] = known

    def ended(self, split: Split, record: Record) -> None:
        """Take the record of an exchange that is over, or overdue."""
        block = self._blocks.get(split) or self._open(split)
        block.records.append(record)
        self._count += 1
        self.over(record.arrived)

    def over(self, arrived: float) -> None:
        """Await one less of those that arrived then."""
        count = self._running.get(arrived, 0)
        if count > 1:
            self._running[arrived] = count - 1
        else:
            self._running.pop(arrived, None)

    def since(self, now: float) -> float:
        """Tell when the oldest arrived that is recorded and not over; now: none is.

        What takes longer than LONGEST_S is waited for no more.
        """
        while self._running:
            arrived = next(iter(self._running))
            if arrived >= now - LONGEST_S:
                return arrived
            del self._running[arrived]
        return now

    def paired(self, split: Split, pair: PairRecord) -> None:
        """Take what became of a mirrored request: there are few of them."""
        block = self._blocks.get(split) or self._open(split)
        block.pairs.append(pair)
        self._count += 1

    def _open(self, split: Split) -> Block:
        self._blocks[split] = block = Block(
            service=split.service,
            revision=split.revision,
            versions=split.versions,
            share=split.share,
            names=split.names,
            segments=split.segments,
        )
        return block

    def take(self, *, can_send: bool) -> list[Block]:
        """Give what was recorded since the last time; hold it while it cannot be sent.

        Where little comes, more keys are taken again from now on. Read `sampled` before.

        Args:
            can_send: Whether it can be sent on.

        """
        self._least = _FULL if can_send else min(self._least, self._limit)
        if self._begun < self.most_begun // 4:
            self._limit = min(self._limit * 2, _FULL)
        self._begun = 0
        if not can_send:
            if self._count > MOST_HELD:
                self.dropped += self._count
                self._blocks, self._count = {}, 0
                self._least = 0  # any key may have come and not be told of
            return []
        blocks = list(self._blocks.values())
        self._blocks, self._count = {}, 0
        return blocks
