"""What a service's rollout will need, from its configuration: for commands and operators."""

from collections.abc import Iterator
from dataclasses import asdict

from gateway.analysis.design import Design
from gateway.analysis.expected import Assumed
from gateway.analysis.plan import Outlook, Traffic, outlook
from gateway.analysis.plan_told import tell
from gateway.control.designs import design_for
from gateway.domain.rollout import RolloutPlan
from gateway.domain.service import Service


def plan_of(service: Service) -> tuple[RolloutPlan, Design] | None:
    """Give a service's plan and the design of its analysis; None without a rollout.

    Raises:
        BadConfiguration: Nothing can be designed of it.

    """
    if service.rollout is None or service.candidate is None:
        return None
    return service.rollout, design_for(service, service.rollout)


def ahead_of(
    service: Service, assumed: Assumed, traffic: Traffic | None
) -> Outlook | None:
    """Look ahead at a service's rollout; None when it has none.

    Raises:
        BadConfiguration: See plan_of.

    """
    found = plan_of(service)
    return None if found is None else outlook(*found, assumed, traffic)


def lines_of(
    service: Service,
    assumed: Assumed,
    traffic: Traffic | None,
    *,
    is_brief: bool = False,
) -> Iterator[str]:
    """Say what a service's rollout will need; nothing when it has none.

    Raises:
        BadConfiguration: See plan_of.

    """
    found = plan_of(service)
    if found is not None:
        plan, design = found
        ahead = outlook(plan, design, assumed, traffic)
        who = str(service.candidate)
        if plan.lanes:
            who = f"Each of {', '.join(plan.lanes)}"
            yield (
                f"{plan.ways} candidates share alpha: {design.alpha:g} for each,"
                f" {design.alpha * plan.ways:g} in all. Each is compared with the baseline"
                f" among 1/{plan.ways} of the keys; percent are of all."
            )
        yield from tell(ahead, design, candidate=who, is_brief=is_brief)


def as_document(ahead: Outlook) -> dict[str, object]:
    """Give an outlook as JSON values; weights in buckets, durations in seconds."""
    return {**asdict(ahead), "provable": not ahead.unprovable}
