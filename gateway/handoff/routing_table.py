"""The routing table: everything a worker needs to know, immutable and numbered.

The controller publishes it whole; a worker swaps it whole, between two requests. A service
with several candidates stands in it lane by lane (domain.lane), one after the other.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.domain.deployment import AccessLog, ClientLimits
from gateway.domain.rollout import MirrorLimits, SetHeaderRoute, SetMirrorRoute
from gateway.domain.service import Service
from gateway.domain.ticket_key import TicketKey
from gateway.domain.tls import ServerTls
from gateway.domain.units import BUCKETS, Seconds, Share, percent_from_share


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedService:
    """A service and the split in force for it.

    Attributes:
        service: Its definition.
        share: The candidate's weight in force, in buckets; of a lane, its part of that.
        salt: What a sticky key is salted with before it is hashed.
        revision: Grows with every change of the split, whoever made it; it may skip
            numbers after a refused one. 0 while the store could not say which
            weight counts, so that none does yet (control.weights.held).
        header_routes: Requests that go to the candidate whatever the weight, one of
            these fitting. They are no evidence.
        mirror_routes: Which of the baseline's requests are copied to the candidate; the
            first that fits a request says with which chance.
        reverse_mirror: Which part of the candidate's requests is copied to the baseline;
            then none is copied by mirror_routes.
        mirror: What the copies may cost.
        window: After how long a key counts once more, in seconds, more than 0.
        washout: See domain.rollout.AnalysisPlan.
        outlived: Versions that served until another was promoted: what their servers
            hold may still be asked for.
        is_draining: The candidate was taken back, and what began there goes on there.
        notes_keys: It may come to that: who is served by the candidate is to be known.

    """

    service: Service
    share: Share
    salt: str
    revision: int
    header_routes: tuple[SetHeaderRoute, ...] = ()
    mirror_routes: tuple[SetMirrorRoute, ...] = ()
    reverse_mirror: Share = Share(0)
    mirror: MirrorLimits = MirrorLimits()
    window: Seconds = Seconds(600.0)
    washout: int = 1
    outlived: tuple[str, ...] = ()
    is_draining: bool = False
    notes_keys: bool = False

    def shares(self) -> Counter[str]:
        """Give every version's weight in buckets; of a lane, its part of that."""
        shares = Counter({version.name: 0 for version in self.service.versions})
        shares[self.service.baseline] = BUCKETS - self.share
        if self.service.candidate is not None:
            shares[self.service.candidate] = self.share
        return shares

    def percents(self) -> dict[str, float]:
        """Give every version's weight in percent of these keys, in order of definition."""
        return percents_of([self])

    def of_service(self) -> Share:
        """Give the candidate's weight in buckets of the whole service."""
        return Share(round(self.share / self.service.lanes))


def percents_of(lanes: Iterable[RoutedService]) -> dict[str, float]:
    """Give every version's weight in percent of a service, in order of definition.

    Args:
        lanes: All of the service; one where it has a single candidate, or none.

    """
    by_lane = [lane.shares() for lane in lanes]
    return {
        name: percent_from_share(
            Share(round(sum(shares[name] for shares in by_lane) / len(by_lane)))
        )
        for name in by_lane[0]
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """What the data plane does with requests.

    Attributes:
        epoch: Grows with every table published; a worker never goes back.
        services: In order; the first that fits takes the request.
        trusted_proxies: Networks (CIDR) whose forwarded headers are believed.
        limits: What one client connection may ask.
        drain: How long a stopping worker waits for running exchanges.
        ticket_key: What request ids are made with; None where nobody reads them.
        access_log: Where exchanges are logged.
        traces: Which part of the traces that begin here is recorded, 0.0 to 1.0;
            None: nobody is told of any.
        listen_tls: How each listener speaks TLS, by its name (deployment.names_of);
            None: it does not.

    """

    epoch: int
    services: tuple[RoutedService, ...]
    trusted_proxies: tuple[str, ...] = ()
    limits: ClientLimits = ClientLimits()
    drain: Seconds = Seconds(30.0)
    ticket_key: TicketKey | None = None
    access_log: AccessLog = AccessLog()
    traces: float | None = None
    listen_tls: dict[str, ServerTls | None] = field(default_factory=dict)

    def by_name(self) -> dict[str, tuple[RoutedService, ...]]:
        """Give the services by the names people know, each with all its lanes."""
        lanes: dict[str, tuple[RoutedService, ...]] = {}
        for routed in self.services:
            name = routed.service.known_as
            lanes[name] = (*lanes.get(name, ()), routed)
        return lanes
