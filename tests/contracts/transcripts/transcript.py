"""The form of a transcript: what a server or a client sends, and what it must be read as.

One file for each dialect, named as the dialect is, with two constants: TRANSCRIPTS, a
tuple of Transcript, and REQUESTS, a tuple of Request. They are written by hand from what
the providers document and servers do; test_every_dialect.py finds them by the registry
and feeds each split at every byte.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.dialect import Framing
from gateway.answers.usage import Usage

WHOLE = None
SSE = Framing.SSE
LINES = Framing.LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The body of one 2xx answer, and everything that must be known after it.

    Attributes:
        name: What happens, in snake_case; the test's id.
        body: As it leaves the server, without transfer coding.
        framing: WHOLE, SSE or LINES.
        calls: Name and arguments of each tool call, in order of appearance.

    The others are those of Answer, with the values that an answer has that says nothing.

    """

    name: str
    body: bytes
    framing: Framing | None
    text: str = ""
    finishes: dict[int, Finish | None] = field(default_factory=dict)
    calls: tuple[tuple[str, str], ...] = ()
    usage: Usage | None = None
    model: str | None = None
    content_events: int = 0
    has_error: bool = False
    has_refusal: bool = False
    is_terminated: bool = True
    is_garbled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request's body, and all that is asked in it (prompt and context included)."""

    name: str
    body: bytes
    asked: Asked


def encoded(value: object) -> bytes:
    """Write JSON as servers do; what is bytes or text already stays as it is."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def sse(*events: object) -> bytes:
    """Write server-sent events, one `data:` line each."""
    return b"".join(b"data: " + encoded(event) + b"\n\n" for event in events)


def named_sse(*events: Mapping[str, object]) -> bytes:
    """Write server-sent events that repeat their `type` in an `event:` line."""
    return b"".join(
        b"event: " + encoded(event["type"]) + b"\n" + sse(event) for event in events
    )


def lines(*events: object) -> bytes:
    """Write newline-delimited JSON."""
    return b"".join(encoded(event) + b"\n" for event in events)
