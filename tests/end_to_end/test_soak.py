"""Hours of mixed traffic beside thousands of clients that do nothing, or little: all flat.

`SLUICEGATE_SOAK_S=1800 pytest -m slow tests/end_to_end/test_soak.py -rP`. Clients, model
servers and gateway share the machine, so that its figures are no benchmark: what counts is
that the last third looks like the first.
"""

import asyncio
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from loadtest.load.http_client import chat_request
from loadtest.load.traffic import End
from loadtest.processes import rss_bytes
from tests.end_to_end.chaos.crowd import Crowd, Seen
from tests.end_to_end.running import (
    PATIENCE_S,
    Gateway,
    ModelServer,
    configuration,
    running_gateway,
    tell,
    until_soon,
)

Models = tuple[ModelServer, ModelServer]

LASTS_S = float(os.environ.get("SLUICEGATE_SOAK_S", "1800"))
IDLE = int(os.environ.get("SLUICEGATE_SOAK_IDLE", "10000"))
SLOW = int(os.environ.get("SLUICEGATE_SOAK_SLOW", "1000"))
SIZE = 6  # clients of each kind
WARM_S = 20.0
LOOK_EVERY_S = 2.0
MEBI = 1024 * 1024
GROWTH = 12 * MEBI
SLOWER = 2.0
SLOW_WISH = "huge=1MB"
SIP = 400  # bytes, once a second: half an hour does not finish it


@dataclass(frozen=True, slots=True)
class Look:
    """Resident memory at one moment; bytes."""

    at: float
    workers: int
    controller: int


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Let this process hold as many connections as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < IDLE + SLOW + 500:
        pytest.skip(f"only {hard} files may be open here")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def held(port: int, number: int) -> Generator[list[socket.socket]]:
    """Hold so many connections that have asked once and ask no more."""
    some: list[socket.socket] = []
    try:
        for turn in range(number):
            one = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            one.sendall(chat_request(f"idle-{turn}", streamed=False))
            assert one.recv(65_536).startswith(b"HTTP/1.1 200")
            some.append(one)
        yield some
    finally:
        for one in some:
            one.close()


class Sippers:
    """Clients that take a few bytes a second of what would come at once."""

    def __init__(self, port: int, number: int) -> None:
        self.lost = 0
        self._some = [_sip(port, turn) for turn in range(number)]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Leave."""
        self._is_over.set()
        self._thread.join()
        for one in self._some:
            one.close()

    def _run(self) -> None:
        while not self._is_over.wait(1.0):
            for one in self._some:
                with suppress(BlockingIOError):
                    self.lost += not one.recv(SIP)


def _sip(port: int, turn: int) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(PATIENCE_S)
    one.connect(("127.0.0.1", port))
    one.sendall(chat_request(f"slow-{turn}", streamed=False, wish=SLOW_WISH))
    one.setblocking(False)
    return one


async def _echo(session: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for word in session:
            await session.send(word)
            await asyncio.sleep(0.02)


def document(models: Models, talk: int) -> dict[str, Any]:
    """Write the configuration: room for everybody, for as long as it lasts."""
    made = configuration([server.url for server in models], workers=2)
    made["limits"] = {"keep_alive": "2h", "idle": "2h"}
    chat = made["services"]["chat"]
    chat["match"] = {"paths": ["/v1"]}
    for version in chat["versions"].values():
        version["limits"] = {"connections": 2000}
        version["timeouts"]["idle"] = "1h"
    made["services"]["talk"] = {
        "match": {"paths": ["/talk"]},
        "expose": True,
        "versions": {"echo": {"endpoints": [f"http://127.0.0.1:{talk}"]}},
    }
    return made


async def watch(gateway: Gateway, seconds: float) -> list[Look]:
    """Look at the memory again and again."""
    looks: list[Look] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        workers = rss_bytes(gateway.workers())
        controller = rss_bytes([gateway.controller()])
        looks.append(Look(time.monotonic(), workers, controller))
        await asyncio.sleep(LOOK_EVERY_S)
    return looks


def thirds(begun: float, ended: float, looks: list[Look]) -> tuple[float, float]:
    """Give the growth from the first third to the last: of workers, and controller."""
    third = (ended - begun) / 3
    first = [look for look in looks if look.at < begun + third]
    last = [look for look in looks if look.at > ended - third]
    return (
        median(look.workers for look in last) - median(look.workers for look in first),
        median(each.controller for each in last)
        - median(each.controller for each in first),
    )


def latencies(seen: list[Seen], kind: str) -> dict[str, float]:
    """Give p50 and p99 in milliseconds."""
    taken = [each.ended - each.begun for each in seen if each.kind == kind]
    cuts = quantiles(taken, n=100)
    return {"p50": round(cuts[49] * 1e3, 1), "p99": round(cuts[98] * 1e3, 1)}


@pytest.mark.slow
@pytest.mark.timeout(LASTS_S + 600)
async def test_memory_and_latency_are_flat(models: Models, tmp_path: Path) -> None:
    async with serve(_echo, "127.0.0.1", 0) as talk:
        wanted = document(models, next(iter(talk.sockets)).getsockname()[1])
        running = running_gateway(wanted, tmp_path)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            await soak(gateway)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


async def soak(gateway: Gateway) -> None:
    """Let everybody come, look on, and let them go."""
    at_first = rss_bytes(gateway.workers())
    holding = held(gateway.data, IDLE)
    await asyncio.to_thread(holding.__enter__)
    idle = rss_bytes(gateway.workers())
    tell(f"{IDLE} idle: {(idle - at_first) / max(IDLE, 1) / 1024:.1f} KiB each")
    sippers = await asyncio.to_thread(Sippers, gateway.data, SLOW)
    crowd = Crowd(gateway.data, size=SIZE, seed=6)
    try:
        async with asyncio.TaskGroup() as tasks:
            crowd.start(tasks)
            await asyncio.sleep(WARM_S)
            begun = time.monotonic()
            looks = await watch(gateway, LASTS_S)
            ended = time.monotonic()
            crowd.stop()
    finally:
        await asyncio.to_thread(sippers.close)
        await asyncio.to_thread(holding.__exit__, None, None, None)
    demand_flat(crowd.seen, begun, ended, looks)
    assert sippers.lost == 0
    await until_soon("all are gone", lambda: _connected(gateway) == 0)


def demand_flat(
    seen: list[Seen], begun: float, ended: float, looks: list[Look]
) -> None:
    """Tell what was measured, and demand that the end is as the beginning."""
    bad = [each for each in seen if each.end is not End.OK]
    warm = [each for each in seen if each.begun < begun]
    for kind in ("json", "stream", "upload", "talk"):
        longest = max((e.ended - e.begun for e in warm if e.kind == kind), default=0.0)
        tell(f"{kind}: took {longest:.1f} s at most while all came")
    tell(f"{len(seen)} exchanges in {ended - begun:.0f} s, not fine: {bad[:5]}")
    third = (ended - begun) / 3
    first = [each for each in seen if begun < each.begun < begun + third]
    last = [each for each in seen if ended - third < each.begun < ended]
    for kind in ("json", "stream", "upload", "talk"):
        both = latencies(first, kind), latencies(last, kind)
        tell(
            f"{kind}: first third {json.dumps(both[0])}, last {json.dumps(both[1])} ms"
        )
        assert both[1]["p50"] < both[0]["p50"] * SLOWER
    tenth = max(1, len(looks) // 10)
    tell(f"workers' MiB: {[round(look.workers / MEBI) for look in looks[::tenth]]}")
    workers, controller = thirds(begun, ended, looks)
    tell(
        f"workers {looks[-1].workers / MEBI:.0f} MiB, grew by {workers / MEBI:.2f};"
        f" controller {looks[-1].controller / MEBI:.0f} MiB, by {controller / MEBI:.2f}"
    )
    assert not bad
    assert workers < GROWTH
    assert controller < GROWTH


def _connected(gateway: Gateway) -> float:
    found = gateway.metric("sluicegate_downstream_connections")
    return sum(value for _, value in found)
