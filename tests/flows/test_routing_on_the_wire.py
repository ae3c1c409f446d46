"""Which version a request reaches, and what is changed in it on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
import pytest

from gateway.domain.service import (
    HostRule,
    Match,
    Override,
    PathRewrite,
    Service,
    StickyKind,
    StickySource,
)
from gateway.domain.units import Bytes, Share
from gateway.routing.split import is_candidate
from tests.flows.scripted import Message, Upstream, Wire, answering, get, ok, post
from tests.flows.stage import (
    ALL,
    BY_HEADER,
    Stage,
    endpoint,
    service,
    table,
    until,
    version,
)

HALF = 50_000
JSON = b"Content-Type: application/json"
HEADER = StickySource(kind=StickyKind.HEADER, name="x-user-id")
BODY = StickySource(kind=StickyKind.JSON, name="/user")
COOKIE = StickySource(kind=StickyKind.COOKIE, name="sid")
CLIENT_IP = StickySource(kind=StickyKind.CLIENT_IP)


@dataclass
class Pair:
    """A baseline and a candidate that say who they are."""

    stage: Stage
    one: Upstream
    two: Upstream

    def service(self, **settings: object) -> Service:
        return service(version("v1", self.one), version("v2", self.two), **settings)

    def serve(self, share: int = HALF, **settings: object) -> None:
        chat = self.service(**settings)
        self.stage.serve(table(chat, share=share), self.one, self.two)


@pytest.fixture
async def pair(stage: Stage) -> AsyncIterator[Pair]:
    yield Pair(stage, await answering(ok(b"v1")), await answering(ok(b"v2")))


def expected(key: bytes, share: int = HALF) -> bytes:
    return b"v2" if is_candidate(b"chat", key, Share(share)) else b"v1"


def json_post(document: object, *lines: bytes) -> bytes:
    return post(orjson.dumps(document), JSON, *lines)


async def test_a_key_decides_and_decides_the_same_every_time(pair: Pair) -> None:
    pair.serve()
    client = await pair.stage.client()

    for n in range(40):
        key = b"user-%d" % n
        answers = [await client.ask(get(b"/", b"X-User-Id: " + key)) for _ in range(2)]
        assert [answer.body for answer in answers] == [expected(key)] * 2
        assert answers[0]["x-sluicegate-version"].encode() == expected(key)


async def test_sources_of_the_key_are_asked_in_order(pair: Pair) -> None:
    pair.serve(sticky=(HEADER, BODY, COOKIE, CLIENT_IP))
    client = await pair.stage.client()

    for n in range(20):
        header, body, cookie = b"h%d" % n, f"b{n}", b"c%d" % n
        both = (b"X-User-Id: " + header, b"Cookie: x=1; sid=" + cookie)
        document = {"user": body}

        by_header = await client.ask(json_post(document, *both))
        by_body = await client.ask(json_post(document, both[1]))
        by_cookie = await client.ask(json_post({}, both[1]))
        by_address = await client.ask(json_post({}))

        assert by_header.body == expected(header)
        assert by_body.body == expected(body.encode())
        assert by_cookie.body == expected(cookie)
        assert by_address.body == expected(b"127.0.0.1")


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b'{"user": "u"}', JSON),
        post(
            b'{"user": "u"}', b"Content-Type: application/problem+json; charset=utf-8"
        ),
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"user"\r\n6\r\n: "u"}\r\n0\r\n\r\n',
    ],
    ids=["json", "json dialect", "chunked"],
)
async def test_a_key_in_the_body_is_found_in_every_framing(
    pair: Pair, request_bytes: bytes
) -> None:
    share = next(s for s in range(0, 100_000, 1000) if expected(b"u", s) == b"v2")
    pair.serve(share=share, sticky=(BODY,))
    client = await pair.stage.client()

    for cut in range(1, len(request_bytes), 11):
        await client.send(request_bytes[:cut], request_bytes[cut:], gap=0.001)
        assert (await client.answer()).body == b"v2"

    bodies = {request.body for request in pair.two.requests}
    assert bodies == {b'{"user": "u"}'}


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b'{"user": "u"}'),
        post(b'{"user": "u"', JSON),
        post(b'{"user": "u"}', JSON, b"Content-Encoding: gzip"),
        post(b'{"user": "u", "pad": "' + b"a" * 3000 + b'"}', JSON),
        post(b"[1]", JSON),
        get(),
    ],
    ids=["no type", "no JSON", "encoded", "too large", "no object", "no body"],
)
async def test_a_body_without_a_readable_key_passes_by_the_next_source(
    pair: Pair, request_bytes: bytes
) -> None:
    pair.serve(sticky=(BODY, CLIENT_IP), json_limit=Bytes(2000))
    client = await pair.stage.client()

    assert (await client.ask(request_bytes)).body == expected(b"127.0.0.1")


async def test_requests_without_a_key_are_split_by_a_coin(pair: Pair) -> None:
    pair.serve()
    client = await pair.stage.client()

    client.writer.write(get() * 400)
    bodies = [(await client.answer()).body for _ in range(400)]

    assert 120 < bodies.count(b"v2") < 280


async def test_a_browser_without_a_key_is_given_a_cookie_that_holds(pair: Pair) -> None:
    pair.serve(sticky=(HEADER, COOKIE))
    client = await pair.stage.client()

    for agent in (b"User-Agent: Mozilla/5.0", b"Sec-Fetch-Mode: cors"):
        first = await client.ask(get(b"/", agent))
        cookie = first["set-cookie"].split(";")[0]
        again = await client.ask(get(b"/", agent, b"Cookie: " + cookie.encode()))
        assert again.body == first.body == expected(cookie[4:].encode())
        assert "set-cookie" not in again
        assert "HttpOnly" in first["set-cookie"]
    for lines in ((), (b"User-Agent: Mozilla/5.0", b"X-User-Id: u")):
        assert "set-cookie" not in await client.ask(get(b"/", *lines))


async def test_behind_a_trusted_proxy_the_forwarded_address_is_the_key(
    pair: Pair,
) -> None:
    chat = pair.service(sticky=(CLIENT_IP,))
    trusting = table(chat, share=HALF, trusted=["127.0.0.0/8"])
    pair.stage.serve(trusting, pair.one, pair.two)
    client = await pair.stage.client()

    for n in range(20):
        address = b"9.9.9.%d" % n
        got = await client.ask(get(b"/", b"X-Forwarded-For: 1.1.1.1, " + address))
        assert got.body == expected(address)
    pair.stage.gateway.use(table(chat, share=HALF))
    got = await client.ask(get(b"/", b"X-Forwarded-For: 9.9.9.9"))
    assert got.body == expected(b"127.0.0.1")


async def test_unsplit_paths_go_to_the_baseline(pair: Pair) -> None:
    pair.serve(share=ALL, unsplit=("/v1/files",))
    client = await pair.stage.client()

    targets = [b"/v1/files", b"/v1/files/7?a=b", b"/v1/filesystem", b"/v1/chat"]
    bodies = [(await client.ask(get(target))).body for target in targets]

    assert bodies == [b"v1", b"v1", b"v2", b"v2"]


async def test_a_permitted_sender_may_name_the_version(pair: Pair) -> None:
    override = Override(header="x-sluicegate-version", senders=("127.0.0.0/8",))
    pair.serve(share=0, override=override)
    client = await pair.stage.client()

    named = await client.ask(get(b"/v1/files", b"X-Sluicegate-Version: v2"))
    unknown = await client.ask(get(b"/", b"X-Sluicegate-Version: v3"))

    assert named.body == b"v2"
    assert "x-sluicegate-version" not in pair.two.requests[0]
    assert unknown.status == 400
    assert b"v1, v2" in unknown.body
    assert (await client.ask(get())).body == b"v1"
    assert pair.stage.gateway.refused() == {400: 1}


@pytest.mark.parametrize(
    "override", [None, Override(header="x-sluicegate-version", senders=("10.0.0.0/8",))]
)
async def test_others_may_not_name_the_version(
    pair: Pair, override: Override | None
) -> None:
    pair.serve(share=0, override=override)
    client = await pair.stage.client()

    for name in (b"v2", b"v3"):
        got = await client.ask(get(b"/", b"X-Sluicegate-Version: " + name))
        assert got.body == b"v1"

    assert not any("x-sluicegate-version" in r for r in pair.one.requests)


async def test_the_first_service_that_fits_takes_the_request(pair: Pair) -> None:
    api = service(
        version("v1", pair.one),
        name="api",
        match=Match(hosts=("api.example", "*.example.org"), paths=("/v1/",)),
    )
    rest = service(
        version("v1", pair.two), name="rest", match=Match(hosts=("api.example",))
    )
    pair.stage.serve(table(api, rest), pair.one, pair.two)
    client = await pair.stage.client()

    async def ask(host: bytes, target: bytes) -> Message:
        line = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host)
        return await client.ask(line)

    assert (await ask(b"api.example", b"/v1/a")).body == b"v1"
    assert (await ask(b"API.Example:8080", b"/v1/a")).body == b"v1"
    assert (await ask(b"a.b.example.org", b"/v1/a")).body == b"v1"
    assert (await ask(b"api.example", b"/v2/a")).body == b"v2"
    assert (await ask(b"x.example.org", b"/v2/a")).status == 404
    assert (await ask(b"example.org", b"/v1/a")).status == 421
    assert (await ask(b"other", b"http://api.example/v1/")).body == b"v1"
    assert pair.stage.gateway.refused() == {404: 1, 421: 1}


# What is changed.


async def changed(stage: Stage, request_bytes: bytes, **settings: object) -> Message:
    """Give the request as it arrives at a version with *settings*."""
    upstream = await answering(ok())
    stage.serve_one(upstream, **settings)
    answer = await (await stage.client()).ask(request_bytes)
    assert answer.status == 200
    return upstream.requests[0]


async def test_headers_of_the_version_replace_the_clients(stage: Stage) -> None:
    got = await changed(
        stage,
        get(b"/", b"authorization: mine", b"Authorization: also", b"X-Keep: 1"),
        set_headers=(("Authorization", "Bearer secret"), ("X-New", "1")),
    )

    assert got.values("authorization") == ["Bearer secret"]
    assert got["x-new"] == "1"
    assert got["x-keep"] == "1"


@pytest.mark.parametrize(
    ("asked", "arrived"),
    [
        (b"/v2/models/a/infer?x=/v2/models/a/", "/v2/models/b/infer?x=/v2/models/a/"),
        (b"/other", "/other"),
    ],
)
async def test_a_path_is_rewritten_at_its_beginning(
    stage: Stage, asked: bytes, arrived: str
) -> None:
    rewrite = PathRewrite(old="/v2/models/a/", new="/v2/models/b/")

    got = await changed(stage, get(asked), path_rewrite=rewrite)

    assert got.target == arrived


async def test_a_base_path_comes_before_the_rewritten_path(stage: Stage) -> None:
    upstream = await answering(ok())
    based = version(
        "v1",
        endpoints=(endpoint(upstream.port, "/base"),),
        path_rewrite=PathRewrite(old="/a", new="/b"),
    )
    stage.serve(table(service(based)), upstream)
    client = await stage.client()

    await client.ask(get(b"/a/c?d"))
    await client.ask(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")

    assert [request.target for request in upstream.requests] == ["/base/b/c?d", "*"]


async def test_the_host_is_kept_or_becomes_the_endpoints(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    await client.ask(get())
    rewriting = service(version("v1", upstream, host=HostRule.REWRITE))
    stage.gateway.use(table(rewriting))
    await client.ask(get())

    kept, rewritten = upstream.requests
    assert kept["host"] == "h"
    assert rewritten["host"] == f"127.0.0.1:{upstream.port}"
    assert rewritten["x-forwarded-host"] == "h"


SET_MODEL = (("/model", '"m2"'),)


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_setting_a_value_touches_no_other_byte(
    stage: Stage, is_chunked: bool
) -> None:
    body = (
        b'{"n": 123456789012345678901234567890, "a": 1.10, "a": 2,'
        b' "model" : "m1" , "deep": {"model": "x"}, "u": "\\u00e4\xc3\xa4"}'
    )
    request = post(body, JSON)
    if is_chunked:
        request = (
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n"
        ) % (len(body), body)

    got = await changed(stage, request, set_json=SET_MODEL)

    assert got.body == body.replace(b'"m1"', b'"m2"')
    assert got["content-length"] == str(len(got.body))
    assert "transfer-encoding" not in got


async def test_a_missing_value_is_added_and_several_are_set(stage: Stage) -> None:
    settings = (*SET_MODEL, ("/options/seed", "7"), ("/messages/0/content", '"hi"'))
    body = {"options": {"seed": 1}, "messages": [{"content": "x"}, {"content": "y"}]}

    got = await changed(stage, json_post(body), set_json=settings)

    assert orjson.loads(got.body) == {
        "model": "m2",
        "options": {"seed": 7},
        "messages": [{"content": "hi"}, {"content": "y"}],
    }


async def test_a_request_without_a_body_has_nothing_to_set(stage: Stage) -> None:
    got = await changed(stage, get(), set_json=SET_MODEL)

    assert "content-length" not in got


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(b'{"model": 1}'), 415),
        (post(b'{"model": 1}', b"Content-Type: text/plain"), 415),
        (post(b'{"model": 1}', JSON, b"Content-Encoding: gzip"), 415),
        (post(b'{"model": ', JSON), 415),
        (post(b'{"model": 1, "model": 2}', JSON), 400),
        (post(b"[1, 2]", JSON), 400),
        (post(b'"text"', JSON), 400),
        (post(b'{"model": "' + b"a" * 2000 + b'"}', JSON), 413),
        (
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + bytes(2000) + b"\r\n",
            413,
        ),
    ],
    ids=[
        *("no type", "text", "encoded", "no JSON", "twice", "list", "string"),
        *("too large", "too large in chunks"),
    ],
)
async def test_a_body_that_cannot_be_set_is_refused(
    stage: Stage, request_bytes: bytes, status: int
) -> None:
    upstream = await answering(ok())
    chat = service(version("v1", upstream, set_json=SET_MODEL), json_limit=Bytes(1000))
    stage.serve(table(chat), upstream)
    client = await stage.client()

    assert (await client.ask(request_bytes)).status == status
    assert not upstream.requests
    assert stage.gateway.outcomes() == {"client_error": 1}


# The table changes.


async def test_a_new_table_holds_from_the_next_request_on(pair: Pair) -> None:
    pair.serve(share=0)
    client = await pair.stage.client()

    bodies = []
    for share in (0, ALL, 0, ALL):
        pair.stage.gateway.use(table(pair.service(), share=share))
        bodies.append((await client.ask(get(b"/", b"X-User-Id: u"))).body)

    assert bodies == [b"v1", b"v2", b"v1", b"v2"]
    assert len(pair.one.connections) == len(pair.two.connections) == 1


async def test_a_stream_outlives_the_table_that_began_it(stage: Stage) -> None:
    gate = asyncio.Event()

    async def script(wire: Wire) -> None:
        await going.read(wire)
        await wire.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        )
        await gate.wait()
        await wire.send(b"1\r\nb\r\n0\r\n\r\n")
        await going.until_lost(wire)

    going = await Upstream(script).start()
    staying = await answering(ok(b"v1"))
    both = service(version("v1", staying), version("v2", going), sticky=BY_HEADER)
    stage.serve(table(both, share=ALL), going, staying)
    client, other = await stage.client(), await stage.client()

    await client.send(get())
    assert await until(lambda: going.requests)
    stage.gateway.use(table(service(version("v1", staying))))
    assert (await other.ask(get())).body == b"v1"
    assert stage.gateway.series("v2").in_flight == 1
    gate.set()

    answer = await client.answer()
    assert (answer.body, answer.is_cut) == (b"ab", False)
    assert (await client.ask(get())).body == b"v1"
    assert stage.gateway.outcomes("v2") == {"complete": 1}
    assert await until(lambda: not going.open), "the retired pool keeps its connection"


async def test_a_request_keeps_the_table_it_came_under(pair: Pair) -> None:
    """Its body may arrive later than the next table."""
    pair.serve(share=ALL, sticky=(BODY,))
    client = await pair.stage.client()
    request = json_post({"user": "u"})

    await client.send(request[:-3])
    assert await until(pair.stage.gateway.clients)
    await asyncio.sleep(0.05)
    pair.stage.gateway.use(table(service(version("v1", pair.one))))
    got = await client.ask(request[-3:])

    assert got.body == b"v2"
    assert (await client.ask(request)).body == b"v1"
