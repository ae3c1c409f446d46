"""Connections that change to another protocol: every byte passes, and nothing stays."""

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.service import Timeouts
from gateway.domain.units import Seconds
from tests.flows.scripted import (
    PATIENCE_S,
    Client,
    Message,
    Upstream,
    Wire,
    answering,
    get,
    ok,
    post,
)
from tests.flows.stage import USUAL, Stage, service, table, version

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
ASK = (b"Connection: Upgrade", b"Upgrade: WebSocket", b"Sec-WebSocket-Key: a2V5")
MUCH = bytes(range(256)) * 4096


async def switching(then: bytes = b"") -> Upstream:
    """Start a server that changes the protocol, says *then*, and echoes."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(SWITCH + then)
        while data := await wire.read_some():
            await wire.send(data)
        await wire.send(b"bye")

    upstream = Upstream(script)
    return await upstream.start()


async def tunnelled(stage: Stage, upstream: Upstream, **settings: object) -> Client:
    stage.serve(table(service(version("v1", upstream), **settings)), upstream)
    return await stage.client()


async def switched(client: Client, *lines: bytes) -> Message:
    await client.send(get(b"/v1/realtime?model=m", *ASK, *lines))
    head = await client.read_head()
    assert head.status == 101, head
    return head


async def ended(stage: Stage) -> dict[str, int]:
    """Wait until no tunnel is open; give how they ended."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            series = stage.gateway.series()
            if not series.tunnels_open and series.tunnels_ended:
                return series.tunnels_ended
            await asyncio.sleep(0.01)


async def test_what_both_say_passes_both_ways(stage: Stage) -> None:
    upstream = await switching(then=b"welcome")
    client = await tunnelled(stage, upstream)

    head = await switched(client)

    assert await client.read_exactly(7) == b"welcome"
    await client.send(b"\x81\x05hello")
    assert await client.read_exactly(7) == b"\x81\x05hello"
    assert head["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert head["upgrade"].lower() == "websocket"
    assert head["connection"].lower() == "upgrade"
    assert head["x-sluicegate-version"] == "v1"
    (request,) = upstream.requests
    assert request["upgrade"] == "websocket"
    assert request["connection"] == "upgrade"
    assert request["sec-websocket-key"] == "a2V5"
    client.close()
    assert await ended(stage) == {"client": 1}


async def test_it_is_counted_with_its_handshake_and_with_its_bytes(
    stage: Stage,
) -> None:
    upstream = await switching(then=b"welcome")
    client = await tunnelled(stage, upstream)
    await switched(client)
    await client.read_exactly(7)
    await client.send(b"hello")
    await client.read_exactly(5)

    series = stage.gateway.series()

    assert (series.outcomes, series.codes) == ({"complete": 1}, {101: 1})
    assert (series.in_flight, series.tunnels_open) == (0, 1)
    assert series.tunnel_bytes == {"client": 5, "endpoint": 12}
    assert series.connections_active == 1
    client.close()
    await ended(stage)


async def test_an_end_of_sending_passes_and_the_other_side_may_still_answer(
    stage: Stage,
) -> None:
    client = await tunnelled(stage, await switching())
    await switched(client)
    await client.send(b"last")

    client.writer.write_eof()

    assert await client.read_to_end() == b"lastbye"
    assert await ended(stage) == {"client": 1}


async def test_what_is_large_passes_whole_though_nobody_reads_for_a_while(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(SWITCH + MUCH)

    upstream = await Upstream(script).start()
    stage.serve(table(service(version("v1", upstream))), upstream)
    client = await stage.client(receive_buffer=4096)
    await switched(client)
    await asyncio.sleep(0.2)

    assert await client.read_to_end() == MUCH
    client.close()
    assert await ended(stage) == {"endpoint": 1}


async def test_a_client_that_is_gone_frees_the_endpoint(stage: Stage) -> None:
    upstream = await switching()
    client = await tunnelled(stage, upstream)
    await switched(client)

    client.reset()

    assert await ended(stage) == {"client": 1}
    (wire,) = upstream.connections
    await asyncio.sleep(0.05)
    series = stage.gateway.series()
    assert (series.connections_active, series.connections_idle) == (0, 0)
    assert wire.reader.at_eof()


async def test_an_endpoint_that_is_gone_ends_the_clients_connection(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(SWITCH)
        wire.reset()

    upstream = await Upstream(script).start()
    client = await tunnelled(stage, upstream)
    await switched(client)

    assert await client.is_closed()
    assert await ended(stage) == {"endpoint": 1}


async def test_a_tunnel_in_which_nothing_is_said_ends(stage: Stage) -> None:
    upstream = await switching()
    silent = version("v1", upstream, timeouts=Timeouts(idle=Seconds(0.3)))
    stage.serve(table(service(silent)), upstream)
    client = await stage.client()
    await switched(client)
    for _ in range(4):  # longer than that, but never silent
        await asyncio.sleep(0.15)
        await client.send(b"x")
        await client.read_exactly(1)

    assert await client.is_closed()
    assert await ended(stage) == {"idle": 1}


async def test_a_server_that_stays_with_http_is_believed(stage: Stage) -> None:
    """And what the client has sent behind its request is HTTP, then."""
    upstream = await answering(ok(b"no"))
    client = await tunnelled(stage, upstream)

    await client.send(get(b"/a", *ASK) + get(b"/b") + get(b"/c"))

    answers = [await client.answer() for _ in range(3)]
    assert [answer.body for answer in answers] == [b"no"] * 3
    assert [request.target for request in upstream.requests] == ["/a", "/b", "/c"]
    assert "upgrade" not in upstream.requests[1]


async def test_what_a_client_sends_before_the_answer_is_not_taken_for_requests(
    stage: Stage,
) -> None:
    upstream = await switching()
    client = await tunnelled(stage, upstream)

    await client.send(get(b"/a", *ASK) + get(b"/smuggled"))

    assert (await client.read_head()).status == 101
    assert await client.read_exactly(len(get(b"/smuggled"))) == get(b"/smuggled")
    assert [request.target for request in upstream.requests] == ["/a"]
    client.close()
    await ended(stage)


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(b"websocket", b"h2c"),
        SWITCH.replace(b"Upgrade: websocket\r\n", b""),
        SWITCH.replace(b"Connection: Upgrade\r\n", b""),
    ],
    ids=["to another protocol", "to none", "half-heartedly"],
)
async def test_a_switch_that_was_not_asked_for_is_no_answer(
    stage: Stage, answer: bytes
) -> None:
    upstream = await answering(answer)
    client = await tunnelled(stage, upstream)

    assert (await client.ask(get(b"/", *ASK))).status == 502


async def test_a_switch_on_a_connection_that_once_asked_for_one_is_no_answer(
    stage: Stage,
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(ok())
        await upstream.read(wire)
        await wire.send(SWITCH)
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    client = await tunnelled(stage, upstream)

    assert (await client.ask(get(b"/", *ASK))).status == 200
    assert (await client.ask(get(b"/"))).status == 502
    assert len(upstream.connections) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(b"/", b"Connection: Upgrade", b"Upgrade: h2c"),
        get(b"/", b"Connection: Upgrade", b"Upgrade: websocket, h2c"),
        get(b"/", b"Connection: Upgrade", b"Upgrade: spdy/3"),
        get(b"/", b"Upgrade: websocket"),
        post(b"body", *ASK),
        get(b"/", *ASK).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["h2c", "one of two", "unlisted", "no connection field", "a body", "HTTP/1.0"],
)
async def test_what_may_not_be_changed_to_is_served_as_http(
    stage: Stage, request_bytes: bytes
) -> None:
    upstream = await answering(ok())
    client = await tunnelled(stage, upstream)

    assert (await client.ask(request_bytes)).status == 200
    assert "upgrade" not in upstream.requests[0]


async def test_other_protocols_pass_where_the_service_lists_them(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(SWITCH.replace(b"websocket", b"Spdy/3"))
        await wire.send(await wire.read_some())

    upstream = await Upstream(script).start()
    client = await tunnelled(stage, upstream, upgrades=("spdy/3",))

    await client.send(get(b"/", b"Connection: Upgrade", b"Upgrade: SPDY/3"))

    assert (await client.read_head())["upgrade"] == "Spdy/3"
    await client.send(b"any")
    assert await client.read_to_end() == b"any"


async def test_websocket_is_refused_where_the_service_does_not_list_it(
    stage: Stage,
) -> None:
    upstream = await answering(ok())
    client = await tunnelled(stage, upstream, upgrades=())

    answer = await client.ask(get(b"/", *ASK))

    assert answer.status == 501
    assert b"upgrades" in answer.body
    assert (await client.ask(get(b"/"))).status == 200


async def test_one_that_names_its_key_goes_where_the_key_goes(stage: Stage) -> None:
    both = [await switching(), await switching()]
    versions = [
        version(name, each) for name, each in zip(("v1", "v2"), both, strict=True)
    ]
    stage.serve(table(service(*versions), share=50_000), *both)
    first: dict[int, str] = {}

    for _ in range(2):
        for key in range(20):
            client = await stage.client()
            head = await switched(client, b"x-user-id: u%d" % key)
            assert (
                first.setdefault(key, head["x-sluicegate-version"])
                == head["x-sluicegate-version"]
            )
            client.close()

    assert set(first.values()) == {"v1", "v2"}


async def test_a_drain_waits_for_tunnels_and_then_cuts_them(stage: Stage) -> None:
    client = await tunnelled(stage, await switching())
    await switched(client)

    stage.gateway.drain(0.5)

    await client.send(b"still")
    assert await client.read_exactly(5) == b"still"
    assert await client.is_closed()


async def test_a_client_that_is_not_read_meets_no_deadline_of_idle_ones(
    stage: Stage,
) -> None:
    limits = replace(USUAL, keep_alive=Seconds(0.2), head_timeout=Seconds(0.2))
    upstream = await switching()
    stage.serve(table(service(version("v1", upstream)), limits=limits), upstream)
    client = await stage.client()
    await switched(client)
    await asyncio.sleep(0.6)

    await client.send(b"there")

    assert await client.read_exactly(5) == b"there"
    client.close()
    await ended(stage)


async def test_what_follows_an_upgrade_waits_while_a_request_before_it_is_answered(
    stage: Stage,
) -> None:
    """Whether it is HTTP is known with the upgrade's answer, and not with another's."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(ok(b"first"))
        await upstream.read(wire)
        await asyncio.sleep(0.05)
        await wire.send(SWITCH)
        await wire.send(await wire.read_some())

    upstream = await Upstream(script).start()
    client = await tunnelled(stage, upstream)

    early = get(b"/not-http")
    await client.send(get(b"/first") + get(b"/ws", *ASK) + early)

    assert (await client.answer()).body == b"first"
    assert (await client.read_head()).status == 101
    assert await client.read_exactly(len(early)) == early
    client.close()
