"""What a routing table says, as others want to hear it."""

import os
import socket

from gateway.answers.segments import Place, places_of
from gateway.app.start import ControllerStart
from gateway.domain.deployment import Address
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


def ready_line(start: ControllerStart, table: RoutingTable) -> str:
    """Say where the gateway listens, and what it serves."""
    data = ", ".join(f"http://{address}" for address in start.data_addresses)
    admin_socket = socket.socket(fileno=os.dup(start.admin_fd))
    with admin_socket:
        host, port = admin_socket.getsockname()[:2]
    services = ", ".join(_told(name, lanes) for name, lanes in table.by_name().items())
    admin = Address(host=host, port=port)
    return f"ready: data {data} · admin http://{admin} · services: {services}"


def _told(service: str, lanes: tuple[RoutedService, ...]) -> str:
    weights = ", ".join(f"{name} {p:g} %" for name, p in percents_of(lanes).items())
    return f"{service} ({weights})"
