"""What one exchange adds to the totals of its version."""

import msgspec

from gateway.answers.signal_plan import Values
from gateway.answers.usage import Usage
from gateway.domain.outcome import Outcome


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
