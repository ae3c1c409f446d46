"""One client connection: reads requests, refuses bad ones, answers in order.

Requests that come while one is being answered (pipelining) wait in a short queue.
"""

import asyncio
from collections import deque
from typing import Final, cast

import httptools

from gateway.domain.errors import GatewayError, Refused
from gateway.proxy.deadlines import NEVER
from gateway.proxy.departure import has_left, set_reset
from gateway.proxy.framing import head_of_body
from gateway.proxy.life_of_a_request import HELD, Exchange
from gateway.proxy.limits import (
    check_length,
    check_upgrade,
    head_too_large,
    target_too_long,
    too_large,
    too_slow,
)
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.wire.fields import RawField
from gateway.wire.request_head import (
    REQUEST_LINES,
    RequestHead,
    read_request_head,
)

_PIPELINED: Final = 16
_PEEK: Final = 0.5  # seconds after which a client that is not read is looked after
_LINGER: Final = 2.0  # seconds in which a refused client may take in why
_CHUNK_OVERHEAD: Final = 16  # bytes of framing allowed for each byte of a body

# What the next bytes from the client belong to. Numbers, because a look-up of an enum's
# member costs ten times as much (measured), and there are dozens for each request.
_NOTHING: Final = 0  # between requests
_HEAD: Final = 1
_BODY: Final = 2
_IGNORED: Final = 3  # refused: the rest is read only to be thrown away


class Downstream(asyncio.Protocol):
    """See the module. Implements client.Client for its exchanges."""

    __slots__ = (
        "_current",
        "_fed",
        "_head_began",
        "_is_advancing",
        "_is_closing",
        "_is_slow",
        "_now",
        "_parser",
        "_plane",
        "_queue",
        "_raw",
        "_reading",
        "_receiving",
        "_target",
        "_transport",
        "deadline",
        "is_held",
        "looked_at",
        "peer",
    )

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._reading = _NOTHING
        self._current: Exchange | None = None
        self._receiving: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._raw: list[RawField] = []
        self._target = b""
        self._fed = 0  # bytes of the request being read, head and framing included
        self._head_began = self._now = 0.0
        self._is_slow = self._is_closing = self.is_held = self._is_advancing = False
        self.deadline = self.looked_at = NEVER
        self.peer = Peer(plane, "unknown")

    # The socket (asyncio).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the peer and start its first deadline."""
        self._transport = cast("asyncio.Transport", transport)
        self._plane.clients.add(self)
        name = transport.get_extra_info("peername")
        if name:
            self.peer = Peer(self._plane, str(name[0]))
        self._now = self._plane.wheel.read_clock()
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Parse a piece, then let the current exchange go as far as it can."""
        if self._reading is _IGNORED:
            return
        self._now = self._plane.wheel.read_clock()
        if self._reading is not _NOTHING or not self._take_whole(data):
            self._fed += len(data)
            self._feed(data)
            if self._fed > self._plane.limits.head:
                self._check_size(len(data))
        if self._current is not None:
            self._current.request_progressed()
        self._set_deadline()

    def eof_received(self) -> None:
        """Treat a client that has stopped sending as gone, as nginx does."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what the client's request holds, at once."""
        self._transport = None
        self.deadline = NEVER
        self._plane.forget(self)
        self._queue.clear()
        current, self._current = self._current, None
        if current is not None:
            current.client_gone()

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

    # The parser (httptools).

    def on_message_begin(self) -> None:
        """Start a request."""
        if self._reading is not _NOTHING:
            return
        self._raw = []
        self._target = b""
        self._head_began = self._now
        self._reading = _HEAD

    def on_url(self, url: bytes) -> None:
        """Take (a piece of) the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field: of the head, or of the trailers after the body."""
        if self._reading is _HEAD:
            self._raw.append((name, value))
        elif self._receiving is not None:
            self._receiving.body.trailers.append((name, value))

    def on_headers_complete(self) -> None:
        """Make an exchange of the head, or refuse it."""
        if self._reading is not _HEAD:
            return
        self._reading = _BODY
        parser, limits = self._parser, self._plane.limits
        method = parser.get_method()
        try:
            if self._fed > limits.head:
                check_length(self._target, self._raw, limits)
            head = read_request_head(
                method,
                self._target,
                parser.get_http_version(),
                [REQUEST_LINES.field(*raw) for raw in self._raw],
            )
            if (head.content_length or 0) > limits.body:
                raise too_large(limits.body)
            if parser.should_upgrade():
                check_upgrade(head)
        except Refused as refusal:
            self._refuse(refusal, method)
            return
        exchange = Exchange(self._plane, self, head, self._now)
        exchange.keep_alive = parser.should_keep_alive()
        self._enqueue(exchange)

    def on_body(self, body: bytes) -> None:
        """Take body bytes."""
        exchange = self._receiving
        if exchange is None or self._reading is not _BODY:
            return
        if not exchange.is_over:
            exchange.body.take(body)
        limit = self._plane.limits.body
        if exchange.body.received > limit:
            self._refuse(too_large(limit), exchange.head.method)
        elif exchange is not self._current and exchange.body.received > HELD:
            self.hold()  # its turn has not come

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        receiving = self._receiving
        if receiving is None or self._reading is not _BODY:
            return
        if receiving.head.has_body and self._parser.should_upgrade():
            return  # an upgrade's body is no body to the parser: see _feed
        receiving.body.is_whole = True
        self._receiving = None
        self._reading = _NOTHING if receiving.keep_alive else _IGNORED
        self._fed = 0

    def _take_whole(self, data: bytes) -> bool:
        """Take a request that came in one piece; False when it is none."""
        plane = self._plane
        whole = plane.whole_requests.read(data, plane.limits.head)
        if whole is None or len(whole[1]) > plane.limits.body:
            return False
        head, body, keep_alive = whole
        exchange = Exchange(plane, self, head, self._now)
        exchange.keep_alive = keep_alive
        exchange.body.take(body)
        exchange.body.is_whole = True
        self._enqueue(exchange)
        self._receiving = None
        self._reading = _NOTHING if keep_alive else _IGNORED
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An upgrade we do not speak is ignored (RFC 9110 section 7.8).
            self._parser = httptools.HttpRequestParser(self)
            if self._receiving is not None:
                self._parser.feed_data(head_of_body(self._receiving.head))
                self._receiving.body.trailers.clear()
            rest = data[upgrade.args[0] :]
            if rest:
                self._feed(rest)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError as error:
            self._refuse_garbage(error)

    def _refuse_garbage(self, error: Exception) -> None:
        last = self._queue[-1] if self._queue else self._current
        if last is not None and last.body.is_whole and not last.keep_alive:
            self._reading = _IGNORED  # bytes after `Connection: close`
            return
        refusal = Refused(
            400,
            f"The request is not valid HTTP/1.1 ({error}).",
            remedy="Send it as RFC 9112 says.",
        )
        self._refuse(refusal, b"")

    def _check_size(self, just_fed: int) -> None:
        """Refuse a head that grows without end, and framing that outweighs its body."""
        limits = self._plane.limits
        if self._reading is _HEAD and len(self._target) > limits.head:
            self._refuse(target_too_long(limits.head), b"")
        elif self._reading is _HEAD and self._fed > limits.head + just_fed:
            self._refuse(head_too_large(limits.head), b"")
        elif self._reading is _BODY and self._receiving is not None:
            overhead = self._fed - self._receiving.body.received - just_fed
            allowed = 2 * limits.head + _CHUNK_OVERHEAD * self._receiving.body.received
            if overhead > allowed:
                self._refuse(head_too_large(limits.head), b"")

    # Exchanges in order.

    def _enqueue(self, exchange: Exchange) -> None:
        self._receiving = exchange
        if self._current is None and not self._is_slow:
            self._current = exchange
            return
        self._queue.append(exchange)
        if len(self._queue) > _PIPELINED:
            self.hold()

    def _refuse(self, error: GatewayError, method: bytes) -> None:
        """Refuse the request being read, in its turn; what follows it is ignored."""
        self._reading = _IGNORED
        exchange = self._receiving
        if exchange is None:
            head = RequestHead(method, b"/", 1)
            exchange = Exchange(self._plane, self, head, self._now)
            self._enqueue(exchange)
        exchange.keep_alive = False
        exchange.refusal = error
        self._receiving = None

    def _next(self) -> None:
        """Take up the next requests that wait, as far as they are refused at once."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._current is None and self._queue and not self._is_slow:
            self._current = self._queue.popleft()
            if len(self._queue) <= _PIPELINED:
                self.resume()
            self._current.request_progressed()
        self._is_advancing = False

    def exchange_over(self) -> None:
        """Go on with the next request, or close (client.Client)."""
        over, self._current = self._current, None
        if over is None:
            return
        self._now = self._plane.wheel.now
        if not (over.keep_alive and over.body.is_whole) or self._plane.is_draining:
            self._close(gently=not over.body.is_whole)
        elif self._queue:
            self._next()
        elif self.is_held:
            self.resume()
        self._set_deadline()

    # client.Client.

    def write(self, data: bytes) -> None:
        """Send to the client; nothing when it is gone."""
        if self._transport is not None:
            self._transport.write(data)

    def hold(self) -> None:
        """Stop reading."""
        if not self.is_held and self._can_pause():
            self.is_held = True
            cast("asyncio.Transport", self._transport).pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.is_held and self._can_pause():
            self.is_held = False
            cast("asyncio.Transport", self._transport).resume_reading()

    def _can_pause(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def cut(self, *, reset: bool) -> None:
        """End the connection without the body's end; `reset` when only RST shows it."""
        self._current = None
        self._queue.clear()
        if self._transport is None:
            return
        if reset:
            set_reset(self._transport)
            self._transport.abort()
        else:
            self._close(gently=False)

    # Closing.

    def _close(self, *, gently: bool) -> None:
        """Close after what is written; gently: let the client read it before a reset."""
        transport = self._transport
        if transport is None or self._is_closing:
            return
        self._is_closing = True
        self._queue.clear()
        self._reading = _IGNORED
        self.resume()
        if gently and transport.can_write_eof():
            transport.write_eof()
            self._plane.wheel.set(self, self._now + _LINGER)
        else:
            transport.close()
            self._plane.wheel.set(self, self._now + self._plane.limits.idle)

    def drain(self) -> None:
        """Close now if nothing is running, else after the answer."""
        if self._current is None and self._reading is not _HEAD:
            self._close(gently=False)

    def abort(self) -> None:
        """Close now; a running answer is cut."""
        if self._transport is not None:
            self._transport.abort()

    # Deadlines.

    def _set_deadline(self) -> None:
        """Choose the deadline by what the client owes."""
        if self._is_closing:
            return
        limits, now = self._plane.limits, self._now
        if self._is_slow or (self._reading is _BODY and not self.is_held):
            deadline = now + limits.idle
        elif self.is_held:
            deadline = now + _PEEK
        elif self._reading is _HEAD:
            deadline = self._head_began + limits.head_timeout
        elif self._current is None:
            deadline = now + limits.keep_alive
        else:
            deadline = NEVER
        self.deadline = deadline
        if deadline < self.looked_at:
            self._plane.wheel.set(self, deadline)

    def on_deadline(self, now: float) -> None:
        """Give up on a client that does not send, does not read, or needs nothing."""
        self._now = now
        if self._is_closing or self._is_slow:
            self.abort()
        elif self.is_held and self._transport is not None:
            if has_left(self._transport):
                self.abort()
            self._set_deadline()
        elif self._reading in {_HEAD, _BODY}:
            self._refuse(too_slow(), b"")
            if self._current is not None:
                self._current.request_progressed()
        else:
            self._close(gently=False)
