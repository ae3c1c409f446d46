"""An answer's head: what passes to the client, and how its body is framed."""

from enum import Enum, auto
from typing import Final

from gateway.wire.fields import (
    HOP_BY_HOP,
    Field,
    Lines,
    block,
    by_name,
    join_repeated,
    keeps_alive,
    listed_in_connection,
)

_NOT_PASSED: Final = HOP_BY_HOP | {b"content-length"}
_NOTHING: Final[frozenset[bytes]] = frozenset()
_JOINED: Final = frozenset({b"connection", b"transfer-encoding"})
_SWITCHING: Final = 101
_FIRST_FINAL: Final = 200
_BODILESS: Final = frozenset({204, 304})
_LOWEST: Final = 100
_HIGHEST: Final = 999


class Body(Enum):
    """How an answer's body ends (RFC 9112 section 6.3)."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()


# Names of their own: a look-up through the class costs ten times as much (measured).
_NO_BODY: Final = Body.NONE
_BY_LENGTH: Final = Body.LENGTH


class BadAnswer(Exception):
    """The endpoint's head cannot be passed on; the argument says why."""


class AnswerHead:
    """What the gateway needs to know of an answer before its body.

    Attributes:
        status: 100 to 999.
        reason: Reason phrase, may be empty.
        block: Header lines that pass on, in order, each with its CRLF.
        keeps_alive: Whether an HTTP/1.1 connection goes on, by its Connection field.
        content_length: As declared; None when not. Kept for HEAD and 304 too.
        body: How the body ends.

    """

    __slots__ = ("block", "body", "content_length", "keeps_alive", "reason", "status")

    def __init__(self, status: int, reason: bytes, lines: bytes) -> None:
        self.status = status
        self.reason = reason
        self.block = lines
        self.keeps_alive = True
        self.content_length: int | None = None
        self.body = _NO_BODY

    @property
    def is_interim(self) -> bool:
        """Whether the real answer is still to come (1xx)."""
        return self.status < _FIRST_FINAL


def read_answer_head(
    status: int, reason: bytes, received: list[Field], *, to_head_request: bool
) -> AnswerHead:
    """Check a parsed head and sort its fields.

    Raises:
        BadAnswer: It switches protocols unasked, or frames its body in an unknown way.

    """
    if status == _SWITCHING or not _LOWEST <= status <= _HIGHEST:
        raise BadAnswer(f"unexpected status {status}")
    fields = by_name(received)
    if len(fields) != len(received):
        join_repeated(fields, received, _JOINED)
    listed = _NOTHING
    if b"connection" in fields:
        listed = listed_in_connection(fields[b"connection"])
    head = AnswerHead(status, reason, block(received, listed))
    head.keeps_alive = keeps_alive(fields)
    if b"content-length" in fields:
        head.content_length = int(fields[b"content-length"])
    coding = fields.get(b"transfer-encoding")
    if to_head_request or status < _FIRST_FINAL or status in _BODILESS:
        return head
    if coding is not None:
        if coding.strip().lower() != b"chunked":
            raise BadAnswer("unknown Transfer-Encoding")
        head.body = Body.CHUNKED
        head.content_length = None
    else:
        known = head.content_length is not None
        head.body = _BY_LENGTH if known else Body.UNTIL_CLOSE
    return head


ANSWER_LINES: Final = Lines(_NOT_PASSED)
"""What the header lines of answers mean."""
