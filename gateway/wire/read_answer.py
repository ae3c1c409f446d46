"""Reads an answer's head: what passes to the client, and how its body is framed.

It stands apart from the structure that it fills so that it can be compiled
(gateway/decisions/0027).
"""

from typing import Final

from gateway.wire.answer_head import SWITCHING, AnswerHead, BadAnswer, Body
from gateway.wire.fields import (
    CONNECTIONS,
    HOP_BY_HOP,
    LENGTHS,
    Field,
    Lines,
    block,
    by_name,
    join_repeated,
)

_NOT_PASSED: Final = HOP_BY_HOP | {b"content-length"}
_JOINED: Final = frozenset({b"connection", b"transfer-encoding"})
_NOTHING: Final[frozenset[bytes]] = frozenset()
_FIRST_FINAL: Final = 200
_BODILESS: Final = frozenset({204, 304})
_LOWEST: Final = 100
_HIGHEST: Final = 999

# Names of their own: a look-up through the class costs ten times as much (measured).
_NO_BODY: Final = Body.NONE
_BY_LENGTH: Final = Body.LENGTH
_UNTIL_CLOSE: Final = Body.UNTIL_CLOSE


def read_answer_head(
    status: int, reason: bytes, received: list[Field], to_head_request: bool
) -> AnswerHead:
    """Check a parsed head and sort its fields.

    Raises:
        BadAnswer: It switches protocols unasked, or frames its body in an unknown way.

    """
    if status == SWITCHING or not _LOWEST <= status <= _HIGHEST:
        raise BadAnswer(f"unexpected status {status}")
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
    return AnswerHead(
        status, reason, block(received, listed), fields, goes_on, length, body
    )


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
