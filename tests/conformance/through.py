"""Takes bytes through the data path in memory, and tells what an endpoint and a client got."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.conformance.endpoint import OK
from tests.conformance.strict import Seen, read_all
from tests.properties.exchange import Bench

_BY_CHANCE = {b"x-request-id", b"traceparent"}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_HEAD_OF_OK = OK[: OK.index(b"\r\n\r\n") + 4]


@dataclass
class Through:
    """What came of a stream of bytes from a client.

    Attributes:
        seen: The whole requests that reached the endpoint, without what is random.
        statuses: Of the answers, in order.
        is_closed: Whether the client's connection was closed.

    """

    seen: list[Seen]
    statuses: list[int]
    is_closed: bool


def through(pieces: Iterable[bytes]) -> Through:
    """Send *pieces*; each request that reaches the endpoint is answered when it is whole.

    Raises:
        Garbled: What reached the endpoint is no sequence of requests.

    """
    bench = Bench()
    answered = 0
    for piece in pieces:
        if bench.wire.is_closed:
            break
        bench.ask([piece])
        while len(seen := read_all(bench.sent)) > answered:
            to_head = seen[answered].first.startswith(b"HEAD ")
            answered += 1
            bench.answer([_HEAD_OF_OK if to_head else OK])
    seen = read_all(bench.sent)
    for each in seen:
        each.fields = [pair for pair in each.fields if pair[0] not in _BY_CHANCE]
    statuses = [int(found) for found in _STATUS.findall(bytes(bench.wire.written))]
    return Through(seen, statuses, bench.wire.is_closed)


def cut_evenly(stream: bytes, size: int) -> list[bytes]:
    """Cut *stream* into pieces of *size*."""
    return [stream[at : at + size] for at in range(0, len(stream), size)]
