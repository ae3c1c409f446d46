"""Running totals of one version in this worker: a few integer adds per exchange."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from gateway.analysis.histogram import Histogram
from gateway.answers.segments import Place
from gateway.answers.signal_plan import Values
from gateway.answers.usage import Usage
from gateway.domain.outcome import Failure, Outcome
from gateway.handoff.observations import Series, Spread

MOST_SLICES: Final = 64
"""Slices in one frame: they are written in 1 ms (measured)."""

ROUND: Final = 8
"""Frames in which every slice is told once, where there are not too many."""


NEVER: Final = -1.0e9
"""Long before any clock began."""


class Seen(msgspec.Struct, gc=False):
    """What one exchange adds to the totals.

    Attributes:
        outcome: What it turned out to be.
        status: What the client was sent; None when it left before.
        duration: Seconds from the request's head to the last byte handed over.
        first_byte: Seconds to the first body byte; None when there was none.
        first_content: Seconds to the first content of a stream; None when there was
            none, when nothing was read, and of an answer that is no stream.
        per_token: Seconds per output token after the first, of a stream.
        usage: Tokens; None when nothing is known.
        cost: USD; None when nothing is known.
        names: Of the signals that `values` names by place.
        values: What signals measured.
        skipped_signals: Signals not measured for want of time.
        skipped_events: Events too long to be read.
        is_unread: The answer could not be read.
        is_request_unread: What was asked is not known, though there was a body.
        is_late: There was no content yet when the version's deadline passed.

    """

    outcome: Outcome
    status: int | None
    duration: float
    first_byte: float | None
    first_content: float | None = None
    per_token: float | None = None
    usage: Usage | None = None
    cost: float | None = None
    names: tuple[str, ...] = ()
    values: Values = []
    skipped_signals: int = 0
    skipped_events: int = 0
    is_unread: bool = False
    is_request_unread: bool = False
    is_late: bool = False


class SlicesInTurn:
    """Writes some slices at a time: there may be many, and an event loop waits."""

    def __init__(self) -> None:
        self._at = 0

    def write(self, tallies: Iterable["Tally"], *, everything: bool) -> list[Series]:
        """Write the totals of the next slices; after the last comes the first.

        All of them take ROUND frames, and as many more as MOST_SLICES demands.

        Args:
            tallies: Of all versions.
            everything: Write all slices instead.

        """
        slices = [part for tally in tallies for part in tally.slices()]
        if not everything:
            at = self._at if self._at < len(slices) else 0
            self._at = at + min(-(-len(slices) // ROUND), MOST_SLICES)
            slices = slices[at : self._at]
        return [part.series() for part in slices]


class Tally:
    """What this worker has seen of one version of one service since it started.

    `overdue` are running exchanges that are late already.

    `place` is the slice's, where it is one.

    `answered_at` is when an answer below 500 was begun to be passed on; monotonic clock.

    Kept by name across routing tables. Of each slice of its traffic (answers.segments)
    it keeps another one.
    """

    __slots__ = (
        "_names",
        "_places",
        "_rows",
        "_slices",
        "answered_at",
        "codes",
        "cost",
        "diverted",
        "duration",
        "failovers",
        "failures",
        "first_byte",
        "first_content",
        "in_flight",
        "late",
        "outcomes",
        "overdue",
        "per_token",
        "pinned",
        "place",
        "priced",
        "retried",
        "service",
        "signals",
        "skipped",
        "tokens",
        "tunnel_bytes",
        "tunnels_ended",
        "tunnels_open",
        "uncovered",
        "version",
    )

    def __init__(self, service: str, version: str, place: Place | None = None) -> None:
        self.service = service
        self.version = version
        self.place = place
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.codes: dict[int, int] = {}
        self.failures: dict[Failure, int] = {}
        self.duration = Histogram()
        self.first_byte = Histogram()
        self.first_content = Histogram()
        self.per_token = Histogram()
        self.tokens: dict[str, int] = {}
        self.cost = 0.0
        self.priced = 0
        self.signals: dict[str, list[float]] = {}
        self._names: tuple[str, ...] = ()
        self._rows: list[list[float]] = []
        self.skipped: dict[str, int] = {}
        self.pinned: dict[str, int] = {}
        self.in_flight = self.tunnels_open = 0
        self.tunnels_ended: dict[str, int] = {}
        self.tunnel_bytes: dict[str, int] = {}
        self.late = self.overdue = self.diverted = 0
        self.answered_at = NEVER
        self.failovers: dict[str, int] = {}
        self.retried = 0
        self.uncovered: dict[str, int] = {}
        self._slices: dict[Place, Tally] = {}
        self._places: frozenset[Place] = frozenset()

    def fail(self, failure: Failure) -> None:
        """Count why an endpoint's answer was none or not whole."""
        self.failures[failure] = self.failures.get(failure, 0) + 1

    def keep_slices(self, places: Iterable[Place]) -> None:
        """Know the slices there are, and drop those that are none any more.

        A segment that is defined anew has new ones, whatever its values are called.

        An exchange that began before says where it belonged then: what it adds to a
        slice that is gone is not counted, or that slice would come back.
        """
        self._places = frozenset(places)
        for place in self._slices.keys() - self._places:
            del self._slices[place]

    def end(self, seen: Seen, places: Iterable[Place]) -> None:
        """Count an exchange as over, here and in its slices."""
        self._add(seen)
        for place in places:
            tally = self._slices.get(place)
            if tally is None:
                if place not in self._places:
                    continue
                self._slices[place] = tally = Tally(self.service, self.version, place)
            tally._add(seen)

    def _add(self, seen: Seen) -> None:
        self.outcomes[seen.outcome] += 1
        self.duration.add(seen.duration)
        status = seen.status
        if status is not None:
            self.codes[status] = self.codes.get(status, 0) + 1
        if seen.first_byte is not None:
            self.first_byte.add(seen.first_byte)
        if seen.first_content is not None:
            self.first_content.add(seen.first_content)
        if seen.usage is not None:
            self._add_tokens(seen.usage, seen)
        if seen.values:
            self._add_signals(seen)
        self.late += seen.is_late
        if (
            seen.is_unread
            or seen.is_request_unread
            or seen.skipped_events
            or seen.skipped_signals
        ):
            self._add_skipped(seen)

    def _add_signals(self, seen: Seen) -> None:
        if seen.names is not self._names:
            self._names = seen.names
            self._rows = [
                self.signals.setdefault(name, [0, 0.0, 0.0]) for name in seen.names
            ]
        rows = self._rows
        for place, value in seen.values:
            row = rows[place]
            row[0] += 1
            if value:
                row[1] += value
                row[2] += value * value

    def _add_tokens(self, usage: Usage, seen: Seen) -> None:
        tokens = self.tokens
        if usage.input is not None:
            tokens["input"] = tokens.get("input", 0) + usage.input
        if usage.output is not None:
            kind = "output_estimated" if usage.is_estimated else "output"
            tokens[kind] = tokens.get(kind, 0) + usage.output
        if usage.cached:
            tokens["cached_input"] = tokens.get("cached_input", 0) + usage.cached
        if usage.reasoning:
            tokens["reasoning"] = tokens.get("reasoning", 0) + usage.reasoning
        if seen.cost is not None:
            self.cost += seen.cost
            self.priced += 1
        if seen.per_token is not None:
            self.per_token.add(seen.per_token)

    @property
    def come(self) -> int:
        """How many exchanges there have been, those that run included."""
        return sum(self.outcomes.values()) + self.in_flight

    def pin(self, why: str) -> None:
        """Count a request that a server's state was asked for in, by what came of that."""
        self.pinned[why] = self.pinned.get(why, 0) + 1

    def _add_skipped(self, seen: Seen) -> None:
        for what, number in (
            ("answer", int(seen.is_unread)),
            ("event", seen.skipped_events),
            ("request", int(seen.is_request_unread)),
            ("signal", seen.skipped_signals),
        ):
            if number:
                self.skipped[what] = self.skipped.get(what, 0) + number

    def slices(self) -> "Collection[Tally]":
        """Give the slices that have had traffic."""
        return self._slices.values()

    def series(self) -> Series:
        """Write the totals for the link; the caller adds the connections."""
        return Series(
            service=self.service,
            version=self.version,
            slice=self.place,
            outcomes={o.value: n for o, n in self.outcomes.items() if n},
            codes=dict(self.codes),
            failures={f.value: n for f, n in self.failures.items()},
            duration=Spread.of(self.duration),
            first_byte=Spread.of(self.first_byte),
            first_content=Spread.of(self.first_content),
            per_token=Spread.of(self.per_token),
            tokens=dict(self.tokens),
            cost=self.cost,
            priced=self.priced,
            signals={
                name: (int(sums[0]), sums[1], sums[2])
                for name, sums in self.signals.items()
                if sums[0]
            },
            skipped=dict(self.skipped),
            pinned=dict(self.pinned),
            tunnels_open=self.tunnels_open,
            tunnels_ended=dict(self.tunnels_ended),
            tunnel_bytes=dict(self.tunnel_bytes),
            late=self.late + self.overdue,
            failovers=dict(self.failovers),
            uncovered=dict(self.uncovered),
            retried=self.retried,
            diverted=self.diverted,
            in_flight=self.in_flight,
        )
