"""Many requests on one connection: in order, one after another or all at once."""

import asyncio

import pytest

from gateway.domain.service import Match
from tests.flows.scripted import Upstream, Wire, answering, get, ok, post
from tests.flows.stage import Stage, over_tls_too, service, table, version


async def echoing() -> Upstream:
    """Start a server that answers with the request's target and body."""

    async def script(wire: Wire) -> None:
        while True:
            request = await upstream.read(wire)
            await wire.send(ok(request.target.encode() + request.body))

    upstream = Upstream(script)
    return await upstream.start()


async def test_both_sides_are_kept_alive(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()

    bodies = [(await client.ask(get(b"/%d" % n))).body for n in range(20)]

    assert bodies == [b"/%d" % n for n in range(20)]
    assert len(upstream.connections) == 1
    series = stage.gateway.series()
    assert series.outcomes["complete"] == 20
    assert series.codes == {200: 20}
    assert series.connections_idle == 1


@over_tls_too
async def test_pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get(b"/a") + post(b"body", path=b"/b") + get(b"/c"))

    assert [(await client.answer()).body for _ in range(3)] == [b"/a", b"/bbody", b"/c"]


@over_tls_too
async def test_a_refused_request_is_answered_in_its_turn(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get(b"/a") + get(b"/b") + b"GET /c HTTP/1.1\r\n\r\n" + get(b"/d"))
    answers = [await client.answer() for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 400]
    assert await client.is_closed()
    assert [request.target for request in upstream.requests] == ["/a", "/b"]
    assert stage.gateway.refused() == {400: 1}


async def test_garbage_after_a_request_is_answered_in_its_turn(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get(b"/a") + b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    answers = [await client.answer() for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 400]
    assert await client.is_closed()


async def test_a_thousand_requests_in_one_write_are_all_answered(stage: Stage) -> None:
    stage.serve_one(await echoing())
    client = await stage.client()

    client.writer.write(b"".join(get(b"/%d" % n) for n in range(1000)))
    bodies = [(await client.answer()).body for _ in range(1000)]

    assert bodies == [b"/%d" % n for n in range(1000)]
    assert stage.gateway.outcomes() == {"complete": 1000}


async def test_a_thousand_refusals_in_one_write_are_all_answered(stage: Stage) -> None:
    upstream = await echoing()
    only_v1 = service(version("v1", upstream), match=Match(paths=("/v1",)))
    stage.serve(table(only_v1), upstream)
    client = await stage.client()

    client.writer.write(b"".join(get(b"/%d" % n) for n in range(1000)))
    statuses = [(await client.answer()).status for _ in range(1000)]

    assert statuses == [404] * 1000
    assert stage.gateway.refused() == {404: 1000}


@over_tls_too
@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_slow_reader_gets_all_its_pipelined_answers(
    stage: Stage, size: int
) -> None:
    upstream = await answering(ok(bytes(size)))
    stage.serve_one(upstream)
    client = await stage.client(receive_buffer=4096)

    client.writer.write(get() * 100)
    await asyncio.sleep(0.2)
    answers = [await client.answer() for _ in range(100)]

    assert all(answer.body == bytes(size) for answer in answers)
    assert stage.gateway.outcomes() == {"complete": 100}
    assert len(upstream.connections) == 1


async def test_requests_split_at_any_byte_are_the_same_requests(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()
    request = post(b"some body", path=b"/b")

    for at in range(1, len(request), 7):
        await client.send(request[:at], request[at:], gap=0.001)
        assert (await client.answer()).body == b"/bsome body"

    assert len({request.raw_body for request in upstream.requests}) == 1


@over_tls_too
async def test_nothing_is_read_after_connection_close(stage: Stage) -> None:
    upstream = await echoing()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get(b"/a", b"Connection: close") + get(b"/b"))
    answer = await client.answer()

    assert answer["connection"] == "close"
    assert await client.is_closed()
    assert [request.target for request in upstream.requests] == ["/a"]


async def test_a_large_body_behind_a_running_request_waits_in_the_socket(
    stage: Stage,
) -> None:
    """What waits for its turn is not taken into memory."""
    gate = asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            request = await upstream.read(wire)
            if request.target == "/slow":
                await gate.wait()
            await wire.send(ok(b"%d" % len(request.body)))

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()
    size = 40_000_000

    client.writer.write(get(b"/slow") + post(bytes(size)))
    await asyncio.sleep(0.3)
    left = client.writer.transport.get_write_buffer_size()
    gate.set()
    bodies = [(await client.answer()).body for _ in range(2)]

    assert left > size // 2
    assert bodies == [b"0", b"%d" % size]
