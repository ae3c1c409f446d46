"""What an exchange knows, how it ends, and what can go wrong with it on the way.

life_of_a_request.py tells how it goes well. Here stands all the rest: the gateway refuses
it, its endpoint fails, the client leaves. Where a candidate failed before anything of its
answer has been passed on, the baseline may answer (failover.py): then the exchange begins
again, and what was is counted as the candidate's failure.
"""

from typing import Final

from gateway.domain.deployment import ClientLimits
from gateway.domain.errors import GatewayError, Refused, UpstreamFailed
from gateway.domain.failover import Why
from gateway.domain.outcome import Failure, Outcome, outcome_of_status
from gateway.proxy.client import Client
from gateway.proxy.failover import cover, why_of, why_of_status
from gateway.proxy.framing import chunk
from gateway.proxy.heads import own_lines
from gateway.proxy.last_words import last_words
from gateway.proxy.limits import too_slow
from gateway.proxy.observe import Observation
from gateway.proxy.plane import Plane
from gateway.proxy.pool import Pool
from gateway.proxy.refuse import error_answer, explain, shape_of
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route
from gateway.proxy.standing import FAILED_STATUSES, NOT_ITS_FAULT, pick
from gateway.proxy.upstream import Upstream
from gateway.wire.request_head import RequestHead

MOST_TRIED: Final = 3
"""Endpoints of a version that are asked for a connection, for one request."""

_UNSENT: Final = frozenset({Failure.CONNECT, Failure.CONNECT_TIMEOUT})
_NONE_TRIED: Final[tuple[Pool, ...]] = ()


class FallibleExchange:
    """An exchange, as far as something can go wrong with it.

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
        "_held",
        "_is_asking",
        "_is_prepared",
        "_plane",
        "_pool",
        "_replay",
        "_route",
        "_seen",
        "_status",
        "_tried",
        "_until_close",
        "body",
        "head",
        "is_over",
        "keep_alive",
        "refusal",
        "request_id",
    )

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
        self._tried: tuple[Pool, ...] = _NONE_TRIED
        self._connection: Upstream | None = None
        self._replay: bytes | None = None
        self._status: int | None = None
        self._held: list[bytes] | None = None

    def _set_out(self) -> None:
        """Go as far as what has arrived allows; see life_of_a_request.Exchange."""
        raise NotImplementedError

    def _ask(self, pool: Pool, *, fresh: bool) -> None:
        """Ask for a connection; see life_of_a_request.Exchange."""
        raise NotImplementedError

    def _send_to(self, pool: Pool) -> None:
        """Send on a connection to an endpoint; see life_of_a_request.Exchange."""
        raise NotImplementedError

    def connected(self, upstream: Upstream) -> None:
        """Begin on a connection; see life_of_a_request.Exchange."""
        raise NotImplementedError

    # The end.

    def _end(self, outcome: Outcome) -> None:
        self._close(outcome)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
        self._client.exchange_over()

    def _close(self, outcome: Outcome) -> None:
        """Count the exchange; nothing more is taken or sent."""
        self.is_over = True
        route = self._route
        if route is not None:
            load = route.load
            load.running -= 1
            load.whole.running -= 1
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

    # The gateway refuses it.

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
                own_lines(self._seen, self._plane, self.request_id),
                close=not self.keep_alive,
                bodiless=self.head.method == b"HEAD",
                shape=shape_of(self._route, self.head.path),
            )
        )
        self._end(outcome)

    # Its endpoint fails.

    def not_connected(self, failure: Failure, error: UpstreamFailed) -> None:
        """Ask elsewhere, or let the baseline answer; or say that nobody could be had."""
        self._is_asking = False
        if failure in _UNSENT and self._asks_elsewhere():
            return
        self._fail(failure, error)

    def _asks_elsewhere(self) -> bool:
        """Ask another endpoint of the version: of the request nothing was sent to any.

        Bytes that are kept for a second try name the endpoint, where that is told.
        """
        seen, pool, tried = self._seen, self._pool, self._tried
        if seen is None or pool is None or len(tried) + 1 >= MOST_TRIED:
            return False
        target, tried = seen.target, (*tried, pool)
        others = [each for each in target.pools if each not in tried]
        if not others or (self._replay is not None and target.names_endpoint):
            return False
        pool.failed(now := self._plane.wheel.now)
        target.tally.retried += 1
        self._tried = tried
        self._send_to(pick(others, self._plane.dice.random, now))
        return True

    def upstream_failed(self, failure: Failure) -> None:
        """Repeat on a fresh connection if that is safe; else see not_connected, or cut."""
        self._connection = None
        if failure is Failure.CLOSED_EARLY and self._pool is not None:
            self._replay = self.body.replay()
            if self._replay is not None:
                self._ask(self._pool, fresh=True)
                return
        version = "?" if self._seen is None else self._seen.target.version.name
        self._fail(failure, explain(failure, version))

    def _fail(self, failure: Failure, error: UpstreamFailed) -> None:
        seen, has_begun = self._seen, self._status is not None
        if seen is not None:
            seen.fail(failure)
        is_untold = not has_begun or self._held is not None
        if is_untold and failure not in NOT_ITS_FAULT:
            self._note_failure()
        if is_untold and self._is_covered(why_of(failure, has_begun=has_begun)):
            return
        if not has_begun:
            self.refuse(error)
            return
        self._release()
        if seen is not None and self._answer_is_chunked:
            self._client.write(chunk([last_words(seen, error, self.request_id)]))
        self._cut(Outcome.TRUNCATED)

    def _server_failed(self, status: int, *, is_whole: bool) -> bool:
        """Take note of a 5xx; tell whether the baseline answers instead of it."""
        if status in FAILED_STATUSES:
            self._note_failure()
        return self._is_covered(why_of_status(status), is_whole=is_whole)

    def _note_failure(self) -> None:
        """Tell pool and guard of a failure before any content: the one place for it."""
        pool, seen, now = self._pool, self._seen, self._plane.wheel.now
        if pool is not None:
            pool.failed(now)
        guard = None if seen is None or seen.standby is None else seen.standby.guard
        if guard is not None and seen is not None:
            guard.failed(now, seen.key)

    def _note_answer(self) -> None:
        """Tell the same of an answer below 500 that begins to be passed on."""
        pool, seen, now = self._pool, self._seen, self._plane.wheel.now
        if seen is not None:
            seen.target.tally.answered_at = now
        if pool is not None and pool.is_suspect:
            pool.answered(now)

    # The baseline answers instead.

    def _is_covered(self, why: Why | None, *, is_whole: bool = False) -> bool:
        """Let the baseline answer in the place of a version that failed.

        Args:
            why: With what it failed; None: with nothing that another could do better.
            is_whole: Whether the answer that is dropped has been read to its end.

        Returns:
            False where it does not, and then nothing has changed.

        """
        seen = self._seen
        if seen is None or why is None:
            return False
        second = cover(seen, why, self._plane.wheel.now)
        if second is None:
            return False
        connection = self._connection
        if is_whole and connection is not None:
            self._connection = None
            connection.release()
        self._drop_connection()
        self._count_failed(seen)
        self._begin_again(second)
        return True

    def _count_failed(self, seen: Observation) -> None:
        """Count the exchange for its version, as of now; its client was told nothing."""
        seen.target.tally.in_flight -= 1
        is_cut = self._held is not None
        seen.outcome = Outcome.TRUNCATED if is_cut else Outcome.UPSTREAM_ERROR
        seen.duration = self._plane.wheel.now - self._arrived
        self._plane.finish(seen)

    def _begin_again(self, second: Observation) -> None:
        self._seen = second
        self._replay = self._status = self._held = None
        self._tried = _NONE_TRIED
        self._is_prepared = self._answer_is_chunked = self._until_close = False
        second.target.tally.in_flight += 1
        try:
            self._set_out()
        except Refused as refusal:
            self.refuse(refusal)

    # A stream is held back until there is content: an error may be all it brings.

    def _holds(self) -> bool:
        """Begin to hold an answer back, if that may be."""
        seen = self._seen
        standby, reading = (
            (None, None) if seen is None else (seen.standby, seen.reading)
        )
        if seen is None or standby is None:
            return False
        if standby.holds and reading is not None and reading.awaits_content:
            self._held = []
            return True
        seen.pieces = None  # nobody will send it again
        return False

    def _hold_back(self, out: list[bytes], *, ended: bool = False) -> bool:
        """Take what may be held back; or pass on what is; tell whether another answers.

        Args:
            out: Bytes for the client; emptied.
            ended: Whether they are the answer's last.

        """
        held, seen = self._held, self._seen
        assert held is not None  # ruff: ignore[assert]
        assert seen and seen.reading and seen.standby  # ruff: ignore[assert]
        held += out
        out.clear()
        reading, answer = seen.reading, seen.reading.answer
        if answer.has_error and not answer.has_content:
            self._note_failure()
            if self._is_covered(Why.ERROR_EVENT, is_whole=ended):
                return True
        is_told = answer.has_error or not reading.awaits_content
        if ended or is_told or sum(map(len, held)) > seen.standby.holds:
            self._release()
        return False

    def _release(self) -> None:
        """Pass on what is held."""
        held, self._held = self._held, None
        if held is not None:
            if self._seen is not None:
                self._seen.pieces = None
            self._note_answer()
            self._client.write(b"".join(held))

    # The client leaves, or is left.

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

    @property
    def arrived(self) -> float:
        """When its head had come; monotonic clock."""
        return self._arrived

    def body_due(self, limits: ClientLimits) -> float:
        """Give the time by which more of the request's body has to have come."""
        body = self.body
        patience = limits.body_timeout if body.received else limits.idle
        return self._arrived + body.waited + patience + body.received / limits.body_rate

    def outlast(self, since: float) -> None:
        """End what began before *since*: limits.stream is over for it."""
        if self.is_over or self._arrived >= since:
            return
        if self.body.is_whole:
            version = "?" if self._seen is None else self._seen.target.version.name
            self._fail(Failure.TOO_LONG, explain(Failure.TOO_LONG, version))
        else:
            self.refuse(too_slow())

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
