"""Whether endpoints take connections: real sockets, and nobody behind some of them."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.app.probes import Probes
from gateway.domain.health import EndpointCare, HealthCheck
from gateway.domain.service import Endpoint, Version
from gateway.telemetry.endpoints import EndpointSeen

PATIENCE_S = 4.0


def _version(*places: tuple[str, int], name: str = "v2") -> Version:
    return Version(
        name=name,
        endpoints=tuple(
            Endpoint(url=f"http://{host}:{port}", host=host, port=port)
            for host, port in places
        ),
    )


def _nobody() -> tuple[str, int]:
    """Give an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return "127.0.0.1", port


@asynccontextmanager
async def _somebody(host: str = "127.0.0.1") -> AsyncGenerator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(asyncio.Protocol, host, 0) as server:
        yield host, server.sockets[0].getsockname()[1]


async def _until_healthy(probes: Probes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if probes.is_healthy("chat", "v2"):
                return
            await asyncio.sleep(0.01)


def test_what_was_never_asked_is_not_known_to_be_healthy() -> None:
    """No weight rises on a guess."""
    probes = Probes(list)

    assert not probes.is_healthy("chat", "v2")


async def test_who_takes_connections_is_healthy_and_who_does_not_is_not() -> None:
    async with _somebody() as place:
        wanted = [("chat", _version(place)), ("other", _version(_nobody()))]
        probes = Probes(lambda: wanted)

        await probes.once()

        assert probes.is_healthy("chat", "v2")
        assert not probes.is_healthy("other", "v2")


async def test_one_endpoint_of_several_is_enough() -> None:
    async with _somebody() as place:
        probes = Probes(lambda: [("chat", _version(_nobody(), place))])

        await probes.once()

        assert probes.is_healthy("chat", "v2")


async def test_an_endpoint_by_ipv6_is_asked_as_well() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("This machine has no IPv6.")
    async with _somebody("::1") as place:
        probes = Probes(lambda: [("chat", _version(place))])

        await probes.once()

        assert probes.is_healthy("chat", "v2")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "no-such-host.invalid"])
async def test_a_name_that_leads_nowhere_is_not_healthy(host: str) -> None:
    """And no error of ours."""
    probes = Probes(lambda: [("chat", _version((host, 80)))])

    await probes.once()

    assert not probes.is_healthy("chat", "v2")


async def test_a_change_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with _somebody() as place:
        version = _version(place)
        probes = Probes(lambda: [("chat", version)])
        await probes.once()
        await probes.once()
        assert caplog.messages == []
        version = replace(version, endpoints=_version(_nobody()).endpoints)
        await probes.once()
        await probes.once()

    assert caplog.messages == ["v2 of chat cannot be reached."]


async def test_what_is_wanted_no_more_is_not_known_any_more() -> None:
    async with _somebody() as place:
        wanted = [("chat", _version(place))]
        probes = Probes(lambda: wanted)
        await probes.once()
        wanted.clear()

        await probes.once()

        assert not probes.is_healthy("chat", "v2")


async def test_what_is_new_is_asked_soon_and_a_fault_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A rollout that starts does not wait for the next round."""
    wanted: list[tuple[str, Version]] = []
    faults = [ZeroDivisionError()]

    def give() -> list[tuple[str, Version]]:
        if faults:
            raise faults.pop()
        return wanted

    async with _somebody() as place, asyncio.TaskGroup() as tasks:
        probes = Probes(give)
        running = tasks.create_task(probes.run())
        await asyncio.sleep(0.05)
        wanted.append(("chat", _version(place)))
        began = asyncio.get_running_loop().time()

        await _until_healthy(probes)

        assert asyncio.get_running_loop().time() - began < 1.5
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert "ZeroDivisionError" in caplog.text


async def test_where_there_is_a_health_check_it_says_who_is_well() -> None:
    """Not whether connections are taken: a server that loads its model takes them."""
    endpoint = EndpointSeen(url="http://a", address="")
    async with _somebody() as place:
        care = EndpointCare(health=HealthCheck(path="/health"))
        version = replace(_version(place), care=care)
        probes = Probes(
            lambda: [("chat", version)], lambda: {("chat", "v2"): [endpoint]}
        )
        known = []
        for health in (None, False, True, None):
            endpoint.health = health
            await probes.once()
            known.append(probes.is_healthy("chat", "v2"))

    assert known == [False, False, True, False]


async def test_where_no_worker_tells_of_a_check_nobody_is_known_to_be_well() -> None:
    version = replace(
        _version(_nobody()), care=EndpointCare(health=HealthCheck(path="/health"))
    )
    probes = Probes(lambda: [("chat", version)])
    await probes.once()

    assert not probes.is_healthy("chat", "v2")
