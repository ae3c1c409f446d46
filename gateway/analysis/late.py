"""Feedback as evidence: what users say of answers, which comes later or never.

A unit is pending from its first exchange until the deadline, counted from its assignment.
Then it closes, whoever has said what: its value is whether the event came by then. Silence
is a value as well. "The mean of what was said" would be of those who say something, and
who does is something that the version causes: that is no fair comparison.

The coin is that of the unit's epoch, tossed when it was assigned, and units close in the
order of their assignment, as all have the same deadline. So a unit's value is settled at
odds that were made from units assigned before it: the running product is one of fair bets
in the order of assignments, whatever was learnt of the pending ones by other metrics.

What a key says is said of the key: an id names the key and the epoch, and not which of its
exchanges was the first. No time is read here; `at` and `now` are of one monotonic clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from math import inf
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

import msgspec

from gateway.analysis.design import Design
from gateway.analysis.exchange import Exchange
from gateway.domain.rollout import FEEDBACK, Worse

MOST_PENDING: Final = 100_000
"""Units that are awaited at once; where there are more, half of all keys are let go."""

MOST_SAID: Final = 64
"""Pieces of feedback on one unit that are told apart; further ones change nothing."""

EPOCH: Final = 0xFFFFFFFF
"""The bits of a revision that an id has."""

_FULL: Final = 1 << 32
_LOW: Final = 0xFFFFFFFF
_PLACE: Final = Struct(">QI")
_MARK: Final = b"\0"
"""Before each row that is kept: no row of a key (key_table) begins with it."""

_Place: TypeAlias = tuple[int, int]
"""Fingerprint, and the epoch as an id has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A piece of feedback on an exchange that was evidence, as its id names it.

    Attributes:
        fingerprint: Of the key; of a request without one, its own.
        epoch: Revision at assignment, its last 32 bits.
        exchange: 64 bits that tell it from any other.
        name: Of the feedback.
        is_event: Whether it says yes; no takes back what was said before.
        cell: Number of each segment's value; empty when segments are others now.

    """

    fingerprint: int
    epoch: int
    exchange: int
    name: str
    is_event: bool
    cell: bytes = b""


class Closed(NamedTuple):
    """The value of a unit in one metric, known for good.

    Attributes:
        metric: Its number.
        coin: With which it was tossed; 0: it is only measured against a ceiling.
        is_candidate: Where it was assigned to.
        bad: Mask of the cells in which it is bad news.
        good: Mask of those in which it is not.
        step: In which it was assigned; -1: in none that it could prove something for.

    """

    metric: int
    coin: float
    is_candidate: bool
    bad: int
    good: int
    step: int


class _Opening(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Cells in which a unit was counted with one exchange; masks as bytes, of any length."""

    due: float
    cells: bytes
    step: int


class _Event(msgspec.Struct, array_like=True, gc=False):
    """What was said of one exchange; it stands from `at` until before `until`."""

    metric: int
    exchange: int
    cells: bytes
    at: float
    until: float = inf


class _Pending(msgspec.Struct, array_like=True, gc=False):
    """A unit that is awaited; without openings: feedback that came before its unit."""

    fingerprint: int
    epoch: int
    coin: float = 0.0
    is_candidate: bool = False
    openings: list[_Opening] = []
    events: list[_Event] = []


class _Feedback(NamedTuple):
    number: int
    is_good: bool


class LateUnits:
    """The pending units of one attempt.

    Args:
        design: Of the analysis.
        most: Units that are awaited at once.

    Attributes:
        limit: Units whose low bits are below it are awaited; it only falls.
        is_needed: Whether any metric counts feedback.

    """

    def __init__(self, design: Design, *, most: int = MOST_PENDING) -> None:
        self._metrics = {
            metric.signal.removeprefix(FEEDBACK): _Feedback(
                number, metric.worse is Worse.LOWER
            )
            for number, metric in enumerate(design.metrics)
            if metric.is_late
        }
        self._deadline = design.feedback_deadline
        self._most = most
        self.is_needed = bool(self._metrics)
        self.limit = _FULL
        self._units: dict[_Place, _Pending] = {}
        self._closes: list[tuple[float, _Place]] = []
        self._changed: set[_Place] = set()

    def __len__(self) -> int:
        return len(self._units)

    @property
    def sampled(self) -> float:
        """Part of the units that is awaited, 0 to 1."""
        return self.limit / _FULL

    def open(
        self,
        exchange: Exchange,
        *,
        revision: int,
        coin: float,
        cells: int,
        step: int,
    ) -> None:
        """Await feedback on a unit, in cells where it was not counted before.

        Args:
            exchange: Its first in these cells.
            revision: Of the split it was assigned under.
            coin: See Closed, as for step.
            cells: Mask.
            step: See Closed.

        """
        fingerprint = exchange.fingerprint
        if not cells or not self.is_needed or not self._is_in_sample(fingerprint):
            return
        place = fingerprint, revision & EPOCH
        unit = self._unit(place)
        unit.coin, unit.is_candidate = coin, exchange.is_candidate
        due = exchange.arrived + self._deadline
        unit.openings.append(_Opening(due, _packed(cells), step))
        self._await(due, place)

    def hear(self, said: Said, cells: int, at: float, *, is_known: bool) -> None:
        """Take a piece of feedback; the same again changes nothing.

        Args:
            said: See Said.
            cells: Mask of those that its exchange is in.
            at: When it came.
            is_known: Whether its epoch is one of this attempt: its unit may be heard of
                after it. Where not, only units that are awaited take it.

        """
        found = self._metrics.get(said.name)
        place = said.fingerprint, said.epoch
        if found is None or not self._is_in_sample(said.fingerprint):
            return
        if place not in self._units and not (is_known and said.is_event):
            return
        unit = self._unit(place)
        standing = _standing(unit, found.number, said.exchange)
        if standing is not None and not said.is_event:
            standing.until = at
        elif standing is None and said.is_event and len(unit.events) < MOST_SAID:
            event = _Event(found.number, said.exchange, _packed(cells), at)
            unit.events.append(event)
            self._await(at + self._deadline, place)
        else:
            return
        self._changed.add(place)
        if len(self._units) > self._most:  # also where nobody closes any more
            self.bound()

    def close(self, now: float) -> Iterator[Closed]:
        """Close the units whose deadline has passed, in the order of their assignment."""
        while self._closes and self._closes[0][0] <= now:
            place = heappop(self._closes)[1]
            unit = self._units.get(place)
            if unit is not None:
                yield from self._settle(place, unit, now)
        self.bound()

    def bound(self) -> None:
        """Let go of half of the keys where too many units are awaited."""
        while len(self._units) > self._most:
            self.limit //= 2
            gone = [place for place in self._units if not self._is_in_sample(place[0])]
            for place in gone:
                self._forget(place)

    def forget(self) -> None:
        """Drop all that is awaited: no time of before compares with one of now."""
        self._changed |= self._units.keys()
        self._units, self._closes = {}, []

    def dump(self, *, whole: bool) -> dict[int, bytes]:
        """Write units down, and note that they are; an empty row is of one that is over.

        Args:
            whole: All of them, and not only those that have changed.

        """
        units, changed = self._units, self._changed
        self._changed = set()
        encode = msgspec.msgpack.Encoder().encode
        return {
            _row(place): _MARK + encode(units[place]) if place in units else b""
            for place in (units.keys() if whole else changed)
        }

    def load(self, rows: Mapping[int, bytes], limit: int) -> None:
        """Take up what was written down; rows that are no units are left out.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        self.forget()
        self.limit = limit
        decode = msgspec.msgpack.Decoder(_Pending).decode
        for row in rows.values():
            if is_unit(row):
                unit = decode(row[len(_MARK) :])
                self._units[unit.fingerprint, unit.epoch] = unit
        self._closes = [
            (due, place)
            for place, unit in self._units.items()
            for due in self._dues(unit)
        ]
        heapify(self._closes)
        self.bound()
        self._changed = set()

    def _is_in_sample(self, fingerprint: int) -> bool:
        return fingerprint & _LOW < self.limit

    def _unit(self, place: _Place) -> _Pending:
        unit = self._units.get(place)
        if unit is None:
            self._units[place] = unit = _Pending(*place)
        return unit

    def _await(self, due: float, place: _Place) -> None:
        heappush(self._closes, (due, place))
        self._changed.add(place)

    def _settle(self, place: _Place, unit: _Pending, now: float) -> Iterator[Closed]:
        """Give the values of what is due, and forget what nothing can become of."""
        due = [opening for opening in unit.openings if opening.due <= now]
        if due:
            unit.openings = [each for each in unit.openings if each.due > now]
            self._changed.add(place)
        for opening in due:
            yield from self._values(unit, opening)
        if not any(moment > now for moment in self._dues(unit)):
            self._forget(place)

    def _values(self, unit: _Pending, opening: _Opening) -> Iterator[Closed]:
        cells = _unpacked(opening.cells)
        for number, is_good in self._metrics.values():
            told = 0
            for event in unit.events:
                if event.metric == number and event.at <= opening.due < event.until:
                    told |= _unpacked(event.cells)
            bad = cells & ~told if is_good else cells & told
            yield Closed(
                number, unit.coin, unit.is_candidate, bad, cells & ~bad, opening.step
            )

    def _dues(self, unit: _Pending) -> Iterator[float]:
        """Give when something is due; feedback waits for units that are heard of later."""
        yield from (opening.due for opening in unit.openings)
        yield from (event.at + self._deadline for event in unit.events)

    def _forget(self, place: _Place) -> None:
        del self._units[place]
        self._changed.add(place)


def is_unit(row: bytes) -> bool:
    """Tell a row that LateUnits has written from one of a key."""
    return row.startswith(_MARK)


def _standing(unit: _Pending, metric: int, exchange: int) -> _Event | None:
    for event in unit.events:
        if (event.metric, event.exchange, event.until) == (metric, exchange, inf):
            return event
    return None


def _row(place: _Place) -> int:
    """Give the number that a unit is kept under, among fingerprints of keys."""
    digest = blake2b(_PLACE.pack(*place), digest_size=8, person=b"late unit").digest()
    return int.from_bytes(digest, "big")


def _packed(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _unpacked(mask: bytes) -> int:
    return int.from_bytes(mask, "little")
