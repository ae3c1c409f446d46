"""Bodies, interim answers and header fields on their way through, in every framing."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from gateway.domain.service import Service, StickyKind, StickySource
from tests.flows.scripted import Client, Upstream, Wire, answering, get, ok, post
from tests.flows.stage import Stage, over_tls_too, service, table, until, version

CHUNKED = b"Transfer-Encoding: chunked"


async def test_a_body_of_known_length_arrives_as_it_was(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    answer = await client.ask(post(bytes(range(256)) * 1000))

    assert answer.body == b"ok"
    (request,) = upstream.requests
    assert request.body == bytes(range(256)) * 1000
    assert request["content-length"] == "256000"
    assert "transfer-encoding" not in request


async def test_an_empty_body_of_known_length_keeps_its_length(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)

    await (await stage.client()).ask(post(b""))

    assert upstream.requests[0]["content-length"] == "0"


@over_tls_too
@pytest.mark.parametrize(
    "framed",
    [
        b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        b"5;a=b;c\r\nhello\r\n006\r\n world\r\n0;last\r\n\r\n",
        b'B;q="x;y"\r\nhello world\r\n000\r\n\r\n',
    ],
    ids=["plain", "extensions", "upper case and quotes"],
)
async def test_a_chunked_request_is_framed_anew_without_extensions(
    stage: Stage, framed: bytes
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()
    head = b"POST / HTTP/1.1\r\nHost: h\r\n" + CHUNKED + b"\r\n\r\n"

    for pieces in ([head + framed], [head, framed], [head + framed[:3], framed[3:]]):
        await client.send(*pieces, gap=0.02)
        assert (await client.answer()).body == b"ok"

    for request in upstream.requests:
        assert request.body == b"hello world"
        assert b";" not in request.raw_body
        assert request["transfer-encoding"] == "chunked"
        assert "content-length" not in request


async def test_request_trailers_pass_except_those_with_a_meaning(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    trailers = b"X-Sum: 1\r\nHost: evil\r\nAuthorization: x\r\nX-Sluicegate-A: 1\r\n"

    await (await stage.client()).ask(
        b"POST / HTTP/1.1\r\nHost: h\r\nTrailer: X-Sum\r\n"
        + CHUNKED
        + b"\r\n\r\n1\r\na\r\n0\r\n"
        + trailers
        + b"\r\n"
    )

    assert upstream.requests[0].trailers == [("x-sum", "1")]
    assert upstream.requests[0]["host"] == "h"


@pytest.mark.parametrize(
    ("pieces", "body", "trailers"),
    [
        ([ok(b"plain")], b"plain", []),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na", b"b", b"cd"], b"abcd", []),
        (
            [
                b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n",
                b"1\r\na\r\n",
                b"0\r\n\r\n",
            ],
            b"a",
            [],
        ),
        (
            [
                b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n2;x=y\r\na",
                b"b\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=1\r\n",
                b"X-Sluicegate-Version: v9\r\n\r\n",
            ],
            b"ab",
            [("x-sum", "1")],
        ),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], b"", []),
        ([b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na"], b"a", []),
        ([b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na"], b"a", []),
        ([b"HTTP/1.1 404 Gone Fishing\r\nContent-Length: 1\r\n\r\na"], b"a", []),
    ],
    ids=[
        "length",
        "length in pieces",
        "chunked",
        "chunked with trailers",
        "empty",
        "no reason phrase",
        "empty reason phrase",
        "own reason phrase",
    ],
)
async def test_an_answer_arrives_whole_and_the_connections_are_reused(
    stage: Stage,
    pieces: list[bytes],
    body: bytes,
    trailers: list[tuple[str, str]],
) -> None:
    upstream = await answering(*pieces, gap=0.01)
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        answer = await client.ask(get())
        assert (answer.body, answer.trailers) == (body, trailers)
        assert not answer.is_cut

        assert "connection" not in answer

    assert len(upstream.connections) == 1
    assert sum(stage.gateway.outcomes().values()) == 2


async def test_a_reason_phrase_passes(stage: Stage) -> None:
    stage.serve_one(await answering(b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"))

    assert (await (await stage.client()).ask(get())).first == "HTTP/1.1 200 Fine"


@over_tls_too
@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK"])
async def test_an_answer_that_ends_with_its_connection_becomes_chunks(
    stage: Stage, first: bytes
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(first + b"\r\nX-A: 1\r\n\r\nab", b"cd", gap=0.02)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    answers = [await client.ask(get()) for _ in range(2)]

    assert [answer.body for answer in answers] == [b"abcd", b"abcd"]
    assert answers[0]["transfer-encoding"] == "chunked"
    assert not any(answer.is_cut for answer in answers)
    assert stage.gateway.outcomes() == {"complete": 2}


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", ["7"]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ["0"]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\n\r\n", []),
        (
            b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
            ["7"],
        ),
    ],
    ids=["length", "no bytes", "chunked", "until close", "103 first"],
)
async def test_an_answer_to_head_ends_at_its_head(
    stage: Stage, answer: bytes, length: list[str]
) -> None:
    """The parser does not know of HEAD: it must not take the next answer for a body."""

    async def script(wire: Wire) -> None:
        while True:
            request = await upstream.read(wire)
            is_head = request.first.startswith("HEAD")
            await wire.send(answer if is_head else ok(b"full"))

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        head = await client.ask(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        if head.status == 103:
            head = await client.answer(to_head=True)
        assert head.values("content-length") == length
        assert (await client.ask(get())).body == b"full"

    assert stage.gateway.outcomes() == {"complete": 4}


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", []),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", []),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", []),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n", ["12"]),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", []),
    ],
)
async def test_204_and_304_end_at_their_head(
    stage: Stage, head: bytes, length: list[str]
) -> None:
    stage.serve_one(await answering(head))
    client = await stage.client()

    for _ in range(2):
        answer = await client.ask(get())
        assert answer.values("content-length") == length
        assert "transfer-encoding" not in answer

    assert stage.gateway.outcomes() == {"complete": 2}


@over_tls_too
async def test_interim_answers_pass_before_the_real_one(stage: Stage) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Sluicegate-A: 1\r\n\r\n"
    upstream = await answering(hints + hints, hints + ok(), gap=0.01)
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        await client.send(get())
        answers = [await client.answer() for _ in range(4)]
        assert [answer.status for answer in answers] == [103, 103, 103, 200]
        assert answers[0]["link"] == "</a>"
        assert "x-sluicegate-a" not in answers[0]

    assert stage.gateway.series().codes == {200: 2}


async def test_an_unasked_100_and_any_interim_answer_to_http_1_0_stop_here(
    stage: Stage,
) -> None:
    unasked = await answering(b"HTTP/1.1 100 Continue\r\n\r\n" + ok())
    hinting = await answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok())
    stage.serve(table(service(version("v1", unasked))), unasked, hinting)

    assert (await (await stage.client()).ask(get())).status == 200
    stage.gateway.use(table(service(version("v1", hinting))))
    old = await (await stage.client()).ask(b"GET / HTTP/1.0\r\n\r\n")
    assert old.status == 200


@pytest.mark.parametrize(
    "more",
    [b"stray", b"HTTP/1.1 200 OK\r\n", ok(b"poison"), b"HT"],
    ids=["bytes", "half a head", "a whole answer", "two letters"],
)
async def test_bytes_after_an_answer_never_reach_the_next_one(
    stage: Stage, more: bytes
) -> None:
    upstream = await answering(ok(b"mine") + more)
    stage.serve_one(upstream)
    client = await stage.client()

    answers = [await client.ask(get()) for _ in range(3)]

    assert [answer.body for answer in answers] == [b"mine"] * 3
    assert len(upstream.connections) == 3
    assert stage.gateway.outcomes() == {"complete": 3}


async def test_bytes_after_connection_close_are_the_end_of_the_answer(
    stage: Stage,
) -> None:
    upstream = await answering(ok(b"mine", b"Connection: close") + b"stray")
    stage.serve_one(upstream)
    client = await stage.client()

    assert [(await client.ask(get())).body for _ in range(2)] == [b"mine"] * 2
    assert len(upstream.connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 600_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda answer: answer[9:60].decode("latin-1").replace("\x00", "0"),
)
async def test_an_answer_that_cannot_be_trusted_is_a_502(
    stage: Stage, answer: bytes
) -> None:
    stage.serve_one(await answering(answer))
    client = await stage.client()

    got = await client.ask(get())

    assert got.status == 502
    assert b"Try again" in got.body
    assert stage.gateway.outcomes() == {"upstream_error": 1}
    assert stage.gateway.series().failures == {"bad_answer": 1}
    assert await until(lambda: not stage.gateway.series().connections_idle)


async def test_a_bad_chunk_after_good_ones_cuts_the_answer(stage: Stage) -> None:
    stage.serve_one(
        await answering(
            b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n2\r\nab\r\n",
            b"zz\r\n",
            gap=0.05,
        )
    )
    client = await stage.client()

    answer = await client.ask(get())

    assert answer.is_cut
    assert answer.body == b"ab"
    assert stage.gateway.outcomes() == {"truncated": 1}


# Expect: 100-continue.

EXPECTING = (
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"
)


async def test_an_expectation_is_the_upstreams_to_answer(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        while True:
            request = await upstream.read_head(wire)
            await asyncio.sleep(0.05)
            await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            await wire.read_body(request)
            await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        await client.send(EXPECTING)
        assert (await client.answer()).status == 100
        assert (await client.ask(b'{"a": 1}\n')).body == b"ok"

    assert upstream.requests[0]["expect"] == "100-continue"
    assert upstream.requests[0].body == b'{"a": 1}\n'


async def test_an_expectation_refused_upstream_is_the_answer(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        await wire.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    assert (await client.ask(EXPECTING)).status == 417
    assert await client.is_closed()
    assert stage.gateway.outcomes() == {"client_error": 1}


def sticky_by_json(upstream: Upstream) -> Service:
    by_json = (StickySource(kind=StickyKind.JSON, name="/user"),)
    return service(version("v1", upstream), version("v2", upstream), sticky=by_json)


def setting_json(upstream: Upstream) -> Service:
    return service(version("v1", upstream, set_json=(("/model", '"m"'),)))


@pytest.mark.parametrize("make", [sticky_by_json, setting_json])
async def test_an_expectation_is_answered_here_when_the_body_is_read_here(
    stage: Stage, make: Callable[[Upstream], Service]
) -> None:
    upstream = await answering(ok())
    stage.serve(table(make(upstream)), upstream)
    client = await stage.client()

    await client.send(EXPECTING)
    assert (await client.answer()).first == "HTTP/1.1 100 Continue"
    assert not upstream.requests
    assert (await client.ask(b'{"a": 1}\n')).body == b"ok"

    assert "expect" not in upstream.requests[0]


# HTTP/1.0, other targets, header fields.


@over_tls_too
async def test_an_http_1_0_client_gets_a_body_that_ends_with_the_connection(
    stage: Stage,
) -> None:
    chunks = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n2\r\nab\r\n"
    stage.serve_one(await answering(chunks, b"2\r\ncd\r\n0\r\n\r\n", gap=0.02))
    client = await stage.client()

    answer = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

    assert answer.body == b"abcd"
    assert not answer.is_cut
    assert "transfer-encoding" not in answer
    assert answer["connection"] == "close"


async def test_an_http_1_0_client_may_keep_its_connection(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        kept = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert kept["connection"] == "keep-alive"
    last = await client.ask(b"GET / HTTP/1.0\r\n\r\n")

    assert last["connection"] == "close"
    assert await client.is_closed()
    assert upstream.requests[0].first == "GET / HTTP/1.1"
    assert upstream.requests[0]["host"] == f"127.0.0.1:{upstream.port}"


@pytest.mark.parametrize(
    ("asked", "target", "host"),
    [
        (b"GET http://other:81/a?b HTTP/1.1\r\nHost: h\r\n", "/a?b", "other:81"),
        (b"GET HTTP://other HTTP/1.1\r\nHost: h\r\n", "/", "other"),
        (b"GET http://other?q HTTP/1.1\r\nHost: h\r\n", "/?q", "other"),
        (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n", "*", "h"),
        (
            b"GET //a/../b%2f?c=//d HTTP/1.1\r\nHost: H:80\r\n",
            "//a/../b%2f?c=//d",
            "H:80",
        ),
    ],
)
async def test_targets_pass_in_origin_form(
    stage: Stage, asked: bytes, target: str, host: str
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)

    await (await stage.client()).ask(asked + b"\r\n")

    assert upstream.requests[0].target == target
    assert upstream.requests[0]["host"] == host


async def ask_with(client: Client, *lines: bytes) -> None:
    assert (await client.ask(get(b"/", *lines))).status == 200


async def test_fields_for_one_hop_stop_here(stage: Stage) -> None:
    upstream = await answering(
        ok(
            b"ok",
            b"Connection: X-Drop, keep-alive",
            b"X-Drop: 1",
            b"Keep-Alive: timeout=5",
            b"Proxy-Authenticate: Basic",
            b"Upgrade: h2c",
            b"X-Sluicegate-Version: v9",
            b"X-Keep: 1",
            b"Set-Cookie: a=1",
            b"Set-Cookie: b=2",
        )
    )
    stage.serve_one(upstream)
    client = await stage.client()

    answer = await client.ask(
        get(
            b"/",
            b"Connection: x-drop , Keep-Alive",
            b"Connection: X-Also",
            b"X-Drop: 1",
            b"x-also: 1",
            b"Keep-Alive: 5",
            b"Proxy-Connection: keep-alive",
            b"Proxy-Authorization: Basic x",
            b"TE: gzip",
            b"X-Sluicegate-Version: v9",
            b"x-sluicegate-Anything: 1",
            b"X-Keep: 1",
            b"Cookie: a=1",
            b"Cookie: b=2",
        )
    )

    stopped = {
        *("connection", "keep-alive", "proxy-connection", "proxy-authorization", "te"),
        *("x-drop", "x-also", "x-sluicegate-version", "x-sluicegate-anything"),
    }
    request = upstream.requests[0]
    assert not stopped & {name for name, _value in request.fields}
    assert request["x-keep"] == "1"
    assert request.values("cookie") == ["a=1", "b=2"]
    stopped = {"connection", "keep-alive", "proxy-authenticate", "upgrade", "x-drop"}
    assert not stopped & {name for name, _value in answer.fields}
    assert answer.values("set-cookie") == ["a=1", "b=2"]
    assert answer["x-sluicegate-version"] == "v1"
    assert answer["x-keep"] == "1"


async def test_te_trailers_is_the_one_te_that_passes(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)

    await ask_with(await stage.client(), b"TE: gzip, trailers", b"Connection: TE")

    assert upstream.requests[0]["te"] == "trailers"
    assert upstream.requests[0]["connection"] == "te"


async def test_the_upstream_is_told_who_asked(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    await ask_with(client, b"X-Request-Id: my-id")
    await ask_with(
        client,
        b"X-Forwarded-For: 1.2.3.4",
        b"X-Forwarded-Host: fake",
        b"X-Forwarded-Proto: https",
        b"Forwarded: for=1.2.3.4",
        b"X-Request-Id: " + b"x" * 200,
    )

    plain, chained = upstream.requests
    assert plain["x-forwarded-for"] == "127.0.0.1"
    assert plain["forwarded"] == 'for=127.0.0.1;host="h";proto=http'
    assert plain["via"] == "1.1 sluicegate"
    assert plain["x-request-id"] == "my-id"
    assert chained["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert chained["x-forwarded-host"] == "h"
    assert chained["x-forwarded-proto"] == "http"
    assert chained["forwarded"].startswith("for=1.2.3.4, for=127.0.0.1;")
    assert str(UUID(chained["x-request-id"])) == chained["x-request-id"]


async def test_a_trusted_proxy_is_believed_about_scheme_and_host(stage: Stage) -> None:
    upstream = await answering(ok())
    chat = service(version("v1", upstream))
    stage.serve(table(chat, trusted=["127.0.0.0/8"]), upstream)

    await ask_with(
        await stage.client(),
        b"X-Forwarded-For: 1.2.3.4",
        b"X-Forwarded-Host: real",
        b"X-Forwarded-Proto: https",
    )

    (request,) = upstream.requests
    assert request["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert request["x-forwarded-host"] == "real"
    assert request["x-forwarded-proto"] == "https"


async def test_the_client_is_told_the_version_and_an_id_unless_hidden(
    stage: Stage,
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream))), upstream)
    client = await stage.client()

    shown = await client.ask(get())
    stage.gateway.use(table(service(version("v1", upstream), expose=False)))
    hidden = await client.ask(get())

    assert shown["x-sluicegate-version"] == "v1"
    ids = [upstream.requests[n]["x-request-id"] for n in range(2)]
    assert [a["x-sluicegate-request-id"] for a in (shown, hidden)] == ids
    assert ids[0] != ids[1]
    assert [UUID(each).version for each in ids] == [4, 4]  # servers refuse any other
    assert "x-sluicegate-version" not in hidden


async def test_an_upgrade_to_h2c_is_ignored_and_the_request_served(
    stage: Stage,
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()
    upgrade = (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: x",
    )

    assert (await client.ask(get(b"/", *upgrade))).status == 200
    await client.send(get(b"/", *upgrade) + get(b"/next"))
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]

    assert not any("upgrade" in request for request in upstream.requests)
    assert not any("http2-settings" in request for request in upstream.requests)


@pytest.mark.parametrize("gap", [None, 0.02])
@pytest.mark.parametrize("at", [-1, -9, -20])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_the_body_of_an_upgrade_is_no_request(
    stage: Stage, gap: float | None, at: int, is_chunked: bool
) -> None:
    """Java's client offers h2c with its first POST; the parser takes its body for more."""
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()
    inner = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    request = post(inner, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    if is_chunked:
        length = b"Content-Length: %d" % len(inner)
        head = request.replace(length, CHUNKED)[: -len(inner)]
        request = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
    sent = request + get(b"/next")

    pieces = [sent] if gap is None else [request[:at], request[at:], get(b"/next")]
    await client.send(*pieces, gap=gap or 0.0)
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]

    assert [request.target for request in upstream.requests] == ["/", "/next"]
    assert upstream.requests[0].body == inner
    assert upstream.requests[0].trailers == []
