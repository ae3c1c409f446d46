"""A client, the real data path, and an endpoint, joined by wires kept in memory."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Coroutine, Iterable
from functools import cache
from random import Random
from typing import cast

from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.downstream import Downstream
from gateway.proxy.plane import Plane
from gateway.proxy.upstream import Upstream


@cache
def _connected() -> tuple[socket.socket, socket.socket]:
    """Give what is asked of a transport, to reset it or to see whether it has left."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        return near, listening.accept()[0]


class Wire:
    """A transport that keeps what is written and can be cut."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.protocol: asyncio.Protocol | None = None  # another than at first
        self.is_closed = False
        self.is_paused = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_closed = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_extra_info(self, name: str) -> object:
        if name == "socket":
            return _connected()[0]
        return ("192.0.2.1", 40000) if name == "peername" else None

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol


def _never(connecting: Coroutine[object, object, None]) -> None:
    connecting.close()


class Bench:
    """One client connection in front of one endpoint connection."""

    def __init__(self, versions: int = 1) -> None:
        self.plane = Plane(_never)
        self.plane.dice = Random(7)  # the same ids of traces on every bench
        self.plane.use(_table(versions))
        self.endpoints: list[tuple[Upstream, Wire]] = []
        for pool in self.plane.pools():
            wire = Wire()
            upstream = pool.connection()
            upstream.connection_made(cast("object", wire))  # type: ignore[arg-type]
            pool.busy += 1
            upstream.keep()
            self.endpoints.append((upstream, wire))
        self.wire = Wire()
        self.client = Downstream(self.plane)
        self.client.connection_made(cast("object", self.wire))  # type: ignore[arg-type]

    @property
    def upstream(self) -> Upstream:
        return self.endpoints[0][0]

    @property
    def sent(self) -> bytes:
        """Everything the endpoint has been sent."""
        return bytes(self.endpoints[0][1].written)

    def ask(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            (self.wire.protocol or self.client).data_received(piece)

    def answer(self, pieces: Iterable[bytes]) -> None:
        wire = self.endpoints[0][1]
        for piece in pieces:
            if not wire.is_closed:
                (wire.protocol or self.upstream).data_received(piece)


def _table(versions: int) -> RoutingTable:
    names = [f"v{number + 1}" for number in range(versions)]
    service = Service(
        name="chat",
        versions=tuple(
            Version(
                name=name,
                endpoints=(Endpoint(url=f"http://{name}", host=name, port=80),),
            )
            for name in names
        ),
        baseline="v1",
        candidate=names[1] if versions > 1 else None,
    )
    routed = RoutedService(
        service=service, share=Share(50_000), salt="chat", revision=1
    )
    return RoutingTable(epoch=1, services=(routed,))


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """Cut *stream* at *places* (taken modulo its length)."""
    edges = sorted({0, *(place % (len(stream) + 1) for place in places), len(stream)})
    return [stream[a:b] for a, b in itertools.pairwise(edges)] or [b""]
