"""Whoever is slow slows the other side down; the gateway keeps next to nothing."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.flows.scripted import Upstream, Wire, answering, get, ok
from tests.flows.stage import Stage, over_tls_too, until

SIZE = 200_000_000
PIECE = bytes(200_000)
PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_GROWTH = 8_000_000
WITHIN_S = 0.05


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def pour(wire: Wire) -> None:
    """Send SIZE bytes as fast as they are taken."""
    for _ in range(SIZE // len(PIECE)):
        wire.writer.write(PIECE)
        await wire.writer.drain()


async def drink(wire: Wire) -> int:
    """Take SIZE bytes; give how many came."""
    taken = 0
    while taken < SIZE and (part := await wire.reader.read(262_144)):
        taken += len(part)
    return taken


async def stalled(sender: Wire) -> int:
    """Wait until nothing moves any more; give the memory held then."""
    before, unmoved = -1, 0
    while unmoved < 3:
        await asyncio.sleep(0.05)
        left = sender.writer.transport.get_write_buffer_size()
        unmoved = unmoved + 1 if left and left == before else 0
        before = left
    return resident()


@over_tls_too
async def test_a_download_waits_for_its_reader(stage: Stage) -> None:
    sending: list[Wire] = []

    async def script(wire: Wire) -> None:
        sending.append(wire)
        await upstream.read(wire)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        await pour(wire)
        await upstream.read(wire)
        await wire.send(ok())

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    before = resident()

    await client.send(get())
    assert await until(lambda: sending)
    held = await stalled(sending[0])
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]

    assert (await client.read_head()).status == 200
    assert await drink(client) == SIZE
    assert held - before < MOST_GROWTH
    assert resident() - before < 2 * MOST_GROWTH
    assert (await client.ask(get())).status == 200
    assert len(upstream.connections) == 1


def waiting_to_read(gate: asyncio.Event, *, is_chunked: bool) -> Upstream:
    """Make a server that takes a request's head, and its body when *gate* is open."""

    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await gate.wait()
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        taken = await (drink_chunks(wire) if is_chunked else drink(wire))
        await wire.send(ok(b"%d" % taken))

    upstream = Upstream(script)
    return upstream


async def drink_chunks(wire: Wire) -> int:
    """Take a chunked body; give how many bytes came."""
    taken = 0
    while size := int(await wire.reader.readuntil(b"\r\n"), 16):
        taken += size
        while size:
            size -= len(await wire.reader.read(size))
        assert await wire.reader.readexactly(2) == b"\r\n"
    return taken


@over_tls_too
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
async def test_an_upload_waits_for_its_endpoint(stage: Stage, is_chunked: bool) -> None:
    gate = asyncio.Event()
    stage.serve_one(await waiting_to_read(gate, is_chunked=is_chunked).start())
    client = await stage.client()
    before = resident()
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE
    framing = chunked if is_chunked else b"Content-Length: %d\r\n\r\n" % SIZE

    await client.send(b"POST / HTTP/1.1\r\nHost: h\r\n" + framing)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pour(client))
        held = await stalled(client)
        gate.set()
    if is_chunked:
        await client.send(b"\r\n0\r\n\r\n")

    assert (await client.answer()).body == b"%d" % SIZE
    assert held - before < MOST_GROWTH
    assert stage.gateway.outcomes() == {"complete": 1}


async def test_a_client_that_leaves_its_stalled_upload_is_noticed(stage: Stage) -> None:
    """Nothing is read from it then, so that its going has to be looked for."""
    stage.serve_one(await waiting_to_read(asyncio.Event(), is_chunked=False).start())
    client = await stage.client()

    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % SIZE
    await client.send(head)
    client.writer.write(PIECE * 100)
    await stalled(client)
    client.reset()

    assert await until(lambda: stage.gateway.outcomes() == {"client_cancelled": 1})


@over_tls_too
@pytest.mark.parametrize("size", [100_000, 300_000, 1_000_000, 5_000_000])
async def test_a_connection_whose_last_answer_went_to_a_slow_reader_is_sound(
    stage: Stage, size: int
) -> None:
    upstream = await answering(ok(bytes(size)))
    stage.serve_one(upstream)

    for _ in range(3):
        slow = await stage.client(receive_buffer=4096)
        await slow.send(get())
        await asyncio.sleep(0.05)
        quick = await stage.client()
        assert (await quick.ask(get())).body == bytes(size)
        assert len((await slow.answer()).body) == size

    assert len(upstream.connections) <= 2
    assert stage.gateway.outcomes() == {"complete": 6}


# Events.


@over_tls_too
async def test_each_event_is_passed_on_at_once(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    sent: list[float] = []
    seen = asyncio.Event()

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            seen.clear()
            sent.append(loop.time())
            await wire.send(b"9\r\ndata: x\n\n\r\n")
            await asyncio.wait_for(seen.wait(), 5)
        await wire.send(b"0\r\n\r\n")

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client = await stage.client()

    await client.send(get())
    assert (await client.read_head()).status == 200
    waits = []
    for _ in range(20):
        assert await client.read_exactly(14) == b"9\r\ndata: x\n\n\r\n"
        waits.append(loop.time() - sent[-1])
        seen.set()

    assert sorted(waits)[len(waits) // 2] < WITHIN_S


async def test_an_event_in_pieces_arrives_byte_for_byte(stage: Stage) -> None:
    event = (
        b'event: delta\r\nid: 7\r\ndata: {"a":\r\ndata: "\xc3\xa4"}\r\n\r\n: ping\n\n'
    )
    pieces = [b"1\r\n%b\r\n" % event[n : n + 1] for n in range(len(event))]
    upstream = await answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *pieces,
        b"0\r\n\r\n",
        gap=0.001,
    )
    stage.serve_one(upstream)

    assert (await (await stage.client()).ask(get())).body == event
