"""One client connection: parse requests, play answers one after another."""

import asyncio
import socket
import struct
from collections import deque
from typing import cast

import httptools

from loadtest.upstreams.behaviour import Behaviour, BehaviourError
from loadtest.upstreams.desk import Desk
from loadtest.upstreams.player import Player
from loadtest.upstreams.request import Request
from loadtest.upstreams.script import Ending

_WAITING_LIMIT = 100  # pipelined requests
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds sends a RST
_FLUSH_S = 0.001
_WISH = b"x-misbehave"
_USER = b"x-user-id"
_EXPECT = b"expect"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
_NO_WISH = Behaviour()


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 to one client; the desk decides what it says."""

    _transport: asyncio.Transport

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._waiting: deque[Request] = deque()
        self._answering: Request | None = None
        self._player: Player | None = None
        self._how = _NO_WISH
        self._served = 0
        self._timer: asyncio.TimerHandle | None = None  # closes the connection
        self._read_bytes = 0  # of bodies, since reading was last paused
        self._reading: asyncio.TimerHandle | None = None  # goes on reading

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._desk.counts.connections += 1
        self._desk.counts.open_connections += 1

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever it refuses ends the connection."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.write(_BAD_REQUEST)
            self._transport.close()
        if self._read_bytes:
            self._pace()

    def pause_writing(self) -> None:
        """Pass flow control on to the player."""
        if self._player is not None:
            self._player.pause()

    def resume_writing(self) -> None:
        """Pass flow control on to the player."""
        if self._player is not None:
            self._player.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop everything; count an answer that was not finished as cancelled."""
        self._desk.counts.open_connections -= 1
        if self._answering is not None:
            self._desk.left()
        if self._player is not None:
            self._player.stop()
        for timer in (self._timer, self._reading):
            if timer is not None:
                timer.cancel()
        self._waiting.clear()

    # Parser

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = Request()

    def on_url(self, url: bytes) -> None:
        """Add to the target; it may come in pieces."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the three headers that matter here."""
        if len(name) == len(_WISH) and name.lower() == _WISH:
            self._request.wish = value.decode("latin-1")
        elif len(name) == len(_USER) and name.lower() == _USER:
            self._request.user = value
        elif len(name) == len(_EXPECT) and name.lower() == _EXPECT:
            self._request.expects_continue = True

    def on_headers_complete(self) -> None:
        """Decide how the body is read."""
        request = self._request
        request.method = self._parser.get_method()
        request.keep_alive = self._parser.should_keep_alive()
        if self._answering is None:
            self._how = self._wished(request)
            self._cancel_idle_close()
            if self._how.close_on_reuse and self._served:
                self._reset()
                return
        if request.expects_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Count a piece of the body, and read on at the wished rate."""
        self._request.add_body(body)
        self._desk.counts.body_bytes += len(body)
        self._read_bytes += len(body)

    def on_message_complete(self) -> None:
        """Answer now, or after the answers that are still being given."""
        if self._answering is None:
            self._answer(self._request)
        elif len(self._waiting) < _WAITING_LIMIT:
            self._waiting.append(self._request)
        else:
            self._transport.abort()

    # Answers

    def _wished(self, request: Request) -> Behaviour:
        try:
            return self._desk.behaviour_for(request.wish)
        except BehaviourError:
            return _NO_WISH  # the desk will answer 400

    def _pace(self) -> None:
        rate = self._how.read_rate
        if rate and self._reading is None:
            self._transport.pause_reading()
            delay = self._read_bytes / rate
            self._reading = self._loop.call_later(delay, self._read_on)
        self._read_bytes = 0

    def _read_on(self) -> None:
        self._reading = None
        self._transport.resume_reading()

    def _cancel_idle_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answer(self, request: Request) -> None:
        if self._transport.is_closing():
            return
        self._answering = request
        self._how = self._wished(request)
        steps = self._desk.answer(request)
        self._player = Player(self._transport, self._loop, steps, self._ended)
        self._player.play()

    def _ended(self, ending: Ending) -> None:
        self._desk.ended(ending)
        self._player = None
        if ending is Ending.STALL:
            return  # `_answering` stays: leaving now is a cancel
        request, self._answering = self._answering, None
        self._served += 1
        if ending is Ending.CUT:
            self._cut()
        elif request is not None and not request.keep_alive:
            self._transport.close()
        elif self._waiting:
            self._answer(self._waiting.popleft())
        elif self._how.close_idle is not None:
            delay = self._how.close_idle
            self._timer = self._loop.call_later(delay, self._transport.close)

    def _cut(self) -> None:
        if self._how.reset:
            # A moment first: what was written leaves before the RST drops it.
            self._timer = self._loop.call_later(_FLUSH_S, self._reset)
        else:
            self._transport.close()

    def _reset(self) -> None:
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
