"""What a configuration demands of a rollout that is on, or of a promotion."""

from gateway.control.standings import definition_of, is_running
from gateway.delivery.events import Redefined
from gateway.domain.rollout import Phase, Standing
from gateway.domain.service import Service, Version


def redefined(service: Service, standing: Standing) -> Redefined | None:
    """Tell which version is defined as something else; None: neither.

    Args:
        service: As it is routed.
        standing: Of a rollout that is on.

    """
    now = definition_of(version_of(service, standing.candidate))
    if now != standing.definition:
        return Redefined(version=standing.candidate, definition=now)
    now = definition_of(version_of(service, service.baseline))
    if standing.against not in {now, ""}:
        return Redefined(version=standing.baseline, definition=now)
    return None


def is_gone(service: Service, standing: Standing) -> bool:
    """Whether the file has no place any more for where a rollout stands."""
    is_on = is_running(standing)
    if not is_on and standing.phase is not Phase.PROMOTED:
        return False
    if standing.candidate not in {version.name for version in service.versions}:
        return True
    is_another = service.candidate != standing.candidate
    return is_on and (service.rollout is None or is_another)


def version_of(service: Service, name: str) -> Version:
    """Give a version that is there."""
    return next(version for version in service.versions if version.name == name)
