"""How much a worker takes on, and what it refuses when that is more than it can do.

A request is refused before a version is chosen for it, and for reasons in which no
version has a part: so what is refused is missing on both sides alike, and is no evidence
of either. See decisions/0026.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

from gateway.domain.deployment import ClientLimits
from gateway.domain.errors import Overloaded
from gateway.handoff.routing_table import RoutedService, percents_of
from gateway.proxy.deadlines import SWEEP
from gateway.proxy.load import Load
from gateway.proxy.routes import Route
from gateway.proxy.seldom import Seldom

_log: Final = logging.getLogger("sluicegate.overload")

BY_REQUESTS: Final = "requests"
BY_LAG: Final = "lag"
BY_SERVICE: Final = "service"

_PATIENCE: Final = 2.0  # seconds that a worker may lag before it does anything about it
_LEAST: Final = 16  # requests in flight that are always allowed: a pause is no overload
_LESS: Final = 0.8
_MORE: Final = 1.05
_ENOUGH: Final = 100_000.0  # requests in flight beyond which nothing is held back
_SLACK: Final = 0.9  # what is full by chance now and then is not reached
_ALL: Final = 100.0
_SOME: Final = 2  # versions that are compared
_COMPLAIN: Final = 10.0


class Overload:
    """What one worker has to do, and may have to do.

    Attributes:
        worker: All of its requests.
        shed: How many were refused, by why.

    """

    def __init__(self) -> None:
        self.worker = Load()
        self.shed: Counter[str] = Counter()
        self._services: dict[str, Load] = {}
        self._most = math.inf
        self._tolerated: float | None = None
        self._swept = self._lags_since = math.inf
        self._complaints = Seldom(_COMPLAIN)

    def use(
        self, limits: ClientLimits, routes: Iterable[tuple[RoutedService, Route]]
    ) -> None:
        """Take over what a table says; what runs stays counted.

        Args:
            limits: Of the table.
            routes: All services, lane by lane; each is given its Load.

        """
        most = math.inf if limits.requests is None else limits.requests
        if most < self.worker.room or self.worker.room == self._most:
            self.worker.room = most
        self._most, self._tolerated = most, limits.lag
        lanes: dict[str, list[tuple[RoutedService, Route]]] = {}
        for routed, route in routes:
            lanes.setdefault(routed.service.known_as, []).append((routed, route))
        for name, of_service in lanes.items():
            load = self._services.setdefault(name, Load(self.worker))
            load.room = _room(of_service)
            for _routed, route in of_service:
                route.load = load

    def sweep(self, now: float) -> None:
        """Look how late the event loop is. Call every SWEEP seconds (monotonic clock)."""
        late = now - self._swept - SWEEP
        self._swept = now
        if self._tolerated is None or late < self._tolerated:
            self._lags_since = math.inf
            self._take_more()
        else:
            self._lags_since = min(self._lags_since, now)
            if self.is_short or now - self._lags_since >= _PATIENCE:
                self._take_less(now, late)

    @property
    def is_short(self) -> bool:
        """Whether fewer requests are taken than usually, for the worker lags."""
        return self.worker.room < self._most

    def refusal(self) -> Overloaded:
        """Count a request that is not taken, and say why."""
        why = BY_SERVICE
        if self.worker.running > self.worker.room:
            why = BY_LAG if self.is_short else BY_REQUESTS
        self.shed[why] += 1
        what, remedy = _SAID[why]
        return Overloaded(503, what, remedy=f"Try again shortly, or {remedy}.")

    def _take_less(self, now: float, late: float) -> None:
        worker = self.worker
        less = _LESS * min(worker.room, worker.running)
        worker.room = min(max(_LEAST, int(less)), self._most)
        if self._complaints.allow(now):
            _log.warning(
                "This worker is late by %.1f s: it takes no more than %d requests at"
                " once until it is not.",
                late,
                worker.room,
            )

    def _take_more(self) -> None:
        if self.is_short:
            more = self.worker.room * _MORE + 1
            self.worker.room = self._most if more > _ENOUGH else min(more, self._most)


_SAID: Final = {
    BY_REQUESTS: (
        "The gateway has as many requests in flight as it may have.",
        "raise limits.requests",
    ),
    BY_LAG: (
        "The gateway has more to do than it can do in time.",
        "give it more workers",
    ),
    BY_SERVICE: (
        "This service has as many requests in flight as its versions can take at"
        " their weights.",
        "raise limits.connections or limits.pending of its versions",
    ),
}


def _room(lanes: list[tuple[RoutedService, Route]]) -> float:
    """Give how many requests fit before a version is full, were all equally fast.

    Beyond that many, it is the whole service that has too much to do. A version that is
    full with fewer is slower than the others, and its failure is its own. Where one
    version has all the traffic there is nothing to be compared, and no such bound.
    """
    percents = percents_of(routed for routed, _route in lanes)
    takes = {
        target.version.name: sum(
            pool.limits.connections + pool.limits.pending for pool in target.pools
        )
        for _routed, route in lanes
        for target in route.targets()
    }
    rooms = [
        takes[name] * _ALL / percent for name, percent in percents.items() if percent
    ]
    if len(rooms) < _SOME or not all(rooms):
        return math.inf
    return max(1.0, _SLACK * min(rooms))
