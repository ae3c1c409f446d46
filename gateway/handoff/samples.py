"""Texts on their way from a worker to the evaluators: what was asked, and what was said.

Which exchanges are sampled is decided when they arrive, by a hash of the key: blind to the
version and to what becomes of them. A sampled exchange without an answer is told of all
the same, without texts: what is left out would be chosen by its outcome.
"""

import msgspec


class Texts(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """What an evaluator may read, bounded and redacted. Unknown is None or empty.

    Attributes:
        prompt: The last thing the user said.
        context: Retrieved passages that the request carried.
        reference: The right answer, where the application knows it.
        answer: What was said; None where nothing was, or it could not be read.
        is_cut: Whether one of them is longer than what is here.

    """

    prompt: str | None
    context: tuple[str, ...]
    reference: str | None
    answer: str | None
    is_cut: bool


class Sample(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One exchange to be judged.

    Attributes:
        service: Its name.
        versions: The baseline's name and the candidate's.
        revision: Of the split it was assigned under; the epoch of its coin.
        is_candidate: Where it was assigned to.
        fingerprint: Of the key (handoff.evidence.Record), or of its own.
        draw: 32 bits that an evaluator's `sample` is compared with: the same for a key on
            every version, worker and day.
        exchange: 64 bits that tell it from any other.
        arrived: When its version was chosen; monotonic clock.
        ended: When it was over; the same clock.
        is_evidence: It is among its key's first, so that it may be a unit's.
        segments: Code of the segments' definitions.
        cell: Number of each segment's value.
        outcome: domain.outcome.Outcome value.
        texts: See Texts.
        other: Of a mirrored request: what the candidate said to the copy, where `texts`
            has what the baseline said to the client; None of what is no pair.
        other_outcome: Of the copy; None of what is no pair.
        is_control: The copy went to the baseline, too: `other` is its second answer.
        trace: Of the trace that records it, or the request it is a copy of, 32 hexadecimal
            digits; None: none does.
        span: Of its step there, 16 hexadecimal digits.

    """

    service: str
    versions: tuple[str, str]
    revision: int
    is_candidate: bool
    fingerprint: int
    draw: int
    exchange: int
    arrived: float
    ended: float
    is_evidence: bool
    segments: int
    cell: bytes
    outcome: str
    texts: Texts
    other: str | None = None
    other_outcome: str | None = None
    trace: str | None = None
    span: str | None = None
    is_control: bool = False


class Samples(msgspec.Struct, kw_only=True, tag="samples"):
    """What one worker has sampled since its last message.

    Attributes:
        worker: The worker's number.
        pid: Tells a restarted worker from its predecessor.
        sequence: Grows by one per message of this process; a repeated one is ignored.
        dropped: Samples lost since the process began, by service: no room, no link.
        samples: In order of their ends.

    """

    worker: int
    pid: int
    sequence: int
    dropped: dict[str, int]
    samples: list[Sample]
