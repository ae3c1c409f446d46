"""TLS at one listener: which context new connections get, and their handshakes.

A reload changes what the next handshake is made with; connections that stand keep theirs.
"""

import asyncio
import logging
import ssl
from time import monotonic
from typing import Final, cast

from gateway.domain.tls import ServerTls
from gateway.proxy.crowd import address_of, origin_of
from gateway.proxy.downstream import Downstream
from gateway.proxy.plane import Plane
from gateway.proxy.seldom import Seldom
from gateway.tls.contexts import server_context

_log: Final = logging.getLogger("sluicegate.listen")

_TRY_AGAIN: Final = 1.0  # seconds between two attempts to load what could not be loaded
_COMPLAIN: Final = 10.0
_BUFFERED: Final = 64 * 1024  # bytes, as of connections without TLS; by default 512 KiB


class TlsGate:
    """What one listener makes of new connections.

    Attributes:
        is_on: Whether it speaks TLS.

    """

    def __init__(self) -> None:
        self._wanted: ServerTls | None = None
        self._loaded: ServerTls | None = None
        self._context: ssl.SSLContext | None = None
        self._complaints = Seldom(_COMPLAIN)
        self._attempts = Seldom(_TRY_AGAIN)

    @property
    def is_on(self) -> bool:
        """Whether clients must speak TLS."""
        return self._wanted is not None

    def use(self, wanted: ServerTls | None) -> None:
        """Let new connections be as *wanted*; what cannot be loaded changes nothing.

        The controller has tried the same files out. Where they were changed since then,
        what was loaded before goes on, and they are tried again.
        """
        if wanted != self._wanted:
            self._wanted = wanted
            self._load()

    def context(self) -> ssl.SSLContext | None:
        """Give the context for a new connection; None while there is none."""
        if self._loaded is not self._wanted and self._attempts.allow(monotonic()):
            self._load()
        return self._context

    def _load(self) -> None:
        wanted = self._wanted
        try:
            self._context = None if wanted is None else server_context(wanted)
        except OSError as error:
            self._complain(error)
        else:
            self._loaded = wanted

    def _complain(self, error: Exception) -> None:
        wanted = self._wanted
        if wanted is not None and self._complaints.allow(monotonic()):
            _log.error(
                "One of %s cannot be loaded (%s); %s. Mend the file, and reload.",
                ", ".join(each.certificate for each in wanted.certificates),
                error,
                "clients are turned away"
                if self._context is None
                else "what was loaded before is used",
            )


class Handshake(asyncio.Protocol):
    """A connection that is to speak TLS; counted among the clients from its beginning.

    Args:
        plane: Of the worker.
        transport: Of the connection, from which nothing was read yet.
        context: What to shake hands with.

    """

    def __init__(
        self, plane: Plane, transport: asyncio.Transport, context: ssl.SSLContext
    ) -> None:
        self._plane = plane
        self._transport = transport
        self._context = context
        self._early: list[bytes] = []
        self._origin = origin_of(address_of(transport))
        plane.clients.add(self)
        plane.crowd.came(self._origin)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Keep what comes before `run` has its turn: uvloop cannot be told to wait."""
        self._early.append(data)
        self._transport.pause_reading()

    async def run(self) -> None:
        """Shake hands in time, then hand over to a Downstream."""
        counted = self._plane.handshakes
        try:
            secured = await self._shake()
            downstream = Downstream(self._plane, self._transport)
            secured.set_protocol(downstream)
            downstream.connection_made(secured)
            counted["done"] += 1
        except OSError as error:
            counted["failed"] += 1
            _log.debug("A handshake failed: %s", error)
        except Exception:  # ruff: ignore[blind-except]: a task that fails ends the worker
            counted["failed"] += 1
            _log.exception("A client could not be taken.")
            self._transport.abort()
        finally:
            self._plane.crowd.left(self._origin)
            self._plane.forget(self)

    async def _shake(self) -> asyncio.Transport:
        if self._transport.is_closing():
            raise ConnectionResetError
        limits, loop = self._plane.limits, asyncio.get_running_loop()
        loop.call_soon(
            self._hand_on
        )  # when start_tls has put its protocol in our place
        made = await loop.start_tls(
            self._transport,
            self,
            self._context,
            server_side=True,
            ssl_handshake_timeout=limits.head_timeout,
            ssl_shutdown_timeout=limits.idle,
        )
        if made is None or made.get_extra_info("ssl_object") is None:
            raise ConnectionResetError  # closed meanwhile, of which start_tls says nothing
        secured = cast("_Secured", made)
        secured.set_write_buffer_limits(high=_BUFFERED)
        secured.set_read_buffer_limits(high=_BUFFERED)
        return secured

    def _hand_on(self) -> None:
        protocol = cast("asyncio.BufferedProtocol", self._transport.get_protocol())
        for data in self._early:
            protocol.get_buffer(len(data))[: len(data)] = data  # type: ignore[index]
            protocol.buffer_updated(len(data))

    def drain(self) -> None:
        """Let it come through: what it is about to ask is still answered."""

    def outlast(self, since: float) -> None:
        """Let it be: it has a limit of its own."""

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()


class _Secured(asyncio.Transport):
    """What transports of TLS have more."""

    def set_read_buffer_limits(self, high: int | None = None) -> None:
        """Stop reading when so much is not taken."""
