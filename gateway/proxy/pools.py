"""All pools of a worker: one for each address of each endpoint of each version."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from time import monotonic
from typing import Final

from gateway.domain.service import Service, Version
from gateway.handoff.endpoint_health import EndpointHealth
from gateway.handoff.observations import EndpointTold, Series
from gateway.proxy.checks import Checks
from gateway.proxy.deadlines import Wheel
from gateway.proxy.names import Names
from gateway.proxy.pool import Pool, Spawn
from gateway.proxy.tally import NEVER, Tally
from gateway.proxy.whole import WholeAnswers

_logger: Final = logging.getLogger("sluicegate.endpoints")

VersionName = tuple[str, str]
_Key = tuple[str, str, object]


class Pools:
    """Makes them, keeps them over tables, and lets go of those that are not needed.

    Args:
        wheel: Watches connections.
        spawn: Runs a coroutine.
        random: Gives numbers from 0 to 1.
        health: What health checks found.
        moved: Called when names lead elsewhere: the routes are to be made anew.

    """

    def __init__(
        self,
        wheel: Wheel,
        spawn: Spawn,
        random: Callable[[], float],
        health: EndpointHealth,
        moved: Callable[[], None],
    ) -> None:
        self._wheel = wheel
        self._spawn = spawn
        self._random = random
        self._whole_answers = WholeAnswers()
        self._pools: dict[_Key, Pool] = {}
        self._before: dict[_Key, Pool] = {}
        self._looking_after: set[asyncio.Task[object]] = set()
        self._ejections: dict[VersionName, dict[str, int]] = {}
        self._names = Names(self._safely, moved)
        self._checks = Checks(health, self._safely, wheel, random)

    def begin(self, versions: Iterable[Version]) -> None:
        """Begin a new table; `of` follows for each of its versions, and then `end`."""
        self._names.use(
            (endpoint, version.care.resolve, version.timeouts.connect)
            for version in versions
            for endpoint in version.endpoints
        )
        self._before, self._pools = self._pools, {}

    def of(self, service: Service, version: Version) -> tuple[Pool, ...]:
        """Give the pools of a version; lanes share theirs."""
        name = (service.known_as, version.name)
        pools = tuple(
            self._pool(name, version, number, address)
            for number, endpoint in enumerate(version.endpoints)
            for address in self._names.addresses(endpoint)
        )
        for pool in pools:
            pool.peers = pools
        return pools

    def end(self) -> None:
        """Let go of what the table does not name."""
        for key, pool in self._before.items():
            if key not in self._pools:
                pool.retire()
        self._before = {}
        self._checks.use(self._pools.values())

    def _pool(
        self, name: VersionName, version: Version, number: int, address: str | None
    ) -> Pool:
        endpoint = version.endpoints[number]
        settings = (endpoint, version.timeouts, version.limits)
        key = (*name, (*settings, version.care, version.tls, address))
        pool = self._pools.get(key) or self._before.get(key)
        if pool is None:
            pool = Pool(*settings, self._wheel, self._whole_answers, self._spawn)
            pool.address = address
            pool.tls.use(version.tls)
            where = endpoint.url if address is None else f"{endpoint.url} ({address})"
            pool.name = f"{version.name} of {name[0]} at {where}"
            pool.belongs(
                version.care, self._random, self._ejections.setdefault(name, {})
            )
            if self._is_new(name, pool):
                pool.warm_up(monotonic())
        pool.check_headers = version.set_headers
        self._pools[key] = pool
        return pool

    def _is_new(self, name: VersionName, pool: Pool) -> bool:
        """Whether a server has come to others, and not only its name was looked up."""
        before = [one for key, one in self._before.items() if key[:2] == name]
        same = [one for one in before if one.endpoint == pool.endpoint]
        return bool(before) and all(
            one.address not in {None, pool.address} for one in same
        )

    def __iter__(self) -> Iterator[Pool]:
        """Give the pools of the table in force."""
        return iter(self._pools.values())

    def sweep(self, now: float) -> None:
        """Look up names, check health, and take back what was left out, when it is due."""
        self._names.sweep(now)
        self._checks.sweep(now)
        for pool in self._pools.values():
            if pool.is_suspect:
                pool.watch(now)

    def by_version(self) -> dict[VersionName, list[Pool]]:
        """Give the pools of the table in force by service and version."""
        pools: dict[VersionName, list[Pool]] = {}
        for (service, version, _settings), pool in self._pools.items():
            pools.setdefault((service, version), []).append(pool)
        return pools

    def count(self, told: Iterable[Series]) -> list[Series]:
        """Write down for each version how often an endpoint was left out, by why."""
        written = list(told)
        for series in written:
            counts = self._ejections.get((series.service, series.version), {})
            series.ejections = dict(counts)
        return written

    def told(self, now: float) -> list[EndpointTold]:
        """Write down how every endpoint stands."""
        return [
            EndpointTold(
                service=service,
                version=version,
                url=pool.endpoint.url,
                address=pool.address or "",
                state=pool.state(now),
                back_in=pool.back_in(now),
                health=pool.health,
            )
            for (service, version, _settings), pool in self._pools.items()
        ]

    def close(self) -> None:
        """Look after nothing any more."""
        for task in tuple(self._looking_after):
            task.cancel()

    def _safely(self, work: Coroutine[object, object, None]) -> None:
        self._spawn(self._look_after(work))

    async def _look_after(self, work: Coroutine[object, object, None]) -> None:
        """Do what is done again and again: should it fail, nothing else does."""
        task = asyncio.current_task()
        assert task is not None  # ruff: ignore[assert]  # in a coroutine
        self._looking_after.add(task)
        try:
            await work
        except Exception:
            _logger.exception("An endpoint could not be looked after.")
        finally:
            self._looking_after.discard(task)


def series_of(
    tally: Tally, pools: Sequence[Pool], now: float, *, is_diverting: bool
) -> Series:
    """Write down what one version was asked for, and its connections."""
    series = tally.series()
    series.diverting = is_diverting
    if tally.answered_at > NEVER:
        series.answered_age = max(now - tally.answered_at, 0.0)
    series.connections_active = sum(pool.busy for pool in pools)
    series.connections_idle = sum(pool.idle for pool in pools)
    series.pending = sum(pool.pending for pool in pools)
    return series
