"""Thousands of clients that leave in the middle of a stream: nothing of them stays."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.load.http_client import chat_request
from loadtest.processes import rss_bytes
from tests.end_to_end.faults import Ledger
from tests.end_to_end.running import (
    ModelServer,
    configuration,
    running_gateway,
    tell,
    until,
)
from tests.flows.scripted import Client

Models = tuple[ModelServer, ModelServer]

MEBI = 1024 * 1024
GROWTH = 3 * MEBI
AT_ONCE = 50
WARM = 1000
ENDLESS = "events=100000,interval=0.005"
BYTES_SEEN = (1, 600, 2_500)
"""How much of its answer a client sees before it leaves, in turn."""

COUNTS = [
    pytest.param(300, 300, id="300"),
    pytest.param(9_000, WARM, id="10000", marks=[pytest.mark.slow]),
]


@pytest.fixture
def ledger(models: Models, tmp_path: Path) -> Iterator[Ledger]:
    """Give a gateway of its own in front of one model server, and its counts."""
    document = configuration([models[0].url], pool_idle="500ms")
    with running_gateway(document, tmp_path) as gateway:
        ledger = Ledger(gateway)
        yield ledger
        ledger.close()


async def leave_in_a_stream(port: int, number: int, seen: int) -> None:
    """Leave one stream once so many bytes have come, its head included."""
    client = await Client.connect(port)
    await client.send(chat_request(f"u{number}", streamed=True, wish=ENDLESS))
    await client.read_exactly(seen)
    client.close()


async def leave_often(port: int, times: int) -> None:
    """Leave so many streams, some of them at the same time."""
    numbers = iter(range(times))

    async def one_after_another() -> None:
        for number in numbers:
            seen = BYTES_SEEN[number % len(BYTES_SEEN)]
            await leave_in_a_stream(port, number, seen)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(AT_ONCE, times)):
            tasks.create_task(one_after_another())
    await asyncio.sleep(0.05)  # the last sockets close


def descriptors(pid: int) -> int:
    """Count the open files and sockets of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("times", "warm"), COUNTS)
async def test_aborted_streams_are_all_counted_and_leave_nothing(
    ledger: Ledger, models: Models, times: int, warm: int
) -> None:
    [worker] = ledger.gateway.workers()
    at_first = descriptors(worker)
    with ledger.counts("client_cancelled", times=warm):
        await leave_often(ledger.gateway.data, warm)
    before = rss_bytes([worker])

    with ledger.counts("client_cancelled", times=times):
        await leave_often(ledger.gateway.data, times)

    growth = rss_bytes([worker]) - before
    tell(f"grew by {growth / MEBI:.2f} MiB over {times} aborted streams")
    assert growth < GROWTH
    until("descriptors are back", lambda: descriptors(worker) <= at_first)
    assert models[0].stats()["cancelled"] == times + warm
    assert ledger.gateway.workers() == [worker]
