"""One of three endpoints fails under load: how many clients notice, and for how long.

Nothing covers for it here, no failover: what clients see is what ejection alone does.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loadtest.load.traffic import Exchange, Traffic
from loadtest.processes import environment
from tests.end_to_end.running import (
    CHAT,
    Gateway,
    ModelServer,
    call,
    configuration,
    not_ok,
    running_gateway,
    running_model_server,
    tell,
    until,
    until_soon,
)

CLIENTS = 12
WORKERS = 2
IN_A_ROW = 5
EJECTED_S = 1.5

MOST_NOTICED = IN_A_ROW + CLIENTS
"""Five in a row, and those that were under way meanwhile; in each worker."""


@pytest.fixture(scope="module")
def _farm() -> Iterator[list[ModelServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running_model_server(f"m{n}")) for n in range(3)]


@pytest.fixture
def farm(_farm: list[ModelServer]) -> list[ModelServer]:
    """Give three servers of one version, well behaved."""
    for server in _farm:
        server.forget()
    return _farm


def three(
    farm: list[ModelServer], workers: int = 1, **version: object
) -> dict[str, Any]:
    """Configure them as the endpoints of one version."""
    document = configuration([farm[0].url], workers=workers)
    document["services"]["chat"]["versions"]["v1"] |= {
        "endpoints": [server.url for server in farm],
        "timeouts": {"first_byte": "500ms"},
        "outlier_detection": {
            "consecutive_failures": IN_A_ROW,
            "base_ejection_time": f"{EJECTED_S}s",
        },
        "slow_start": "300ms",
    } | version
    return document


def seen(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """Give what the admin API says of each endpoint."""
    shown = gateway.service()["versions"]["v1"]["endpoint_health"]
    return {endpoint["url"]: endpoint for endpoint in shown}


def ejections(gateway: Gateway) -> dict[str, float]:
    return {
        labels["reason"]: value
        for labels, value in gateway.metric("sluicegate_endpoint_ejections_total")
        if value
    }


async def lived_through(
    gateway: Gateway,
    ill: str,
    falls_ill: Callable[[], None],
    recovers: Callable[[], None],
) -> tuple[list[Exchange], list[Exchange], list[Exchange]]:
    """Run traffic while an endpoint falls ill and recovers.

    Returns:
        What ended badly until it was left out; all that came after that and
        before its return; and all that came after its return.

    """
    traffic = Traffic(gateway.data, posts=CLIENTS, streams=0)
    all_out = {"ejected": 1}
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(falls_ill)
        await until_soon(
            "it is left out", lambda: seen(gateway)[ill]["workers"] == all_out
        )
        out = asyncio.get_running_loop().time()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(recovers)
        still_out = seen(gateway)[ill]["workers"] == all_out
        back = asyncio.get_running_loop().time()
        await until_soon(
            "it is back", lambda: seen(gateway)[ill]["workers"] == {"up": 1}
        )
        await asyncio.sleep(0.5)
        traffic.stop()
    assert still_out, "the machine is too slow for this test"
    exchanges = traffic.exchanges
    return (
        not_ok(e for e in exchanges if e.begun < out),
        [e for e in exchanges if out <= e.begun and e.ended < back],
        [e for e in exchanges if e.begun >= back],
    )


def behave(server: ModelServer, **how: object) -> Callable[[], None]:
    def change() -> None:
        call(server.port, "POST", "/_behave", dict(how))

    return change


@pytest.mark.parametrize(
    ("how", "well", "status"),
    [
        ({"error": 1.0, "error_status": 500}, {"error": 0.0}, "500"),
        pytest.param({"hang": True}, {"hang": False}, "504", marks=pytest.mark.slow),
    ],
    ids=["answers 500", "stalls"],
)
async def test_an_endpoint_that_fails_is_noticed_by_few_and_then_by_none(
    farm: list[ModelServer],
    tmp_path: Path,
    how: dict[str, object],
    well: dict[str, object],
    status: str,
) -> None:
    ill = farm[1]
    with running_gateway(three(farm), tmp_path) as gateway:
        noticed, out, after = await lived_through(
            gateway, ill.url, behave(ill, **how), behave(ill, **well)
        )
        codes = gateway.service()["versions"]["v1"]["statistics"]["codes"]
        counted = ejections(gateway)
        said = gateway.log()

    tell(f"{ill.name}: {len(noticed)} noticed, then 0 of {len(out)} and {len(after)}")
    assert IN_A_ROW <= len(noticed) <= MOST_NOTICED
    assert codes[status] == len(noticed)
    assert not not_ok(out)
    assert not not_ok(after)
    assert ill.name not in {each.version for each in out}
    assert ill.name in {each.version for each in after}
    assert counted == {"failures": 1}
    assert said.count("gets no requests for") == 1
    assert said.count("gets requests again") == 1


@pytest.mark.slow
async def test_an_endpoint_that_is_killed_costs_only_what_ran_on_it_and_comes_back(
    farm: list[ModelServer], tmp_path: Path
) -> None:
    again: list[subprocess.Popen[bytes]] = []

    def start_again() -> None:
        module = "loadtest.upstreams.model_server"
        command = [sys.executable, "-m", module, "--name", ill.name]
        again.append(
            subprocess.Popen([*command, "--port", str(ill.port)], env=environment())
        )

    try:
        with (
            running_model_server("killed") as ill,
            running_gateway(three([*farm[:2], ill]), tmp_path) as gateway,
        ):
            noticed, out, after = await lived_through(
                gateway, ill.url, ill.kill, start_again
            )
            counted = ejections(gateway)
    finally:
        for process in again:
            process.send_signal(signal.SIGKILL)
            process.wait()

    tell(f"killed: {len(noticed)} noticed, then 0 of {len(out)} and {len(after)}")
    assert len(noticed) <= MOST_NOTICED
    assert not not_ok(out)
    assert not not_ok(after)
    assert ill.name in {each.version for each in after}
    assert counted == {"unreachable": 1}


def test_one_worker_asks_for_health_and_another_goes_on_when_it_dies(
    farm: list[ModelServer], tmp_path: Path
) -> None:
    """All know what one finds; neither the controller nor a certain worker is needed."""
    health = {"path": "/health", "interval": "100ms", "unhealthy_threshold": 2}
    document = three(farm, WORKERS, health=health, outlier_detection="off")
    with running_gateway(document, tmp_path) as gateway:

        def states() -> list[dict[str, int]]:
            shown = seen(gateway)
            return [shown.get(server.url, {}).get("workers", {}) for server in farm]

        up, down = {"up": WORKERS}, {"down": WORKERS}
        until("all are checked", lambda: are_checked(gateway, farm))
        behave(farm[0], unhealthy=True)()
        until("one is down", lambda: states() == [down, up, up])
        assert ejections(gateway) == {"health_check": 1}
        assert gateway.log().count("is not well: GET /health gave 503") == 1

        for role, pid in [("controller", gateway.controller()), *workers(gateway)]:
            os.kill(pid, signal.SIGKILL)
            until("it is back", partial(is_back, gateway, role, pid))
            until("known", partial(is_seen, gateway, [down, up, up], farm))

        behave(farm[0], unhealthy=False)()
        behave(farm[1], unhealthy=True)()
        until("it is checked on", lambda: set(states()[1]) == {"down"})
        until("and the other is back", lambda: "down" not in states()[0])


def are_checked(gateway: Gateway, farm: list[ModelServer]) -> bool:
    shown = seen(gateway)
    return all(shown.get(server.url, {}).get("healthy") for server in farm)


def workers(gateway: Gateway) -> list[tuple[str, int]]:
    return [("worker", pid) for pid in gateway.workers()]


def is_back(gateway: Gateway, role: str, than: int) -> bool:
    count = 1 if role == "controller" else WORKERS
    return gateway.has_new(role, [than], count=count)


def is_seen(
    gateway: Gateway, states: list[dict[str, int]], farm: list[ModelServer]
) -> bool:
    if not gateway.is_administered():
        return False
    shown = seen(gateway)
    return [shown.get(s.url, {}).get("workers") for s in farm] == states


def test_a_name_is_looked_up_and_the_way_that_takes_connections_is_used(
    farm: list[ModelServer], tmp_path: Path
) -> None:
    """By the real resolver; where localhost is ::1 first, nobody listens there."""
    url = f"http://localhost:{farm[0].port}"
    document = three(farm)
    document["services"]["chat"]["versions"]["v1"]["endpoints"] = [url]
    with running_gateway(document, tmp_path) as gateway:
        until("it is known", lambda: bool(seen(gateway).get(url, {}).get("address")))

        assert seen(gateway)[url]["address"] == "127.0.0.1"
        assert call(gateway.data, "POST", CHAT, {"messages": []})[0] == 200
