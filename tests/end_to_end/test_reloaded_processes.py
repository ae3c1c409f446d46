"""A reload adds and removes listeners and workers while clients are served."""

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loadtest.load.http_client import Answer, Client, chat_request, connect
from loadtest.load.traffic import Exchange, Traffic
from loadtest.processes import free_ports
from tests.end_to_end.running import (
    PATIENCE_S,
    Gateway,
    ModelServer,
    call,
    configuration,
    not_ok,
    running_gateway,
    until_soon,
)

Models = tuple[ModelServer, ModelServer]
Json = dict[str, Any]


def document(models: Models, ports: list[int], *, workers: int = 2) -> Json:
    """Make a configuration that listens on several ports of this machine."""
    made = configuration([server.url for server in models], workers=workers)
    return made | {"listen": [f"127.0.0.1:{port}" for port in ports]}


async def reload(gateway: Gateway, wanted: Json, *, status: int = 200) -> Json:
    """Reload; the answer means that it is in force."""
    gateway.write(wanted)
    got, told = await asyncio.to_thread(
        call, gateway.admin, "POST", "/api/v1/reload", {}
    )
    assert got == status, told
    return told


@asynccontextmanager
async def traffic_on(port: int) -> AsyncGenerator[list[Exchange]]:
    """Keep clients busy during the block."""
    traffic = Traffic(port, posts=4, streams=4)
    async with asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(0.2)
        try:
            yield traffic.exchanges
            await asyncio.sleep(0.2)
        finally:
            traffic.stop()


async def ask(port: int) -> Answer:
    """Make one request on a connection of its own."""
    async with asyncio.timeout(PATIENCE_S):
        client = await connect(port)
        try:
            return await client.exchange(chat_request("u", streamed=False))
        finally:
            client.close()


async def begin_stream(port: int) -> tuple[Client, asyncio.Future[Answer]]:
    """Begin a stream of three seconds; return when its first event is here."""
    client = await connect(port)
    whole = client.expect()
    wish = "events=60,interval=0.05"
    await client.send(chat_request("streamer", streamed=True, wish=wish))
    await until_soon("begun", lambda: client.received_bytes() > 0)
    return client, whole


async def is_whole(whole: asyncio.Future[Answer]) -> None:
    """Demand that a stream ends as it should."""
    async with asyncio.timeout(PATIENCE_S):
        assert b"data: [DONE]" in (await whole).body


def connections(gateway: Gateway) -> float:
    """Give how many clients are connected."""
    found = gateway.metric("sluicegate_downstream_connections")
    return sum(value for _, value in found)


def refuses(port: int) -> bool:
    """Tell whether nobody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_listeners_come_and_go_and_no_request_is_lost(
    models: Models, tmp_path: Path
) -> None:
    stays, comes = free_ports(2)
    only, both = document(models, [stays]), document(models, [stays, comes])
    with running_gateway(only, tmp_path) as gateway:
        before = gateway.workers()
        async with traffic_on(stays) as exchanges:
            await reload(gateway, both)
            for _ in range(20):
                assert (await ask(comes)).status == 200
            idle = await connect(comes)
            client, whole = await begin_stream(comes)
            await reload(gateway, only)
            await until_soon("refused", lambda: refuses(comes))
            await until_soon("idle ones are let go", lambda: not idle.open)
            assert not whole.done()
            await is_whole(whole)
            await until_soon("let go", lambda: not client.open)
            await reload(gateway, both)  # the same address again
            assert (await ask(comes)).status == 200
        assert not not_ok(exchanges)
        assert gateway.workers() == before, "no process is replaced"


async def test_who_came_by_a_listener_that_goes_is_answered_and_then_let_go(
    models: Models, tmp_path: Path
) -> None:
    stays, goes = free_ports(2)
    with running_gateway(document(models, [stays, goes]), tmp_path) as gateway:
        traffic = Traffic(goes, posts=4, streams=4)
        async with asyncio.TaskGroup() as tasks:
            traffic.start(tasks)
            await asyncio.sleep(0.3)
            await reload(gateway, document(models, [stays]))
            traffic.stop()
        cut = [e for e in not_ok(traffic.exchanges) if e.version]
        assert not cut, "what was begun is finished"
        await until_soon("all are let go", lambda: connections(gateway) == 0)


async def test_an_address_that_is_taken_refuses_the_whole_reload(
    models: Models, tmp_path: Path
) -> None:
    [stays, new] = free_ports(2)
    with (
        running_gateway(document(models, [stays]), tmp_path) as gateway,
        socket.create_server(("127.0.0.1", 0)) as somebody,
    ):
        taken = somebody.getsockname()[1]
        wanted = document(models, [new, taken], workers=3)
        told = await reload(gateway, wanted, status=422)
        message = told["error"]["message"]
        assert f"Cannot listen on 127.0.0.1:{taken}: Address already in use." in message
        assert "Nothing was changed." in message
        assert refuses(new)
        assert len(gateway.workers()) == 2
        assert (await ask(stays)).status == 200


async def test_workers_come_and_go_and_streams_run_on(
    models: Models, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    with running_gateway(document(models, [port], workers=1), tmp_path) as gateway:
        [first] = gateway.workers()
        async with traffic_on(port) as exchanges:
            told = await reload(gateway, document(models, [port], workers=3))
            assert told["workers"] == {"configured": 3, "connected": 3, "in_force": 3}
            await asyncio.sleep(0.5)
            streams = [await begin_stream(port) for _ in range(9)]
            told = await reload(gateway, document(models, [port], workers=1))
            assert told["workers"]["configured"] == 1
            for client, whole in streams:
                await is_whole(whole)
                client.close()
            await until_soon("only one", lambda: gateway.workers() == [first])
        assert not not_ok(exchanges)
        await reload(gateway, document(models, [port], workers=2))
        assert len(gateway.workers()) == 2


@pytest.mark.slow
async def test_a_controller_that_is_killed_in_a_reload_leaves_what_is_configured(
    models: Models, tmp_path: Path
) -> None:
    stays, comes = free_ports(2)
    only = document(models, [stays], workers=1)
    both = document(models, [stays, comes], workers=2)
    with running_gateway(only, tmp_path) as gateway:
        async with traffic_on(stays) as exchanges:
            for wanted in (both, only, both, only, both):
                gateway.write(wanted)
                gateway.tell(signal.SIGHUP)
                await asyncio.sleep(0.05)
                pid = gateway.controller()
                os.kill(pid, signal.SIGKILL)
                await until_soon("back", partial(_is_back, gateway, pid))
            await reload(gateway, both)
            await until_soon("two", lambda: len(gateway.workers()) == 2)
            assert (await ask(comes)).status == 200
        assert not not_ok(exchanges)


def _is_back(gateway: Gateway, before: int) -> bool:
    try:
        return gateway.has_new("controller", [before]) and gateway.is_administered()
    except (OSError, http.client.HTTPException, ValueError):
        return False
