"""Rollouts as operators and the configuration lead them.

What a hand asks for goes through the same machine as what the evidence asks for, so that
neither can leave the other behind. `decisions` looks at the evidence by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.in_force import Receipt
from gateway.control.moves import Moves, NothingToDo
from gateway.control.standings import (
    is_ruled,
    is_running,
)
from gateway.control.unharmed import unharmed
from gateway.control.weights import wanted_of
from gateway.control.wishes import Wishes
from gateway.delivery.events import (
    CandidateGone,
    Retried,
    Started,
    WeightSet,
)
from gateway.delivery.machine import possible, where
from gateway.domain.errors import (
    GatewayError,
    NotAllowedNow,
    StoreUnavailable,
)
from gateway.domain.rollout import Standing
from gateway.domain.service import Service
from gateway.domain.verdict import Assessment, Finding
from gateway.state.journal import Entry
from gateway.telemetry.traffic import RolloutFigures

_log = logging.getLogger(__name__)
_CONFIGURATION: Final = "configuration"


_AT_ONCE: Final = 20
"""Findings; more would hold the decisions up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What an operator's action came to; see admin.ports.Acted."""

    standing: Standing
    protection: str
    receipt: Receipt
    said: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the analyzer knows; see admin.ports.Examined."""

    alpha: float
    unit: str
    sampled: float
    age: float | None
    assessment: Assessment
    findings: tuple[Finding, ...]


class Rollouts:
    """Leads the rollouts of all services.

    Args:
        gate: Knows what is in force.
        moves: Puts moves in force.
        durable: Reads evidence and the journal.
        is_healthy: Whether a version of a service can be reached.
        notes: What an operator should know before an action on a service.
        clock: Monotonic, seconds.

    """

    def __init__(
        self,
        gate: Gatekeeper,
        moves: Moves,
        durable: Durable,
        is_healthy: Callable[[str, str], bool],
        notes: Callable[[str, str], Sequence[str]],
        clock: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._moves = moves
        self._durable = durable
        self._wishes = Wishes(gate, is_healthy)
        self._notes = notes
        self._clock = clock

    async def act(
        self, service: str, action: str, *, by: str, reason: str, full: bool
    ) -> Acted:
        """Do what an operator asks for.

        Raises:
            NotFound: There is no such service.
            NotAllowedNow: It cannot be done now; says what can.
            RevisionConflict: Something was lowered meanwhile; nothing was changed.
            StoreUnavailable: It raises, and cannot be kept; nothing was changed.

        """
        event = self._wishes.of_hand(service, action, full=full)
        try:
            moved, receipt = await self._moves.make(
                service, event, by=by, reason=reason
            )
        except NothingToDo as error:
            raise self._is_so(service, action) from error
        if isinstance(event, Started | Retried):
            with suppress(StoreUnavailable):  # another time will do
                await self._durable.prune(service)
        return Acted(
            standing=moved.standing,
            protection=self.protection(service),
            receipt=receipt,
            said=moved.cause,
            notes=self._noted(service, action),
        )

    def _noted(self, service: str, action: str) -> tuple[str, ...]:
        """Say what should be known; no kill waits for it, or fails with it."""
        notes: list[str] = []
        with unharmed(f"Saying what should be known of {service}"):
            notes += self._notes(service, action)
        return tuple(notes)

    async def set_weights(
        self,
        service: str,
        percents: Mapping[str, object],
        *,
        revision: int | None,
        by: str,
        reason: str,
    ) -> Receipt:
        """Set weights by hand; where a rollout rules them, it has its say.

        Raises:
            NotFound: There is no such service.
            BadWeights: See weights.share_wanted.
            NotAllowedNow: The rollout is where no hand may set a weight.
            RevisionConflict: Changed since the caller looked.
            StoreUnavailable: It would raise a weight, and cannot be kept.

        """
        routed = self._gate.routed(service)
        if not is_ruled(routed.service, self._gate.standings.of(service)):
            return await self._gate.set_weights(
                service, percents, revision=revision, by=by, reason=reason
            )
        event = WeightSet(share=wanted_of(routed, percents, seen=revision))
        try:
            return (await self._moves.make(service, event, by=by, reason=reason))[1]
        except NothingToDo as error:
            raise self._is_so(service, "weights") from error

    def standing(self, service: str) -> Standing:
        """Tell where a service's rollout stands."""
        return self._gate.standings.of(service)

    def protection(self, service: str) -> str:
        """Tell in a word what protects a service."""
        standing = self.standing(service)
        is_on = is_running(standing) and not standing.is_killed
        return "analysing" if is_on and service in self._moves.lives else "off"

    def shortage(self, service: str) -> str | None:
        """Tell why a rollout that is on waits for nothing; see Assessment.shortage."""
        live, standing = self._moves.lives.get(service), self.standing(service)
        is_on = is_running(standing) and not standing.is_killed
        if live is None or not is_on or live.attempt != standing.attempt:
            return None
        return live.assessment.shortage

    async def examined(self, service: str) -> Examined | None:
        """Tell what the analyzer knows; None while nothing was analysed."""
        live = self._moves.lives.get(service)
        if live is None:
            return None
        design = live.examination.design
        return Examined(
            alpha=design.alpha,
            unit="request" if design.by_request else "key",
            sampled=live.examination.sampled,
            age=None if live.newest is None else self._clock() - live.newest,
            assessment=live.assessment,
            findings=await _gathered(live.examination.findings()),
        )

    def figures(self) -> dict[str, RolloutFigures]:
        """Give each service's rollout in numbers, for telemetry."""
        return {
            service.name: self._figures(service.name)
            for service in self._gate.deployment.services
            if service.candidate is not None
        }

    async def journal(
        self, service: str | None, *, after: int, limit: int
    ) -> Sequence[Entry]:
        """Give entries of the journal, the oldest first."""
        return await self._durable.entries(service, after=after, limit=limit)

    async def reload(self) -> Receipt:
        """Read the configuration again, and see what it makes of the rollouts.

        Raises:
            GatewayError: See Gatekeeper.reload; nothing was changed.

        """
        receipt = await self._gate.reload()
        await self.configured()
        return replace(receipt, table=self._gate.table)

    async def restored(self) -> None:
        """Take up the evidence of rollouts that were on, where it is not here yet."""
        for name, standing in self._gate.standings.items():
            live = self._moves.lives.get(name)
            is_known = live is not None and live.attempt == standing.attempt
            is_meant = is_known and not (live is not None and live.is_provisional)
            if is_meant or not is_running(standing) or name not in self._names():
                continue
            with unharmed(f"Taking up the rollout of {name}"):
                await self._restore(name, standing)

    async def configured(self) -> None:
        """See what the configuration makes of the rollouts; after start and reload."""
        for service in self._gate.deployment.services:
            with unharmed(f"Bringing the rollout of {service.name} up to date"):
                try:
                    await self._configure(service)
                except GatewayError as error:
                    _log.error("%s: %s", service.name, error)

    async def _configure(self, service: Service) -> None:
        event = self._wishes.of_configuration(service)
        if event is None:
            return
        with suppress(NothingToDo):
            await self._moves.make(service.name, event, by=_CONFIGURATION)
        if isinstance(event, CandidateGone):
            await self._gate.set_configured_weight(service.name, by=_CONFIGURATION)
            await self._begin_with_the_next(service)

    async def _begin_with_the_next(self, service: Service) -> None:
        """Begin with what takes the place of a candidate that is gone, if it is to."""
        event = self._wishes.of_configuration(service)
        if isinstance(event, Started):
            await self._moves.make(service.name, event, by=_CONFIGURATION)

    def _figures(self, name: str) -> RolloutFigures:
        standing, live = self.standing(name), self._moves.lives.get(name)
        begun = standing.attempt > 0 and standing.plan is not None
        return RolloutFigures(
            phase="killed" if standing.is_killed else standing.phase.value,
            step=standing.step + 1 if begun and standing.stage else 0,
            log_evalues={} if live is None else live.examination.log_es(),
            rollbacks={
                metric: count
                for (service, metric), count in self._moves.rollbacks.items()
                if service == name
            },
        )

    def _names(self) -> set[str]:
        return {service.name for service in self._gate.deployment.services}

    async def _restore(self, name: str, standing: Standing) -> None:
        """Take up the evidence of one rollout.

        While the store cannot be read, what comes is examined all the same, so that a
        bad candidate is taken back; nothing can rise by it, for that has to be kept.
        """
        try:
            kept = await self._durable.evidence(name)
        except StoreUnavailable as error:
            if name not in self._moves.lives:
                _log.error("%s is examined from nothing for now: %s", name, error)
                self._moves.begin_again(name, standing, str(error), is_provisional=True)
            return
        why = "No evidence of this attempt was kept."
        if kept is not None and kept.attempt == standing.attempt:
            try:
                self._moves.take_up(name, standing, kept)
            except Exception as error:  # ruff: ignore[blind-except]: or nobody looks
                why = f"The evidence that was kept cannot be read: {error!r}"
            else:
                return
        _log.error("%s is examined from nothing. %s", name, why)
        self._moves.begin_again(name, standing, why)

    def _is_so(self, name: str, action: str) -> NotAllowedNow:
        standing = self.standing(name)
        commands = ", ".join(possible(standing))
        return NotAllowedNow(
            f"`{action}` changes nothing: the rollout of {name} is"
            f" {where(standing).replace('_', ' ')} already.",
            remedy=f"Possible now: {commands}." if commands else "Nothing is needed.",
        )


async def _gathered(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    gathered: list[Finding] = []
    while some := list(islice(findings, _AT_ONCE)):
        gathered += some
        await asyncio.sleep(0)
    return tuple(gathered)
