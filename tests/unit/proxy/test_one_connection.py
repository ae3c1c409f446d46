"""One client connection in front of one endpoint connection, on wires kept in memory."""

import gc

from gateway.proxy.life_of_a_request import Exchange
from tests.properties.exchange import Bench

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


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
