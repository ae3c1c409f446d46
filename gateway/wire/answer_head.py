"""An answer's head: what passes to the client, and how its body is framed."""

from enum import Enum, auto
from typing import Final

from gateway.wire.fields import (
    HOP_BY_HOP,
    OWN_PREFIX,
    Names,
    RawField,
    listed_in_connection,
)

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
        passing: Fields that pass on unchanged, in order.
        content_length: As declared; None when not. Kept for HEAD and 304 too.
        body: How the body ends.

    """

    __slots__ = ("body", "content_length", "passing", "reason", "status")

    def __init__(self, status: int, reason: bytes) -> None:
        self.status = status
        self.reason = reason
        self.passing: list[RawField] = []
        self.content_length: int | None = None
        self.body = _NO_BODY

    @property
    def is_interim(self) -> bool:
        """Whether the real answer is still to come (1xx)."""
        return self.status < _FIRST_FINAL


def read_answer_head(
    status: int, reason: bytes, raw: list[RawField], *, to_head_request: bool
) -> AnswerHead:
    """Check a parsed head and sort its fields.

    Raises:
        BadAnswer: It switches protocols unasked, or frames its body in an unknown way.

    """
    if status == _SWITCHING or not _LOWEST <= status <= _HIGHEST:
        raise BadAnswer(f"unexpected status {status}")
    head = AnswerHead(status, reason)
    coding = _sort_fields(head, raw)
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


class _Meaning(Enum):
    """What a field of an answer is to a gateway."""

    PASSES = auto()
    LENGTH = auto()
    CODING = auto()
    CONNECTION = auto()
    DROPPED = auto()


_MEANINGS: Final = {
    b"content-length": _Meaning.LENGTH,
    b"transfer-encoding": _Meaning.CODING,
    b"connection": _Meaning.CONNECTION,
}


def _understand(name: bytes) -> _Meaning:
    lower = name.lower()
    if lower in _MEANINGS:
        return _MEANINGS[lower]
    dropped = lower in HOP_BY_HOP or lower.startswith(OWN_PREFIX)
    return _Meaning.DROPPED if dropped else _Meaning.PASSES


_NAMES: Final = Names(_understand)
_PASSES: Final = _Meaning.PASSES
_LENGTH: Final = _Meaning.LENGTH
_CODING: Final = _Meaning.CODING
_CONNECTION: Final = _Meaning.CONNECTION


def _sort_fields(head: AnswerHead, raw: list[RawField]) -> bytes | None:
    """Fill passing and content_length; give the Transfer-Encoding."""
    coding: bytes | None = None
    listed: frozenset[bytes] = frozenset()
    passing = head.passing
    for field in raw:
        meaning = _NAMES[field[0]]
        if meaning is _PASSES:
            passing.append(field)
        elif meaning is _LENGTH:
            head.content_length = int(field[1])
        elif meaning is _CODING:
            coding = field[1] if coding is None else coding + b", " + field[1]
        elif meaning is _CONNECTION:
            listed |= listed_in_connection(field[1])
    if listed:
        head.passing = [f for f in passing if f[0].lower() not in listed]
    return coding
