"""Active health checks: one worker asks every endpoint, and all workers know.

A check is an exchange like others, on a connection of its own: it takes no place among
`limits.connections`, and an endpoint that is merely busy does not look ill for want of one.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from gateway.domain.health import EjectedFor, HealthCheck
from gateway.domain.outcome import Failure
from gateway.handoff.endpoint_health import EndpointHealth, Found, place_of
from gateway.proxy.deadlines import Wheel
from gateway.proxy.pool import Pool
from gateway.proxy.routes import Target
from gateway.proxy.upstream import Upstream
from gateway.proxy.whole import WholeAnswers
from gateway.wire.answer_head import AnswerHead
from gateway.wire.request_head import RequestHead

_logger: Final = logging.getLogger("sluicegate.endpoints")

_LOCK_EVERY_S: Final = 0.5
_JITTER: Final = 0.1
_SLACK_S: Final = 5.0  # for another worker to go on where one ended

Spawn = Callable[[Coroutine[object, object, None]], object]


@dataclass(slots=True)
class _Checked:
    """One endpoint that this worker asks; versions may share it."""

    pool: Pool
    health: HealthCheck
    is_good: bool | None
    due: float = 0.0
    in_a_row: int = 0
    is_asking: bool = False


class Checks:
    """Asks, and reads what was found.

    Args:
        known: What all workers share.
        spawn: Runs a coroutine.
        wheel: Watches the connections.
        random: Gives numbers from 0 to 1.

    """

    def __init__(
        self,
        known: EndpointHealth,
        spawn: Spawn,
        wheel: Wheel,
        random: Callable[[], float],
    ) -> None:
        self._known = known
        self._spawn = spawn
        self._wheel = wheel
        self._random = random
        self._answers = WholeAnswers()
        self._wanted: dict[int, list[Pool]] = {}
        self._checked: dict[int, _Checked] = {}
        self._lock_due = 0.0

    def use(self, pools: Iterable[Pool]) -> None:
        """Check these, as far as they are to be checked, and no others."""
        self._wanted = {}
        for pool in pools:
            if pool.care.health is not None:
                self._wanted.setdefault(_place(pool), []).append(pool)
        self._checked = {
            place: checked
            for place, checked in self._checked.items()
            if place in self._wanted
        }

    def sweep(self, now: float) -> None:
        """Ask what is due, if it is on us, and take what is known."""
        if not self._wanted:
            return
        if not self._known.asks and now >= self._lock_due:
            self._lock_due = now + _LOCK_EVERY_S
            self._known.may_ask()
        for place, pools in self._wanted.items():
            if self._known.asks:
                self._ask_if_due(place, pools[0], now)
            found = self._known.find(place)
            for pool in pools:
                pool.checked(_still(found, pool.care.health, now), now)

    def _ask_if_due(self, place: int, pool: Pool, now: float) -> None:
        checked = self._checked.get(place)
        health = pool.care.health
        if health is None:
            return
        if checked is None:
            found = _still(self._known.find(place), health, now)
            self._checked[place] = checked = _Checked(pool, health, found)
        checked.pool = pool
        if checked.due <= now and not checked.is_asking:
            jitter = 1 + _JITTER * (2 * self._random() - 1)
            checked.due = now + health.interval * jitter
            checked.is_asking = True
            self._spawn(self._check(place, checked))

    async def _check(self, place: int, checked: _Checked) -> None:
        try:
            said = await self._ask(checked.pool, checked.health)
        finally:
            checked.is_asking = False
        is_good = said is None
        if is_good is checked.is_good:
            checked.in_a_row = 0
        else:
            checked.in_a_row += 1
            self._perhaps_turn(place, checked, said)
        self._known.keep(place, Found(checked.is_good, monotonic()))

    def _perhaps_turn(self, place: int, checked: _Checked, said: str | None) -> None:
        """Note a change once enough answers in a row say so; the first good one does."""
        health, is_first = checked.health, checked.is_good is None
        enough = (
            health.healthy_threshold if said is None else health.unhealthy_threshold
        )
        if said is None and is_first:
            enough = 1
        if checked.in_a_row < enough:
            return
        checked.is_good, checked.in_a_row = said is None, 0
        for pool in self._wanted.get(place, ()):
            if said is not None:
                pool.count(EjectedFor.HEALTH_CHECK)
                _logger.warning("%s is not well: %s.", pool.name, said)
            elif not is_first:
                _logger.warning("%s is well again.", pool.name)

    async def _ask(self, pool: Pool, health: HealthCheck) -> str | None:
        """Ask once; give what was wrong with the answer."""
        question = _Question(health.path)
        upstream: Upstream | None = None
        try:
            async with asyncio.timeout(health.timeout):
                upstream = await pool.dial(
                    lambda: Upstream(
                        question, pool.timeouts, self._wheel, self._answers
                    )
                )
                self._wheel.read_clock()
                upstream.begin(question, _request(pool, health), False, True)
                status = await question.status
        except TimeoutError:
            return f"GET {health.path} took longer than {health.timeout:g} s"
        except (OSError, ValueError) as error:
            return f"GET {health.path}: {error}"
        finally:
            if upstream is not None:
                upstream.abort()
        return None if health.likes(status) else f"GET {health.path} gave {status}"


class _Question:
    """Home and caller of a connection on which one question is asked."""

    def __init__(self, path: str) -> None:
        target = path.encode()
        self.head = RequestHead(b"GET", target, 1, {}, path=target)
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def give_back(self, upstream: Upstream) -> None:
        """Close it."""
        upstream.close()

    def forget(self, upstream: Upstream) -> None:
        """Nobody else knows it."""

    def interim_arrived(self, head: AnswerHead) -> None:
        """Wait on."""

    def answered(self, head: AnswerHead, _body: bytes) -> None:
        """Take the status."""
        self._say(head.status)

    def answer_arrived(
        self, head: AnswerHead | None, _parts: list[bytes], _ended: bool
    ) -> None:
        """Take the status."""
        if head is not None:
            self._say(head.status)

    def upgraded(self, head: AnswerHead, _rest: bytes) -> None:
        """Take the status, though nobody has asked for that."""
        self._say(head.status)

    def upstream_failed(self, failure: Failure) -> None:
        """Say why there is no answer."""
        if not self.status.done():
            self.status.set_exception(ConnectionError(failure.value))

    def upstream_is_slow(self, *, slow: bool) -> None:
        """Nothing more is sent."""

    def _say(self, status: int) -> None:
        if not self.status.done():
            self.status.set_result(status)


def _request(pool: Pool, health: HealthCheck) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in pool.check_headers)
    return (
        f"GET {health.path} HTTP/1.1\r\nhost: {Target.host_of(pool).decode()}\r\n"
        f"user-agent: sluicegate-health-check\r\nconnection: close\r\n{lines}\r\n"
    ).encode()


def _place(pool: Pool) -> int:
    """Give what stands for a check: where is asked, and what."""
    return place_of(
        repr((pool.endpoint, pool.address, pool.care.health, pool.check_headers))
    )


def _still(found: Found | None, health: HealthCheck | None, now: float) -> bool | None:
    """Give what was found, unless it is too old to be true: nobody asks any more."""
    if found is None or health is None:
        return None
    lasts = health.interval * health.unhealthy_threshold + health.timeout + _SLACK_S
    return found.is_good if now - found.at <= lasts else None
