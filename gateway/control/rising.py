"""What keeps a candidate from rising, besides the machine."""

from gateway.control.gatekeeper import Gatekeeper
from gateway.control.live import Live
from gateway.control.standings import is_running
from gateway.delivery.events import Event, Moved, Ticked
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import Standing


def is_premature(live: Live | None, event: Event, moved: Moved) -> bool:
    """Whether time and evidence may not come to this: a rise by a part of what is known.

    While what was known is being read, nothing follows from what is new but the way down.
    """
    is_part = live is not None and live.is_provisional
    return is_part and moved.raises and isinstance(event, Ticked)


def demand_unbeaten(gate: Gatekeeper, service: str, standing: Standing) -> None:
    """Refuse to give more to a candidate when another one of its list serves.

    Raises:
        NotAllowedNow: It was promoted meanwhile.

    """
    if not is_running(standing) or standing.plan is None or not standing.plan.lanes:
        return
    serves = gate.routed(service).service.baseline
    if serves in standing.plan.lanes:
        raise NotAllowedNow(
            f"{serves} was promoted in the place of {standing.candidate}.",
            remedy="Look at what serves now; nothing was changed.",
        )
