"""One client connection: answers requests in order, watches the clock, closes rightly.

Requests that come while one is being answered (pipelining) wait in a short queue; when it
is full, the client is not read, and what was read already waits unparsed.
"""

import asyncio
from collections import deque
from typing import Final, cast

from gateway.proxy.crowd import origin_of
from gateway.proxy.deadlines import NEVER
from gateway.proxy.departure import has_left, set_reset
from gateway.proxy.life_of_a_request import Exchange
from gateway.proxy.limits import too_slow
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody
from gateway.proxy.request_reader import (
    BODY,
    HEAD,
    IGNORED,
    NOTHING,
    UPGRADING,
    RequestReader,
)
from gateway.proxy.tally import Tally
from gateway.proxy.tunnel import End, Tunnel
from gateway.proxy.upstream import Upstream
from gateway.wire.request_head import RequestHead

_PIPELINED: Final = 16
_PEEK: Final = 0.5  # seconds after which a client that is not read is looked after
_WHOLE: Final = frozenset({NOTHING, UPGRADING})
_LINGER: Final = 2.0  # seconds in which a refused client may take in why


class Downstream(asyncio.Protocol):
    """See the module. Implements client.Client and request_reader.Connection.

    Args:
        plane: Of the worker.
        raw: What lies below TLS; None without TLS.

    """

    __slots__ = (
        "_current",
        "_held_since",
        "_is_advancing",
        "_is_closing",
        "_is_slow",
        "_now",
        "_origin",
        "_plane",
        "_queue",
        "_raw",
        "_reader",
        "_unread",
        "deadline",
        "is_held",
        "looked_at",
        "peer",
        "transport",
    )

    def __init__(self, plane: Plane, raw: asyncio.Transport | None = None) -> None:
        self._plane = plane
        self._raw = raw
        self.transport: asyncio.Transport | None = None
        self._reader = RequestReader(plane, self)
        self._current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._unread = b""
        self._held_since = self._now = 0.0
        self._origin = ""
        self._is_slow = self._is_closing = self.is_held = self._is_advancing = False
        self.deadline = self.looked_at = NEVER
        self.peer = Peer(plane, "unknown")

    # The socket (asyncio).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the peer and start its first deadline."""
        self.transport = cast("asyncio.Transport", transport)
        self._plane.clients.add(self)
        name = transport.get_extra_info("peername")
        if name:
            is_tls = self._raw is not None
            self.peer = Peer(self._plane, str(name[0]), is_tls=is_tls)
            self._origin = origin_of(str(name[0]))
            self._plane.crowd.came(self._origin)
        self._now = self._plane.wheel.read_clock()
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Parse a piece, then let the current exchange go as far as it can."""
        reader = self._reader
        before = reader.state
        if before == IGNORED:
            return
        self._now = self._plane.wheel.read_clock()
        if self._unread or before != NOTHING or not reader.read_whole(data):
            self._read(self._unread + data)
        if self._current is not None:
            self._current.request_progressed()
        waits = self._current is not None and not (self.is_held or self._is_slow)
        if waits and reader.state in _WHOLE:
            self.deadline = NEVER  # the endpoint owes, not the client
        elif self._current is not None or reader.state != NOTHING:
            self._set_deadline()  # blank lines alone do not earn another one

    def eof_received(self) -> None:
        """Treat a client that has stopped sending as gone, as nginx does."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what the client's request holds, at once."""
        self.transport = None
        if self._origin:
            self._plane.crowd.left(self._origin)
        self._plane.wheel.forget(self)
        self._plane.forget(self)
        self._queue.clear()
        self._unread = b""
        current, self._current = self._current, None
        if current is not None:
            current.client_gone()
        self._reader.close()

    def pause_writing(self) -> None:
        """Let the answer wait for a slow reader."""
        self._is_slow = True
        if self._current is not None:
            self._current.client_is_slow(slow=True)
        self._now = self._plane.wheel.read_clock()
        self._set_deadline()

    def resume_writing(self) -> None:
        """Go on, with the next request if this one's answer is already written."""
        self._is_slow = False
        self._now = self._plane.wheel.read_clock()
        if self._current is not None:
            self._current.client_is_slow(slow=False)
        else:
            self._next()
        self._set_deadline()

    # Exchanges in order.

    def _read(self, data: bytes) -> None:
        """Parse *data*, in slices, as far as there is room for what may be in it."""
        reader = self._reader
        while data and len(self._queue) <= _PIPELINED and reader.state != UPGRADING:
            size = reader.slice_size()
            data = reader.read(data[:size]) + data[size:]
        self._unread = b"" if reader.state == IGNORED else data
        if self._unread:
            self.hold()

    def begin(self, head: RequestHead, body: RequestBody, keep_alive: bool) -> Exchange:
        """Make an exchange, put in line behind those before it."""
        exchange = Exchange(self._plane, self, head, body, self._now)
        exchange.keep_alive = keep_alive
        if self._current is None and not self._is_slow:
            self._current = exchange
        else:
            self._queue.append(exchange)
        return exchange

    def is_waiting(self, exchange: Exchange) -> bool:
        """Whether the turn of *exchange* has not come."""
        return exchange is not self._current

    def _next(self) -> None:
        """Take up the next requests that wait, as far as they are refused at once."""
        if self._is_advancing:
            return
        self._is_advancing = True
        try:
            while self._current is None and not self._is_slow and self._has_more():
                if self._queue:
                    self._current = self._queue.popleft()
                if self._unread:
                    self._read(self._unread)
                if self._current is not None:
                    self._current.request_progressed()
        finally:
            self._is_advancing = False
        self.resume()

    def _has_more(self) -> bool:
        return bool(self._queue or self._unread) and not self._is_closing

    def exchange_over(self) -> None:
        """Go on with the next request, or close (client.Client)."""
        over, self._current = self._current, None
        if over is None:
            return
        plane = self._plane
        self._now = plane.wheel.now
        if self._reader.state == UPGRADING and not self._queue:
            # That was the one that asked for it, and in vain: what comes is HTTP.
            self._reader.state = NOTHING
        if not (over.keep_alive and over.body.is_whole) or plane.is_draining:
            self._close(gently=not over.body.is_whole)
        elif self._queue or self._unread:
            self._next()
        elif self.is_held:
            self.resume()
        self._set_deadline()

    # client.Client.

    def write(self, data: bytes) -> None:
        """Send to the client; nothing when it is gone."""
        if self.transport is not None:
            self.transport.write(data)

    def hold(self) -> None:
        """Stop reading."""
        if not self.is_held and self._can_pause():
            self.is_held = True
            self._held_since = self._plane.wheel.now
            cast("asyncio.Transport", self.transport).pause_reading()

    def resume(self) -> None:
        """Read on, unless what was read already waits."""
        if self.is_held and not self._unread and self._can_pause():
            self.is_held = False
            receiving = self._reader.receiving
            if receiving is not None:
                receiving.body.waited += self._plane.wheel.now - self._held_since
            cast("asyncio.Transport", self.transport).resume_reading()

    def become_tunnel(self, upstream: Upstream, rest: bytes, tally: Tally) -> None:
        """Speak HTTP no more: pass on what comes, either way (client.Client)."""
        plane, early, self._unread = self._plane, self._unread, b""
        self._current = None
        self._reader.state = IGNORED
        plane.wheel.forget(self)
        tunnel = Tunnel(plane.wheel, upstream.silence, tally, self._tunnel_over)
        plane.clients.add(tunnel.client)
        plane.clients.discard(self)
        tunnel.open(self, upstream, early, rest)
        if self._is_slow:
            tunnel.endpoint.hold()

    def _tunnel_over(self, end: End) -> None:
        self._plane.forget(end)

    def _can_pause(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def cut(self, *, reset: bool) -> None:
        """End the connection without the body's end; `reset` when only RST shows it."""
        self._current = None
        if self.transport is None:
            return
        if reset:
            set_reset(self.transport)
            self.transport.abort()
        else:
            self._close(gently=False)

    # Closing.

    def _close(self, *, gently: bool) -> None:
        """Close after what is written; gently: let the client read it before a reset."""
        transport = self.transport
        if transport is None or self._is_closing:
            return
        self._is_closing = True
        self._queue.clear()
        self._unread = b""
        self._reader.state = IGNORED
        self.resume()
        if gently and transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()
        raw = self._raw
        if raw is not None and not gently and not transport.get_write_buffer_size():
            raw.close()  # nobody has to wait for the client's own end (RFC 8446, 6.1)
        linger = _LINGER if gently else self._plane.limits.idle
        self._plane.wheel.set(self, self._plane.wheel.now + linger)

    def drain(self) -> None:
        """Close now if nothing is running, else after the answer."""
        if self._current is None and self._reader.state != HEAD:
            self._close(gently=False)
        elif self._current is not None:
            last = self._queue[-1] if self._queue else self._current
            last.keep_alive = False

    def outlast(self, since: float) -> None:
        """End the exchange if it began before *since*; see limits.stream."""
        current = self._current
        if current is not None and not self._is_closing:
            if self._is_slow and current.arrived < since:
                self.abort()  # it is the client that takes so long
            else:
                current.outlast(since)

    def abort(self) -> None:
        """Close now; a running answer is cut."""
        if self.transport is not None:
            self.transport.abort()

    # Deadlines.

    def _set_deadline(self) -> None:
        """Choose the deadline by what the client owes."""
        if self._is_closing:
            return
        limits, now, state = self._plane.limits, self._now, self._reader.state
        if self._is_slow or (state == BODY and not self.is_held):
            deadline = now + limits.idle
            receiving = self._reader.receiving
            if receiving is not None and not self._is_slow:
                deadline = min(deadline, receiving.body_due(limits))
        elif self.is_held:
            deadline = now + _PEEK
        elif state == HEAD:
            deadline = self._reader.began + limits.head_timeout
        else:
            deadline = now + limits.keep_alive if self._current is None else NEVER
        self.deadline = deadline
        if deadline < self.looked_at:
            self._plane.wheel.set(self, deadline)

    def on_deadline(self, now: float) -> None:
        """Give up on a client that does not send, does not read, or needs nothing."""
        self._now = now
        if self._is_closing or self._is_slow:
            self.abort()
        elif self.is_held and self.transport is not None:
            if has_left(self.transport):
                self.abort()
            self._set_deadline()
        elif self._reader.state in {HEAD, BODY}:
            self._reader.refuse(too_slow(), b"")
            if self._current is not None:
                self._current.request_progressed()
        else:
            self._close(gently=False)
