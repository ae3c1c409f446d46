"""One connection to an endpoint: writes requests, reads answers, one at a time.

It knows HTTP framing and deadlines, and nothing of versions, clients or retries: what
it hears it tells its caller, one call for each piece read from the socket.
"""

import asyncio
from typing import Final, Protocol, cast

import httptools

from gateway.domain.outcome import Failure
from gateway.domain.service import Timeouts
from gateway.proxy.caller import Caller, tell
from gateway.proxy.deadlines import NEVER, Wheel
from gateway.proxy.whole import WholeAnswers
from gateway.wire.answer_head import (
    ANSWER_LINES,
    SWITCHING,
    VERSIONS,
    AnswerHead,
    BadAnswer,
    Body,
    read_answer_head,
    read_switching_head,
)
from gateway.wire.fields import RawField

_LONGEST_HEAD: Final = 256 * 1024
_NO_BODY: Final = Body.NONE


class Home(Protocol):
    """The pool a connection belongs to."""

    def give_back(self, upstream: "Upstream") -> None:
        """Take a connection that is free and sound."""

    def forget(self, upstream: "Upstream") -> None:
        """Let go of a connection that is gone."""


class Upstream(asyncio.Protocol):
    """See the module. `is_reused` tells whether it has carried an exchange before."""

    __slots__ = (
        "_bytes_in_head",
        "_caller",
        "_ended",
        "_has_heard",
        "_has_pieces",
        "_head",
        "_home",
        "_idle",
        "_in_head",
        "_is_garbled",
        "_is_held",
        "_is_keepable",
        "_is_sent",
        "_parser",
        "_parts",
        "_pool_idle",
        "_raw",
        "_reason",
        "_saw_end",
        "_switching",
        "_timeouts",
        "_to_head_request",
        "_wheel",
        "_whole_answers",
        "body",
        "deadline",
        "is_reused",
        "looked_at",
        "trailers",
        "transport",
    )
    __deletable__ = ("_parser",)  # for mypyc

    def __init__(
        self,
        home: Home,
        timeouts: Timeouts,
        wheel: Wheel,
        whole_answers: WholeAnswers,
    ) -> None:
        self._home = home
        self._whole_answers = whole_answers
        self._timeouts = timeouts
        self._pool_idle, self._idle = timeouts.pool_idle, timeouts.idle
        self._wheel = wheel
        self._caller: Caller | None = None
        self.transport: asyncio.Transport | None = None
        self.deadline = self.looked_at = NEVER
        self.is_reused = self._is_held = self._saw_end = False
        self._parser = httptools.HttpResponseParser(self)
        self._to_head_request = False
        self.body = _NO_BODY
        self._has_heard = self._is_sent = self._ended = self._is_keepable = False
        self._reset()

    def _reset(self) -> None:
        """Forget the pieces of the answer before."""
        self._has_pieces = False
        self._in_head = True
        self._switching: AnswerHead | None = None
        self._bytes_in_head = 0
        self._head: AnswerHead | None = None
        self._is_garbled = False
        self._reason = b""
        self._raw: list[RawField] = []
        self._parts: list[bytes] = []
        self.trailers: list[RawField] = []

    @property
    def silence(self) -> float:
        """Give the longest silence inside an exchange, in seconds."""
        return self._idle

    # The request.

    def begin(
        self, caller: Caller, payload: bytes, to_head_request: bool, is_whole: bool
    ) -> None:
        """Start an exchange.

        Args:
            caller: Who is told what the endpoint says.
            payload: The request's first bytes.
            to_head_request: Whether its method is HEAD.
            is_whole: Whether this is all of it; if not, request_sent() follows.

        """
        if self._has_pieces:
            self._reset()
        self._caller = caller
        self._to_head_request = to_head_request
        self._has_heard = self._ended = self._is_keepable = False
        self._is_sent = is_whole
        self.body = _NO_BODY
        if self.transport is not None:
            self.transport.write(payload)
        self.deadline = deadline = (
            self._wheel.now + self._timeouts.first_byte if is_whole else NEVER
        )
        if deadline < self.looked_at:
            self._wheel.set(self, deadline)

    def send(self, payload: bytes) -> None:
        """Write more of the request."""
        if self.transport is not None:
            self.transport.write(payload)

    def request_sent(self) -> None:
        """Note that the whole request is written: from now on the answer is due."""
        self._is_sent = True
        self._wheel.set(self, self._wheel.now + self._timeouts.first_byte)

    def hold(self) -> None:
        """Stop reading: the client is slow. The endpoint's deadline rests meanwhile."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()
            self._is_held = True
            self.deadline = NEVER

    def resume(self) -> None:
        """Read on."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
            self._is_held = False
            self._wheel.set(self, self._wheel.now + self._timeouts.idle)

    def release(self) -> None:
        """End the exchange after its whole answer: keep the connection if it is sound."""
        self._caller = None
        if self._is_held:  # the client has yet to take the end of its answer
            self.resume()
        if self._is_keepable and self._is_sent:
            self.is_reused = True
            self.keep()
        else:
            self.close()

    def keep(self) -> None:
        """Go back to the pool, for a while."""
        if self.transport is None or self.transport.is_closing():
            return
        self.deadline = deadline = self._wheel.now + self._pool_idle
        if deadline < self.looked_at:
            self._wheel.set(self, deadline)
        self._home.give_back(self)

    def abort(self) -> None:
        """Drop the exchange and the connection at once."""
        self._caller = None
        self.deadline = NEVER
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Close a connection that no exchange is on, after what is written, or soon."""
        self.deadline = NEVER
        if self.transport is not None:
            self.transport.close()
            # An endpoint may never take the rest of a request it has answered early.
            self._wheel.set(self, self._wheel.now + self._idle)

    # The socket (asyncio).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer and tell the caller once what was in it."""
        caller = self._caller
        if caller is None:  # an answer to nothing
            self.close()
            return
        self.deadline = deadline = self._wheel.read_clock() + self._idle
        if deadline < self.looked_at:
            self._wheel.set(self, deadline)
        if self._has_heard or not self._take_whole(caller, data):
            self._has_heard = True
            self._take_piece(caller, data)

    def _take_piece(self, caller: Caller, data: bytes) -> None:
        self._has_pieces = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserUpgrade as upgrade:
            if self._switching is not None:
                self._switch(caller, self._switching, data[upgrade.args[0] :])
                return
            self._is_garbled = True
        except httptools.HttpParserError:
            self._is_keepable = False
            self._is_garbled = True
        if self._in_head:
            self._check_size(len(data))
        head, parts, ended = self._head, self._parts, self._ended
        if head is not None or parts or ended:
            self._head = None
            self._parts = []
            caller.answer_arrived(head, parts, ended)
        if self._is_garbled and not ended:
            self._fail(Failure.BAD_ANSWER)

    def _switch(self, caller: Caller, head: AnswerHead, rest: bytes) -> None:
        """Tell that the protocol changes; from now on the caller has the transport."""
        self._caller = None
        self._wheel.forget(self)
        caller.upgraded(head, rest)

    def _take_whole(self, caller: Caller, data: bytes) -> bool:
        """Take an answer that came in one piece; False when it is none."""
        whole = None if self._to_head_request else self._whole_answers.read(data)
        if whole is None:
            return False
        self._has_heard = self._ended = True
        head, body = whole
        self._is_keepable = head.keeps_alive
        self.body = head.body
        caller.answered(head, body)
        return True

    def _check_size(self, just_fed: int) -> None:
        self._bytes_in_head += just_fed
        self._is_garbled |= self._bytes_in_head > _LONGEST_HEAD

    def eof_received(self) -> None:
        """Close our side too. Of TLS, only a proper end comes here (RFC 9112, 9.8)."""
        self._saw_end = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the pool, and a caller whose answer is not whole."""
        self._wheel.read_clock()
        self.transport = None
        self._wheel.forget(self)
        del self._parser  # it holds this, as this does it: see RequestReader.close
        self._home.forget(self)
        caller, self._caller = self._caller, None
        if caller is None:
            return
        if exc is None and self._saw_end and self.body is Body.UNTIL_CLOSE:
            caller.answer_arrived(None, [], True)
        elif self._has_heard:
            tell(caller, Failure.CUT)
        else:
            tell(caller, Failure.CLOSED_EARLY)

    def pause_writing(self) -> None:
        """Pass the endpoint's slowness on; while it lasts, the endpoint owes us."""
        if self._caller is not None:
            self._wheel.set(self, self._wheel.now + self._timeouts.idle)
            self._caller.upstream_is_slow(slow=True)

    def resume_writing(self) -> None:
        """Pass on that it takes more; until all is sent, the client owes us."""
        if self._caller is not None:
            if not self._is_sent and not self._has_heard:
                self.deadline = NEVER
            self._caller.upstream_is_slow(slow=False)

    def on_deadline(self, _now: float) -> None:
        """Give up on a silent endpoint, or on a connection nobody needed."""
        if self._caller is None and self.transport is not None:
            if self.transport.is_closing():
                self.abort()
            else:
                self.close()
        elif self._is_sent and not self._has_heard:
            self._fail(Failure.FIRST_BYTE_TIMEOUT)
        else:
            self._fail(Failure.IDLE_TIMEOUT)

    def _fail(self, failure: Failure) -> None:
        caller = self._caller
        self.abort()
        if caller is not None:
            tell(caller, failure)

    # The parser (httptools).

    def on_message_begin(self) -> None:
        """Start a head; that of a second answer to one request makes us unfit."""
        if self._ended:
            self._is_keepable = False
        self._raw = []
        self._reason = b""
        self._in_head = True

    def on_status(self, status: bytes) -> None:
        """Take (a piece of) the reason phrase."""
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field: of the head, or of the trailers once the head is whole."""
        (self._raw if self._in_head else self.trailers).append((name, value))

    def on_headers_complete(self) -> None:
        """Read the head; one that cannot be passed on garbles the answer."""
        if self._ended or self._is_garbled:
            return
        self._in_head = False
        status = self._parser.get_status_code()
        fields = [ANSWER_LINES.field(*raw) for raw in self._raw]
        self._is_garbled = self._parser.get_http_version() not in VERSIONS
        if self._is_garbled:
            return
        try:
            if status == SWITCHING:
                asked = None if self._caller is None else self._caller.head.upgrade
                self._switching = read_switching_head(self._reason, fields, asked)
                return
            head = read_answer_head(status, self._reason, fields, self._to_head_request)
        except BadAnswer:
            self._is_garbled = True
            return
        if head.is_interim:
            self._interim(head)
            return
        self._head = head
        self.body = head.body
        if self._to_head_request:
            self._end_at_head()

    def _interim(self, head: AnswerHead) -> None:
        if self._caller is not None:
            self._caller.interim_arrived(head)
        self._in_head = True

    def _end_at_head(self) -> None:
        """End the answer to HEAD here: llhttp would take the next answer for its body."""
        self._ended = True
        self._is_keepable = self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)

    def on_body(self, body: bytes) -> None:
        """Take body bytes; after the end they make the connection unfit."""
        if self._ended:
            self._is_keepable = False
        elif not self._is_garbled:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Note the end, and whether the connection may carry another exchange."""
        if self._in_head or self._ended or self._is_garbled or self._switching:
            return  # the end of an interim answer, of a second, or of none
        self._ended = True
        self._is_keepable = self._parser.should_keep_alive()
