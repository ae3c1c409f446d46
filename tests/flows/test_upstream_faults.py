"""Endpoints that die, lie or hang up, and clients that leave: who is told what."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.domain.service import PoolLimits, Service, Timeouts
from gateway.domain.units import Bytes, Seconds
from tests.flows.scripted import Client, Upstream, Wire, answering, get, ok, post
from tests.flows.stage import Stage, over_tls_too, service, table, until, version

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nab"
OLD = b"GET / HTTP/1.0\r\n\r\n"
AT_ONCE_S = 1.0
"""It takes a few milliseconds; this much on a machine busy with other tests."""


async def dying(answer: bytes, *, with_reset: bool) -> Upstream:
    """Start a server that sends *answer* and then dies."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(answer)
        await asyncio.sleep(0.05)
        if with_reset:
            wire.reset()

    upstream = Upstream(script)
    return await upstream.start()


# Cut answers.


@over_tls_too
@pytest.mark.parametrize("with_reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("answer", [CHUNKED, LENGTH], ids=["chunked", "length"])
async def test_a_cut_answer_reaches_the_client_as_a_cut(
    stage: Stage, answer: bytes, with_reset: bool
) -> None:
    stage.serve_one(await dying(answer, with_reset=with_reset))
    client = await stage.client()

    got = await client.ask(get())

    assert got.is_cut
    assert got.body == b"ab"
    assert stage.gateway.outcomes() == {"truncated": 1}
    assert stage.gateway.series().failures == {"cut": 1}


@over_tls_too
async def test_a_reset_before_the_close_that_ends_a_body_is_a_cut(stage: Stage) -> None:
    stage.serve_one(await dying(UNTIL_CLOSE, with_reset=True))

    got = await (await stage.client()).ask(get())

    assert got.is_cut
    assert got.body == b"ab"
    assert stage.gateway.outcomes() == {"truncated": 1}


@over_tls_too
@pytest.mark.parametrize("answer", [CHUNKED, UNTIL_CLOSE], ids=["chunked", "close"])
async def test_http_1_0_is_told_of_a_cut_by_a_reset(
    stage: Stage, answer: bytes
) -> None:
    """Without chunks a FIN would be the body's regular end."""
    stage.serve_one(await dying(answer, with_reset=True))
    client = await stage.client()

    await client.send(OLD)
    assert (await client.read_head()).status == 200
    assert await client.read_exactly(2) == b"ab"
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()

    assert stage.gateway.outcomes() == {"truncated": 1}


@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 103 Early\r\n\r\n", b"H"]
)
async def test_an_answer_that_ends_in_its_head_is_a_502(
    stage: Stage, part: bytes
) -> None:
    stage.serve_one(await dying(part, with_reset=False))
    client = await stage.client()

    got = await client.ask(get())
    if got.status == 103:
        got = await client.answer()

    assert got.status == 502
    assert stage.gateway.outcomes() == {"upstream_error": 1}


# No answer at all.


@pytest.mark.parametrize("with_reset", [False, True], ids=["FIN", "RST"])
async def test_a_fresh_connection_that_is_closed_is_a_502_and_not_tried_again(
    stage: Stage, with_reset: bool
) -> None:
    upstream = await dying(b"", with_reset=with_reset)
    stage.serve_one(upstream)
    client = await stage.client()

    got = await client.ask(get())

    assert got.status == 502
    assert len(upstream.connections) == 1
    assert stage.gateway.series().failures == {"closed_early": 1}


async def hanging_up_on_reuse(*, hears: bool = True) -> Upstream:
    """Start a server that answers the first request of a connection, and no other."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(ok())
        if hears:
            await upstream.read(wire)
        else:
            await upstream.read_head(wire)
        wire.reset()

    upstream = Upstream(script)
    return await upstream.start()


def chunked(*parts: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + body + b"0\r\nX-Sum: 1\r\n\r\n"


@over_tls_too
@pytest.mark.parametrize(
    "request_bytes",
    [
        get(),
        post(b"body" * 100),
        post(bytes(500_000)),
        chunked(b"a" * 9, b"b" * 70_000),
    ],
    ids=["GET", "POST", "large POST", "chunked with trailers"],
)
async def test_a_dead_idle_connection_is_replaced_and_the_request_repeated(
    stage: Stage, request_bytes: bytes
) -> None:
    upstream = await hanging_up_on_reuse()
    stage.serve_one(upstream)
    client = await stage.client()

    for _ in range(2):
        assert (await client.ask(request_bytes)).status == 200

    first, dropped, repeated = upstream.requests
    assert first.body == dropped.body == repeated.body
    assert dropped.fields == repeated.fields
    assert dropped.trailers == repeated.trailers == first.trailers
    assert len(upstream.connections) == 2
    assert stage.gateway.outcomes() == {"complete": 2}
    assert stage.gateway.series().failures == {}


async def test_a_body_still_coming_is_repeated_whole(stage: Stage) -> None:
    """What arrives while the new connection is being made is sent on it too."""
    upstream = await hanging_up_on_reuse(hears=False)
    stage.serve_one(upstream)
    client = await stage.client()
    body = bytes(range(256)) * 40
    request = post(body)

    assert (await client.ask(get())).status == 200
    await client.send(request[:-9000], gap=0.001)
    pieces = [
        request[at : at + 100] for at in range(len(request) - 9000, len(request), 100)
    ]
    await client.send(*pieces, gap=0.0001)

    assert (await client.answer()).status == 200
    assert upstream.requests[2].body == body


async def test_a_second_death_is_not_tried_again(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        if len(upstream.connections) == 1:
            await wire.send(ok())
            await upstream.read(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    assert (await client.ask(get())).status == 200
    assert (await client.ask(get())).status == 502
    assert len(upstream.connections) == 2
    assert stage.gateway.series().failures == {"closed_early": 1}


def not_repeating(upstream: Upstream) -> Service:
    return service(version("v1", upstream), repeat=False)


def with_a_small_memory(upstream: Upstream) -> Service:
    return service(version("v1", upstream), json_limit=Bytes(1000))


@pytest.mark.parametrize(
    ("make", "request_bytes", "status"),
    [
        (not_repeating, get(), 200),
        (not_repeating, b"PUT" + post(b"body")[4:], 200),
        (not_repeating, post(b"body"), 502),
        (with_a_small_memory, post(b"body"), 200),
        (with_a_small_memory, post(bytes(100_000)), 502),
    ],
    ids=["GET", "PUT", "POST", "small body", "large body"],
)
async def test_only_what_may_be_repeated_is_repeated(
    stage: Stage,
    make: Callable[[Upstream], Service],
    request_bytes: bytes,
    status: int,
) -> None:
    upstream = await hanging_up_on_reuse()
    stage.serve(table(make(upstream)), upstream)
    client = await stage.client()

    assert (await client.ask(get())).status == 200
    at = request_bytes.index(b"\r\n\r\n") + 4
    await client.send(request_bytes[:at], request_bytes[at:], gap=0.02)

    assert (await client.answer()).status == status
    assert len(upstream.requests) == (3 if status == 200 else 2)


async def test_a_connection_closed_while_idle_is_not_used(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve(table(not_repeating(upstream)), upstream)
    client = await stage.client()

    for _ in range(5):
        assert (await client.ask(post(b"x"))).status == 200
        assert await until(lambda: not stage.gateway.series().connections_idle)


# Early answers.


@over_tls_too
async def test_an_answer_before_the_end_of_the_body_reaches_the_client(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        await wire.send(b"HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig")
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n"
    )
    client.writer.write(bytes(3_000_000))
    answer = await client.answer()

    assert (answer.status, answer.body) == (413, b"big")
    client.writer.write(bytes(3_000_000))
    assert await client.is_closed()
    assert stage.gateway.outcomes() == {"client_error": 1}
    assert await until(lambda: not upstream.open)


async def test_a_stream_may_begin_before_the_body_ends(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        request = await upstream.read_head(wire)
        await wire.send(CHUNKED)
        await wire.read_body(request)
        await wire.send(b"3\r\nend\r\n0\r\n\r\n")

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
    assert (await client.read_head()).status == 200
    assert await client.read_exactly(7) == b"2\r\nab\r\n"
    await client.send(b"body")
    assert await client.read_exactly(13) == b"3\r\nend\r\n0\r\n\r\n"

    assert upstream.requests[0].body == b"body"


# Clients that leave.


async def check_gone_at_once(stage: Stage, upstream: Upstream) -> None:
    """Check that the endpoint learns at once, and that it is counted as the client's doing."""
    loop = asyncio.get_running_loop()
    left = loop.time()
    assert await until(lambda: not upstream.open)
    assert loop.time() - left < AT_ONCE_S
    assert stage.gateway.outcomes() == {"client_cancelled": 1}
    assert stage.gateway.series().codes == {}


@over_tls_too
@pytest.mark.parametrize("leave", [Client.close, Client.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("answer", [b"", CHUNKED], ids=["before", "in the stream"])
async def test_a_client_that_leaves_frees_the_endpoint_at_once(
    stage: Stage, answer: bytes, leave: Callable[[Client], None]
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(answer)
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get())
    assert await until(lambda: upstream.requests)
    if answer:
        assert (await client.read_head()).status == 200
    leave(client)

    await check_gone_at_once(stage, upstream)


@over_tls_too
async def test_a_client_that_leaves_in_its_upload_frees_the_endpoint_at_once(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(post(bytes(10))[:-5])
    assert await until(lambda: upstream.requests)
    client.reset()

    await check_gone_at_once(stage, upstream)


async def test_a_client_that_leaves_the_queue_is_never_sent(stage: Stage) -> None:
    gate = asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            await upstream.read(wire)
            await gate.wait()
            await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve_one(upstream, limits=PoolLimits(connections=1, pending=5))
    first, waiting = await stage.client(), await stage.client()

    await first.send(get(b"/1"))
    assert await until(lambda: upstream.requests)
    await waiting.send(get(b"/2"))
    assert await until(lambda: stage.gateway.series().pending == 1)
    waiting.reset()
    assert await until(lambda: stage.gateway.series().pending == 0)
    gate.set()

    assert (await first.answer()).status == 200
    assert [request.target for request in upstream.requests] == ["/1"]
    assert stage.gateway.outcomes() == {"complete": 1, "client_cancelled": 1}


# Full, and many.


async def test_more_requests_than_connections_wait_and_the_rest_is_503(
    stage: Stage,
) -> None:
    gate = asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            await upstream.read(wire)
            await gate.wait()
            await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve_one(
        upstream,
        limits=PoolLimits(connections=2, pending=3),
        timeouts=Timeouts(connect=Seconds(5.0)),
    )
    clients = [await stage.client() for _ in range(5)]
    for n, client in enumerate(clients):
        await client.send(get(b"/%d" % n))
        assert await until(
            lambda: stage.gateway.series().in_flight == n + 1  # ruff: ignore[function-uses-loop-variable]
        )
    assert await until(lambda: len(upstream.requests) == 2)

    refused = await (await stage.client()).ask(get())
    gate.set()
    answers = [await client.answer() for client in clients]

    assert refused.status == 503
    assert refused["retry-after"] == "1"
    assert b"limits.connections" in refused.body
    assert [answer.status for answer in answers] == [200] * 5
    assert len(upstream.connections) == 2
    targets = [request.target for request in upstream.requests]
    assert targets[2:] == ["/2", "/3", "/4"]
    assert stage.gateway.series().failures == {"full": 1}


async def test_a_wait_for_a_connection_has_an_end(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(
        upstream,
        limits=PoolLimits(connections=1),
        timeouts=Timeouts(connect=Seconds(0.25)),
    )
    first = await stage.client()
    await first.send(get())
    assert await until(lambda: upstream.requests)

    refused = await (await stage.client()).ask(get())

    assert refused.status == 503
    assert "retry-after" in refused


async def test_endpoints_share_the_load_by_who_is_less_busy(stage: Stage) -> None:
    gate = asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            await wire.read_head()
            await gate.wait()
            await wire.send(ok())

    one, other = await Upstream(script).start(), await Upstream(script).start()
    stage.serve(table(service(version("v1", one, other))), one, other)
    clients = [await stage.client() for _ in range(20)]

    for n, client in enumerate(clients):
        await client.send(get())
        assert await until(
            lambda: stage.gateway.series().connections_active == n + 1  # ruff: ignore[function-uses-loop-variable]
        )
    assert await until(lambda: len(one.connections) + len(other.connections) == 20)
    shares = len(one.connections), len(other.connections)
    gate.set()
    for client in clients:
        assert (await client.answer()).status == 200

    assert shares == (10, 10)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "complete"),
        (302, "complete"),
        (400, "client_error"),
        (404, "client_error"),
        (429, "upstream_error"),
        (500, "upstream_error"),
        (529, "upstream_error"),
    ],
)
async def test_an_answer_is_judged_by_its_status(
    stage: Stage, status: int, outcome: str
) -> None:
    stage.serve_one(
        await answering(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
    )

    assert (await (await stage.client()).ask(get())).status == status
    series = stage.gateway.series()
    assert stage.gateway.outcomes() == {outcome: 1}
    assert series.codes == {status: 1}
    assert series.duration.read().count == 1


async def test_an_endpoint_that_never_takes_the_rest_of_a_body_is_let_go(
    stage: Stage,
) -> None:
    """It has answered early, and neither reads on nor closes: closing waits for it."""

    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(b"HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig")
        await asyncio.sleep(60)

    upstream = await Upstream(script).start(receive_buffer=4096)
    stage.serve_one(upstream, timeouts=Timeouts(idle=Seconds(0.4)))
    client = await stage.client()

    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90000000\r\n\r\n"
        + bytes(8_000_000)
    )

    assert (await client.answer()).status == 413
    assert await until(lambda: not stage.gateway.unrest(), within=3.0)
