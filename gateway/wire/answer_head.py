"""An answer's head: what passes to the client, and how its body is framed."""

import re
from enum import Enum, auto
from typing import Final

import msgspec

from gateway.wire.fields import (
    CONNECTIONS,
    HOP_BY_HOP,
    LENGTHS,
    Field,
    Lines,
    Memo,
    block,
    by_name,
    join_repeated,
)

_NOT_PASSED: Final = HOP_BY_HOP | {b"content-length"}
_JOINED: Final = frozenset({b"connection", b"transfer-encoding"})
_NOTHING: Final[frozenset[bytes]] = frozenset()
SWITCHING: Final = 101
_FIRST_FINAL: Final = 200
_BODILESS: Final = frozenset({204, 304})
_REASONS: Final = Memo(re.compile(rb"[\t -~\x80-\xff]*").fullmatch)
"""What may stand behind a status (RFC 9112 section 4); the parser lets a NUL through."""

VERSIONS: Final = frozenset({"1.1", "1.0"})
"""What an endpoint may speak; the parser reads others, as if they were these."""

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
_UNTIL_CLOSE: Final = Body.UNTIL_CLOSE


class BadAnswer(Exception):
    """The endpoint's head cannot be passed on; the argument says why."""


class AnswerHead(msgspec.Struct, eq=False, gc=False):
    """What the gateway needs to know of an answer before its body.

    Attributes:
        status: 100 to 999.
        reason: Reason phrase, may be empty.
        block: Header lines that pass on, in order, each with its CRLF.
        fields: Lower-case name to value; the first one where a name repeats.
        keeps_alive: Whether an HTTP/1.1 connection goes on, by its Connection field.
        content_length: As declared; None when not. Kept for HEAD and 304 too.
        body: How the body ends.

    """

    status: int
    reason: bytes
    block: bytes
    fields: dict[bytes, bytes]
    keeps_alive: bool = True
    content_length: int | None = None
    body: Body = _NO_BODY

    @property
    def is_interim(self) -> bool:
        """Whether the real answer is still to come (1xx)."""
        return self.status < _FIRST_FINAL


def read_answer_head(
    status: int, reason: bytes, received: list[Field], to_head_request: bool
) -> AnswerHead:
    """Check a parsed head and sort its fields.

    Raises:
        BadAnswer: It switches protocols unasked, frames its body in an unknown way, is
            an interim answer with a body, or its reason is no text.

    """
    if status == SWITCHING or not _LOWEST <= status <= _HIGHEST or not _REASONS[reason]:
        raise BadAnswer(f"unexpected status {status}, or control characters behind it")
    fields = by_name(received)
    if len(fields) != len(received):
        join_repeated(fields, received, _JOINED)
    listed, goes_on, length = _NOTHING, True, None
    if b"connection" in fields:
        listed, goes_on = CONNECTIONS[fields[b"connection"]]
    if b"content-length" in fields:
        length = LENGTHS[fields[b"content-length"]]
    body = _NO_BODY
    if not (to_head_request or status < _FIRST_FINAL or status in _BODILESS):
        if b"transfer-encoding" in fields:
            body, length = _coded(fields[b"transfer-encoding"]), None
        else:
            body = _UNTIL_CLOSE if length is None else _BY_LENGTH
    elif status < _FIRST_FINAL:
        _check_interim(fields, length)
    return AnswerHead(
        status, reason, block(received, listed), fields, goes_on, length, body
    )


def _check_interim(fields: dict[bytes, bytes], length: int | None) -> None:
    """Demand no body (RFC 9110 section 15.2).

    The parser would read one, and to the client it would be the beginning of the answer
    behind it.
    """
    if length or b"transfer-encoding" in fields:
        raise BadAnswer("content in an interim answer")


def read_switching_head(
    reason: bytes, received: list[Field], asked: bytes | None
) -> AnswerHead:
    """Check the head with which an endpoint changes the protocol.

    Args:
        reason: Its reason phrase.
        received: Its fields, in order.
        asked: The protocol that was asked for, in lower case; None: none was.

    Raises:
        BadAnswer: That was not asked for, or another one.

    """
    fields = by_name(received)
    given = fields.get(b"upgrade", b"").strip().lower()
    if asked is None or given != asked:
        raise BadAnswer("it changes the protocol unasked")
    listed, _ = CONNECTIONS[fields.get(b"connection", b"")]
    return AnswerHead(SWITCHING, reason, block(received, listed), fields)


def _coded(coding: bytes) -> Body:
    if coding.strip().lower() != b"chunked":
        raise BadAnswer("unknown Transfer-Encoding")
    return Body.CHUNKED


ANSWER_LINES: Final = Lines(_NOT_PASSED)
"""What the header lines of answers mean."""
