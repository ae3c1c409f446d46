"""What is noticed of a mirrored request: of the client's exchange, and of the copy.

Each half is an observation like any other, and besides hands its record to the pair.
When both have, the pair is evidence; what was sent and is not known then is missing.
"""

from typing import Final

from gateway.answers.segments import Cell
from gateway.domain.outcome import Outcome
from gateway.handoff.evidence import PairRecord, Record
from gateway.handoff.samples import Sample
from gateway.proxy.mirror_budget import MirrorBudget
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.sampler import Drawn
from gateway.proxy.sampling import Samples, sample_of
from gateway.proxy.tally import Seen
from gateway.proxy.units import Split, Unit, Units
from gateway.wire.request_head import RequestHead

_CANCELLED: Final = Outcome.CLIENT_CANCELLED.value

_BYTES_PER_TOKEN: Final = 4
"""Of English, about, where a server does not say how many tokens it read."""


class JudgedPair:
    """What was said to a request by both versions, until both are over.

    A half that nobody knows, or that was late and is not waited for, leaves nothing to
    compare: that is told by the records of the pair.

    Args:
        samples: Take what is to be judged.
        drawn: What the pair was sampled as.
        unique: 64 bits that tell it from any other exchange.

    Attributes:
        drawn: See above.

    """

    __slots__ = ("_answer", "_has_answer", "_sample", "_samples", "_unique", "drawn")

    def __init__(self, samples: Samples, drawn: Drawn, unique: int) -> None:
        self._samples = samples
        self.drawn = drawn
        self._unique = unique
        self._sample: Sample | None = None
        self._answer: str | None = None
        self._has_answer = False

    def answered(self, seen: Observation, outcome: Outcome) -> None:
        """Take down what was asked, and what the client was told."""
        self._sample = sample_of(seen, self.drawn, outcome, self._unique)

    def copied(self, seen: Observation, outcome: Outcome) -> None:
        """Take down what was answered to the copy."""
        reading, sampler = seen.reading, seen.inspection.sampler
        self._has_answer = True
        if reading is not None and sampler is not None:
            self._answer = sampler.said(reading, outcome)

    def end(self, baseline: str, candidate: str) -> None:
        """Hand on both, with what became of them."""
        sample = self._sample
        if sample is None or not self._has_answer:
            return
        sample.outcome, sample.other_outcome = baseline, candidate
        sample.other = self._answer
        if self._samples.has_room(sample.service):
            self._samples.add(sample)


class Pair:
    """A request that may go to both versions.

    Args:
        units: Take the pair when both halves are over.
        split: In force.
        unit: Of both halves: what they are recognised by.
        arrived: When the version was chosen; monotonic clock.
        budget: What the copy's tokens are booked in.

    Attributes:
        judging: Takes what was said by both, to be judged; None: nobody does.
        is_answered: Whether what became of the client's half is known.

    """

    __slots__ = (
        "_baseline",
        "_candidate",
        "_has_candidate",
        "_is_void",
        "_split",
        "_units",
        "arrived",
        "budget",
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
        budget: MirrorBudget,
    ) -> None:
        self.judging: JudgedPair | None = None
        self._units = units
        self._split = split
        self.unit = unit
        self.arrived = arrived
        self.budget = budget
        self._baseline: Record | None = None
        self._candidate: Record | None = None
        self.is_answered = self._has_candidate = self._is_void = False

    def answered(self, record: Record) -> None:
        """Take what the client's half was, unless it is known."""
        if not self.is_answered:
            self.is_answered, self._baseline = True, record
            self._end()

    def copied(self, record: Record | None) -> None:
        """Take what the copy's half was, unless it is known; None: nobody knows."""
        if not self._has_candidate:
            self._has_candidate, self._candidate = True, record
            self._end()

    def cancel(self) -> None:
        """Let it be none: no copy is sent."""
        self._is_void = True

    def _end(self) -> None:
        if self.is_answered and self._has_candidate and not self._is_void:
            baseline, candidate = self._baseline, self._candidate
            if baseline is not None and candidate is not None:
                _end_when_the_client_left(baseline, candidate)
                if self.judging is not None:
                    self.judging.end(baseline.outcome, candidate.outcome)
            pair = PairRecord(baseline=baseline, candidate=candidate)
            self._units.paired(self._split, pair)


def _end_when_the_client_left(baseline: Record, candidate: Record) -> None:
    """Let nothing be said of what a copy did after the client had left the baseline.

    The baseline had no more chance to fail then. Of two equal versions, 3 % of whose
    streams broke off, under clients who waited for 20 s on average, the copy's was taken
    for worse in six runs of six.
    """
    is_left = baseline.outcome == _CANCELLED
    if is_left and candidate.duration > baseline.duration:
        candidate.outcome, candidate.is_late, candidate.values = _CANCELLED, False, []


class _Half(Observation):
    """One of the two exchanges of a pair.

    Attributes:
        is_abandoned: The gateway itself ended it, as it may a copy: that says nothing of
            the version.

    """

    __slots__ = ("_pair", "is_abandoned")

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
        self.is_abandoned = False


class ClientsHalf(_Half):
    """The client's exchange with the baseline."""

    __slots__ = ()

    def cell(self) -> Cell:
        """Read the request, and of a pair that is judged what was asked, too."""
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
        if pair.judging is not None and not pair.is_answered:
            pair.judging.answered(self, totals.outcome)
        pair.answered(self._record(pair.unit, totals.outcome.value, totals))


class CopysHalf(_Half):
    """The copy's exchange with the candidate."""

    __slots__ = ()

    def note_overdue(self, now: float, units: Units) -> None:
        """Count it as late among the copies, and hand the pair its half."""
        super().note_overdue(now, units)
        self._pair.copied(
            self._as_candidate(self._record_overdue(self._pair.unit, now))
        )

    def record(self, totals: Seen, units: Units) -> None:
        """Hand the pair its half; book the tokens. No client was told: nor is a log."""
        self.told = None
        usage = totals.usage
        sent = self.body.received // _BYTES_PER_TOKEN
        read = sent if usage is None or usage.input is None else usage.input
        written = 0 if usage is None or usage.output is None else usage.output
        self._pair.budget.spend(read + written)
        if self.is_abandoned:
            self._pair.copied(None)
            return
        if self._pair.judging is not None:
            self._pair.judging.copied(self, totals.outcome)
        record = self._record(self._pair.unit, totals.outcome.value, totals)
        self._pair.copied(self._as_candidate(record))

    @staticmethod
    def _as_candidate(record: Record) -> Record:
        record.is_candidate = True  # its target is one for copies
        return record
