"""Turns a client's bytes into exchanges: parses, bounds and refuses.

llhttp parses; what it lets through and should not is refused by wire/request_head.py.
Heads and bodies are handed on as they come; requests that arrive whole in one read take
the short way (whole.py).
"""

from typing import Final, Protocol

import httptools

from gateway.domain.errors import GatewayError, Refused
from gateway.proxy.framing import head_of_body
from gateway.proxy.life_of_a_request import Exchange
from gateway.proxy.limits import (
    check_length,
    head_too_large,
    target_too_long,
    too_large,
    too_many_headers,
)
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import HELD, RequestBody
from gateway.wire.fields import RawField
from gateway.wire.request_head import (
    REQUEST_LINES,
    RequestHead,
    check_method,
    read_request_head,
    wanted_upgrade,
)

# What the next bytes from the client belong to. Numbers, because a look-up of an enum's
# member costs ten times as much (measured), and there are dozens for each request.
NOTHING: Final = 0  # between requests
HEAD: Final = 1
BODY: Final = 2
IGNORED: Final = 3  # refused, or the last: the rest is read only to be thrown away
UPGRADING: Final = 4  # the answer tells whether what comes is HTTP

_CHUNK_OVERHEAD: Final = 16  # bytes of framing allowed for each byte of a body
_SLICE: Final = 4096  # bytes fed at once where each may hold many small requests
_CHUNKED_SLICE: Final = 16384


class Connection(Protocol):
    """The client's connection, as its reader sees it."""

    def begin(self, head: RequestHead, body: RequestBody, keep_alive: bool) -> Exchange:
        """Make an exchange, put in line behind those before it."""

    def is_waiting(self, exchange: Exchange) -> bool:
        """Whether the turn of *exchange* has not come."""

    def hold(self) -> None:
        """Stop reading."""


class RequestReader:
    """See the module.

    Attributes:
        state: NOTHING, HEAD, BODY, IGNORED or UPGRADING.
        receiving: Whose body is being read; None: nobody's.
        began: When the first byte of the head came that is being read.

    """

    __slots__ = (
        "_connection",
        "_fed",
        "_parser",
        "_plane",
        "_raw",
        "_target",
        "began",
        "receiving",
        "state",
    )
    __deletable__ = ("_connection", "_parser")  # for mypyc

    def __init__(self, plane: Plane, connection: Connection) -> None:
        self._plane = plane
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)
        self.state = NOTHING
        self.began = 0.0
        self.receiving: Exchange | None = None
        self._raw: list[RawField] = []
        self._target = b""
        self._fed = 0  # bytes of the request being read, head and framing included

    def close(self) -> None:
        """Let go of the parser and of the connection: each holds this, and this them.

        The garbage collector finds such circles after ten thousands of connections.
        """
        self.state = IGNORED
        self.receiving = None
        del self._parser, self._connection

    def slice_size(self) -> int:
        """How many bytes may be read at once without starting very many requests."""
        if self.state != BODY or self.receiving is None:
            return _SLICE
        length = self.receiving.head.content_length
        if length is None:
            return _CHUNKED_SLICE
        return max(_SLICE, length - self.receiving.body.received)

    def read_whole(self, data: bytes) -> bool:
        """Take a request that came in one piece; False when it is none."""
        plane = self._plane
        limits = plane.limits
        whole = plane.whole_requests.read(data, limits.head, limits.headers)
        if whole is None or len(whole[1]) > limits.body:
            return False
        head, body = whole
        self._connection.begin(head, RequestBody(head, body), head.keeps_alive)
        self.state = NOTHING if head.keeps_alive else IGNORED
        return True

    def read(self, data: bytes) -> bytes:
        """Take a piece of a request, or of several; give what may be no HTTP."""
        self._fed += len(data)
        rest = self._feed(data)
        if self._fed > self._plane.limits.head:
            self._check_size(len(data))
        return rest

    def refuse(self, error: GatewayError, method: bytes) -> None:
        """Refuse the request being read, in its turn; what follows it is ignored."""
        self.state = IGNORED
        exchange = self.receiving
        if exchange is None:
            head = RequestHead(method, b"/", 1, {})
            exchange = self._connection.begin(head, RequestBody(head), False)
        exchange.keep_alive = False
        exchange.refusal = error
        self.receiving = None

    def _feed(self, data: bytes) -> bytes:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An upgrade we do not speak is ignored (RFC 9110 section 7.8).
            self._parser = httptools.HttpRequestParser(self)
            if self.state == UPGRADING:
                return data[upgrade.args[0] :]
            if self.receiving is not None:
                self._parser.feed_data(head_of_body(self.receiving.head))
                self.receiving.body.trailers.clear()
            rest = data[upgrade.args[0] :]
            if rest:
                return self._feed(rest)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError as error:
            if self.state != IGNORED:
                self._refuse_garbage(error)
        return b""

    def _refuse_garbage(self, error: Exception) -> None:
        refusal = Refused(
            400,
            f"The request is not valid HTTP/1.1 ({error}).",
            remedy="Send it as RFC 9112 says.",
        )
        self.refuse(refusal, b"")

    def _check_size(self, just_fed: int) -> None:
        """Refuse a head that grows without end, and framing that outweighs its body."""
        limits = self._plane.limits
        if self.state == HEAD and len(self._target) > limits.head:
            self.refuse(target_too_long(limits.head), b"")
        elif self.state == HEAD and self._fed > limits.head + just_fed:
            self.refuse(head_too_large(limits.head), b"")
        elif self.state == BODY and self.receiving is not None:
            received = self.receiving.body.received
            allowed = 2 * limits.head + _CHUNK_OVERHEAD * received
            if self._fed - received - just_fed > allowed:
                self.refuse(head_too_large(limits.head), b"")

    # The parser (httptools).

    def on_message_begin(self) -> None:
        """Start a request."""
        if self.state != NOTHING:
            return
        self._raw = []
        self._target = b""
        self.began = self._plane.wheel.now
        self.state = HEAD

    def on_url(self, url: bytes) -> None:
        """Take (a piece of) the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field: of the head, or of the trailers after the body."""
        if self.state == HEAD:
            self._raw.append((name, value))
            self._check_count(self._raw)
        elif self.receiving is not None:
            self.receiving.body.trailers.append((name, value))
            self._check_count(self.receiving.body.trailers)

    def _check_count(self, fields: list[RawField]) -> None:
        most = self._plane.limits.headers
        if len(fields) > most:
            self.refuse(too_many_headers(most), b"")

    def on_headers_complete(self) -> None:
        """Make an exchange of the head, or refuse it."""
        if self.state != HEAD:
            return
        self.state = BODY
        method = self._parser.get_method()
        try:
            head = self._read_head(method)
        except Refused as refusal:
            self.refuse(refusal, method)
            return
        self.receiving = self._connection.begin(
            head, RequestBody(head), self._parser.should_keep_alive()
        )

    def _read_head(self, method: bytes) -> RequestHead:
        parser, limits = self._parser, self._plane.limits
        if self._fed > limits.head:
            check_length(self._target, self._raw, limits)
        check_method(method)
        head = read_request_head(
            method,
            self._target,
            parser.get_http_version(),
            [REQUEST_LINES.field(*raw) for raw in self._raw],
        )
        if (head.content_length or 0) > limits.body:
            raise too_large(limits.body)
        if parser.should_upgrade():
            head.upgrade = wanted_upgrade(head)
        return head

    def on_body(self, body: bytes) -> None:
        """Take body bytes."""
        exchange = self.receiving
        if exchange is None or self.state != BODY:
            return
        if not exchange.is_over:
            exchange.body.take(body)
        limit = self._plane.limits.body
        if exchange.body.received > limit:
            self.refuse(too_large(limit), exchange.head.method)
        elif exchange.body.received > HELD and self._connection.is_waiting(exchange):
            self._connection.hold()

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        receiving = self.receiving
        if receiving is None or self.state != BODY:
            return
        if receiving.head.has_body and self._parser.should_upgrade():
            return  # an upgrade's body is no body to the parser: see _feed
        receiving.body.is_whole = True
        self.receiving = None
        self.state = NOTHING if receiving.keep_alive else IGNORED
        if receiving.head.upgrade is not None:
            self.state = UPGRADING
        self._fed = 0
