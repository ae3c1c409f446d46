"""What every worker says of the endpoints, put together."""

from collections.abc import Iterable

from gateway.handoff.observations import EndpointTold
from gateway.telemetry.endpoints import EndpointSeen

By = dict[tuple[str, str], list[EndpointSeen]]


def together(told: Iterable[EndpointTold]) -> By:
    """Put together what linked workers say, by service and version."""
    seen: dict[tuple[str, str], dict[tuple[str, str], EndpointSeen]] = {}
    for one in told:
        places = seen.setdefault((one.service, one.version), {})
        place = (one.url, one.address)
        if (endpoint := places.get(place)) is None:
            endpoint = EndpointSeen(url=one.url, address=one.address)
            places[place] = endpoint
        endpoint.states[one.state] += 1
        if one.health is not None:
            endpoint.health = one.health
        if one.back_in:
            waits = endpoint.back_in or one.back_in
            endpoint.back_in = min(waits, one.back_in)
    return {version: list(places.values()) for version, places in seen.items()}
