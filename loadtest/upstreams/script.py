"""An answer as a script: what to write and how long to wait after it. Pure.

A script is lazy, so that a huge answer costs no memory, and so that a stamp is taken
when its event is due. `player` performs it on a socket.
"""

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import TypeAlias

from loadtest.upstreams import http_message
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.voice import Order, Voice

_BLOCK_BYTES = 64 * 1024
_BLOCK = b"x" * _BLOCK_BYTES
_HUGE_START = (
    b'{"id":"huge","object":"chat.completion",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"'
)
_HUGE_END = b'"},"finish_reason":"stop"}]}'
_SPLIT_PAUSE_S = 0.001  # long enough for a piece to leave as a packet of its own
_FIRST_ERROR_STATUS = 400
_GARBAGE = b'{"choices":[{"index":0,'
_GZIP = b"gzip"
_GZIP_FORMAT = 31  # zlib.h, deflateInit2: with gzip's head and end, 32 KiB window


class Ending(Enum):
    """How a script stops."""

    CLEAN = auto()
    CUT = auto()  # the connection closes with the answer unfinished
    STALL = auto()  # nothing more is written, the connection stays open


Step: TypeAlias = tuple[bytes | Ending, float]  # then wait so many seconds


def write_script(order: Order, speaker: Voice) -> Iterator[Step]:
    """Choose the script that fits the order."""
    how = order.how
    if how.hang:
        return iter([(Ending.STALL, 0.0)])
    status = _status(order)
    if status >= _FIRST_ERROR_STATUS:
        return _whole(how, speaker, status, speaker.error_body(status))
    if how.huge is not None:
        return _huge(how, how.huge, speaker)
    if order.streamed:
        return _stream(order, speaker)
    body = speaker.error_body(500) if order.fails else speaker.whole(how)
    return _whole(how, speaker, status, body)


def _status(order: Order) -> int:
    fails_openly = order.fails and not order.how.error_in_200
    return order.how.error_status if fails_openly else order.how.status


def _opening(how: Behaviour, head: bytes) -> Iterator[Step]:
    if how.early_head:
        yield head, how.first_token
        return
    yield b"", how.first_token
    yield head, 0.0


def _whole(how: Behaviour, speaker: Voice, status: int, body: bytes) -> Iterator[Step]:
    coding = _GZIP if how.gzip else b""
    body = gzip.compress(body, mtime=0) if how.gzip else body
    served_by, kind = speaker.served_by, http_message.JSON
    head = http_message.head(status, served_by, kind, len(body), coding)
    yield from _opening(how, head)
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
    served_by, kind = speaker.served_by, http_message.JSON
    yield from _opening(how, http_message.head(200, served_by, kind, length))
    yield _HUGE_START, 0.0
    for index in range(filler // _BLOCK_BYTES):
        if index == how.cut or index == how.stall:
            yield _broken_off(how) or Ending.CUT, 0.0
        yield _BLOCK, how.interval
    yield b"x" * (filler % _BLOCK_BYTES) + _HUGE_END, 0.0
    yield Ending.CLEAN, 0.0


def _stream(order: Order, speaker: Voice) -> Iterator[Step]:
    how = order.how
    head = http_message.head(
        how.status,
        speaker.served_by,
        speaker.stream_type,
        None,
        _GZIP if how.gzip else b"",
    )
    yield from _opening(how, head)
    coded = _coding(how)
    fails_at = how.error_after if order.fails else None
    for index, event in enumerate(speaker.events(order, _stamp(how))):
        if index == fails_at:
            break
        if index == how.cut or index == how.stall:
            yield Ending.CUT if index == how.cut else Ending.STALL, 0.0
        if index == how.garbage:
            yield from _spoken(speaker.event(_GARBAGE), how, coded)
        yield from _spoken(event, how, coded)
    if fails_at is not None:
        yield from _spoken(speaker.error_event(), how, coded)
    elif last_words := speaker.last_words(order):
        yield from _spoken(last_words, how, coded)
    yield from _closing(order, speaker, coded)


def _stamp(how: Behaviour) -> Callable[[], bytes]:
    if how.stamp:
        return lambda: b',"sent":%d' % time.monotonic_ns()
    return lambda: b""


def _closing(
    order: Order, speaker: Voice, coded: Callable[[bytes], bytes]
) -> Iterator[Step]:
    how = order.how
    if _broken_off(how) is not None:
        # cut=events: everything was said, only the end is missing.
        yield _broken_off(how) or Ending.CUT, 0.0
    end = speaker.end_of_failed if order.fails else speaker.end(how)
    done = b"" if how.no_done else _line_ends(end, how)
    rest = (coded(done) if done else b"") + coded(b"")
    yield (http_message.framed(rest) if rest else b"") + http_message.LAST_CHUNK, 0.0
    yield Ending.CLEAN, 0.0


def _coding(how: Behaviour) -> Callable[[bytes], bytes]:
    """Give what codes each event, so that it can be read at once; b"" ends the coding."""
    if not how.gzip:
        return lambda event: event
    packer = zlib.compressobj(wbits=_GZIP_FORMAT)

    def packed(event: bytes) -> bytes:
        if not event:
            return packer.flush(zlib.Z_FINISH)
        return packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)

    return packed


def _line_ends(event: bytes, how: Behaviour) -> bytes:
    return event.replace(b"\n", b"\r\n") if how.crlf else event


def _spoken(
    event: bytes, how: Behaviour, coded: Callable[[bytes], bytes]
) -> Iterator[Step]:
    if how.comment:
        event = b": keep-alive\n\n" + event
    chunk = http_message.framed(coded(_line_ends(event, how)))
    if how.split is None:
        yield chunk, how.interval
        return
    size = max(1, how.split)
    for start in range(0, len(chunk), size):
        yield chunk[start : start + size], _SPLIT_PAUSE_S
    yield b"", how.interval
