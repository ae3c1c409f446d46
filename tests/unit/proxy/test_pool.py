"""Who gets a connection, who waits, and who is told that there is none."""

import asyncio
import errno
from collections.abc import Callable, Coroutine

import pytest

from gateway.domain.errors import UpstreamFailed, UpstreamFull
from gateway.domain.outcome import Failure
from gateway.domain.service import Endpoint, PoolLimits, Timeouts
from gateway.domain.units import Seconds
from gateway.proxy.deadlines import SWEEP, Wheel
from gateway.proxy.pool import Pool
from gateway.proxy.upstream import Upstream
from gateway.proxy.whole import WholeAnswers

ENDPOINT = Endpoint(url="http://model:9001", host="model", port=9001)
TIMEOUTS = Timeouts(connect=Seconds(2.0))


class Transport(asyncio.Transport):
    """Leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Waiter:
    """Writes down what it was given; fails in *fails* as often as it is asked."""

    def __init__(self, *fails: str) -> None:
        self.upstream: Upstream | None = None
        self.failure: Failure | None = None
        self.error: UpstreamFailed | None = None
        self.is_aborted = False
        self._fails = fails

    def connected(self, upstream: Upstream) -> None:
        self.upstream = upstream
        if "connected" in self._fails:
            raise ZeroDivisionError("injected")

    def not_connected(self, failure: Failure, error: UpstreamFailed) -> None:
        self.failure, self.error = failure, error
        if "not_connected" in self._fails:
            raise ZeroDivisionError("injected")

    def abort(self) -> None:
        self.is_aborted = True

    def is_served(self) -> bool:
        return self.upstream is not None


class Network:
    """Runs the attempts to connect one by one, with the outcome the test wants."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wheel: Wheel) -> None:
        self._wheel = wheel
        self._attempts: list[Coroutine[object, object, None]] = []
        self._outcome: Exception | None = None
        loop.create_connection = self._create  # type: ignore[method-assign, assignment]

    async def _create(
        self, make: Callable[[], Upstream], *_where: object, **_how: object
    ) -> tuple[object, Upstream]:
        if self._outcome is not None:
            raise self._outcome
        upstream = make()
        upstream.connection_made(Transport())
        return upstream.transport, upstream

    def spawn(self, attempt: Coroutine[object, object, None]) -> None:
        self._attempts.append(attempt)

    @property
    def attempts(self) -> int:
        return len(self._attempts)

    async def settle(self, outcome: Exception | None = None) -> None:
        """Let the oldest attempt succeed, or fail with *outcome*."""
        self._outcome = outcome
        await self._attempts.pop(0)

    def drop(self) -> None:
        for attempt in self._attempts:
            attempt.close()
        self._attempts.clear()


class Scene:
    """A pool, its network and its clock."""

    def __init__(self, connections: int = 2, pending: int = 3) -> None:
        self.wheel = Wheel()
        self.network = Network(asyncio.get_running_loop(), self.wheel)
        limits = PoolLimits(connections=connections, pending=pending)
        self.pool = Pool(
            ENDPOINT, TIMEOUTS, limits, self.wheel, WholeAnswers(), self.network.spawn
        )

    def ask(self, *, fresh: bool = False) -> Waiter:
        waiter = Waiter()
        self.pool.ask(waiter, fresh=fresh)
        return waiter

    def pass_time(self, seconds: float) -> None:
        start = self.wheel.now
        for tick in range(int(seconds / SWEEP) + 2):
            self.wheel.sweep(start + tick * SWEEP)

    def counts(self) -> tuple[int, int, int]:
        return self.pool.busy, self.pool.idle, self.pool.pending


async def test_who_asks_first_is_served_first() -> None:
    scene = Scene()
    first, second = scene.ask(), scene.ask()
    assert scene.network.attempts == 2
    await scene.network.settle()

    assert first.upstream is not None
    assert second.upstream is None
    assert scene.counts() == (1, 0, 1)
    scene.network.drop()


async def test_no_more_connections_are_opened_than_the_limit() -> None:
    scene = Scene(connections=1)
    waiters = [scene.ask() for _ in range(3)]

    assert scene.network.attempts == 1
    await scene.network.settle()
    assert scene.network.attempts == 0
    assert [waiter.upstream is not None for waiter in waiters] == [True, False, False]


async def test_a_connection_given_back_goes_to_the_oldest_waiter() -> None:
    scene = Scene(connections=1)
    first, second, third = scene.ask(), scene.ask(), scene.ask()
    await scene.network.settle()
    assert first.upstream is not None
    scene.pool.give_back(first.upstream)

    assert second.upstream is first.upstream
    assert third.upstream is None
    assert scene.counts() == (1, 0, 1)


async def test_who_wants_a_fresh_connection_gets_no_used_one() -> None:
    scene = Scene()
    used = scene.ask()
    await scene.network.settle()
    waiter = scene.ask(fresh=True)
    assert used.upstream is not None
    scene.pool.give_back(used.upstream)

    assert not waiter.is_served()
    await scene.network.settle()
    assert waiter.is_served()
    assert waiter.upstream is not used.upstream
    assert scene.counts() == (1, 1, 0)


async def test_a_full_queue_is_told_at_once() -> None:
    scene = Scene(pending=1)
    first = scene.ask()

    with pytest.raises(UpstreamFull, match=r"limits\.connections"):
        scene.ask()
    await scene.network.settle()
    assert first.upstream is not None


async def test_a_connection_nobody_waits_for_any_more_is_kept() -> None:
    scene = Scene()
    waiter = scene.ask()
    scene.pool.leave(waiter)
    await scene.network.settle()

    assert waiter.upstream is None
    assert scene.pool.idle == 1
    assert scene.pool.pending == 0


async def test_a_refused_connection_fails_one_waiter_and_is_tried_for_the_next() -> (
    None
):
    scene = Scene(connections=1)
    first, second = scene.ask(), scene.ask()
    await scene.network.settle(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))

    assert first.failure is Failure.CONNECT
    assert second.failure is None
    await scene.network.settle()
    assert second.upstream is not None


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "fs.file-max"),
        (errno.ENOMEM, "memory"),
        (errno.ENOBUFS, "memory"),
        (errno.EADDRNOTAVAIL, "ip_local_port_range"),
    ],
)
async def test_what_the_gateway_lacks_is_not_blamed_on_the_endpoint(
    number: int, limit: str
) -> None:
    scene = Scene()
    waiter = scene.ask()
    await scene.network.settle(OSError(number, "lacking"))

    assert waiter.failure is Failure.GATEWAY
    assert waiter.error is not None
    assert waiter.error.status == 503
    assert limit in str(waiter.error)
    assert scene.counts() == (0, 0, 0)


async def test_a_connection_that_takes_too_long_is_told() -> None:
    scene = Scene()
    waiter = scene.ask()
    scene.pass_time(2.0)

    assert waiter.failure is Failure.CONNECT_TIMEOUT
    assert scene.pool.pending == 0
    await scene.network.settle()
    assert waiter.upstream is None


async def test_who_waits_too_long_for_a_busy_endpoint_is_told_that_it_is_full() -> None:
    scene = Scene(connections=1)
    scene.ask()
    await scene.network.settle()
    waiter = scene.ask()
    scene.pass_time(2.0)

    assert waiter.failure is Failure.FULL
    assert scene.counts() == (1, 0, 0)


async def test_each_waiter_has_a_deadline_of_its_own() -> None:
    scene = Scene(connections=1)
    scene.ask()
    await scene.network.settle()
    early = scene.ask()
    scene.pass_time(1.0)
    late = scene.ask()
    scene.pass_time(1.2)

    assert early.failure is Failure.FULL
    assert late.failure is None
    scene.pass_time(1.2)
    assert late.failure is Failure.FULL


async def test_a_retired_pool_closes_what_is_idle_and_what_becomes_idle() -> None:
    scene = Scene()
    one, other = scene.ask(), scene.ask()
    await scene.network.settle()
    await scene.network.settle()
    assert one.upstream is not None
    assert other.upstream is not None
    scene.pool.give_back(one.upstream)
    scene.pool.retire()
    scene.pool.give_back(other.upstream)

    for upstream in (one.upstream, other.upstream):
        assert upstream.transport is not None
        assert upstream.transport.is_closing()


async def test_a_request_whose_code_fails_on_its_connection_fails_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    faulty = Waiter("connected")
    scene.pool.ask(faulty)
    sound = scene.ask()
    await scene.network.settle()
    await scene.network.settle()

    assert faulty.upstream is not None
    assert faulty.upstream.transport is not None
    assert faulty.upstream.transport.is_closing()
    assert faulty.failure is Failure.GATEWAY
    assert faulty.error is not None
    assert faulty.error.status == 500
    assert sound.upstream is not None
    assert "ZeroDivisionError: injected" in caplog.text


async def test_a_request_whose_code_fails_at_its_refusal_fails_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(connections=1)
    faulty = Waiter("not_connected")
    scene.pool.ask(faulty)
    sound = scene.ask()
    await scene.network.settle(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    await scene.network.settle()

    assert faulty.is_aborted
    assert sound.upstream is not None
    assert "ZeroDivisionError: injected" in caplog.text
