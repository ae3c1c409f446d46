"""What the gateway knows of an answer's head; read_answer.py reads it."""

from enum import Enum, auto
from typing import Final

import msgspec

SWITCHING: Final = 101
_FIRST_FINAL: Final = 200


class Body(Enum):
    """How an answer's body ends (RFC 9112 section 6.3)."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()


# A name of its own: a look-up through the class costs ten times as much (measured).
_NO_BODY: Final = Body.NONE


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
