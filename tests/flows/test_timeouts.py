"""Every wait has an end, and says who was waited for."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.service import Endpoint, Timeouts, Version
from gateway.domain.units import Seconds
from tests.flows.scripted import Upstream, Wire, answering, get, ok, post
from tests.flows.stage import Stage, over_tls_too, service, table, until, version

SHORT = Seconds(0.25)
QUICK = Timeouts(connect=SHORT, first_byte=SHORT, idle=SHORT)
IMPATIENT = ClientLimits(head_timeout=SHORT, idle=SHORT, keep_alive=SHORT)
HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
def deaf() -> Iterator[Version]:
    """Give a version whose endpoint takes no connections: its backlog is full."""
    with socket.socket() as listening, socket.socket() as one, socket.socket() as other:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for filling in (one, other):
            filling.setblocking(False)
            filling.connect_ex(listening.getsockname())
        port = listening.getsockname()[1]
        endpoint = Endpoint(url=f"http://127.0.0.1:{port}", host="127.0.0.1", port=port)
        yield Version(name="v1", endpoints=(endpoint,), timeouts=QUICK)


async def test_a_body_held_while_connecting_does_not_stop_the_client_for_good(
    stage: Stage, deaf: Version
) -> None:
    stage.serve(table(service(deaf)))
    client = await stage.client()

    answers = [await client.ask(post(bytes(300_000))) for _ in range(2)]

    assert [answer.status for answer in answers] == [504, 504]


async def silent() -> Upstream:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await upstream.until_lost(wire)

    upstream = Upstream(script)
    return await upstream.start()


async def test_a_connection_that_is_not_made_is_a_504(
    stage: Stage, deaf: Version
) -> None:
    stage.serve(table(service(deaf)))
    client = await stage.client()

    answer = await client.ask(get())

    assert answer.status == 504
    assert b"timeouts.connect" in answer.body
    assert stage.gateway.series().failures == {"connect_timeout": 1}
    assert stage.gateway.outcomes() == {"upstream_error": 1}


async def test_a_connection_that_is_refused_is_a_502(stage: Stage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    endpoint = Endpoint(url=f"http://127.0.0.1:{port}", host="127.0.0.1", port=port)
    stage.serve(table(service(Version(name="v1", endpoints=(endpoint,)))))

    for body in (b"", bytes(400_000), b"small"):
        answer = await (await stage.client()).ask(post(body))
        assert answer.status == 502
        assert b"Connection refused" in answer.body

    assert stage.gateway.series().failures == {"connect": 3}
    assert stage.gateway.series().codes == {502: 3}


async def test_an_endpoint_that_does_not_answer_is_a_504(stage: Stage) -> None:
    upstream = await silent()
    stage.serve_one(upstream, timeouts=QUICK)
    client = await stage.client()

    for _ in range(2):
        assert (await client.ask(get())).status == 504

    assert stage.gateway.series().failures == {"first_byte_timeout": 2}
    assert await until(lambda: not upstream.open)


async def test_an_endpoint_that_stops_in_its_answer_is_cut_off(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        )
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream, timeouts=QUICK)
    client = await stage.client()

    answer = await client.ask(get())

    assert answer.is_cut
    assert answer.body == b"a"
    assert stage.gateway.outcomes() == {"truncated": 1}
    assert stage.gateway.series().failures == {"idle_timeout": 1}
    assert stage.gateway.series().codes == {200: 1}
    assert await until(lambda: not upstream.open)


async def test_a_stream_that_goes_on_slowly_is_not_cut(stage: Stage) -> None:
    pieces = [b"1\r\na\r\n"] * 8
    upstream = await answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *pieces,
        b"0\r\n\r\n",
        gap=0.06,
    )
    stage.serve_one(upstream, timeouts=QUICK)

    answer = await (await stage.client()).ask(get())

    assert answer.body == b"a" * 8
    assert not answer.is_cut


async def test_an_upload_that_stops_is_a_408_and_the_clients_fault(
    stage: Stage,
) -> None:
    """Also when the endpoint would be given up at the same moment."""
    upstream = await answering(ok())
    fast = service(version("v1", upstream, timeouts=QUICK))
    stage.serve(table(fast, limits=IMPATIENT), upstream)
    client = await stage.client()

    answer = await client.ask(HEAD + b"half")

    assert answer.status == 408
    assert await client.is_closed()
    assert stage.gateway.outcomes() == {"client_error": 1}
    assert stage.gateway.series().failures == {}


async def test_a_pause_before_a_body_is_not_held_against_a_reused_connection(
    stage: Stage,
) -> None:
    """The time an idle connection is kept for is over once it is in use."""
    upstream = await answering(ok())
    stage.serve_one(upstream, timeouts=Timeouts(pool_idle=Seconds(0.2)))
    client = await stage.client()

    assert (await client.ask(get())).status == 200
    await client.send(HEAD)
    await asyncio.sleep(0.5)
    answer = await client.ask(b"0123456789")

    assert answer.status == 200
    assert len(upstream.connections) == 1


async def test_an_endpoint_that_takes_no_more_of_a_body_is_a_504(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(1.5)

    upstream = await Upstream(script).start(receive_buffer=4096)
    stage.serve_one(upstream, timeouts=QUICK)
    client = await stage.client()

    client.writer.write(post(bytes(20_000_000)))
    answer = await client.answer()

    assert answer.status == 504
    assert stage.gateway.series().failures == {"idle_timeout": 1}


@over_tls_too
@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\n", get()[:-2]])
async def test_a_head_that_does_not_end_is_a_408(stage: Stage, start: bytes) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)
    client = await stage.client()

    await client.send(start)
    answer = await client.answer()

    assert answer.status == 408
    assert await client.is_closed()
    assert stage.gateway.refused() == {408: 1}


async def test_a_head_that_trickles_in_is_a_408_all_the_same(stage: Stage) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)
    client = await stage.client()

    async def trickle() -> None:
        await client.send(b"GET / HTTP/1.1\r\nX-A: ", *[b"a"] * 60, gap=0.01)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(trickle())
        answer = await client.answer()

    assert answer.status == 408


@over_tls_too
@pytest.mark.parametrize("asks_first", [False, True])
async def test_an_idle_client_connection_is_closed_without_a_word(
    stage: Stage, asks_first: bool
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)
    client = await stage.client()

    if asks_first:
        assert (await client.ask(get())).status == 200

    assert await client.is_closed()
    assert stage.gateway.refused() == {}


async def test_a_client_that_waits_for_a_slow_answer_is_not_idle(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await asyncio.sleep(0.6)
        await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)

    assert (await (await stage.client()).ask(get())).status == 200


@over_tls_too
async def test_a_client_that_takes_no_answer_is_given_up(stage: Stage) -> None:
    upstream = await answering(ok(bytes(20_000_000)))
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)
    client = await stage.client(receive_buffer=4096)

    await client.send(get())

    assert await until(
        lambda: stage.gateway.outcomes() == {"client_cancelled": 1}, within=5
    )


@over_tls_too
async def test_an_unused_upstream_connection_is_closed_after_a_while(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(ok())
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream, timeouts=Timeouts(pool_idle=SHORT))

    await (await stage.client()).ask(get())

    assert upstream.open == 1
    assert await until(lambda: not upstream.open)
    assert stage.gateway.series().connections_idle == 0
