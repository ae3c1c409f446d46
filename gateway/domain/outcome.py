"""What an exchange turned out to be.

Charged to the version the exchange was assigned to, whoever answered it.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """Exactly one per exchange that reached a version."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"  # closed or stalled before its own end mark
    UPSTREAM_ERROR = "upstream_error"  # no answer, a timeout, 5xx or 429
    STREAM_ERROR = "stream_error"  # a 200 with an error inside, or with no answer in it
    REFUSED = "refused"
    LENGTH = "length"  # cut by a limit of tokens
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    DEGENERATE = "degenerate"  # it loops
    INVALID = "invalid"  # JSON or a tool call that does not parse or fit
    CLIENT_ERROR = "client_error"  # 4xx but 429
    CLIENT_CANCELLED = "client_cancelled"


class Failure(StrEnum):
    """Why an endpoint's answer was none, or was not whole."""

    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    FULL = "full"
    CLOSED_EARLY = "closed_early"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    CUT = "cut"
    BAD_ANSWER = "bad_answer"
    TOO_LONG = "too_long"  # it was not over after limits.stream
    GATEWAY = "gateway"  # not the endpoint's: the gateway lacked something, or erred


ERRORS = frozenset({
    Outcome.TRUNCATED,
    Outcome.UPSTREAM_ERROR,
    Outcome.STREAM_ERROR,
    Outcome.EMPTY,
    Outcome.INVALID,
})
"""The outcomes that make up `error_rate`."""

_COMPLETE = Outcome.COMPLETE  # a look-up through the class costs ten times as much
_TOO_MANY_REQUESTS = 429
_FIRST_CLIENT_ERROR = 400
_FIRST_SERVER_ERROR = 500


def outcome_of_status(status: int) -> Outcome:
    """Judge a whole answer by its status; 429 means the version cannot carry its load."""
    if status < _FIRST_CLIENT_ERROR:
        return _COMPLETE
    if status >= _FIRST_SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return Outcome.UPSTREAM_ERROR
    return Outcome.CLIENT_ERROR
