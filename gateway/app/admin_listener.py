"""Where the admin API listens: with TLS or without, as the configuration in force says."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.domain.tls import ServerTls
from gateway.tls.contexts import server_context

_log: Final = logging.getLogger("sluicegate.controller")


class AdminListener:
    """Serves on the socket that the supervisor has bound.

    A change of TLS is another server on the same socket, beside which the one before it
    closes: no connection is lost, and those that stand go on as they began.

    Args:
        runner: Of the API.
        fd: The bound, listening socket.
        wanted: Gives how it is to speak TLS, as configured now; None: not at all.

    """

    def __init__(
        self, runner: web.AppRunner, fd: int, wanted: Callable[[], ServerTls | None]
    ) -> None:
        self._runner = runner
        self._fd = fd
        self._wanted = wanted
        self._site: web.SockSite | None = None
        self._tls: ServerTls | None = None
        self._moved = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: A certificate cannot be loaded.

        """
        wanted = self._wanted()
        context = None if wanted is None else server_context(wanted)
        duplicate = socket.socket(fileno=os.dup(self._fd))
        site = web.SockSite(self._runner, duplicate, ssl_context=context)
        await site.start()
        before, self._site, self._tls = self._site, site, wanted
        if before is not None:
            await before.stop()

    def look(self) -> None:
        """Look soon whether the configuration says otherwise now."""
        self._moved.set()

    async def keep(self) -> None:
        """Follow the configuration for ever."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            if self._wanted() != self._tls:
                try:
                    await self.start()
                except OSError as error:
                    _log.error(
                        "The admin API goes on with the certificate before: %s. Mend"
                        " the files that admin.tls names, and reload.",
                        error,
                    )
