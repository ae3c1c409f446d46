"""Clients that hold what they have, many at once: the others do not notice."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loadtest.load.traffic import Traffic
from loadtest.processes import environment
from tests.end_to_end.conftest import Models
from tests.end_to_end.running import (
    Gateway,
    configuration,
    not_ok,
    running_gateway,
    tell,
    until_soon,
)

QUICK = {"head_timeout": "800ms", "body_timeout": "800ms", "idle": "1s"}
MOST_SLOWER = 2.0
SETTLED = 3.0  # seconds until the buffers of a thousand readers are full
ATTEMPTS = 3  # the machine may be doing something else


@dataclass
class Slow:
    """Slow clients; `left` and `gone` are known when they have ended."""

    process: "subprocess.Popen[str]"
    told: dict[str, int] = field(default_factory=dict)

    def end(self) -> dict[str, int]:
        out, _ = self.process.communicate("\n", timeout=30)
        return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


def _slow(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.end_to_end.slow_clients", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


@contextmanager
def slow_clients(kind: str, port: int, count: int) -> Generator[Slow]:
    """Run slow clients until the block's end, or until they are told to end."""
    process = _slow(kind, str(port), str(count))
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield Slow(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def big_server() -> Generator[int]:
    """Serve answers that no socket's buffer holds; give the port."""
    process = _slow("server")
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def document(models: Models, big: int, **limits: object) -> dict[str, Any]:
    """Configure the model servers, and the server of big answers beside them."""
    made = configuration([server.url for server in models])
    made["limits"] = limits
    version = {
        "endpoints": [f"http://127.0.0.1:{big}"],
        "limits": {"connections": 2000},
    }
    service = {
        "match": {"paths": ["/big"]},
        "versions": {"b": version},
        "baseline": "b",
    }
    made["services"] = {"big": service, **made["services"]}
    return made


async def p99(gateway: Gateway, seconds: float) -> float:
    """Measure usual requests, each of which is to be answered."""
    traffic = Traffic(gateway.data, posts=4, streams=0)
    async with asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(seconds)
        traffic.stop()
    assert not not_ok(traffic.exchanges)
    times = sorted(each.ended - each.begun for each in traffic.exchanges)
    assert len(times) > 100
    return times[int(len(times) * 0.99)]


def given_up(gateway: Gateway) -> tuple[float, float]:
    """Give how many were too slow to send, and how many to read."""
    refused = gateway.metric("sluicegate_refused_total")
    requests = gateway.metric("sluicegate_requests_total")
    return (
        sum(value for labels, value in refused if labels["code"] == "408"),
        sum(
            value
            for labels, value in requests
            if labels["service"] == "big" and labels["outcome"] == "client_cancelled"
        ),
    )


async def test_slow_clients_are_given_up_and_nobody_else_notices(
    models: Models, tmp_path: Path
) -> None:
    """Also those that make some progress, always."""
    with big_server() as big:
        made = document(models, big, **QUICK)
        with (
            running_gateway(made, tmp_path) as gateway,
            slow_clients("head", gateway.data, 40) as heads,
            slow_clients("body", gateway.data, 40) as bodies,
            slow_clients("reader", gateway.data, 40),
        ):
            await p99(gateway, 1.5)
            # Here and not at the clients, whom the kernel still feeds a while.
            await until_soon("given up", lambda: given_up(gateway) == (80, 40))
            assert await asyncio.to_thread(heads.end) == {"left": 0, "gone": 40}
            assert await asyncio.to_thread(bodies.end) == {"left": 0, "gone": 40}


async def test_one_address_cannot_take_all_connections(
    models: Models, tmp_path: Path
) -> None:
    made = document(models, 1, connections_per_client=10)
    with (
        running_gateway(made, tmp_path) as gateway,
        slow_clients("head", gateway.data, 30) as slow,
    ):

        def ask_from_elsewhere() -> bytes:
            with socket.create_connection(
                ("127.0.0.1", gateway.data), source_address=("127.0.0.2", 0)
            ) as other:
                other.sendall(b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
                return other.recv(4096)

        def shed() -> dict[str, float]:
            found = gateway.metric("sluicegate_shed_total")
            return {labels["reason"]: value for labels, value in found if value}

        assert (await asyncio.to_thread(ask_from_elsewhere)).startswith(b"HTTP/1.1 200")
        await until_soon("counted", lambda: shed() == {"connections_per_client": 20})
        await asyncio.sleep(0.7)
        assert await asyncio.to_thread(slow.end) == {"left": 10, "gone": 20}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["head", "body", "reader"])
async def test_a_thousand_slow_clients_cost_the_others_little(
    models: Models, tmp_path: Path, kind: str
) -> None:
    with big_server() as big:
        made = document(models, big)  # with the usual limits
        with running_gateway(made, tmp_path) as gateway:
            await p99(gateway, 1.0)
            costs = [await cost(gateway, kind)]
            while min(costs) > MOST_SLOWER and len(costs) < ATTEMPTS:
                costs.append(await cost(gateway, kind))
    assert min(costs) <= MOST_SLOWER


async def cost(gateway: Gateway, kind: str) -> float:
    """Give how many times the usual p99 others have beside slow clients."""
    before = await p99(gateway, 5.0)
    with slow_clients(kind, gateway.data, 1000) as slow:
        await asyncio.sleep(SETTLED)
        during = await p99(gateway, 5.0)
        assert await asyncio.to_thread(slow.end) == {"left": 1000, "gone": 0}
    tell(
        f"{kind}: p99 {1000 * before:.2f} ms, beside 1,000 slow clients"
        f" {1000 * during:.2f} ms ({during / before:.2f} times)"
    )
    return during / before
