"""What all workers together have seen: the numbers behind the admin API and /metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.analysis.histogram import Histogram
from gateway.analysis.sums import Feedback


@dataclass(slots=True, kw_only=True)
class VersionTraffic:
    """Totals of one version, over all workers since they started.

    Attributes:
        outcomes: Exchanges by domain.outcome.Outcome value.
        codes: Exchanges by the HTTP status the client was sent.
        failures: Exchanges by domain.outcome.Failure value.
        duration: Seconds from the request's head to the last byte of the answer.
        first_byte: Seconds from the request's head to the answer's first body byte.
        in_flight: Exchanges running now.
        active: Upstream connections with an exchange on them.
        idle: Upstream connections waiting for one.
        pending: Exchanges waiting for a connection.

    """

    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    duration: Histogram = field(default_factory=Histogram)
    first_byte: Histogram = field(default_factory=Histogram)
    in_flight: int = 0
    active: int = 0
    idle: int = 0
    pending: int = 0

    @property
    def requests(self) -> int:
        """Exchanges that reached this version and are over."""
        return self.outcomes.total()


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Totals of the whole gateway.

    Attributes:
        versions: By (service, version).
        refused: Requests the gateway refused before a version was assigned, by status.
        downstream: Client connections open now, by number of the connected worker.

    """

    versions: dict[tuple[str, str], VersionTraffic] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    downstream: dict[int, int] = field(default_factory=dict)

    def of(self, service: str, version: str) -> VersionTraffic:
        """Give a version's totals; zeros when it has had no traffic."""
        return self.versions.get((service, version)) or VersionTraffic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment of the gateway, as a scrape shows it.

    Attributes:
        traffic: See Traffic.
        percents: Weight in force by (service, version). Only these label values are
            shown, so that they come from the configuration and nowhere else.
        workers: Connected workers.
        epoch: Of the routing table in force.
        feedback: Sums by service, version and signal.

    """

    traffic: Traffic
    percents: Mapping[tuple[str, str], float]
    workers: int
    epoch: int
    feedback: Feedback = field(default_factory=dict)
