"""Lets the baseline answer what a candidate failed at, before anything was passed on.

What it answers is told and booked apart: no coin assigned it, and the exchange is charged
to the candidate, with its failure, when that failed. What is evidence of this, and what
not: decisions/0023-failover-and-the-guard.md.
"""

from collections.abc import Iterable
from contextlib import suppress
from random import Random
from typing import Final

from gateway.domain.failover import Why
from gateway.domain.outcome import Failure
from gateway.handoff.observations import Series
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.deadlines import Wheel
from gateway.proxy.failover_budget import FailoverBudget
from gateway.proxy.guard import Guard
from gateway.proxy.observe import Observation
from gateway.proxy.routes import Route, Target
from gateway.proxy.standby import Covered, Standby
from gateway.proxy.tally import Tally

_WHYS: Final = {
    Failure.CONNECT: Why.CONNECT,
    Failure.CONNECT_TIMEOUT: Why.CONNECT,
    Failure.FULL: Why.CONNECT,
    Failure.CLOSED_EARLY: Why.BAD_GATEWAY,
    Failure.BAD_ANSWER: Why.BAD_GATEWAY,
    Failure.CUT: Why.BAD_GATEWAY,
    Failure.FIRST_BYTE_TIMEOUT: Why.TIMEOUT,
    Failure.IDLE_TIMEOUT: Why.TIMEOUT,
}
_OF_STATUS: Final = {502: Why.BAD_GATEWAY, 503: Why.UNAVAILABLE}


def why_of(failure: Failure, *, has_begun: bool) -> Why | None:
    """Say what a failure is to `failover.on`; None: nothing another could do better.

    Args:
        failure: Of the endpoint.
        has_begun: Whether its answer had begun, and was held back.

    """
    why = _WHYS.get(failure)
    return Why.ERROR_EVENT if has_begun and why is Why.BAD_GATEWAY else why


def why_of_status(status: int) -> Why:
    """Say the same of an answer of 500 and above."""
    return _OF_STATUS.get(status, Why.SERVER_ERROR)


def cover(seen: Observation, why: Why, now: float) -> Observation | None:
    """Begin to let the baseline answer what a candidate failed at.

    Args:
        seen: The candidate's exchange; its body is wound back.
        why: With what it failed.
        now: Monotonic clock, seconds.

    Returns:
        The baseline's part; None where the failure is passed on.

    """
    standby, target = seen.standby, seen.route.covering
    if standby is None or target is None or not standby.rule.covers(why):
        return None
    tally = seen.target.tally
    lacking = standby.lacking(seen.head, seen.body, seen.pieces, why, now)
    if lacking is not None:
        tally.uncovered[lacking] = tally.uncovered.get(lacking, 0) + 1
        return None
    tally.failovers[why.value] = tally.failovers.get(why.value, 0) + 1
    with suppress(Exception):  # counting it will tell that it could not be read
        seen.cell()  # before the body is the other's
    pieces, seen.pieces = seen.pieces, None
    seen.body.rewind(pieces or [])
    second = Observation(target, seen.route, seen.head, seen.body, seen.key)
    second.cookie = seen.cookie
    second.covered = Covered(seen.target.version.name, why.value)
    if second.reading is not None and seen.reading is not None:
        second.reading.is_sampled = seen.reading.is_sampled
    if seen.learning is not None:
        second.learning = seen.learning.of_another(target.version.name)
    return second


class Standbys:
    """What of all this one worker keeps beyond a table: budgets, guards, and totals.

    Args:
        wheel: Tells the time.
        dice: For the guards' pauses.
        workers: How many there are.

    """

    def __init__(self, wheel: Wheel, dice: Random, workers: int) -> None:
        self._wheel = wheel
        self._dice = dice
        self._workers = workers
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._budgets: dict[str, FailoverBudget] = {}
        self._guards: dict[tuple[str, str, str], Guard] = {}

    def be_one_of(self, workers: int) -> None:
        """Take this worker's part of the budgets."""
        self._workers = workers
        for budget in self._budgets.values():
            budget.workers = workers

    def use(self, services: Iterable[tuple[RoutedService, Route]]) -> None:
        """Let baselines stand by as a routing table says."""
        before, self._guards = self._guards, {}
        for routed, route in services:
            candidate = route.candidate
            if candidate is None:
                continue
            self._stand_by(routed, route, candidate, before)

    def _stand_by(
        self,
        routed: RoutedService,
        route: Route,
        candidate: Target,
        before: dict[tuple[str, str, str], Guard],
    ) -> None:
        service, baseline, whom = route.service, route.baseline, candidate.version.name
        own = (service.known_as, baseline.version.name)
        tally = self._tallies.setdefault(own, Tally(*own))
        guard = self._guard(routed, route, tally, before)
        route.covering = _for_another(routed, baseline, tally, b"failover", whom)
        route.diverted = _for_another(
            routed, baseline, baseline.tally, b"diverted", whom
        )
        route.diverted.awaiting = baseline.awaiting
        route.guard = guard
        candidate.standby = Standby(
            service.failover,
            self._budget(route),
            tuple(each.tally for each in route.targets()),
            guard,
            may_repeat=route.may_repeat,
        )

    def _budget(self, route: Route) -> FailoverBudget:
        name, wanted = route.service.known_as, route.service.failover.budget
        new = FailoverBudget(wanted, self._workers, self._wheel.now)
        budget = self._budgets.setdefault(name, new)
        budget.budget = wanted
        return budget

    def _guard(
        self,
        routed: RoutedService,
        route: Route,
        covered: Tally,
        before: dict[tuple[str, str, str], Guard],
    ) -> Guard | None:
        rule, candidate = route.service.guard, route.candidate
        if rule is None or candidate is None:
            return None
        names = (candidate.version.name, route.baseline.version.name)
        key = (route.service.known_as, *names)
        guard = before.get(key)
        if guard is None:
            both = (route.baseline.tally, covered)
            guard = Guard(rule, candidate.tally, both, self._dice.random)
        guard.follow(rule)
        guard.is_covered = route.service.failover.covers(Why.CONNECT)
        if not (routed.share or routed.header_routes or routed.is_draining):
            guard.rest()
        self._guards[key] = guard
        return guard

    def diverting(self) -> set[tuple[str, str]]:
        """Give (service, version) of the candidates that are diverted from now."""
        return {
            (service, candidate)
            for (service, candidate, _baseline), guard in self._guards.items()
            if guard.is_diverting
        }

    def series(self) -> list[Series]:
        """Write down what baselines answered for candidates."""
        return [tally.series() for tally in self._tallies.values()]


def _for_another(
    routed: RoutedService, baseline: Target, tally: Tally, how: bytes, version: str
) -> Target:
    """Make the baseline one that answers for *version*, and says so where it may."""
    target = Target(routed, baseline.version, tally, baseline.tracing)
    target.pools, target.ticket = baseline.pools, baseline.ticket
    if target.answer_lines:
        target.answer_lines += b"x-sluicegate-%b: %b\r\n" % (how, version.encode())
    return target
