"""What may count as evidence, one record an exchange; and how it travels.

A unit of evidence is a sticky key in the time between two changes of the weight, or a
request without a key: what was randomised is what counts (statistics of treatment labels).
A worker records the first exchanges of each key; the controller, who sees all workers and
remembers which buckets were seen where, decides which of them is the unit's, and with
which coin. So a record says with which weight it was tossed and where its key's bucket
lies, and not the coin itself: that of a key seen before depends on what other workers saw.

Whether an exchange is recorded is decided when it arrives, by a hash of its key: more keys
than can be taken are thinned there, blind to the version and to what becomes of them. So is
of what it is its key's first: of the epoch, of a window, of a segment's value (Record).

Where each key went is told when it arrives, before anything is known of its answer
(Arrival): by that alone the split can be checked within a second, and by that the controller
knows which of two workers saw a key first.
Records travel in blocks; where a link is down for long, all that is held is dropped, and
counted.
"""

from typing import Final

import msgspec

from gateway.domain.units import Share

OVERDUE: Final = "overdue"
"""What stands for the outcome in the record of an exchange that was not over when its
deadline passed: it is handed over at that moment, and says `is_late`. What becomes of the
exchange afterwards is in the totals, and in no other record."""


class Arrival(msgspec.Struct, array_like=True, gc=False):
    """A key's first exchange under a weight, or in a window, as far as this worker knows.

    Attributes:
        fingerprint: See Record.
        arrived: When its version was chosen; monotonic clock.
        window: See Record.
        is_candidate: Which version was chosen.

    """

    fingerprint: int
    arrived: float
    window: int
    is_candidate: bool


class Record(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One exchange that was assigned by a coin. Unknown is None.

    Attributes:
        fingerprint: 64 bits that stand for the sticky key; of a request without one, 64
            bits of its own.
        bucket: Where the key lands, below domain.units.BUCKETS; None without a key, when
            the weight is the coin.
        is_candidate: Where it was assigned to, whoever answered it.
        arrived: When its version was chosen; seconds of the machine's monotonic clock.
        nth: Of this key since the weight changed, counted in this worker, 1 the first.
            The first is evidence of outcome and quality; of durations, tokens and cost
            the second is: a moved conversation misses the prompt cache (washout).
        window: Which slice of that time it arrived in; each key's slices begin at a
            moment of its own.
        nth_in_window: As nth, within the window.
        outcome: domain.outcome.Outcome value, or OVERDUE.
        duration: Seconds; until the deadline when OVERDUE.
        is_stream: A stream was asked for; False where the request could not be read.
        first_content: Seconds to the first content of a stream; None of any other.
        per_token: Seconds per output token after the first.
        input_tokens: As reported.
        output_tokens: As reported; not an estimate.
        cost: USD.
        is_late: The first content, or of what is no stream the first byte, came after
            the version's deadline, or never.
        values: Signals that were measured, by their place in the block's names.
        cell: Number of each segment's value.
        firsts: Of which segments' values this is the key's first exchange in this worker,
            chosen before anything of it was sent to a version. Four sets of segments, of
            domain.segment.MOST_SEGMENTS bits each, by place: since the weight changed; in
            the window; and both again, of exchanges after the washout. 0 where the values
            were not known then, and of a request without a key.
        draw: What an evaluator's `sample` is compared with (handoff.samples.Sample);
            domain.evaluation.NOT_DRAWN of what is in no evaluator's sample, which was
            decided on arrival as well. None from workers of the release before.

    """

    fingerprint: int
    bucket: int | None
    is_candidate: bool
    arrived: float
    nth: int
    window: int
    nth_in_window: int
    outcome: str
    duration: float
    is_stream: bool
    first_content: float | None
    per_token: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    is_late: bool
    values: list[tuple[int, float]]
    cell: bytes
    firsts: int = 0
    draw: int | None = None


class PairRecord(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A request that both versions got: the client's, and a copy of it (a mirror).

    Whether a request is copied is decided when it arrives, by dice and by what the
    request is, never by what becomes of it. The halves have the same fingerprint, bucket,
    `arrived` and cell; `nth`, `window` and `nth_in_window` are 0, for a pair needs no
    coin. Where a coin chose the baseline, the client's half is among the block's records
    as well, with numbers of its own.

    Attributes:
        baseline: What the baseline answered: to the client, or to the copy where the
            candidate's requests are copied back. None when it was asked and nobody knows
            what became of it: an event of its own (analysis.lost_halves).
        candidate: What the candidate answered; None as above.
        is_stopped: A half is missing because the worker stopped, which says nothing of
            any version. Else the gateway failed in sending or reading it, which a
            version's answers can bring about.

    """

    baseline: Record | None
    candidate: Record | None
    is_stopped: bool = False


class Block(msgspec.Struct, kw_only=True, gc=False):
    """Records of one service under one weight.

    Attributes:
        service: Its name.
        revision: Of its split: the weight's epoch.
        versions: The baseline's name and the candidate's.
        share: The candidate's weight when they were assigned.
        names: Of signals; Record.values names them by place.
        segments: Code of the segments' definitions (answers.segments.code_of).
        arrivals: Keys that came for the first time, or in a window; in order.
        keyless: Requests without a key that came: the baseline's and the candidate's.
        records: In order of their ends.
        pairs: Of mirrored requests, in order of their later half's end.

    """

    service: str
    revision: int
    versions: tuple[str, str]
    share: Share
    names: tuple[str, ...]
    segments: int
    arrivals: list[Arrival] = []
    keyless: tuple[int, int] = (0, 0)
    records: list[Record] = []
    pairs: list[PairRecord] = []


class Evidence(msgspec.Struct, kw_only=True, tag="evidence"):
    """What one worker has recorded since its last message.

    Attributes:
        worker: The worker's number.
        pid: Tells a restarted worker from its predecessor.
        sequence: Grows by one per message of this process; a repeated one is ignored.
        sampled: Part of the keys that is recorded, 0 to 1: less where more keys come
            than can be taken, chosen by a hash that knows nothing of the version. The
            smallest since the last message; 0 after records were dropped.
        since: When the oldest of those arrived that are recorded and not over; all that
            arrived before has been told. Now, where none is running; monotonic clock.
        until: All arrivals before have been told, in this message or an earlier one;
            monotonic clock. 0 from workers of the release before.
        blocks: See Block.

    """

    worker: int
    pid: int
    sequence: int
    sampled: float
    since: float
    until: float = 0.0
    blocks: list[Block]
