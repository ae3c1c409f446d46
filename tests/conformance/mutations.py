"""Requests that are nearly right: the cases, spliced, broken and spiced by a seeded dice."""

from random import Random

from tests.conformance.case import get
from tests.conformance.table import REQUESTS

_SEEDS = [case.request for case in REQUESTS if len(case.request) < 2_000]
_SERVED = [case.request for case in REQUESTS if case.ours.startswith("200")]
_SPICES = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b"\x0b",
    b"\t",
    b" ",
    b":",
    b",",
    b";",
    b"0",
    b"5",
    b"_",
    b"\xff",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"transfer-encoding:chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 44\r\n",
    b"Connection: content-length, transfer-encoding, host\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"Host: other\r\n",
    b"Trailer: x-sum\r\n",
    b"TE: trailers\r\n",
    get(target=b"/smuggled"),
)


def mutated(dice: Random) -> bytes:
    """Make a stream of one request or of several."""
    stream = dice.choice(_SERVED if dice.random() < 0.9 else _SEEDS)
    if dice.random() < 0.5:
        stream = dice.choice(_SERVED) + stream
    for _ in range(dice.choice((0, 1, 1, 1, 2))):
        stream = _once(stream, dice)
    return stream


def _once(stream: bytes, dice: Random) -> bytes:
    return dice.choice(_WAYS)(stream, dice.randrange(len(stream) + 1), dice)


def _add(stream: bytes, at: int, dice: Random) -> bytes:
    return stream[:at] + dice.choice(_SPICES) + stream[at:]


def _add_line(stream: bytes, at: int, dice: Random) -> bytes:
    lines = stream.split(b"\r\n")
    spice = dice.choice(_SPICES).removesuffix(b"\r\n")
    lines.insert(1 + at % len(lines), spice)
    return b"\r\n".join(lines)


def _leave_out(stream: bytes, at: int, dice: Random) -> bytes:
    return stream[:at] + stream[at + dice.choice((1, 1, 2, 8)) :]


def _change(stream: bytes, at: int, dice: Random) -> bytes:
    return stream[:at] + bytes([dice.randrange(256)]) + stream[at + 1 :]


def _splice(stream: bytes, at: int, dice: Random) -> bytes:
    other = dice.choice(_SEEDS)
    return stream[:at] + other[dice.randrange(len(other)) :]


def _repeat(stream: bytes, at: int, dice: Random) -> bytes:
    end = at + dice.choice((1, 4, 30))
    return stream[:end] + stream[at:]


_WAYS = (_add, _add_line, _leave_out, _change, _splice, _repeat)
