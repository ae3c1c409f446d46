"""Whatever dies, a client's error has a cause of its server's, and nothing stays behind."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from loadtest.load.traffic import End
from loadtest.processes import free_ports, rss_bytes, tree
from tests.end_to_end.chaos.crowd import Crowd, Seen
from tests.end_to_end.chaos.faults import Endpoint, Fault, Trouble
from tests.end_to_end.running import (
    BOTH,
    Gateway,
    call,
    configuration,
    running_gateway,
    tell,
    until,
    until_soon,
)

SEED = int(os.environ.get("SLUICEGATE_CHAOS_SEED", "6"))
MINUTES = float(os.environ.get("SLUICEGATE_CHAOS_MINUTES", "3"))
SIZE = 4  # clients of each kind
CALM_S = 3.0
SLACK_S = 3.0
"""After a fault is mended, its traces may last: a pool takes its time to connect again."""

MEBI = 1024 * 1024
SUPERVISOR_GROWTH = 4 * MEBI
LARGEST_PROCESS = 400 * MEBI
SPARE_FILES = 8

Json = dict[str, Any]


@pytest.fixture
def endpoints() -> Iterator[list[Endpoint]]:
    """Give two model servers for each version."""
    ports = iter(free_ports(4))
    made = [Endpoint(version, next(ports)) for version in BOTH for _ in range(2)]
    try:
        for each in made:
            each.start()
        for each in made:
            until("the model server answers", each.answers, within_s=30)
        yield made
    finally:
        for each in made:
            each.end()


async def _echo(session: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for word in session:
            await session.send(word)
            await asyncio.sleep(0.02)


def documents(endpoints: list[Endpoint], talk: str, folder: Path) -> list[Json]:
    """Write configurations that differ in workers, listeners, limits and services."""
    port, other = free_ports(2)
    made = configuration(
        [endpoints[0].url, endpoints[2].url],
        workers=2,
        state=f"sqlite:{folder / 'state.db'}",
        pool_idle="1s",
    )
    chat = made["services"]["chat"]
    chat["match"] = {"paths": ["/v1"]}
    chat["expose"] = True
    timeouts = {"pool_idle": "1s", "connect": "500ms", "first_byte": "3s", "idle": "3s"}
    for name, urls in zip(BOTH, (endpoints[:2], endpoints[2:]), strict=True):
        each = {"endpoints": [one.url for one in urls], "timeouts": timeouts}
        chat["versions"][name] = each
    made["services"]["talk"] = {
        "match": {"paths": ["/talk"]},
        "expose": True,
        "versions": {"echo": {"endpoints": [talk]}},
    }
    made["listen"] = f"127.0.0.1:{port}"
    return [
        made,
        made | {"workers": 3},
        made | {"listen": [f"127.0.0.1:{port}", f"127.0.0.1:{other}"]},
        made | {"limits": {"head": "32KiB"}},
        made | {"services": "nonsense"},
    ]


@asynccontextmanager
async def stage(
    endpoints: list[Endpoint], folder: Path
) -> AsyncGenerator[tuple[Gateway, list[Json]]]:
    """Run a gateway in front of the model servers, and of a server of WebSockets."""
    async with serve(_echo, "127.0.0.1", 0) as talk:
        port = next(iter(talk.sockets)).getsockname()[1]
        some = documents(endpoints, f"http://127.0.0.1:{port}", folder)
        running = running_gateway(some[0], folder)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            yield gateway, some
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


def unexplained(seen: list[Seen], faults: list[Fault]) -> list[Seen]:
    """Give the errors that no fault of the server explains that was to answer."""
    return [
        each
        for each in seen
        if each.end is not End.OK
        and not any(fault.explains(each, SLACK_S) for fault in faults)
    ]


def story(seen: list[Seen], faults: list[Fault]) -> str:
    """Tell what happened in figures."""
    ends = Counter(f"{each.kind}: {each.end.value}" for each in seen)
    did = Counter(fault.what.split(" endpoint")[0] for fault in faults)
    return f"{dict(sorted(ends.items()))}; faults {dict(sorted(did.items()))}"


def descriptors(pid: int) -> int:
    """Count the open files and sockets of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _has_files(pid: int, most: int) -> bool:
    return descriptors(pid) <= most


def connections(gateway: Gateway) -> float:
    """Give how many connections of clients and to endpoints there are."""
    found = [
        *gateway.metric("sluicegate_downstream_connections"),
        *gateway.metric("sluicegate_upstream_connections"),
    ]
    return sum(value for _, value in found)


async def settle(gateway: Gateway, first: Json) -> None:
    """Let all that was broken come back."""
    gateway.write(first)
    await until_soon("administered", gateway.is_administered)
    await until_soon("one controller", lambda: gateway.controller() > 0)
    status = await asyncio.to_thread(_reload, gateway)
    assert status == 200
    await until_soon("two workers", lambda: len(gateway.workers()) == 2)


def _reload(gateway: Gateway) -> int:
    return call(gateway.admin, "POST", "/api/v1/reload", {})[0]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(10.0, id="10 s"),
        pytest.param(60.0 * MINUTES, id="minutes", marks=[pytest.mark.slow]),
    ],
)
async def test_every_error_has_a_cause_and_nothing_is_left(
    endpoints: list[Endpoint], tmp_path: Path, seconds: float
) -> None:
    async with stage(endpoints, tmp_path) as (gateway, some):
        files = {pid: descriptors(pid) for pid in tree(gateway.process.pid)}
        most = max(files[pid] for pid in gateway.workers())
        supervisor = gateway.process.pid
        memory = rss_bytes([supervisor])
        crowd = Crowd(gateway.data, size=SIZE, seed=SEED)
        trouble = Trouble(gateway, endpoints, some, SEED)
        async with asyncio.TaskGroup() as tasks:
            crowd.start(tasks)
            await trouble.make(seconds)
            await settle(gateway, some[0])
            await asyncio.sleep(SLACK_S)
            calm = time.monotonic()
            await asyncio.sleep(CALM_S)
            crowd.stop()
        tell(story(crowd.seen, trouble.faults))
        for each in unexplained(crowd.seen, trouble.faults):
            tell(f"unexplained: {each}")
        assert not unexplained(crowd.seen, trouble.faults)
        after = [each for each in crowd.seen if each.begun > calm]
        assert all(each.end is End.OK for each in after)
        assert {each.kind for each in after} == {"json", "stream", "upload", "talk"}
        assert not [each for each in crowd.seen if each.end in {End.STUCK, End.REFUSED}]

        await until_soon("no connection is left", lambda: connections(gateway) == 0)
        for pid in gateway.workers():
            await until_soon(
                "its files are closed", partial(_has_files, pid, most + SPARE_FILES)
            )
            assert rss_bytes([pid]) < LARGEST_PROCESS
        assert descriptors(supervisor) <= files[supervisor] + SPARE_FILES
        growth = rss_bytes([supervisor]) - memory
        tell(f"the supervisor grew by {growth / MEBI:.2f} MiB")
        assert growth < SUPERVISOR_GROWTH
