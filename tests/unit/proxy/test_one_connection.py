"""One client connection in front of one endpoint connection, on wires kept in memory."""

import gc
from collections.abc import Iterator

import pytest

from gateway.proxy.downstream import Downstream
from gateway.proxy.life_of_a_request import Exchange
from gateway.proxy.request_reader import RequestReader
from gateway.proxy.upstream import Upstream
from tests.properties.exchange import Bench

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PART = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
OF_A_CONNECTION = (Downstream, RequestReader, Upstream, Exchange)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Collect once, and not again during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> int:
    """Count what belongs to connections."""
    return sum(isinstance(thing, OF_A_CONNECTION) for thing in gc.get_objects())


@pytest.mark.parametrize("requests", [[], [GET], [GET[:9]], [GET[:9], GET[9:], GET]])
@pytest.mark.parametrize("is_client_first", [True, False])
@pytest.mark.usefixtures("no_collector")
def test_a_closed_connection_is_let_go_of_without_the_garbage_collector(
    requests: list[bytes], is_client_first: bool
) -> None:
    """Nor does the wheel of deadlines keep it: a second may bring thousands."""
    before = alive()
    bench = Bench()
    bench.ask(requests)
    if requests and len(requests[0]) == len(GET):
        bench.answer([PART])
    [(upstream, _wire)] = bench.endpoints
    losing = [bench.client.connection_lost, upstream.connection_lost]
    for lose in losing if is_client_first else reversed(losing):
        lose(None)

    bench.endpoints.clear()
    del bench.client, upstream, losing, lose
    assert alive() == before


def test_a_client_cannot_queue_more_requests_than_there_is_room_for() -> None:
    """What was read beyond that waits unparsed, and is answered all the same."""
    bench, count = Bench(), 5000
    gc.collect()
    before = sum(isinstance(thing, Exchange) for thing in gc.get_objects())

    bench.ask([GET * count])

    made = sum(isinstance(thing, Exchange) for thing in gc.get_objects()) - before
    assert made <= 200
    assert bench.wire.is_paused
    for _ in range(count):
        bench.answer([OK])
    assert bytes(bench.wire.written).count(b"HTTP/1.1 200 OK") == count
    assert not bench.wire.is_paused


def test_a_connection_that_closes_as_it_is_wanted_is_counted_once() -> None:
    """The endpoint's FIN and the next request may come in the same moment."""
    bench = Bench()
    bench.ask([GET])
    bench.answer([OK])
    upstream, wire = bench.endpoints[0]
    (pool,) = bench.plane.pools()

    wire.is_closed = True
    bench.ask([GET])
    upstream.connection_lost(None)

    assert (pool.busy, pool.idle, pool.pending) == (0, 0, 1)


def test_an_answer_before_the_whole_request_closes_the_connection() -> None:
    """The rest of the body would otherwise be awaited, or taken for a request."""
    bench = Bench()
    bench.ask([b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345"])
    bench.answer([OK])

    assert b"\r\nconnection: close\r\n" in bytes(bench.wire.written)
    assert bench.wire.is_closed
