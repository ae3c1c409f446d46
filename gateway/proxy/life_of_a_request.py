"""The life of a request, from the client's socket to the endpoint's and back.

An Exchange is one request and its answer. Its methods stand in the order in which
things happen to it:

    1. arrive    downstream.py has read a head (wire/request_head.py refused the bad)
    2. choose    the service, the sticky key, the version            choice.choose
    3. prepare   what the version changes in the body                choice.prepare
    4. send      on an idle connection at once, or on a new one      _send, connected
    5. upload    body bytes pass as they come                        request_progressed
    6. answer    head and body pass as they come                     answer_arrived
    7. end       counted (counting.py), connection kept, next one  _end

and what can go wrong on the way: refused (the gateway answers), not_connected and
upstream_failed (the endpoint's fault), client_gone. Everything here happens inside one
call of the event loop, without a task, a future or a timer.
"""

from typing import Final

from gateway.domain.errors import GatewayError, Refused, UpstreamFailed
from gateway.domain.outcome import Failure, Outcome, outcome_of_status
from gateway.proxy.choice import choose, prepare
from gateway.proxy.client import Client
from gateway.proxy.framing import chunk, last_chunk
from gateway.proxy.heads import (
    answer_bytes,
    interim_bytes,
    own_lines,
    passes_on,
    request_bytes,
    switching_bytes,
    whole_answer_bytes,
)
from gateway.proxy.limits import check_upgrade
from gateway.proxy.observe import Observation
from gateway.proxy.plane import Plane
from gateway.proxy.pool import Pool
from gateway.proxy.refuse import CONTINUE, error_answer, explain, shape_of
from gateway.proxy.request_body import HELD, RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.upstream import Upstream
from gateway.wire.answer_head import AnswerHead
from gateway.wire.answer_head import Body as AnswerBody
from gateway.wire.request_head import RequestHead

# Names of their own: a look-up through the class costs ten times as much (measured).
_BY_LENGTH: Final = AnswerBody.LENGTH
_NO_BODY: Final = AnswerBody.NONE


class Exchange:
    """One request and its answer.

    Attributes:
        head: The request's head.
        body: The request's body, filled by downstream.
        request_id: The client's own, or a new one.
        keep_alive: Whether the client's connection may go on afterwards.
        refusal: Set by downstream when the request turned out to be bad; answered in
            the request's turn.
        is_over: Whether the answer is whole, refused or cut.

    """

    __slots__ = (
        "_answer_is_chunked",
        "_arrived",
        "_client",
        "_connection",
        "_is_asking",
        "_is_prepared",
        "_plane",
        "_pool",
        "_replay",
        "_route",
        "_seen",
        "_status",
        "_until_close",
        "body",
        "head",
        "is_over",
        "keep_alive",
        "refusal",
        "request_id",
    )

    # 1. Arrive.

    def __init__(
        self,
        plane: Plane,
        client: Client,
        head: RequestHead,
        body: RequestBody,
        arrived: float,
    ) -> None:
        self._plane = plane
        self._client = client
        self._arrived = arrived
        self.head = head
        self.body = body
        own = head.request_id if b"x-request-id" in head.fields else None
        self.request_id = own or plane.request_id()
        self.keep_alive = True
        self.is_over = self._is_prepared = self._is_asking = False
        self._answer_is_chunked = self._until_close = False
        self._seen: Observation | None = None
        self.refusal: GatewayError | None = None
        self._route: Route | None = None
        self._pool: Pool | None = None
        self._connection: Upstream | None = None
        self._replay: bytes | None = None
        self._status: int | None = None

    def request_progressed(self) -> None:
        """Go as far as what has arrived allows. Called after each read."""
        if self.is_over:
            return
        if self.refusal is not None:
            self.refuse(self.refusal)
            return
        try:
            if self._connection is not None:
                self.body.pass_on(self._connection)
            elif self._is_asking:
                if self.body.received > HELD:
                    self._client.hold()
            else:
                self._set_out()
        except Refused as refusal:
            self.refuse(refusal)

    def _set_out(self) -> None:
        seen = self._seen or self._choose()
        if seen is None:
            self._invite_body()
        elif seen.wants_body and not self._is_prepared:
            self._prepare(seen)
        else:
            self._send(seen.target)

    # 2. Choose.

    def _choose(self) -> Observation | None:
        """Choose the version; None while the body may still decide."""
        routes = self._plane.routes
        assert routes is not None  # ruff: ignore[assert]  # a worker listens only with a table
        route, head, body = self._route, self.head, self.body
        if route is None:
            self._route = route = routes.takes_all or routes.find(head)
            if head.upgrade is not None:
                check_upgrade(head, route.upgrades)
        self._seen = seen = choose(self._plane, route, head, body, self._client.peer)
        if seen is not None:
            seen.target.tally.in_flight += 1
        return seen

    def _invite_body(self) -> None:
        """Answer `Expect: 100-continue` ourselves: the body is wanted here."""
        if self.head.expects_continue:
            self.head.expects_continue = False
            self._client.write(CONTINUE)

    # 3. Prepare.

    def _prepare(self, seen: Observation) -> None:
        """Send with the version's changes to the body, once that is whole."""
        assert self._route is not None  # ruff: ignore[assert]
        self._is_prepared = prepare(seen, self._route.json_limit, self._plane.units)
        if self._is_prepared:
            self._send(seen.target)
        else:
            self._invite_body()

    # 4. Send.

    def _send(self, target: Target) -> None:
        pools = target.pools
        self._pool = pool = pools[0] if len(pools) == 1 else target.pool()
        connection = pool.take()
        if connection is not None:
            self.connected(connection)
        else:
            self._ask(pool, fresh=False)

    def _ask(self, pool: Pool, *, fresh: bool) -> None:
        try:
            self._is_asking = True
            pool.ask(self, fresh=fresh)
        except UpstreamFailed as full:
            self.not_connected(Failure.FULL, full)

    def connected(self, upstream: Upstream) -> None:
        """Begin on *upstream*: head and what there is of the body in one write."""
        self._is_asking = False
        self._connection = upstream
        head, body, client = self.head, self.body, self._client
        payload = self._replay
        if payload is None:
            seen, route, pool = self._seen, self._route, self._pool
            assert seen and route and pool  # ruff: ignore[assert]
            lines = request_bytes(head, seen, pool, client.peer, self.request_id)
            payload = body.first_bytes(lines)
            if upstream.is_reused and (route.may_repeat or head.is_idempotent):
                body.remember(payload, route.json_limit)
        upstream.begin(self, payload, head.method == b"HEAD", body.is_sent)
        if client.is_held:
            client.resume()
        if not body.is_sent:
            body.pass_on(upstream)

    # 5. Upload: request_progressed passes on what arrives.

    def upstream_is_slow(self, *, slow: bool) -> None:
        """Pass the endpoint's slowness on to the client."""
        (self._client.hold if slow else self._client.resume)()

    # 6. Answer.

    def upgraded(self, head: AnswerHead, rest: bytes) -> None:
        """Go on as a tunnel: the exchange is over with the 101, and counted."""
        seen, connection, self._connection = self._seen, self._connection, None
        assert seen and connection  # ruff: ignore[assert]
        self._status = head.status
        seen.first_byte = self._plane.wheel.now - self._arrived
        self._client.write(switching_bytes(head, self._own_lines()))
        self._close(Outcome.COMPLETE)
        self._client.become_tunnel(connection, rest, seen.target.tally)

    def interim_arrived(self, head: AnswerHead) -> None:
        """Pass a 1xx on to a client that can read it."""
        if passes_on(head, self.head):
            self._client.write(interim_bytes(head))

    def answered(self, head: AnswerHead, body: bytes) -> None:
        """Pass on an answer that came whole: in the usual case one write, and over."""
        plane, seen, asked = self._plane, self._seen, self.head
        is_usual = (
            head.body is _BY_LENGTH
            and self.body.is_sent
            and asked.minor
            and self.keep_alive
            and not plane.is_draining
        )
        if not is_usual or seen is None or seen.strip or seen.cookie or seen.learning:
            self.answer_arrived(head, [body] if body else [], True)
            return
        self._status = head.status
        if body:
            seen.first_byte = plane.wheel.now - self._arrived
        seen.whole = (head, body)
        self._client.write(whole_answer_bytes(head, seen, plane, self.request_id, body))
        self._end(outcome_of_status(head.status))

    def answer_arrived(
        self, head: AnswerHead | None, parts: list[bytes], ended: bool
    ) -> None:
        """Pass a piece of the answer on, in one write."""
        out = [] if head is None else [self._begin_answer(head)]
        seen = self._seen
        if seen is not None:
            parts = seen.passed(parts, self._plane.wheel.now - self._arrived, ended)
        if not self._answer_is_chunked:
            out += parts
        elif parts:
            out.append(chunk(parts))
        if ended and self._answer_is_chunked:
            trailers = self._connection.trailers if self._connection else []
            out.append(last_chunk(trailers))
        if out:
            self._client.write(out[0] if len(out) == 1 else b"".join(out))
        if ended:
            self._end(outcome_of_status(self._status or 0))

    def _begin_answer(self, head: AnswerHead) -> bytes:
        self.body.kept = None
        self._status = head.status
        if self._seen is not None:
            self._seen.answer_began(head)
        body, minor = head.body, self.head.minor
        unknown_end = body is not _BY_LENGTH and body is not _NO_BODY
        self._answer_is_chunked = unknown_end and minor > 0
        self._until_close = unknown_end and not self._answer_is_chunked
        if self._until_close or self._plane.is_draining or not self.body.is_whole:
            self.keep_alive = False
        own = self._own_lines()
        return answer_bytes(head, own, self._answer_is_chunked, self.keep_alive, minor)

    def _own_lines(self) -> bytes:
        return own_lines(self._seen, self._plane, self.request_id)

    def client_is_slow(self, *, slow: bool) -> None:
        """Stop or go on reading the answer: the client does not take it so fast."""
        if self._connection is not None:
            (self._connection.hold if slow else self._connection.resume)()

    # 7. End.

    def _end(self, outcome: Outcome) -> None:
        self._close(outcome)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
        self._client.exchange_over()

    def _close(self, outcome: Outcome) -> None:
        """Count the exchange; nothing more is taken or sent."""
        self.is_over = True
        if not self.body.is_sent:
            self.body.drop()
        seen = self._seen
        if seen is not None:
            seen.target.tally.in_flight -= 1
            seen.outcome, seen.status = outcome, self._status
            seen.duration = self._plane.wheel.now - self._arrived
            if self._plane.is_telling:
                seen.told, seen.peer = self, self._client.peer
            self._plane.finish(seen)
        elif self._status is not None:
            self._plane.refuse(self._status, self, self._client.peer, self._arrived)

    # What can go wrong.

    def refuse(self, error: GatewayError) -> None:
        """Answer with an error of the gateway's own; after an answer has begun, cut."""
        outcome = outcome_of_status(error.status)
        if self._status is not None:
            self._cut(outcome)
            return
        self._drop_connection()
        self._status = error.status
        if not (self.body.is_whole and self.head.minor) or self._plane.is_draining:
            self.keep_alive = False
        self._client.write(
            error_answer(
                error,
                self.request_id,
                self._own_lines(),
                close=not self.keep_alive,
                bodiless=self.head.method == b"HEAD",
                shape=shape_of(self._route, self.head.path),
            )
        )
        self._end(outcome)

    def not_connected(self, failure: Failure, error: UpstreamFailed) -> None:
        """Answer that no connection could be had."""
        self._is_asking = False
        self._fail(failure, error)

    def upstream_failed(self, failure: Failure) -> None:
        """Repeat on a fresh connection if that is safe; else answer, or cut."""
        self._connection = None
        if failure is Failure.CLOSED_EARLY and self._pool is not None:
            self._replay = self.body.replay()
            if self._replay is not None:
                self._ask(self._pool, fresh=True)
                return
        version = "?" if self._seen is None else self._seen.target.version.name
        self._fail(failure, explain(failure, version))

    def _fail(self, failure: Failure, error: UpstreamFailed) -> None:
        if self._seen is not None:
            self._seen.fail(failure)
        if self._status is None:
            self.refuse(error)
        else:
            self._cut(Outcome.TRUNCATED)

    def _cut(self, outcome: Outcome) -> None:
        self._drop_connection()
        self._close(outcome)
        self._client.cut(reset=self._until_close)

    def client_gone(self) -> None:
        """Free the endpoint at once; nobody waits for this answer any more."""
        if self.is_over:
            return
        self._drop_connection()
        self._status = None
        self._close(Outcome.CLIENT_CANCELLED)

    def abort(self) -> None:
        """Cut the client off: our own code failed on this exchange (watched.Abortable)."""
        try:
            self._drop_connection()
            if not self.is_over:
                self._close(Outcome.UPSTREAM_ERROR)
        finally:
            self._client.cut(reset=self._until_close)

    def _drop_connection(self) -> None:
        if self._is_asking and self._pool is not None:
            self._is_asking = False
            self._pool.leave(self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
