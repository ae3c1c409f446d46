"""Which exchanges may count as evidence, and what is recorded of them until it is sent.

The first exchanges of each key are recorded, not all: what comes later is no unit of its
own. What is known of keys is bounded and may be forgotten; then a key is recorded again,
and the controller, who decides, takes it for what it is.
"""

from typing import Final, NamedTuple

from gateway.domain.units import BUCKETS, Share
from gateway.handoff.evidence import Block, Record

RECORDED: Final = 20
"""Exchanges of a key that are recorded under one weight; a step passes on their mean."""

RECORDED_IN_WINDOW: Final = 2
"""Exchanges of a key that are recorded in each window: the first, and one after washout."""

WINDOW_S: Final = 600.0
"""Seconds after which a key may count once more."""

MOST_KEYS: Final = 50_000
"""Keys known at once, twice over: of the last ones, and of those before."""

MOST_RECORDS: Final = 5_000
"""Records that are kept for one message."""

_FULL: Final = 1 << 32
_FEWEST: Final = 1 << 16
_LOW: Final = 0xFFFFFFFF

_Known = tuple[int, int, int, int]
"""Revision, exchanges under it, window, exchanges in it."""


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


class Split(NamedTuple):
    """The split of a service under which an exchange is assigned.

    Attributes:
        service: Its name.
        revision: Of its split.
        versions: The baseline's name and the candidate's; "" when there is none.
        share: The candidate's weight.
        names: Of the signals.
        segments: Code of the segments' definitions.

    """

    service: str
    revision: int
    versions: tuple[str, str]
    share: Share
    names: tuple[str, ...]
    segments: int

    @property
    def is_coin(self) -> bool:
        """Whether the candidate could get an exchange or not get it."""
        return 0 < self.share < BUCKETS


class Units:
    """The units of one worker.

    Attributes:
        dropped: Records lost since the start, in whole blocks.

    """

    def __init__(self) -> None:
        self.dropped = 0
        self._limit = _FULL
        self._blocks: dict[Split, Block] = {}
        self._count = 0
        self._known: dict[tuple[str, int], _Known] = {}
        self._before: dict[tuple[str, int], _Known] = {}

    @property
    def sampled(self) -> float:
        """Part of the keys that is recorded."""
        return self._limit / _FULL

    def arrived(self, split: Split, fingerprint: int, now: float) -> Unit | None:
        """Note an exchange that was assigned by a coin; None when it is not recorded.

        Args:
            split: In force.
            fingerprint: Of its key, or of its own.
            now: Seconds; monotonic clock.

        """
        if fingerprint & _LOW >= self._limit:
            return None
        # The high bits say where the windows of this key begin.
        window = int(now / WINDOW_S + (fingerprint >> 32) / _FULL)
        place = (split.service, fingerprint)
        known = self._known.get(place) or self._before.get(place)
        nth = in_window = 1
        if known is not None and known[0] == split.revision:
            nth = known[1] + 1
            if known[2] == window:
                in_window = known[3] + 1
                if nth > RECORDED and in_window > RECORDED_IN_WINDOW:
                    return None  # as most are; what is known may stay as it is
        self._remember(place, (split.revision, nth, window, in_window))
        return Unit(fingerprint, nth, window, in_window)

    def _remember(self, place: tuple[str, int], known: _Known) -> None:
        if len(self._known) >= MOST_KEYS:
            self._before, self._known = self._known, {}
        self._known[place] = known

    def ended(self, split: Split, record: Record) -> None:
        """Take the record of an exchange that is over."""
        block = self._blocks.get(split)
        if block is None:
            self._blocks[split] = block = Block(
                service=split.service,
                revision=split.revision,
                versions=split.versions,
                share=split.share,
                names=split.names,
                segments=split.segments,
            )
        block.records.append(record)
        self._count += 1

    def take(self, *, can_send: bool) -> list[Block]:
        """Give what was recorded since the last time, or drop all of it.

        Where more comes than can be taken, half of the keys are left out from now on;
        where little comes, more are taken again.

        Args:
            can_send: Whether it can be sent on.

        """
        blocks, count = list(self._blocks.values()), self._count
        self._blocks, self._count = {}, 0
        if count > MOST_RECORDS:
            self._limit = max(self._limit // 2, _FEWEST)
        elif count < MOST_RECORDS // 4:
            self._limit = min(self._limit * 2, _FULL)
        if can_send and count <= MOST_RECORDS:
            return blocks
        self.dropped += count
        return []
