"""A client that does not take its answer has a deadline, whatever it sends meanwhile."""

from gateway.proxy.deadlines import NEVER
from tests.properties.exchange import Bench

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def test_sending_more_requests_does_not_take_the_deadline_off_a_slow_reader() -> None:
    bench = Bench()
    bench.ask([GET])
    bench.client.pause_writing()
    bench.ask([GET])

    assert bench.client.deadline < NEVER


def test_a_client_that_waits_for_its_answer_has_no_deadline() -> None:
    bench = Bench()
    bench.ask([GET])

    assert bench.client.deadline == NEVER
