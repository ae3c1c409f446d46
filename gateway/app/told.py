"""What a routing table says, as others want to hear it."""

import os
import socket
from itertools import zip_longest

from gateway.analysis.sums import Feedback
from gateway.answers.segments import Place, places_of
from gateway.app.start import ControllerStart
from gateway.domain.deployment import Address, Deployment
from gateway.domain.tls import ServerTls
from gateway.handoff.routing_table import RoutedService, RoutingTable, percents_of


def percents(table: RoutingTable) -> dict[tuple[str, str], float]:
    """Give the weight of each version, by service and version."""
    return {
        (name, version): percent
        for name, lanes in table.by_name().items()
        for version, percent in percents_of(lanes).items()
    }


def places(table: RoutingTable) -> dict[tuple[str, str], frozenset[Place]]:
    """Give the slices that each version's traffic has."""
    services = [routed.service for routed in table.services]
    places = {
        service.known_as: frozenset(
            place for segment in service.segments for place in places_of(segment)
        )
        for service in services
    }
    return {
        (service.known_as, version.name): places[service.known_as]
        for service in services
        for version in service.versions
    }


def signals(table: RoutingTable) -> dict[str, set[str]]:
    """Give the names of what is measured in each service."""
    services = [routed.service for routed in table.services]
    return {
        service.known_as: {
            *service.signals.names,
            *(signal.name for signal in service.signals.reported),
        }
        for service in services
    }


def together(one: Feedback, other: Feedback) -> Feedback:
    """Give the sums of both, of which no signal is in the other."""
    return {
        service: {
            version: {
                **one.get(service, {}).get(version, {}),
                **other.get(service, {}).get(version, {}),
            }
            for version in one.get(service, {}).keys() | other.get(service, {}).keys()
        }
        for service in one.keys() | other.keys()
    }


def ready_line(
    start: ControllerStart, table: RoutingTable, deployment: Deployment
) -> str:
    """Say where the gateway listens, and what it serves."""
    data = ", ".join(
        f"{_scheme(tls)}://{address}"
        for address, tls in zip_longest(start.data_addresses, deployment.listen_tls)
    )
    admin_socket = socket.socket(fileno=os.dup(start.admin_fd))
    with admin_socket:
        host, port = admin_socket.getsockname()[:2]
    services = ", ".join(_told(name, lanes) for name, lanes in table.by_name().items())
    admin, scheme = Address(host=host, port=port), _scheme(deployment.admin.tls)
    return f"ready: data {data} · admin {scheme}://{admin} · services: {services}"


def _scheme(tls: ServerTls | None) -> str:
    return "http" if tls is None else "https"


def _told(service: str, lanes: tuple[RoutedService, ...]) -> str:
    weights = ", ".join(f"{name} {p:g} %" for name, p in percents_of(lanes).items())
    return f"{service} ({weights})"
