"""The worker's listening sockets: inherited, shared with its siblings, drained at the end."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

from gateway.proxy.downstream import Downstream
from gateway.proxy.plane import Plane


class Listener:
    """Accepts client connections from sockets that the supervisor has bound."""

    def __init__(self, plane: Plane, listen_fds: Sequence[int]) -> None:
        self._plane = plane
        self._listen_fds = listen_fds
        self._servers: list[asyncio.Server] = []

    async def open(self) -> None:
        """Start accepting. The plane must have its first table."""
        loop = asyncio.get_running_loop()
        for fd in self._listen_fds:
            server = await loop.create_server(
                lambda: Downstream(self._plane), sock=socket.socket(fileno=fd)
            )
            self._servers.append(server)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let running exchanges finish for so long, then cut them."""
        for server in self._servers:
            server.close()
        self._plane.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._plane.is_empty.wait()
        self._plane.abort()
        await asyncio.sleep(0)
