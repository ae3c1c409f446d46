"""Scores as evidence: what evaluators make of sampled answers, which comes later or never.

A unit is the one of everything else: a key's first exchange that counts under a weight
(and its first in a segment, and in a window), or a request without a key. Its value is the
score of that very exchange, found by when it arrived; of others of its key nothing is
counted. Whether its key is in an evaluator's sample its record says, by a draw that was made
on its arrival: who is in none is not awaited. Of the others the sample comes; where it does
not come soon after their end it was lost, or dropped, and they are let go.

Units are settled in the order of their assignment, each when all before it are settled:
verdicts come sooner on answers that end sooner or are short, so that in the order in which
they come the quicker version would be judged by more units. A unit whose verdict has not
come by its deadline is settled without a value. That counts for nobody, but it is counted
(analysis.judging): whoever breaks the judge must not be able to hide.

No time is read here; `now` is the moment before which all arrivals are known.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from math import isfinite
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

import msgspec

from gateway.analysis.counts import Came
from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.exchange import Exchange
from gateway.analysis.judged import Judged, Sampled
from gateway.analysis.observe import WORST
from gateway.domain.evaluation import is_in_sample
from gateway.domain.rollout import Worse
from gateway.domain.units import Seconds

MOST_AWAITED: Final = 100_000
"""Units that are awaited at once; where there are more, half of all keys are let go."""

GRACE: Final = Seconds(10.0)
"""For how long after an exchange's end a sample that is due may be on its way to the
evaluators; and for how long after a deadline what was made of it is."""

ALL_KEYS: Final = 1 << 32
_LOW: Final = 0xFFFFFFFF
_PLACE: Final = Struct(">HQQd")
_MARK: Final = b"\1"
"""Before each row that is kept: no row of a key or of feedback begins with it."""

_Place: TypeAlias = tuple[int, int, int, float]
"""Number of the evaluator, fingerprint, epoch, and arrival of the exchange."""


class Scored(NamedTuple):
    """What became of a unit in one metric, known for good.

    Attributes:
        metric: Its number.
        coin: With which it was tossed; 0: it is only measured against a ceiling.
        is_candidate: Where it was assigned to.
        fresh: Mask of the cells in which it counts in the fresh process.
        window: Number of its window; None: it is older than all that count.
        in_window: Mask of the cells in which it counts there.
        step: In which it was assigned; -1: in none that it could prove something for.
        came: Whether there is a value, and why not.
        bin: Of the value; 0 without one.

    """

    metric: int
    coin: float
    is_candidate: bool
    fresh: int
    window: int | None
    in_window: int
    step: int
    came: Came
    bin: int


class _Unit(msgspec.Struct, array_like=True, gc=False):
    """A unit that is awaited, or a verdict that came before it.

    Attributes:
        place: See _Place.
        ended: Of the exchange; None: its record has not been taken.
        is_sampled: Its sample has come, or a verdict.
        verdicts: By number of the metric: a bin, or -1 less Came.
        coin: See Scored, as for the others; masks as bytes, of any length.

    """

    place: _Place
    ended: float | None = None
    is_sampled: bool = False
    verdicts: dict[int, int] = {}
    coin: float = 0.0
    is_candidate: bool = False
    fresh: bytes = b""
    window: int | None = None
    in_window: bytes = b""
    step: int = -1


class _Asked(NamedTuple):
    """An evaluator, and the metrics that are its scores, by signal."""

    name: str
    deadline: Seconds
    metrics: dict[str, tuple[int, Metric]]


class ScoredUnits:
    """The units of one attempt whose scores are awaited.

    Args:
        design: Of the analysis.
        most: Units that are awaited at once.

    Attributes:
        limit: Units whose low bits are below it are awaited; it only falls.
        is_needed: Whether any metric is a score.

    """

    def __init__(self, design: Design, *, most: int = MOST_AWAITED) -> None:
        self._asked = [
            _Asked(
                evaluator.name,
                evaluator.deadline,
                {
                    metric.signal: (number, metric)
                    for number, metric in enumerate(design.metrics)
                    if metric.evaluator == evaluator.name
                },
            )
            for evaluator in design.evaluators
        ]
        self._numbers = {each.name: at for at, each in enumerate(design.evaluators)}
        self._shares = [each.sample for each in design.evaluators]
        self._signals = {
            signal: at for at, each in enumerate(self._asked) for signal in each.metrics
        }
        self._most = most
        self.is_needed = bool(self._asked)
        self.limit = ALL_KEYS
        self._units: dict[_Place, _Unit] = {}
        self._queues: list[list[tuple[float, _Place]]] = [[] for _ in self._asked]
        self._changed: set[_Place] = set()

    def __len__(self) -> int:
        return len(self._units)

    @property
    def sampled(self) -> float:
        """Part of the units that is awaited, 0 to 1."""
        return self.limit / ALL_KEYS

    def use(self, shares: Mapping[str, float]) -> None:
        """Know which part of the keys is in each evaluator's sample from now on.

        Args:
            shares: By name; of one that is not there no sample comes.

        """
        self._shares = [shares.get(asked.name, 0.0) for asked in self._asked]

    # ruff: ignore[too-many-arguments] each says one thing of the unit
    def open(
        self,
        exchange: Exchange,
        *,
        revision: int,
        coin: float,
        fresh: int,
        window: int | None,
        in_window: int,
        step: int,
    ) -> None:
        """Await the scores of a unit that is in a sample, or may be.

        A sample that has come already is one, whatever the shares are by now.

        Args:
            exchange: That it counts with.
            revision: Of the split it was assigned under.
            coin: See Scored, as for the others.
            fresh: Mask.
            window: See Scored.
            in_window: Mask.
            step: See Scored.

        """
        if not (fresh or in_window) or not self._is_in_sample(exchange.fingerprint):
            return
        draw = exchange.draw
        for number, share in enumerate(self._shares):
            place = number, exchange.fingerprint, revision, exchange.arrived
            is_due = draw is None or is_in_sample(draw, share)
            if not is_due and place not in self._units:
                continue
            unit = self._unit(place)
            self._note(unit)
            unit.ended = exchange.arrived + exchange.duration
            unit.coin, unit.is_candidate = coin, exchange.is_candidate
            unit.fresh, unit.in_window = _packed(fresh), _packed(in_window)
            unit.window, unit.step = window, step

    def sample(self, sampled: Sampled) -> None:
        """Hear that an exchange will be judged; the same again changes nothing."""
        number = self._numbers.get(sampled.evaluator)
        if number is not None and self._is_in_sample(sampled.fingerprint):
            place = number, sampled.fingerprint, sampled.epoch, sampled.arrived
            unit = self._unit(place)
            unit.is_sampled = True
            self._note(unit)

    def judge(self, judged: Judged) -> None:
        """Take a verdict; one that is known stays, whatever comes after it."""
        at = self._signals.get(judged.signal)
        if at is None or not self._is_in_sample(judged.fingerprint):
            return
        place = at, judged.fingerprint, judged.epoch, judged.arrived
        unit = self._unit(place)
        unit.is_sampled = True
        number, metric = self._asked[at].metrics[judged.signal]
        unit.verdicts.setdefault(number, _written(judged, metric))
        self._note(unit)

    def close(self, now: float) -> Iterator[Scored]:
        """Settle what can be settled, for each evaluator in the order of assignment.

        What arrived before *now* is known: a verdict on what is no unit by then is on
        none.
        """
        for at, queue in enumerate(self._queues):
            while queue and queue[0][0] < now:
                place = queue[0][1]
                unit = self._units.get(place)
                if unit is not None and not self._is_over(at, unit, now):
                    break
                heappop(queue)
                if unit is not None:
                    yield from self._settle(at, unit)
                    self._forget(place)
        self._bound()

    def forget(self) -> None:
        """Drop all that is awaited: no time of before compares with one of now."""
        for unit in self._units.values():
            self._note(unit)
        self._units = {}
        self._queues = [[] for _ in self._asked]

    def dump(self, *, whole: bool) -> dict[int, bytes]:
        """Write units in the sample down; an empty row is of one that is over.

        Those of which nothing is told yet are not kept: after a restart they are in no
        sample, on both sides alike.

        Args:
            whole: All of them, and not only those that have changed.

        """
        units, changed = self._units, self._changed
        self._changed = set()
        encode = msgspec.msgpack.Encoder().encode
        kept = (place for place, unit in units.items() if unit.is_sampled)
        return {
            _row(place): _MARK + encode(units[place]) if place in units else b""
            for place in (kept if whole else changed)
        }

    def load(self, rows: Mapping[int, bytes], limit: int) -> None:
        """Take up what was written down; rows that are no such units are left out.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        self.forget()
        self.limit = limit
        decode = msgspec.msgpack.Decoder(_Unit).decode
        for row in rows.values():
            if is_scored(row):
                unit = decode(row[len(_MARK) :])
                if unit.place[0] < len(self._queues):
                    self._units[unit.place] = unit
                    self._queues[unit.place[0]].append((unit.place[-1], unit.place))
        for queue in self._queues:
            heapify(queue)
        self._changed = set()
        self._bound()

    def _is_in_sample(self, fingerprint: int) -> bool:
        return fingerprint & _LOW < self.limit

    def _unit(self, place: _Place) -> _Unit:
        unit = self._units.get(place)
        if unit is None:
            self._units[place] = unit = _Unit(place)
            heappush(self._queues[place[0]], (place[-1], place))
            if len(self._units) > self._most:  # also where nobody closes any more
                self._bound()
        return unit

    def _note(self, unit: _Unit) -> None:
        """Have a unit kept, once it is in the sample: the others are twenty times as many."""
        if unit.is_sampled:
            self._changed.add(unit.place)

    def _is_over(self, at: int, unit: _Unit, now: float) -> bool:
        """Whether all is known of it that will count."""
        asked = self._asked[at]
        if unit.ended is None or len(unit.verdicts) == len(asked.metrics):
            return True
        awaited = asked.deadline if unit.is_sampled else 0.0
        return now >= unit.ended + awaited + GRACE

    def _settle(self, at: int, unit: _Unit) -> Iterator[Scored]:
        """Give what became of a unit, if it is one and in the sample."""
        if unit.ended is None or not unit.is_sampled:
            return
        fresh, in_window = _unpacked(unit.fresh), _unpacked(unit.in_window)
        for number, _metric in self._asked[at].metrics.values():
            verdict = unit.verdicts.get(number, -1 - Came.LACKING)
            yield Scored(
                metric=number,
                coin=unit.coin,
                is_candidate=unit.is_candidate,
                fresh=fresh,
                window=unit.window,
                in_window=in_window,
                step=unit.step,
                came=Came.VALUE if verdict >= 0 else Came(-1 - verdict),
                bin=max(verdict, 0),
            )

    def _forget(self, place: _Place) -> None:
        self._note(self._units.pop(place))

    def _bound(self) -> None:
        """Let go of half of the keys where too many units are awaited."""
        while len(self._units) > self._most:
            self.limit //= 2
            gone = [place for place in self._units if not self._is_in_sample(place[1])]
            for place in gone:
                self._forget(place)


def is_scored(row: bytes) -> bool:
    """Tell a row that ScoredUnits has written from others."""
    return row.startswith(_MARK)


def bin_of_score(metric: Metric, value: float) -> int:
    """Give the bin of a score or flag, from 0.0 to 1.0; a higher bin is worse."""
    top = 1 if metric.kind is Kind.RATE else WORST
    part = min(max(value, 0.0), 1.0)
    return round(top * (part if metric.worse is Worse.HIGHER else 1.0 - part))


def _written(judged: Judged, metric: Metric) -> int:
    if judged.value is not None and isfinite(judged.value):
        return bin_of_score(metric, judged.value)
    if judged.has_failed:
        return -1 - Came.FAILED
    return -1 - (Came.UNSAID if judged.is_unsaid else Came.LACKING)


def _row(place: _Place) -> int:
    """Give the number that a unit is kept under, among fingerprints of keys."""
    digest = blake2b(_PLACE.pack(*place), digest_size=8, person=b"judged unit").digest()
    return int.from_bytes(digest, "big")


def _packed(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _unpacked(mask: bytes) -> int:
    return int.from_bytes(mask, "little")
