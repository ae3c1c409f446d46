"""What operators and the configuration wish of a rollout, as events of the machine."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from gateway.control.gatekeeper import Gatekeeper
from gateway.control.standings import (
    definition_of,
    hash_of,
    is_promoted_otherwise,
    is_running,
)
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
    outdone_by,
)
from gateway.domain.errors import NotAllowedNow
from gateway.domain.lane import service_of
from gateway.domain.rollout import Phase, RolloutPlan, Standing
from gateway.domain.service import Service, Version

_SALT_BYTES: Final = 8
_FAILED: Final = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})
_PLAIN: Final[Mapping[str, Callable[[], Event]]] = {
    "pause": Paused,
    "abort": Aborted,
    "unkill": Unkilled,
}


class Wishes:
    """Puts wishes into the machine's words.

    Args:
        gate: Knows what is in force.
        is_healthy: Whether a version of a service can be reached.

    """

    def __init__(
        self, gate: Gatekeeper, is_healthy: Callable[[str, str], bool]
    ) -> None:
        self._gate = gate
        self._is_healthy = is_healthy

    def of_hand(self, name: str, action: str, *, full: bool) -> Event:
        """Give what an operator's action is to the machine.

        Raises:
            NotFound: There is no such service.
            NotAllowedNow: It cannot be, whatever the machine says.

        """
        match action:
            case "start":
                return self._demand_unjudged(name, self._started(name))
            case "retry":
                return self._retried(name)
            case "promote":
                return Promoted(is_full=full, is_healthy=self._is_up(name))
            case "resume":
                return Resumed(is_healthy=self._is_up(name))
            case _:
                return self._plain(name, action)

    def _plain(self, name: str, action: str) -> Event:
        if action == "kill":
            return Killed(baseline=self._gate.routed(name).service.baseline)
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
            filed=self._gate.defined(name).baseline,
            against=definition_of(_version(service, service.baseline)),
        )

    def _demand_unjudged(self, name: str, event: Started) -> Started:
        """Refuse what `retry` is for: the same once more.

        Raises:
            NotAllowedNow: The candidate was judged already, under another name.

        """
        standing = self._standing(name)
        judged = self._judged_beside(name, event.candidate, event.definition)
        if judged is None or standing.is_killed or is_running(standing):
            return event  # the machine has its own words
        raise NotAllowedNow(
            f"{event.candidate} was {judged.phase.replace('_', ' ')} as it is defined"
            " now, in another list of candidates.",
            remedy=f"`retry {name}` tries the same once more.",
        )

    def _retried(self, name: str) -> Retried | Started:
        service, plan = self._plan_of(name)
        candidate, last = service.candidate, self._standing(name).candidate
        begun = self._started(name)
        if last != candidate and self._judged_beside(
            name, begun.candidate, begun.definition
        ):
            return begun  # the same once more, under this name for the first time
        if candidate is not None and last and candidate != last:
            raise NotAllowedNow(
                f"The last attempt was {last}'s, and the candidate of {name} is"
                f" {candidate} now.",
                remedy="`start` begins with it.",
            )
        return Retried(
            plan=plan,
            plan_hash=hash_of(plan),
            definition=definition_of(_version(service, candidate or "")),
            salt=secrets.token_hex(_SALT_BYTES),
            baseline=service.baseline,
            filed=self._gate.defined(name).baseline,
            against=definition_of(_version(service, service.baseline)),
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
        if service.baseline in service.rollout.lanes:
            raise NotAllowedNow(
                f"{service.baseline} was one of the candidates and serves"
                f" {service.known_as} now: there is nothing left to compare.",
                remedy=f"Write `baseline: {service.baseline}` and the next `candidates`"
                " in the configuration, then reload.",
            )
        if service.candidate is None:
            raise NotAllowedNow(
                f"{name} has no candidate; {service.baseline} serves.",
                remedy="Name another `candidate` in the configuration, then reload.",
            )
        return service, service.rollout

    def _is_up(self, name: str) -> bool:
        candidate = self._standing(name).candidate
        return not candidate or self._is_healthy(name, candidate)

    def of_configuration(self, service: Service) -> Event | None:
        """Tell what the configuration asks of a service's rollout; None: nothing."""
        standing = self._standing(service.name)
        if is_gone(service, standing):
            return CandidateGone()
        if is_running(standing):
            return self._cut_short(service, standing) or self._redefined(
                service, standing
            )
        return self._autostart(service, standing)

    def _cut_short(
        self, service: Service, standing: Standing
    ) -> Aborted | CandidateGone | None:
        """Tell why a lane's rollout cannot go on; None: it can, or it is no lane."""
        now, then = service.rollout, standing.plan
        if now is None or then is None:
            return None
        if now.lanes != then.lanes:
            return CandidateGone(
                because=f"The candidates of {service.known_as} are others now, and its"
                " keys are cut anew."
            )
        serves = self._gate.routed(service.name).service.baseline
        is_going = standing.phase is Phase.ROLLING_BACK  # a second one cuts that short
        return outdone_by(serves) if serves in now.lanes and not is_going else None

    def _redefined(self, service: Service, standing: Standing) -> Redefined | None:
        """Tell which side of the comparison is another one now; None: neither."""
        now = definition_of(_version(service, standing.candidate))
        if now != standing.definition:
            return Redefined(version=standing.candidate, definition=now)
        serves = self._gate.routed(service.name).service
        against = definition_of(_version(serves, serves.baseline))
        if standing.against and against != standing.against:
            return Redefined(version=standing.baseline, definition=against)
        return None

    def _autostart(self, service: Service, standing: Standing) -> Event | None:
        """Begin by itself, once for each definition of the candidate."""
        routed = self._gate.routed(service.name).service
        plan, candidate = routed.rollout, routed.candidate
        if plan is None or not plan.autostart or candidate is None:
            return None
        if routed.baseline in plan.lanes:
            return None
        definition = definition_of(_version(routed, candidate))
        if (standing.candidate, standing.definition) == (candidate, definition):
            return None
        if self._judged_beside(service.name, candidate, definition) is not None:
            return None
        return self._started(service.name)

    def _judged_beside(
        self, name: str, candidate: str, definition: str
    ) -> Standing | None:
        """Give how this candidate failed under another name of the service; None: not so.

        Another list of candidates gives rollouts other names, and makes nobody better.
        """
        whole = service_of(name)
        for other, standing in self._gate.standings.items():
            is_beside = other != name and service_of(other) == whole
            is_its = (standing.candidate, standing.definition) == (
                candidate,
                definition,
            )
            if is_beside and is_its and standing.phase in _FAILED:
                return standing
        return None

    def _standing(self, name: str) -> Standing:
        return self._gate.standings.of(name)


def is_gone(service: Service, standing: Standing) -> bool:
    """Whether the file has no place any more for where a rollout stands."""
    is_on = is_running(standing)
    if not is_on and standing.phase is not Phase.PROMOTED:
        return False
    if standing.candidate not in {version.name for version in service.versions}:
        return True
    if is_promoted_otherwise(service, standing):
        return True
    is_another = service.candidate != standing.candidate
    return is_on and (service.rollout is None or is_another)


def _version(service: Service, name: str) -> Version:
    return next(version for version in service.versions if version.name == name)
