"""What is refused: with the right status and a reason, and never seen by an upstream."""

import asyncio

import orjson
import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.service import Match
from gateway.domain.units import Bytes
from tests.flows.scripted import Message, answering, get, ok, post
from tests.flows.stage import Stage, service, table, until, version

SMALL = ClientLimits(head=Bytes(2048), body=Bytes(10_000))
HOST = b"Host: h\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n"

SMUGGLING = {
    "length and chunked": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked and length": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same length twice": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 1, 1\r\n\r\na",
    "a signed length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na",
    "a negative length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\na",
    "a hexadecimal length": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 0x1\r\n\r\na",
    "an underscored length": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 1_0\r\n\r\na",
    "an empty length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: \r\n\r\n",
    "an endless length": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "chunked twice": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then more": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": get(b"/", b"X-A: 1", b" folded"),
    "a bare LF in a field": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: 1\nX-B: 2\r\n\r\n",
    "a bare CR in a field": get(b"/", b"X-A: 1\rX-B: 2"),
    "bare LFs alone": b"GET / HTTP/1.1\nHost: h\n\n",
    "a space before the colon": get(b"/", b"Content-Length : 5"),
    "a space in a name": get(b"/", b"X A: 1"),
    "a field without a name": get(b"/", b": 1"),
    "a NUL in a field": get(b"/", b"X-A: a\x00b"),
    "a NUL in the target": get(b"/a\x00b"),
    "a control character in the target": get(b"/a\x01b"),
    "a space in the target": get(b"/a b"),
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": get(b"/", b"Host: other"),
    "two equal Hosts": get(b"/", b"Host: h"),
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: h/a\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
    "a Host with a blank": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "two Hosts in one": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "an absolute target with a user": b"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "a target of another scheme": b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "a fragment": get(b"/a#b"),
    "a target that is no path": b"GET a HTTP/1.1\r\nHost: h\r\n\r\n",
    "an asterisk with GET": b"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
    "an unknown method": b"FROBNICATE / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a lower-case method": b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a bad chunk size": CHUNKED + b"\r\nzz\r\n",
    "a negative chunk size": CHUNKED + b"\r\n-1\r\n",
    "a chunk size with a prefix": CHUNKED + b"\r\n0x1\r\na\r\n0\r\n\r\n",
    "an endless chunk size": CHUNKED + b"\r\nfffffffffffffffff\r\n",
    "a chunk longer than its size": CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk size with a bare LF": CHUNKED + b"\r\n1\na\r\n0\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


def check_error(answer: Message) -> None:
    """Check that the body is JSON and says what happened and what to do, in two sentences."""
    assert answer["content-type"] == "application/json"
    error = orjson.loads(answer.body)["error"]
    assert set(error) == {"type", "message", "request_id"}
    assert error["message"].count(". ") >= 1
    assert error["message"].endswith(".")
    assert error["request_id"] == answer["x-sluicegate-request-id"]


@pytest.mark.parametrize("request_bytes", SMUGGLING.values(), ids=SMUGGLING)
async def test_what_could_smuggle_is_refused_here(
    stage: Stage, request_bytes: bytes
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    answer = await client.ask(request_bytes + get(b"/smuggled"))

    assert answer.status == 400
    check_error(answer)
    assert answer["connection"] == "close"
    assert await client.is_closed()
    assert not upstream.requests
    assert sum(stage.gateway.refused().values()) + len(stage.gateway.outcomes()) == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 405),
        (b"CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        (
            post(b"", b"Transfer-Encoding: identity").replace(
                b"Content-Length: 0\r\n", b""
            ),
            501,
        ),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            501,
        ),
        (get(b"/", b"Expect: cookies"), 417),
        (get(b"/" + b"a" * 3000), 414),
        (get(b"/", b"X-A: " + b"a" * 3000), 431),
        (get(b"/", *[b"X-%d: abcdefgh" % n for n in range(300)]), 431),
        (post(bytes(10_001)), 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10001\r\n\r\n", 413),
        (CHUNKED + b"\r\n2711\r\n" + bytes(10_001) + b"\r\n0\r\n\r\n", 413),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else str(value),
)
async def test_what_is_not_served_is_refused_with_its_status(
    stage: Stage, request_bytes: bytes, status: int
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=SMALL), upstream)
    client = await stage.client()

    answer = await client.ask(request_bytes)

    assert answer.status == status
    check_error(answer)
    assert answer["connection"] == "close"
    assert await client.is_closed()
    assert not upstream.requests
    assert answer.values("allow") == (
        ["GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] if status == 405 else []
    )


@pytest.mark.parametrize("size", [2040, 60_000])
async def test_a_head_within_its_limit_is_served(stage: Stage, size: int) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)

    answer = await (await stage.client()).ask(get(b"/", b"X-A: " + b"a" * size))

    assert answer.status == 200
    assert len(upstream.requests[0]["x-a"]) == size


@pytest.mark.parametrize(
    ("start", "trickle", "status"),
    [
        (b"GET /", b"a" * 100, 414),
        (b"GET / HTTP/1.1\r\n", b"X-A: " + b"a" * 93 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX-A: ", b"a" * 100, 431),
        (CHUNKED + b"\r\n1", b";" + b"a" * 99, 431),
        (CHUNKED + b"\r\n0\r\nX-A: ", b"a" * 100, 431),
        (CHUNKED + b"\r\n0\r\n", b"X-A: " + b"a" * 93 + b"\r\n", 431),
        (CHUNKED + b"\r\n", b"1;" + b"a" * 92 + b"\r\nb\r\n", 431),
    ],
    ids=[
        "target",
        "fields",
        "one field",
        "chunk extension",
        "one trailer",
        "trailers",
        "an extension for each byte",
    ],
)
async def test_an_endless_trickle_around_a_body_is_refused(
    stage: Stage, start: bytes, trickle: bytes, status: int
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=SMALL), upstream)
    client = await stage.client()

    await client.send(start)
    sent = 0
    while client.reader._buffer == b"" and sent < 100_000:  # type: ignore[attr-defined]
        await client.send(trickle)
        sent += len(trickle)
        await asyncio.sleep(0.001)

    answer = await client.answer()
    assert answer.status == status
    check_error(answer)
    assert sent < 20_000
    assert not upstream.requests or upstream.requests[0].is_cut


async def test_a_chunked_body_that_grows_too_large_is_refused_on_the_way(
    stage: Stage,
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=SMALL), upstream)
    client = await stage.client()
    chunk = b"7d0\r\n" + bytes(2000) + b"\r\n"

    await client.send(CHUNKED + b"\r\n", *[chunk] * 6, gap=0.005)
    answer = await client.answer()

    assert answer.status == 413
    assert await client.is_closed()
    assert stage.gateway.outcomes() == {"client_error": 1}
    assert await until(lambda: not upstream.open)


async def test_garbage_in_a_body_on_its_way_takes_the_request_back(
    stage: Stage,
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(CHUNKED + b"\r\n1\r\na\r\n", b"zz\r\n", gap=0.05)
    answer = await client.answer()

    assert answer.status == 400
    check_error(answer)
    assert stage.gateway.outcomes() == {"client_error": 1}
    assert stage.gateway.series().codes == {400: 1}


async def test_a_refusal_of_head_has_no_body(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    answer = await client.ask(b"HEAD / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n")

    assert answer.status == 417
    assert int(answer["content-length"]) > 0
    assert await client.is_closed()


async def test_an_http_1_0_client_is_refused_and_closed(stage: Stage) -> None:
    """It would wait for the end of the connection: nothing tells it otherwise."""
    upstream = await answering(ok())
    only_v1 = service(version("v1", upstream), match=Match(paths=("/v1",)))
    stage.serve(table(only_v1), upstream)
    client = await stage.client()

    answer = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

    assert (answer.status, answer["connection"]) == (404, "close")
    assert await client.is_closed()


async def test_a_client_that_uploads_on_can_read_why_it_was_refused(
    stage: Stage,
) -> None:
    """The connection is not reset under the answer while the body is still coming."""
    stage.serve_one(await answering(ok()))
    stage.gateway.use(table(limits=SMALL))
    client = await stage.client()

    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90000000\r\n\r\n"
    )
    for _ in range(50):
        client.writer.write(bytes(100_000))
        await asyncio.sleep(0.001)

    assert (await client.answer()).status == 413
