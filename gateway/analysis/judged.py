"""What evaluators say of exchanges, on its way into the units: scores, which come late."""

import msgspec


class Sampled(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """An exchange that an evaluator will be asked about, told when its sample is there.

    Scores follow, one Judged for each. Where neither comes soon after the end of an
    exchange, its sample was lost on the way, and nobody waits for it any longer.

    Attributes:
        evaluator: Its name.
        fingerprint: See Judged, as for epoch and arrived.

    """

    evaluator: str
    fingerprint: int
    epoch: int
    arrived: float


class Judged(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A score of an exchange that was sampled. Times are of one monotonic clock, seconds.

    Attributes:
        signal: `EVALUATOR:SCORE`.
        fingerprint: Of the key; of a request without one, its own.
        epoch: Revision of the split it was assigned under.
        exchange: 64 bits that tell it from any other.
        is_candidate: Where it was assigned to.
        arrived: When its version was chosen.
        value: 0.0 to 1.0; None: there is none, and there will be none: the judge failed,
            its budget is used up, or it had nothing to say of such an answer.
        has_failed: Whether None is a failure of the judge's.
        is_unsaid: Whether None is the verdict: the judge has read it, and nothing can be
            said of it by this score.
        cell: Number of each segment's value; empty when segments are others now.

    """

    signal: str
    fingerprint: int
    epoch: int
    exchange: int
    is_candidate: bool
    arrived: float
    value: float | None
    has_failed: bool = False
    is_unsaid: bool = False
    cell: bytes = b""


class JudgedPair(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """Scores of the two answers to a mirrored request.

    Judged side by side: v and 1 - v, of which the better one is 1, or 0 where more is
    worse; 0.5 each where neither is.

    Attributes:
        signal: `EVALUATOR:SCORE`.
        fingerprint: See Judged, as for epoch, arrived and cell.
        baseline: Of its answer, 0.0 to 1.0; None: no verdict.
        candidate: The same of the copy's.
        is_control: Both answers are the baseline's: what differs is noise.
        is_swapped: The candidate's answer was shown first; None: they were not seen side
            by side. Of a control pair the second one of the baseline's, the copy's.
        has_failed: See Judged.

    """

    signal: str
    fingerprint: int
    epoch: int
    arrived: float
    baseline: float | None
    candidate: float | None
    is_control: bool = False
    is_swapped: bool | None = None
    has_failed: bool = False
    cell: bytes = b""
