"""All services of a routing table, ready for the hot path: which one takes a request."""

from collections.abc import Callable, Iterable
from itertools import groupby
from random import Random

from gateway.domain.errors import Refused
from gateway.domain.service import Service, Version
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.pool import Pool
from gateway.proxy.routes import Route, Target
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.routing.match import bare_host, fits, fits_host
from gateway.wire.forwarded import parse_networks
from gateway.wire.request_head import RequestHead

GetPools = Callable[[Service, Version], tuple[Pool, ...]]
GetTally = Callable[[str, str], Tally]


class Routes:
    """A whole table, ready for the hot path.

    Attributes:
        table: What it was made of.
        trusted: Networks whose forwarded headers are believed.
        takes_all: The first service, when nothing can fit another one.
        is_tossing: Whether a coin decides in one of them.
        with_deadlines: Versions whose first content is awaited.

    """

    __slots__ = (
        "_routes",
        "is_tossing",
        "table",
        "takes_all",
        "trusted",
        "with_deadlines",
    )

    def __init__(
        self,
        table: RoutingTable,
        get_pools: GetPools,
        get_tally: GetTally,
        dice: Random,
    ) -> None:
        self.table = table
        self.trusted = parse_networks(table.trusted_proxies)
        tracing = Tracing(dice, table.traces)
        self._routes = [
            _make_route(routed, get_pools, get_tally, tracing)
            for routed in table.services
        ]
        _join_lanes(self._routes)
        if table.ticket_key is not None:
            for route in self._routes:
                route.issue_tickets(table.ticket_key)
        self.is_tossing = any(route.is_tossing for route in self._routes)
        self.with_deadlines = tuple(
            target.awaiting
            for route in self._routes
            for target in route.targets()
            if target.awaiting is not None
        )
        first = table.services[0].service.match if table.services else None
        takes_all = first is not None and not first.hosts and not first.paths
        self.takes_all = self._routes[0] if takes_all else None

    def by_service(self) -> Iterable[tuple[RoutedService, Route]]:
        """Give each service with its route."""
        return zip(self.table.services, self._routes, strict=True)

    def find(self, head: RequestHead) -> Route:
        """Find the service of a request.

        Raises:
            Refused: 421 when no service has the host, 404 when none has the path.

        """
        host = bare_host(head.host.decode("latin-1"))
        path = head.path.decode("latin-1")
        for route in self._routes:
            if fits(route.service.match, host, path):
                return route
        raise self._no_service(host, path)

    def _no_service(self, host: str, path: str) -> Refused:
        matches = [route.service.match for route in self._routes]
        if not any(fits_host(host, match.hosts) for match in matches):
            return Refused(
                421,
                f"No service here answers for the host '{host[:200]}'.",
                remedy="Send the host name of a configured service.",
            )
        return Refused(
            404,
            f"No service here answers for the path '{path[:200]}'.",
            remedy="Check the path against match.paths of the services.",
        )


def _join_lanes(routes: Iterable[Route]) -> None:
    """Let the lanes of a service, which stand together, know each other."""
    for _service, together in groupby(routes, lambda route: route.service.known_as):
        lanes = tuple(together)
        for route in lanes if len(lanes) > 1 else ():
            route.lanes = lanes


def _make_route(
    routed: RoutedService, get_pools: GetPools, get_tally: GetTally, tracing: Tracing
) -> Route:
    service = routed.service
    targets = {}
    for version in service.versions:
        tally = get_tally(service.known_as, version.name)
        target = Target(routed, version, tally, tracing)
        target.pools = get_pools(service, version)
        targets[version.name] = target
    return Route(routed, targets, tracing.dice)
