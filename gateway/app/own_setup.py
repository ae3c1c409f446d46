"""The worker's end of a reload that concerns sockets and workers; see orders.Setup."""

import asyncio
import os
import socket

import msgspec

from gateway.app.orders import LONGEST, Setup
from gateway.proxy.listen import Listener
from gateway.proxy.plane import Plane

_MOST_FDS = 253  # SCM_MAX_FD of Linux


class OwnSetup:
    """Follows what the supervisor says while the worker runs.

    Args:
        fd: The line to it; negative: there is none.
        plane: Of the worker.
        listener: Of the worker.

    """

    def __init__(self, fd: int, plane: Plane, listener: Listener) -> None:
        self._fd = fd
        self._plane = plane
        self._listener = listener
        self._told = asyncio.Event()
        self._is_retired = asyncio.Event()
        self._setup: tuple[Setup, list[int]] | None = None

    async def follow(self) -> None:
        """Follow for ever; what was told last counts."""
        if self._fd < 0:
            return
        line = socket.socket(fileno=self._fd)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(line, self._hear, line)
        try:
            while True:
                await self._told.wait()
                self._told.clear()
                await self._use()
        finally:
            loop.remove_reader(line)
            line.close()

    async def retire(self) -> None:
        """Return when all is over that runs here, once the worker is not needed."""
        await self._is_retired.wait()
        await self._listener.empty()

    def _hear(self, line: socket.socket) -> None:
        text, fds, _flags, _address = socket.recv_fds(line, LONGEST, _MOST_FDS)
        before, self._setup = self._setup, (msgspec.json.decode(text, type=Setup), fds)
        for fd in [] if before is None else before[1]:
            os.close(fd)  # not used yet, and there is something newer
        self._told.set()

    async def _use(self) -> None:
        told, self._setup = self._setup, None
        if told is None:
            return
        setup, fds = told
        self._plane.be_one_of(setup.workers)
        await self._listener.change(
            (number, name, fd)
            for (number, name), fd in zip(setup.listening, fds, strict=True)
        )
        if setup.is_retired:
            self._is_retired.set()
