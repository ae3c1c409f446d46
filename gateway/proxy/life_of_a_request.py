"""The life of a request, from the client's socket to the endpoint's and back.

An Exchange is one request and its answer. Its methods stand in the order in which
things happen to it:

    1. arrive    downstream.py has read a head (wire/request_head.py refused the bad)
    2. choose    the service, the sticky key, the version            choice.choose
    3. prepare   what the version changes in the body                choice.prepare
    4. send      on an idle connection at once, or on a new one      _send, connected
    5. upload    body bytes pass as they come                        request_progressed
    6. answer    head and body pass as they come                     answer_arrived
    7. end       counted (counting.py), connection kept, next one    mishaps._end

What can go wrong on the way stands in mishaps.py: refused (the gateway answers),
not_connected and upstream_failed (the endpoint's fault; the baseline may answer in a
candidate's place), client_gone. Everything here happens inside one call of the event
loop, without a task, a future or a timer.
"""

from typing import Final

from gateway.domain.errors import Refused, UpstreamFailed
from gateway.domain.outcome import Failure, Outcome, outcome_of_status
from gateway.proxy.choice import choose, prepare
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
from gateway.proxy.mishaps import FallibleExchange
from gateway.proxy.observe import Observation
from gateway.proxy.pool import Pool
from gateway.proxy.refuse import CONTINUE
from gateway.proxy.request_body import HELD
from gateway.proxy.routes import Target
from gateway.proxy.upstream import Upstream
from gateway.wire.answer_head import AnswerHead
from gateway.wire.answer_head import Body as AnswerBody

_SERVER_ERROR: Final = 500

# Names of their own: a look-up through the class costs ten times as much (measured).
_BY_LENGTH: Final = AnswerBody.LENGTH
_NO_BODY: Final = AnswerBody.NONE


class Exchange(FallibleExchange):
    """One request and its answer. What it knows, and what ends it early: mishaps.py."""

    __slots__ = ()

    # 1. Arrive.

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
            load = route.load
            whole = load.whole
            load.running += 1
            whole.running += 1
            if whole.running > whole.room or load.running > load.room:
                raise self._plane.overload.refusal()
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
        self._send_to(pools[0] if len(pools) == 1 else target.pool())

    def _send_to(self, pool: Pool) -> None:
        self._pool = pool
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
        self._note_answer()
        own = own_lines(seen, self._plane, self.request_id)
        self._client.write(switching_bytes(head, own))
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
        if (
            not is_usual
            or seen is None
            or seen.strip
            or seen.cookie
            or seen.learning
            or (seen.standby is not None and seen.standby.holds)
            or head.status >= _SERVER_ERROR
        ):
            self.answer_arrived(head, [body] if body else [], True)
            return
        self._status = head.status
        now = plane.wheel.now
        seen.target.tally.answered_at = now
        if self._pool is not None and self._pool.is_suspect:
            self._pool.answered(now)
        if body:
            seen.first_byte = now - self._arrived
        seen.whole = (head, body)
        self._client.write(whole_answer_bytes(head, seen, plane, self.request_id, body))
        self._end(outcome_of_status(head.status))

    def answer_arrived(
        self, head: AnswerHead | None, parts: list[bytes], ended: bool
    ) -> None:
        """Pass a piece of the answer on, in one write."""
        out: list[bytes] = []
        if head is not None and not self._begin_answer(head, out, ended):
            return
        seen = self._seen
        if seen is not None:
            parts = seen.passed(parts, self._plane.wheel.now - self._arrived, ended)
        if not self._answer_is_chunked:
            out += parts
        elif parts:
            out.append(chunk(parts))
        if ended:
            self._end_answer(out)
        elif self._held is not None:
            self._hold_back(out)
        elif out:
            self._client.write(out[0] if len(out) == 1 else b"".join(out))

    def _begin_answer(self, head: AnswerHead, out: list[bytes], ended: bool) -> bool:
        """Write the head; False where another version answers instead."""
        is_bad = head.status >= _SERVER_ERROR
        if is_bad and self._server_failed(head.status, is_whole=ended):
            return False
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
        if not (is_bad or self._holds()):
            self._note_answer()
        own = own_lines(self._seen, self._plane, self.request_id)
        chunked = self._answer_is_chunked
        out.append(answer_bytes(head, own, chunked, self.keep_alive, minor))
        return True

    def _end_answer(self, out: list[bytes]) -> None:
        if self._answer_is_chunked:
            trailers = self._connection.trailers if self._connection else []
            out.append(last_chunk(trailers))
        if self._held is not None and self._hold_back(out, ended=True):
            return
        if out:
            self._client.write(out[0] if len(out) == 1 else b"".join(out))
        self._end(outcome_of_status(self._status or 0))

    def client_is_slow(self, *, slow: bool) -> None:
        """Stop or go on reading the answer: the client does not take it so fast."""
        if self._connection is not None:
            (self._connection.hold if slow else self._connection.resume)()
