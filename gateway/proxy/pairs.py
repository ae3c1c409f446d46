"""What is noticed of a mirrored request: of the client's exchange, and of the copy.

Each half is an observation like any other, and besides hands its record to the pair.
When both have, the pair is evidence. A half that was sent and of which nobody will know
what became is missing: the pair says so, and why (handoff.evidence.PairRecord).
"""

from typing import Final, NamedTuple

from gateway.answers.segments import Cell
from gateway.domain.outcome import Outcome
from gateway.handoff.evidence import PairRecord, Record
from gateway.proxy.judged_pairs import JudgedPair
from gateway.proxy.mirror_budget import MirrorBudget
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.seen import Seen
from gateway.proxy.tally import Tally
from gateway.proxy.units import Split, Unit, Units
from gateway.wire.request_head import RequestHead

_CANCELLED: Final = Outcome.CLIENT_CANCELLED.value

_BYTES_PER_TOKEN: Final = 4
"""Of English, about, where a server does not say how many tokens it read."""


LOST: Final = "lost"
"""Among what was skipped of copies: pairs with a half that was lost in here."""

STOPPED: Final = "stopped"
"""The same, by the end of the worker."""


class Books(NamedTuple):
    """What the pairs of one mirror are booked in.

    Attributes:
        budget: Takes the copies' tokens.
        tally: Of copies, by the version they are sent to.
        is_reverse: Whether that is the baseline, and the clients' version the candidate.
        is_control: Whether both are the baseline, so that nothing is evidence of the
            candidate: only the judge learns of such a pair.

    """

    budget: MirrorBudget
    tally: Tally
    is_reverse: bool = False
    is_control: bool = False


class Pair:
    """A request that may go to both versions.

    Args:
        units: Take the pair when both halves are over.
        split: In force.
        unit: Of both halves: what they are recognised by.
        arrived: When the version was chosen; monotonic clock.
        books: Of its mirror; may be replaced before a half is known.

    Attributes:
        is_answered: Whether what became of the client's half is known.
        judging: Takes what was said by both, to be judged; None: nobody does.

    """

    __slots__ = (
        "_client",
        "_copy",
        "_has_copy",
        "_is_stopped",
        "_is_void",
        "_split",
        "_units",
        "arrived",
        "books",
        "is_answered",
        "judging",
        "unit",
    )

    def __init__(
        self,
        units: Units,
        split: Split,
        unit: Unit,
        arrived: float,
        books: Books,
    ) -> None:
        self.judging: JudgedPair | None = None
        self._units = units
        self._split = split
        self.unit = unit
        self.arrived = arrived
        self.books = books
        self._client: Record | None = None
        self._copy: Record | None = None
        self.is_answered = self._has_copy = self._is_void = self._is_stopped = False

    @property
    def is_copied(self) -> bool:
        """Whether what became of the copy is known."""
        return self._has_copy

    def answered(self, record: Record | None) -> None:
        """Take what the client's half was, if that is new; None: nobody will know."""
        if not self.is_answered:
            self.is_answered, self._client = True, record
            self._end()

    def copied(self, record: Record | None, *, is_stopping: bool = False) -> None:
        """Take what the copy's half was, if that is new.

        Args:
            record: None: nobody will know.
            is_stopping: Because the worker stops.

        """
        if not self._has_copy:
            self._has_copy, self._copy = True, record
            self._is_stopped = is_stopping
            self._end()

    def cancel(self) -> None:
        """Let it be none: no copy is sent."""
        self._is_void = True

    def _end(self) -> None:
        if not (self.is_answered and self._has_copy) or self._is_void:
            return
        client, copy = self._client, self._copy
        if client is None or copy is None:
            skipped, why = self.books.tally.skipped, LOST
            if self._is_stopped and client is not None:
                why = STOPPED
            skipped[why] = skipped.get(why, 0) + 1
        else:
            _end_when_the_client_left(client, copy)
            if self.judging is not None:
                self.judging.end(
                    client,
                    copy,
                    is_reverse=self.books.is_reverse,
                    is_control=self.books.is_control,
                )
        if not self.books.is_control:
            self._hand_over(client, copy)

    def _hand_over(self, client: Record | None, copy: Record | None) -> None:
        """Give the pair to the units, as evidence."""
        for half, of_candidate in ((client, False), (copy, True)):
            if half is not None:  # the target of copies is one of their own
                half.is_candidate = of_candidate is not self.books.is_reverse
        baseline, candidate = (
            (copy, client) if self.books.is_reverse else (client, copy)
        )
        self._units.paired(
            self._split,
            PairRecord(
                baseline=baseline,
                candidate=candidate,
                is_stopped=self._is_stopped and client is not None,
            ),
        )


def _end_when_the_client_left(client: Record, copy: Record) -> None:
    """Let nothing be said of what a copy did after the client had left.

    The client's version had no more chance to fail then. Of two equal versions, 3 % of
    whose streams broke off, under clients who waited for 20 s on average, the copy's was
    taken for worse in six runs of six.
    """
    is_left = client.outcome == _CANCELLED
    if is_left and copy.duration > client.duration:
        copy.outcome, copy.is_late, copy.values = _CANCELLED, False, []


class _Half(Observation):
    """One of the two exchanges of a pair."""

    __slots__ = ("_is_unread", "_pair")

    def __init__(
        self,
        target: Target,
        route: Route,
        head: RequestHead,
        body: RequestBody,
        key: bytes | None,
        pair: Pair,
    ) -> None:
        super().__init__(target, route, head, body, key)
        self._pair = pair
        self.arrived = pair.arrived
        self._is_unread = False

    def forget_cell(self) -> None:
        """Know no slice, nor what it was: reading it failed in here, as it never should.

        By its transport alone it would be as good as any; a version whose answers break
        the reading would look healthy by that.
        """
        super().forget_cell()
        self._is_unread = True


class ClientsHalf(_Half):
    """The client's exchange."""

    __slots__ = ()

    def cell(self) -> Cell:
        """Read the request; of a pair that is judged what was asked, too."""
        if self._cell is None:
            is_judged = self.drawn is not None or self._pair.judging is not None
            self._cell = self.inspection.cell(
                self.head, self.body, self.reading, is_judged
            )
        return self._cell

    def note_overdue(self, now: float, units: Units) -> None:
        """Hand the pair its half, too, while it hangs."""
        super().note_overdue(now, units)
        if self.body.is_whole:
            self._pair.answered(self._record_overdue(self._pair.unit, now))

    def record(self, totals: Seen, units: Units) -> None:
        """Hand the pair its half, too."""
        super().record(totals, units)
        pair = self._pair
        if not self._is_unread:
            if pair.judging is not None and not pair.is_answered:
                pair.judging.answered(self, totals.outcome)
            pair.answered(self._record(pair.unit, totals.outcome.value, totals))

    def let_go(self, units: Units) -> None:
        """Say that nobody will know, where no record could be made of it."""
        super().let_go(units)
        self._pair.answered(None)


class CopysHalf(_Half):
    """The copy's exchange with the other version."""

    __slots__ = ("_is_abandoned", "_is_stopping")

    def __init__(
        self,
        target: Target,
        route: Route,
        head: RequestHead,
        body: RequestBody,
        key: bytes | None,
        pair: Pair,
    ) -> None:
        super().__init__(target, route, head, body, key, pair)
        self._is_abandoned = self._is_stopping = False

    def abandon(self, *, is_stopping: bool) -> None:
        """Say nothing of the version: the gateway itself ends it.

        Args:
            is_stopping: Because the worker stops; else because something failed in here.

        """
        self._is_abandoned, self._is_stopping = True, is_stopping

    def note_overdue(self, now: float, units: Units) -> None:
        """Count it as late among the copies, and hand the pair its half."""
        super().note_overdue(now, units)
        self._pair.copied(self._record_overdue(self._pair.unit, now))

    def record(self, totals: Seen, units: Units) -> None:
        """Hand the pair its half; book the tokens. No client was told: nor is a log."""
        self.told = None
        usage = totals.usage
        sent = self.body.received // _BYTES_PER_TOKEN
        read = sent if usage is None or usage.input is None else usage.input
        written = 0 if usage is None or usage.output is None else usage.output
        self._pair.books.budget.spend(read + written)
        if not (self._is_abandoned or self._is_unread):
            pair = self._pair
            if pair.judging is not None and not pair.is_copied:
                pair.judging.copied(self, totals.outcome)
            pair.copied(self._record(pair.unit, totals.outcome.value, totals))

    def let_go(self, units: Units) -> None:
        """Say that nobody will know, where no record could be made of it."""
        super().let_go(units)
        self._pair.copied(None, is_stopping=self._is_stopping)
