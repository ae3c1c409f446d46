"""What passes through does not stay: not in memory, not in file descriptors."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.load.http_client import Answer, chat_request, connect, request_bytes
from loadtest.load.slow_reader import connect_slowly
from loadtest.processes import rss_bytes
from tests.end_to_end.running import (
    CHAT,
    Gateway,
    ModelServer,
    configuration,
    running_gateway,
    tell,
    until,
    until_soon,
)

MEBI = 1024 * 1024
GROWTH = 32 * MEBI
PACE = 128 * MEBI
"""Bytes a second: slower than loopback by far, so that somebody must wait."""

LOOK_EVERY_S = 0.02
ABORTED = 200
PIECE = b"x" * 65_536
SIZES = [
    pytest.param(256 * MEBI, id="256MiB"),
    pytest.param(1024 * MEBI, id="1GiB", marks=[pytest.mark.slow]),
]

Models = tuple[ModelServer, ModelServer]


@pytest.fixture(scope="module")
def gateway(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Give a gateway that has settled: its first requests are behind it."""
    urls = [server.url for server in _running_models]
    document = configuration(urls, pool_idle="500ms")
    with running_gateway(document, tmp_path_factory.mktemp("memory")) as made:
        asyncio.run(settle(made))
        yield made


async def settle(gateway: Gateway) -> None:
    """Make it load and allocate what it always needs."""
    client = await connect(gateway.data)
    for number in range(100):
        await client.exchange(chat_request(f"u{number}", streamed=number % 2 == 0))
    client.close()


@dataclass
class Peak:
    """The most resident memory of a process that was seen."""

    before: int
    seen: int

    @property
    def growth(self) -> int:
        """Bytes above the beginning."""
        return self.seen - self.before


@asynccontextmanager
async def watched(pid: int) -> AsyncGenerator[Peak]:
    """Watch a process during the block."""
    peak = Peak(rss_bytes([pid]), 0)

    async def look() -> None:
        while True:
            peak.seen = max(peak.seen, rss_bytes([pid]))
            await asyncio.sleep(LOOK_EVERY_S)

    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(look())
        try:
            yield peak
        finally:
            looking.cancel()
    tell(f"grew by {peak.growth / MEBI:.1f} MiB, from {peak.before / MEBI:.1f} MiB")


def seconds_for(size: int) -> float:
    """Give a deadline that only a standstill misses."""
    return 20 + 5 * size / PACE


async def upload(port: int, size: int) -> Answer:
    """Send a body of *size* to a model server that reads at PACE."""
    headers = {"x-misbehave": f"read_rate={PACE}", "x-user-id": "u"}
    client = await connect(port)
    answer = client.expect()
    await client.send(request_bytes("POST", CHAT, b"", headers, body_bytes=size))
    for _ in range(size // len(PIECE)):
        await client.send(PIECE)
    try:
        return await answer
    finally:
        client.close()


async def download(port: int, size: int) -> Answer:
    """Read an answer of *size* at PACE from a model server that writes at once."""
    client = await connect_slowly(port, PACE)
    try:
        wish = f"huge={size}"
        return await client.exchange(chat_request("u", streamed=False, wish=wish))
    finally:
        client.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
async def test_an_upload_to_a_slow_reader_is_not_hoarded(
    gateway: Gateway, models: Models, size: int
) -> None:
    async with (
        asyncio.timeout(seconds_for(size)),
        watched(gateway.workers()[0]) as peak,
    ):
        answer = await upload(gateway.data, size)
    assert answer.status == 200
    assert sum(server.stats()["body_bytes"] for server in models) == size
    assert peak.growth < GROWTH


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
async def test_a_download_by_a_slow_reader_is_not_hoarded(
    gateway: Gateway, models: Models, size: int
) -> None:
    async with (
        asyncio.timeout(seconds_for(size)),
        watched(gateway.workers()[0]) as peak,
    ):
        answer = await download(gateway.data, size)
    assert answer.complete
    assert answer.body_bytes == size
    assert peak.growth < GROWTH


def descriptors(pid: int) -> int:
    """Count the open files and sockets of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def connections(gateway: Gateway) -> int:
    """Count the upstream connections and running exchanges the gateway reports."""
    shown = [v["statistics"] for v in gateway.service()["versions"].values()]
    open_now = sum(sum(each["connections"].values()) for each in shown)
    return int(open_now + sum(each["in_flight"] + each["pending"] for each in shown))


def left_by_clients(gateway: Gateway) -> int:
    """Count the exchanges that ended because the client left."""
    return sum(n["client_cancelled"] for n in gateway.outcomes().values())


async def test_streams_the_clients_abort_leave_nothing_open(
    gateway: Gateway, models: Models
) -> None:
    [worker] = gateway.workers()
    until("idle connections close", lambda: connections(gateway) == 0)
    before = descriptors(worker)
    clients = [await connect(gateway.data) for _ in range(ABORTED)]
    for number, client in enumerate(clients):
        wish = "events=100000,interval=0.1"
        _answer = client.expect()
        await client.send(chat_request(f"u{number}", streamed=True, wish=wish))
    await until_soon("begun", lambda: all(c.received_bytes() for c in clients))
    assert descriptors(worker) >= before + 2 * ABORTED
    for client in clients:
        client.close()
    await asyncio.sleep(0)
    took = until("descriptors are back", lambda: descriptors(worker) <= before)
    tell(f"{ABORTED} aborted streams let go of within {took * 1e3:.0f} ms")
    assert sum(server.stats()["cancelled"] for server in models) == ABORTED
    until("all are counted", lambda: left_by_clients(gateway) == ABORTED)
    assert connections(gateway) == 0
