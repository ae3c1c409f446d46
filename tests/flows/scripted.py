"""A model server that does exactly what a test says, and a client that sees every byte.

Both work on raw bytes, so that no library can be polite on the gateway's behalf.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

from gateway.domain.tls import ServerTls, UpstreamTls

PATIENCE_S = 10.0
"""How long anything may take before a test fails: a loaded machine is slow."""

RESET = struct.pack("ii", 1, 0)


class Encryption:
    """TLS of everything in a test, on both sides of the gateway; off unless a test says so.

    Attributes:
        server: Of upstreams; None: they speak without TLS.
        client: Of clients.
        listener: Of the gateway's listener.
        to_endpoints: How the gateway speaks to upstreams.

    """

    server: ssl.SSLContext | None = None
    client: ssl.SSLContext | None = None
    listener: ServerTls | None = None
    to_endpoints: UpstreamTls | None = None


encryption: Final = Encryption()


class Ended(Exception):
    """The other side closed the connection before the message was whole."""


@dataclass
class Message:
    """A request or an answer as it was on the wire.

    Attributes:
        first: The first line, without CRLF.
        fields: Lower-case name and value, in order.
        raw_body: The body with its framing.
        body: The body without it.
        trailers: Fields after a chunked body.
        is_cut: Whether the connection ended before the body did.

    """

    first: str
    fields: list[tuple[str, str]]
    raw_body: bytes = b""
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    is_cut: bool = False

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def target(self) -> str:
        return self.first.split(" ")[1]

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found == name]

    def __getitem__(self, name: str) -> str:
        (value,) = self.values(name)
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.values(name))


class Wire:
    """Reads messages from a stream and writes bytes to it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.is_lost = asyncio.Event()
        """On an upstream connection: set when the gateway has closed it."""

    async def send(self, *pieces: bytes, gap: float = 0.0) -> None:
        """Write each piece as a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.wait_for(self.writer.drain(), PATIENCE_S)
            await asyncio.sleep(gap)

    async def read_head(self) -> Message:
        try:
            raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        except asyncio.IncompleteReadError as short:
            raise Ended(short.partial) from None
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        return Message(first, [_split(line) for line in lines])

    async def read_exactly(self, size: int) -> bytes:
        try:
            return await asyncio.wait_for(self.reader.readexactly(size), PATIENCE_S)
        except asyncio.IncompleteReadError as short:
            raise Ended(short.partial) from None

    async def read_some(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(65536), PATIENCE_S)

    async def read_body(self, message: Message) -> Message:
        """Read the body by its framing, noting a cut instead of failing."""
        try:
            if message.values("transfer-encoding"):
                await self._read_chunks(message)
            elif message.values("content-length"):
                size = int(message["content-length"])
                await self._read_into(message, size)
        except (Ended, ConnectionError):
            message.is_cut = True
        return message

    async def _read_into(self, message: Message, size: int) -> None:
        parts: list[bytes] = []
        try:
            while size:
                part = await asyncio.wait_for(
                    self.reader.read(min(size, 65536)), PATIENCE_S
                )
                if not part:
                    raise Ended(part)
                parts.append(part)
                size -= len(part)
        finally:
            message.body = message.raw_body = b"".join(parts)

    async def _read_chunks(self, message: Message) -> None:
        parts: list[bytes] = []
        raw: list[bytes] = []
        try:
            while True:
                raw.append(await self._line())
                size = int(raw[-1].split(b";")[0], 16)
                if not size:
                    break
                raw.append(await self.read_exactly(size + 2))
                parts.append(raw[-1][:-2])
            while True:
                raw.append(await self._line())
                if raw[-1] == b"\r\n":
                    break
                message.trailers.append(_split(raw[-1][:-2].decode("latin-1")))
        finally:
            message.body, message.raw_body = b"".join(parts), b"".join(raw)

    async def _line(self) -> bytes:
        try:
            return await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE_S)
        except asyncio.IncompleteReadError as short:
            raise Ended(short.partial) from None

    async def read_to_end(self) -> bytes:
        """Read until the other side closes; RST raises ConnectionResetError."""
        return await asyncio.wait_for(self.reader.read(-1), PATIENCE_S)

    def close(self) -> None:
        """Close with FIN."""
        self.writer.close()

    def reset(self) -> None:
        """Close with RST."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


def _split(line: str) -> tuple[str, str]:
    name, _colon, value = line.partition(":")
    return name.lower(), value.strip()


class Client(Wire):
    """A client of the gateway."""

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        limit = 2**16 if receive_buffer is None else receive_buffer
        name = None if encryption.client is None else "localhost"
        opened = await asyncio.open_connection(
            sock=sock, limit=limit, ssl=encryption.client, server_hostname=name
        )
        return cls(*opened)

    async def ask(self, request: bytes) -> Message:
        await self.send(request)
        return await self.answer(to_head=request.startswith(b"HEAD "))

    async def answer(self, *, to_head: bool = False) -> Message:
        """Read the next answer; interim ones count."""
        message = await self.read_head()
        if to_head or message.status < 200 or message.status in {204, 304}:
            return message
        if message.values("content-length") or message.values("transfer-encoding"):
            return await self.read_body(message)
        try:
            message.body = await self.read_to_end()
        except ConnectionError:
            message.is_cut = True
        return message

    async def is_closed(self) -> bool:
        """Wait for the end of the connection; False when bytes come instead."""
        with suppress(ConnectionError):
            return not await self.read_some()
        return True


Script = Callable[[Wire], Awaitable[None]]


class Upstream:
    """A model server: runs its script for each connection, and records requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Message] = []
        self.connections: list[Wire] = []
        self.errors: list[BaseException] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, *, receive_buffer: int | None = None) -> Self:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(
            self._serve, sock=sock, ssl=encryption.server
        )
        self.port = sock.getsockname()[1]
        return self

    @property
    def open(self) -> int:
        """Connections that the gateway has not closed."""
        return sum(not wire.is_lost.is_set() for wire in self.connections)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        wire = Wire(reader, writer)
        self.connections.append(wire)
        try:
            await self.script(wire)
        except (Ended, ConnectionError):
            wire.is_lost.set()
        except Exception as error:  # ruff: ignore[blind-except]: shown at the test's end
            self.errors.append(error)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def read(self, wire: Wire) -> Message:
        """Read and record one request."""
        request = await self.read_head(wire)
        await wire.read_body(request)
        if request.is_cut:
            raise Ended(request.body)
        return request

    async def read_head(self, wire: Wire) -> Message:
        """Read and record a request's head: its body may come later."""
        request = await wire.read_head()
        self.requests.append(request)
        return request

    async def until_lost(self, wire: Wire) -> None:
        """Wait until the gateway closes the connection, throwing away what it sends."""
        with suppress(ConnectionError):
            while await wire.read_some():
                pass
        wire.is_lost.set()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        for wire in self.connections:
            wire.writer.transport.abort()
        await asyncio.sleep(0)


async def answering(*pieces: bytes, gap: float = 0.0) -> Upstream:
    """Start a server that answers every request on a connection with these packets."""

    async def script(wire: Wire) -> None:
        while True:
            await upstream.read(wire)
            await wire.send(*pieces, gap=gap)

    upstream = Upstream(script)
    return await upstream.start()


def ok(body: bytes = b"ok", *lines: bytes) -> bytes:
    """Write a plain answer."""
    head = b"".join(line + b"\r\n" for line in lines)
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + head + length + b"\r\n" + body


def get(path: bytes = b"/", *lines: bytes) -> bytes:
    """Write a request without a body."""
    head = b"".join(line + b"\r\n" for line in lines)
    return b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n"


def post(body: bytes, *lines: bytes, path: bytes = b"/") -> bytes:
    """Write a request with a body of known length."""
    head = b"".join(line + b"\r\n" for line in lines)
    length = b"Content-Length: %d\r\n" % len(body)
    first = b"POST " + path + b" HTTP/1.1\r\nHost: h\r\n"
    return first + head + length + b"\r\n" + body
