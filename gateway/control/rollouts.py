"""Rollouts as operators and the configuration lead them.

What a hand asks for goes through the same machine as what the evidence asks for, so that
neither can leave the other behind. `decisions` looks at the evidence by itself.
"""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.in_force import Receipt
from gateway.control.live import Note
from gateway.control.moves import Moves, NothingToDo
from gateway.control.standings import (
    definition_of,
    hash_of,
    is_ruled,
    is_running,
)
from gateway.control.weights import share_wanted
from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    Killed,
    Paused,
    Promoted,
    Redefined,
    Resumed,
    Retried,
    Started,
    Unkilled,
    WeightSet,
)
from gateway.domain.errors import (
    GatewayError,
    NotAllowedNow,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.rollout import Phase, RolloutPlan, Standing
from gateway.domain.service import Service, Version
from gateway.domain.verdict import Assessment, Finding
from gateway.state.journal import Entry
from gateway.telemetry.traffic import RolloutFigures

_log = logging.getLogger(__name__)
_SALT_BYTES: Final = 8
_CONFIGURATION: Final = "configuration"
_PLAIN: Final[Mapping[str, Callable[[], Event]]] = {
    "pause": Paused,
    "abort": Aborted,
    "kill": Killed,
    "unkill": Unkilled,
}


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
        self._is_healthy = is_healthy
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
        notes = tuple(self._notes(service, action))
        event = self._event(service, action, full=full)
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
            notes=notes,
        )

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
        if not is_ruled(self._gate.standings.of(service)):
            return await self._gate.set_weights(
                service, percents, revision=revision, by=by, reason=reason
            )
        share = share_wanted(routed.service, percents)
        if revision is not None and revision != routed.revision:
            raise RevisionConflict(
                f"{service} is at revision {routed.revision}, not {revision}.",
                remedy="Look at what changed, then send the new revision.",
            )
        event = WeightSet(share=share)
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

    def examined(self, service: str) -> Examined | None:
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
            findings=live.examination.findings(),
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

    async def restored(self) -> None:
        """Take up the evidence of rollouts that were on, where it is not here yet."""
        for name, standing in self._gate.standings.items():
            live = self._moves.lives.get(name)
            is_known = live is not None and live.attempt == standing.attempt
            if is_known or not is_running(standing) or name not in self._names():
                continue
            try:
                await self._restore(name, standing)
            except GatewayError as error:
                _log.error("The evidence of %s is lost: %s", name, error)
                self._moves.begin_again(name, standing)

    async def configured(self) -> None:
        """See what the configuration makes of the rollouts; after start and reload."""
        for service in self._gate.deployment.services:
            event = self._demanded(service)
            if event is None:
                continue
            try:
                await self._moves.make(service.name, event, by=_CONFIGURATION)
            except NothingToDo:
                pass
            except GatewayError as error:
                _log.error("%s: %s", service.name, error)

    def _figures(self, name: str) -> RolloutFigures:
        standing, live = self.standing(name), self._moves.lives.get(name)
        evidence: dict[str, float] = {}
        for found in () if live is None else live.examination.trial.findings():
            before = evidence.get(found.metric, found.log_e)
            evidence[found.metric] = max(before, found.log_e)
        begun = standing.attempt > 0 and standing.plan is not None
        return RolloutFigures(
            phase="killed" if standing.is_killed else standing.phase.value,
            step=standing.step + 1 if begun and standing.stage else 0,
            log_evalues=evidence,
            rollbacks={
                metric: count
                for (service, metric), count in self._moves.rollbacks.items()
                if service == name
            },
        )

    def _names(self) -> set[str]:
        return {service.name for service in self._gate.deployment.services}

    async def _restore(self, name: str, standing: Standing) -> None:
        kept = await self._durable.evidence(name)
        if kept is None or kept.attempt != standing.attempt:
            self._moves.begin_again(name, standing)
            return
        note = msgspec.msgpack.decode(kept.book, type=Note)
        self._moves.take_up(name, standing, kept, note)

    def _event(self, name: str, action: str, *, full: bool) -> Event:
        match action:
            case "start":
                return self._started(name)
            case "retry":
                return self._retried(name)
            case "promote":
                return Promoted(is_full=full, is_healthy=self._is_up(name))
            case "resume":
                return Resumed(is_healthy=self._is_up(name))
            case _:
                return _PLAIN[action]()

    def _started(self, name: str) -> Started:
        service, plan = self._plan_of(name)
        candidate = _version(service, service.candidate or "")
        return Started(
            plan=plan,
            plan_hash=hash_of(plan),
            baseline=service.baseline,
            candidate=candidate.name,
            definition=definition_of(candidate),
            salt=secrets.token_hex(_SALT_BYTES),
        )

    def _retried(self, name: str) -> Retried:
        service, plan = self._plan_of(name)
        candidate = _version(service, service.candidate or "")
        return Retried(
            plan=plan,
            plan_hash=hash_of(plan),
            definition=definition_of(candidate),
            salt=secrets.token_hex(_SALT_BYTES),
        )

    def _plan_of(self, name: str) -> tuple[Service, RolloutPlan]:
        """Give a service as it is routed, and its plan.

        Raises:
            NotAllowedNow: It has no plan, or no candidate.

        """
        service = self._gate.routed(name).service
        if service.rollout is None:
            raise NotAllowedNow(
                f"{name} has no `rollout` in the configuration.",
                remedy="Write one (an empty one has the default plan), then reload.",
            )
        if service.candidate is None:
            raise NotAllowedNow(
                f"{name} has no candidate; {service.baseline} serves.",
                remedy="Name another `candidate` in the configuration, then reload.",
            )
        return service, service.rollout

    def _is_up(self, name: str) -> bool:
        candidate = self.standing(name).candidate
        return not candidate or self._is_healthy(name, candidate)

    def _is_so(self, name: str, action: str) -> NotAllowedNow:
        standing = self.standing(name)
        return NotAllowedNow(
            f"`{action}` changes nothing: the rollout of {name} is"
            f" {standing.phase.value.replace('_', ' ')} already.",
            remedy="Look at `sluicegate status`.",
        )

    def _demanded(self, service: Service) -> Event | None:
        """Tell what the configuration asks of a service's rollout; None: nothing."""
        standing = self.standing(service.name)
        if _is_gone(service, standing):
            return CandidateGone()
        if is_running(standing):
            now = definition_of(_version(service, standing.candidate))
            if now != standing.definition:
                return Redefined(version=standing.candidate, definition=now)
            return None
        return self._autostart(service, standing)

    def _autostart(self, service: Service, standing: Standing) -> Event | None:
        """Begin by itself, once for each definition of the candidate."""
        routed = self._gate.routed(service.name).service
        plan, candidate = routed.rollout, routed.candidate
        if plan is None or not plan.autostart or candidate is None:
            return None
        definition = definition_of(_version(routed, candidate))
        if (standing.candidate, standing.definition) == (candidate, definition):
            return None
        return self._started(service.name)


def _is_gone(service: Service, standing: Standing) -> bool:
    """Whether the file has no place any more for where a rollout stands."""
    is_on = is_running(standing)
    if not is_on and standing.phase is not Phase.PROMOTED:
        return False
    if standing.candidate not in {version.name for version in service.versions}:
        return True
    is_another = service.candidate != standing.candidate
    return is_on and (service.rollout is None or is_another)


def _version(service: Service, name: str) -> Version:
    return next(version for version in service.versions if version.name == name)
