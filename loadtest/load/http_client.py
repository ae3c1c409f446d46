"""One keep-alive HTTP/1.1 connection: send bytes, await the answer or how it broke.

Raw on purpose: a load generator that costs more than the proxy measures itself.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

import httptools

_KEPT_BYTES = 64 * 1024


class Answer:
    """One answer; `complete` only when its protocol end arrived."""

    __slots__ = ("body", "body_bytes", "complete", "headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None  # None: no head arrived
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()  # the last 64 KiB or so: ends matter in streams
        self.body_bytes = 0
        self.complete = False

    def add(self, piece: bytes) -> None:
        """Count a piece of the body and keep the newest."""
        self.body_bytes += len(piece)
        if len(self.body) > _KEPT_BYTES:
            del self.body[:-_KEPT_BYTES]
        self.body += piece


class Client(asyncio.Protocol):
    """One exchange at a time; a lost connection ends the exchange, never raises."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._waiter: asyncio.Future[Answer] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.open = False

    async def exchange(self, request: bytes) -> Answer:
        """Send a whole request and wait for its answer."""
        waiter = self.expect()
        self._transport.write(request)
        return await waiter

    def expect(self) -> asyncio.Future[Answer]:
        """Begin an exchange whose bytes the caller sends itself."""
        self._answer = Answer()
        self._waiter = self._loop.create_future()
        if not self.open:
            self._end()
            return self._waiter_or_done()
        return self._waiter

    async def send(self, piece: bytes) -> None:
        """Write a piece as soon as the socket takes it."""
        await self._writable.wait()
        if self.open:
            self._transport.write(piece)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def pause(self) -> None:
        """Stop reading: play the slow reader."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def received_bytes(self) -> int:
        """How much of the current answer's body has arrived."""
        return self._answer.body_bytes

    def _waiter_or_done(self) -> asyncio.Future[Answer]:
        done: asyncio.Future[Answer] = self._loop.create_future()
        done.set_result(self._answer)
        return done

    def _end(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._answer)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it refuses ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Hold back `send`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `send` go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange as it stands."""
        self.open = False
        self._writable.set()
        self._end()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, its name in lower case."""
        self._answer.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Keep the status."""
        self._answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Keep the newest of the body."""
        self._answer.add(body)

    def on_message_complete(self) -> None:
        """End the exchange, unless it was only a 1xx."""
        if (self._answer.status or 0) < HTTPStatus.OK:
            return
        self._answer.complete = True
        if not self._parser.should_keep_alive():
            self.open = False
            self._transport.close()
        self._end()


async def connect(port: int, host: str = "127.0.0.1") -> Client:
    """Open a connection; raise OSError."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, host, port)
    return client


def request_bytes(
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    body_bytes: int | None = None,
) -> bytes:
    """Write a request; `body_bytes` announces more than `body` holds."""
    length = len(body) if body_bytes is None else body_bytes
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"content-type: application/json\r\ncontent-length: {length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chat_request(user: str, *, streamed: bool, wish: str = "") -> bytes:
    """Write a chat completion request of 500 bytes of JSON."""
    start = b'{"model":"m","messages":[{"role":"user","content":"'
    end = b'"}],"stream":%b}' % (b"true" if streamed else b"false")
    body = start + b"x" * (500 - len(start) - len(end)) + end
    headers = {"x-user-id": user}
    if wish:
        headers["x-misbehave"] = wish
    return request_bytes("POST", "/v1/chat/completions", body, headers)
