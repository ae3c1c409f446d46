"""Sockets that come and go while a worker runs."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gateway.proxy.downstream import Downstream
from gateway.proxy.listen import Handed, Listener
from gateway.proxy.plane import Plane
from gateway.proxy.request_reader import HEAD

PATIENCE_S = 10.0
HERE, THERE = "127.0.0.1:1", "127.0.0.1:2"


def handed(number: int, name: str) -> tuple[Handed, int]:
    """Bind a socket, as a supervisor does; give what a worker gets, and the port."""
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    return (number, name, bound.detach()), port


@asynccontextmanager
async def listening(*some: Handed) -> AsyncGenerator[tuple[Listener, Plane]]:
    """Give an open listener whose table names HERE."""
    async with asyncio.TaskGroup() as tasks:
        plane = Plane(tasks.create_task)
        listener = Listener(plane, some)
        listener.use({HERE: None})
        await listener.open()
        try:
            yield listener, plane
        finally:
            await listener.drain(0)


async def until_clients(plane: Plane, number: int) -> None:
    """Wait until so many clients are connected."""
    async with asyncio.timeout(PATIENCE_S):
        while len(plane.clients) != number:  # ruff: ignore[async-busy-wait]
            await asyncio.sleep(0.01)


def refuses(port: int) -> bool:
    """Tell whether nobody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_nobody_is_accepted_by_a_name_that_the_table_does_not_know() -> None:
    """How it is to speak TLS is not known: its clients wait in the queue."""
    one, port = handed(1, THERE)
    async with listening(one) as (listener, plane):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
        assert not plane.clients
        listener.use({HERE: None, THERE: None})
        await until_clients(plane, 1)
        writer.close()


async def test_what_goes_lets_its_idle_clients_go_and_no_others() -> None:
    one, first = handed(1, HERE)
    other, second = handed(2, THERE)
    async with listening(one, other) as (listener, plane):
        listener.use({HERE: None, THERE: None})
        _, stays = await asyncio.open_connection("127.0.0.1", first)
        reader, goes = await asyncio.open_connection("127.0.0.1", second)
        await until_clients(plane, 2)

        await listener.change([(1, HERE, os.dup(one[2]))])

        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        assert refuses(second)
        await until_clients(plane, 1)
        for writer in (stays, goes):
            writer.close()


async def test_an_address_that_comes_back_keeps_its_new_clients() -> None:
    one, port = handed(1, HERE)
    async with listening(one) as (listener, plane):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")  # half a head: it is not idle
        await until_clients(plane, 1)
        [client] = plane.clients
        assert isinstance(client, Downstream)
        async with asyncio.timeout(PATIENCE_S):
            while client._reader.state != HEAD:  # ruff: ignore[async-busy-wait]
                await asyncio.sleep(0.01)
        await listener.change([])
        assert listener._gone
        back = socket.create_server(("127.0.0.1", port))

        await listener.change([(2, HERE, back.detach())])
        listener.say_farewell()

        assert len(plane.clients) == 1
        writer.close()
        assert await reader.read() == b""


async def test_what_is_handed_on_after_the_end_is_let_go() -> None:
    """Else somebody would listen there, and nobody accept."""
    one, port = handed(1, HERE)
    new, other = handed(2, HERE)
    async with listening(one) as (listener, _plane):
        await listener.drain(0)
        await listener.change([new])
        await asyncio.sleep(0.05)
        assert refuses(port)
        assert refuses(other)


@pytest.mark.parametrize("times", [2])
async def test_a_change_while_it_opens_accepts_once(times: int) -> None:
    one, port = handed(1, HERE)
    async with listening(one) as (listener, plane):
        await asyncio.gather(*(listener.open() for _ in range(times)))
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until_clients(plane, 1)
        assert len(listener._servers) == 1
        writer.close()
