"""Rollouts as operators and the configuration lead them.

What a hand asks for goes through the same machine as what the evidence asks for, so that
neither can leave the other behind. `decisions` looks at the evidence by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from gateway.control.durable import Durable
from gateway.control.examined import Examined, examined_now, examined_once
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.in_force import Receipt
from gateway.control.moves import Moves, NothingToDo
from gateway.control.side_by_side import (
    Tried,
    demand_named,
    in_each,
    lane_by_lane,
    wanted_of_each,
)
from gateway.control.standings import (
    is_ruled,
    is_running,
)
from gateway.control.taking_up import TakingUp
from gateway.control.unharmed import unharmed
from gateway.control.weights import wanted_of
from gateway.control.wishes import Wishes, is_gone
from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    Killed,
    Retried,
    Started,
    Unkilled,
    WeightSet,
)
from gateway.delivery.machine import possible, where
from gateway.domain.errors import (
    GatewayError,
    NotAllowedNow,
    NotFound,
    StoreUnavailable,
)
from gateway.domain.lane import service_of
from gateway.domain.rollout import Phase, Standing
from gateway.domain.service import Service
from gateway.state.journal import Entry
from gateway.telemetry.traffic import RolloutFigures

_log = logging.getLogger(__name__)
_CONFIGURATION: Final = "configuration"
_OF_THE_WHOLE: Final[Mapping[str, Event]] = {"kill": Killed(), "unkill": Unkilled()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What an operator's action came to; see admin.ports.Acted."""

    standing: Standing
    protection: str
    receipt: Receipt
    said: str
    notes: tuple[str, ...] = ()


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
        self._taking_up = TakingUp(gate, moves, durable)
        self._vacant: set[str] = set()  # whose candidate is gone, and nothing set since

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
        self._gate.routed(service)  # it must be there; what is gone can still move
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

    async def act_in_lanes(
        self, service: str, action: str, *, by: str, reason: str, full: bool
    ) -> tuple[Tried[Acted], ...]:
        """Do what an operator asks for in each lane of a service: what can be done is.

        Raises:
            NotFound: There is no such service.
            NotAllowedNow: It is not said which candidate is to be promoted.
            GatewayError: It was done in no lane; see `act`.

        """
        lanes = self._gate.lanes(service)
        if action == "promote":
            names = [lane.service.name for lane in lanes]
            stand = {name: self._gate.standings.of(name) for name in names}
            raise demand_named(lanes[0].service, stand)
        _before, tried = await asyncio.gather(
            self._act_on_the_whole(lanes[0].service, action, by=by, reason=reason),
            in_each(
                [lane.service.name for lane in lanes],
                lambda lane: self.act(lane, action, by=by, reason=reason, full=full),
            ),
        )
        return tried

    async def _act_on_the_whole(
        self, lane: Service, action: str, *, by: str, reason: str
    ) -> None:
        """Take back what was promoted before the lanes there are, and end that again.

        Whoever kills wants the version from before back, under whatever name it served.
        """
        whole, event = lane.known_as, _OF_THE_WHOLE.get(action)
        standing = self.standing(whole)
        is_meant = standing.phase is Phase.PROMOTED or standing.is_killed
        if event is not None and whole != lane.name and is_meant:
            with unharmed(f"{action} of {whole}"), suppress(NothingToDo, GatewayError):
                await self._moves.make(whole, event, by=by, reason=reason)

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
        lanes = self._gate.lanes(service)
        if len(lanes) > 1:
            receipts = await lane_by_lane(
                wanted_of_each(lanes, percents, seen=revision),
                lambda each: self.set_weights(
                    each.lane, each.percents, revision=None, by=by, reason=reason
                ),
            )
            return receipts[-1]
        routed = lanes[0]
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
        if is_running(standing) and not standing.is_killed:
            if service in self._moves.lives:
                return "analysing"
            if service in self.taking_up:
                return "taking up evidence"
        return "guard only" if self._is_guarded(service) else "off"

    def _is_guarded(self, service: str) -> bool:
        """Whether a candidate has traffic, and workers divert it when it fails."""
        with suppress(NotFound):
            routed = self._gate.routed(service)
            has_traffic = routed.share or routed.header_routes
            return bool(has_traffic) and routed.service.guard is not None
        return False

    @property
    def taking_up(self) -> tuple[str, ...]:
        """Services whose evidence is being taken up, so that it is not all known yet."""
        return tuple(sorted(self._taking_up.awaited))

    def shortage(self, service: str) -> str | None:
        """Tell why a rollout that is on waits for nothing; see Assessment.shortage."""
        live, standing = self._moves.lives.get(service), self.standing(service)
        is_on = is_running(standing) and not standing.is_killed
        if live is None or not is_on or live.attempt != standing.attempt:
            return None
        return live.assessment.shortage

    async def examined(self, service: str) -> Examined | None:
        """Tell what the analyzer knows, or knew at the end; None: nothing was analysed."""
        live, ended = self._moves.lives.get(service), self._moves.endings.of(service)
        if live is not None:
            return await examined_now(live, self._clock())
        if ended is None:
            return None
        return examined_once(ended, self._moves.endings.age(service))

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
        """End what may not go on, then take up what was known of the rest.

        Evidence takes as long to read as the store likes; nobody has traffic until then
        whose place is gone.
        """
        await self._end_recut()
        for service in self._gate.deployment.services:
            with self._bringing_up(service.name):
                await self._end_at_once(service)
        await self._taking_up.all()

    async def configured(self) -> None:
        """See what the configuration makes of the rollouts; after start and reload."""
        await self._end_recut()
        for service in self._gate.deployment.services:
            with self._bringing_up(service.name):
                await self._configure(service)

    @contextmanager
    def _bringing_up(self, name: str) -> Generator[None]:
        with unharmed(f"Bringing the rollout of {name} up to date"):
            try:
                yield
            except GatewayError as error:
                _log.error("%s: %s", name, error)

    async def _end_recut(self) -> None:
        """End rollouts whose lane is gone, or whose service has lanes now.

        What was promoted, by whichever name, is forgotten when the file has it no more:
        it must not serve again when it comes back as a candidate.
        """
        services = self._gate.deployment.services
        names = {service.name for service in services}
        for name, standing in self._gate.standings.items():
            now = [s for s in services if s.known_as == service_of(name)]
            if name in names or not now:
                continue
            with unharmed(f"Ending the rollout of {name}"), suppress(NothingToDo):
                if is_running(standing) or is_gone(now[0], standing):
                    await self._moves.make(name, CandidateGone(), by=_CONFIGURATION)

    async def _end_at_once(self, service: Service) -> None:
        """End a rollout that is on and has no place any more."""
        if not is_running(self._gate.standings.of(service.name)):
            return
        event = self._wishes.of_configuration(service)
        if isinstance(event, CandidateGone):
            self._vacant.add(service.name)
        if isinstance(event, CandidateGone | Aborted):
            await self._moves.make(service.name, event, by=_CONFIGURATION)

    async def _configure(self, service: Service) -> None:
        event = self._wishes.of_configuration(service)
        is_vacant = service.name in self._vacant or isinstance(event, CandidateGone)
        self._vacant.discard(service.name)
        if event is not None:
            with suppress(NothingToDo):
                await self._moves.make(service.name, event, by=_CONFIGURATION)
        if is_vacant:
            await self._gate.set_configured_weight(service.name, by=_CONFIGURATION)
            await self._begin_with_the_next(service)

    async def _begin_with_the_next(self, service: Service) -> None:
        """Begin with what takes the place of a candidate that is gone, if it is to."""
        event = self._wishes.of_configuration(service)
        if isinstance(event, Started):
            await self._moves.make(service.name, event, by=_CONFIGURATION)

    def _figures(self, name: str) -> RolloutFigures:
        standing = self.standing(name)
        begun = standing.attempt > 0 and standing.plan is not None
        return RolloutFigures(
            phase="killed" if standing.is_killed else standing.phase.value,
            step=standing.step + 1 if begun and standing.stage else 0,
            log_evalues=self._log_es(name),
            rollbacks={
                metric: count
                for (service, metric), count in self._moves.rollbacks.items()
                if service == name
            },
        )

    def _log_es(self, name: str) -> dict[str, float]:
        live, ended = self._moves.lives.get(name), self._moves.endings.of(name)
        if live is not None:
            return live.examination.log_es()
        return {} if ended is None else ended.log_es()

    def _is_so(self, name: str, action: str) -> NotAllowedNow:
        standing = self.standing(name)
        commands = ", ".join(possible(standing))
        return NotAllowedNow(
            f"`{action}` changes nothing: the rollout of {name} is"
            f" {where(standing).replace('_', ' ')} already.",
            remedy=f"Possible now: {commands}." if commands else "Nothing is needed.",
        )
