"""An answer as a script: what to write and how long to wait after it. Pure.

A script is lazy, so that a huge answer costs no memory, and so that a stamp is taken
when its event is due. `player` performs it on a socket.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from loadtest.upstreams import voice
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.voice import Voice

_BLOCK_BYTES = 64 * 1024
_BLOCK = b"x" * _BLOCK_BYTES
_HUGE_START = (
    b'{"id":"huge","object":"chat.completion",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"'
)
_HUGE_END = b'"},"finish_reason":"stop"}]}'
_SPLIT_PAUSE_S = 0.001  # long enough for a piece to leave as a packet of its own
_FIRST_ERROR_STATUS = 400
_EVENTS = b"text/event-stream"
_JSON = b"application/json"


class Ending(Enum):
    """How a script stops."""

    CLEAN = auto()
    CUT = auto()  # the connection closes with the answer unfinished
    STALL = auto()  # nothing more is written, the connection stays open


Step: TypeAlias = tuple[bytes | Ending, float]  # then wait so many seconds


@dataclass(frozen=True, slots=True)
class Order:
    """What one request asks for, and what the dice said about it."""

    how: Behaviour
    streamed: bool
    wants_usage: bool
    fails: bool


def write_script(order: Order, speaker: Voice) -> Iterator[Step]:
    """Choose the script that fits the order."""
    how = order.how
    if how.hang:
        return iter([(Ending.STALL, 0.0)])
    status = _status(order)
    if status >= _FIRST_ERROR_STATUS:
        return _whole(how, speaker, status, voice.error_body(status))
    if how.huge is not None:
        return _huge(how, how.huge, speaker)
    if order.streamed:
        return _stream(order, speaker)
    return _whole(how, speaker, status, speaker.whole(how))


def _status(order: Order) -> int:
    fails_openly = order.fails and not (order.how.error_in_200 and order.streamed)
    return order.how.error_status if fails_openly else order.how.status


def _opening(how: Behaviour, head: bytes) -> Iterator[Step]:
    if how.early_head:
        yield head, how.first_token
        return
    yield b"", how.first_token
    yield head, 0.0


def _whole(how: Behaviour, speaker: Voice, status: int, body: bytes) -> Iterator[Step]:
    yield from _opening(how, voice.head(status, speaker.served_by, _JSON, len(body)))
    broken_off = _broken_off(how)
    if broken_off is not None:
        yield body[: len(body) // 2], 0.0
        yield broken_off, 0.0
        return
    yield body, 0.0
    yield Ending.CLEAN, 0.0


def _broken_off(how: Behaviour) -> Ending | None:
    if how.cut is not None:
        return Ending.CUT
    return Ending.STALL if how.stall is not None else None


def _huge(how: Behaviour, total: int, speaker: Voice) -> Iterator[Step]:
    """`total` bytes of one JSON document; `cut` and `stall` count 64 KiB blocks."""
    filler = max(0, total - len(_HUGE_START) - len(_HUGE_END))
    length = len(_HUGE_START) + filler + len(_HUGE_END)
    yield from _opening(how, voice.head(200, speaker.served_by, _JSON, length))
    yield _HUGE_START, 0.0
    for index in range(filler // _BLOCK_BYTES):
        if index == how.cut or index == how.stall:
            yield _broken_off(how) or Ending.CUT, 0.0
        yield _BLOCK, how.interval
    yield b"x" * (filler % _BLOCK_BYTES) + _HUGE_END, 0.0
    yield Ending.CLEAN, 0.0


def _stream(order: Order, speaker: Voice) -> Iterator[Step]:
    how = order.how
    yield from _opening(how, voice.head(how.status, speaker.served_by, _EVENTS, None))
    fails_at = how.error_after if order.fails else None
    for index in range(how.events):
        if index == fails_at:
            break
        if index == how.cut or index == how.stall:
            yield Ending.CUT if index == how.cut else Ending.STALL, 0.0
        stamp = b',"sent":%d' % time.monotonic_ns() if how.stamp else b""
        yield from _spoken(speaker.event(index, how, stamp), how)
    if fails_at is not None:
        yield from _spoken(b"data: " + voice.error_body(500) + b"\n\n", how)
    elif _speaks_of_usage(order):
        yield from _spoken(speaker.usage_event(how), how)
    yield from _closing(how)


def _speaks_of_usage(order: Order) -> bool:
    asked = order.how.usage == "asked" and order.wants_usage
    return asked or order.how.usage == "always"


def _closing(how: Behaviour) -> Iterator[Step]:
    if _broken_off(how) is not None:
        # cut=events: everything was said, only the end is missing.
        yield _broken_off(how) or Ending.CUT, 0.0
    done = b"" if how.no_done else voice.framed(_line_ends(voice.DONE, how))
    yield done + voice.LAST_CHUNK, 0.0
    yield Ending.CLEAN, 0.0


def _line_ends(event: bytes, how: Behaviour) -> bytes:
    return event.replace(b"\n", b"\r\n") if how.crlf else event


def _spoken(event: bytes, how: Behaviour) -> Iterator[Step]:
    if how.comment:
        event = b": keep-alive\n\n" + event
    chunk = voice.framed(_line_ends(event, how))
    if how.split is None:
        yield chunk, how.interval
        return
    size = max(1, how.split)
    for start in range(0, len(chunk), size):
        yield chunk[start : start + size], _SPLIT_PAUSE_S
    yield b"", how.interval
