"""However the network cuts requests and answers, what they mean stays the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.exchange import Bench, cut

cuts = st.lists(st.integers(0, 200_000), max_size=25)

BODY = b'{"model": "m", "user": "ann"}'
POST = (
    b"POST /v1/chat HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
    b"x-request-id: fixed\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
CHUNKS = (
    b"POST /v1/chat HTTP/1.1\r\nHost: gate\r\nx-request-id: fixed\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n"
)
REFUSED = {
    b"POST /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": 400,
    b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n": 505,
    b"GET /a HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n": 400,
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n": 413,
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n": 414,
    b"GET /a HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 140_000 + b"\r\n\r\n": 431,
}
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "bodiless": b"HTTP/1.1 204 No Content\r\n\r\n",
    "no reason": b"HTTP/1.1 500 \r\nContent-Length: 1\r\n\r\nx",
}


def unchunked(stream: bytes) -> tuple[bytes, bytes, bytes]:
    """Give head, body and trailers of a message, whatever its chunks."""
    head, _, rest = stream.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 1"):
        interim, (head, body, trailers) = head, unchunked(rest)
        return interim + b"|" + head, body, trailers
    if b"transfer-encoding: chunked" not in head:
        return head, rest, b""
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not int(size, 16):
            return head, body, rest
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return head, body, b"unfinished"


@pytest.mark.parametrize("request_bytes", [POST, CHUNKS], ids=["length", "chunks"])
@given(places=cuts)
def test_a_request_reaches_the_endpoint_the_same(
    request_bytes: bytes, places: list[int]
) -> None:
    whole, pieces = Bench(), Bench()
    whole.ask([request_bytes])
    pieces.ask(cut(request_bytes, places))

    assert unchunked(pieces.sent) == unchunked(whole.sent)
    assert unchunked(whole.sent)[1] in {BODY, b"hello, world"}


@pytest.mark.parametrize("kind", ANSWERS)
@given(places=cuts)
def test_an_answer_reaches_the_client_the_same(kind: str, places: list[int]) -> None:
    results = []
    for pieces in ([ANSWERS[kind]], cut(ANSWERS[kind], places)):
        bench = Bench()
        bench.ask([POST])
        bench.answer(pieces)
        tally = bench.plane.observe(0, 1, 1).series[0]
        results.append((
            unchunked(bytes(bench.wire.written)),
            tally.outcomes,
            tally.codes,
            tally.in_flight,
            tally.connections_idle,
        ))

    assert results[0] == results[1]
    assert results[0][3:] == (0, 1)


@pytest.mark.parametrize(("request_bytes", "status"), REFUSED.items(), ids=str)
@given(places=cuts)
def test_a_bad_request_is_refused_the_same(
    request_bytes: bytes, status: int, places: list[int]
) -> None:
    results = []
    for pieces in ([request_bytes, b"x"], [*cut(request_bytes, places), b"x"]):
        bench = Bench()
        bench.ask(pieces)
        answer = re.sub(rb"[0-9a-f-]{24,36}", b"ID", bytes(bench.wire.written))
        assert bench.wire.is_closed
        assert not bench.sent
        results.append(answer.split(b"\r\n\r\n")[0])

    assert results[0] == results[1]
    assert results[0].startswith(b"HTTP/1.1 %d " % status)


@given(places=cuts, count=st.integers(2, 40))
def test_pipelined_requests_are_answered_in_order(
    places: list[int], count: int
) -> None:
    bench = Bench()
    requests = b"".join(
        b"GET /%d HTTP/1.1\r\nHost: gate\r\n\r\n" % number for number in range(count)
    )
    bench.ask(cut(requests, places))
    for number in range(count):
        assert bench.sent.endswith(b"\r\n\r\n")
        assert bench.sent.count(b"GET /%d HTTP/1.1" % number) == 1
        assert bench.sent.count(b"GET /") == number + 1
        bench.answer([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d" % number])

    bodies = re.findall(rb"\r\n\r\n(\d\d)", bytes(bench.wire.written))
    assert bodies == [b"%02d" % number for number in range(count)]
