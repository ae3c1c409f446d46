"""What all workers together have seen: the numbers behind the admin API and /metrics."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import sqrt

from gateway.analysis.histogram import Histogram
from gateway.analysis.sums import Feedback
from gateway.telemetry.endpoints import EndpointSeen
from gateway.telemetry.judging import Evaluators


@dataclass(frozen=True, slots=True)
class SignalSums:
    """What was measured of one signal.

    Attributes:
        count: How often it could be measured.
        total: Sum of its values.
        squares: Sum of their squares.

    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, other: "SignalSums") -> "SignalSums":
        """Add another's."""
        return SignalSums(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
        )

    @property
    def mean(self) -> float | None:
        """Their mean; None when nothing was measured."""
        return self.total / self.count if self.count else None

    @property
    def sd(self) -> float | None:
        """Their sample standard deviation; None of fewer than two values."""
        if self.count <= 1:
            return None
        around = self.squares - self.total * self.total / self.count
        return sqrt(max(around, 0.0) / (self.count - 1))  # rounding may leave -1e-17


@dataclass(slots=True, kw_only=True)
class VersionTraffic:
    """Totals of one version, over all workers since they started.

    Attributes:
        outcomes: Exchanges by domain.outcome.Outcome value.
        codes: Exchanges by the HTTP status the client was sent.
        failures: Exchanges by domain.outcome.Failure value.
        duration: Seconds from the request's head to the last byte of the answer.
        first_byte: Seconds from the request's head to the answer's first body byte.
        first_content: Seconds from the request's head to the first content, of streams.
        per_token: Seconds for each output token after the first, of streams.
        tokens: By kind; see handoff.observations.Series.
        cost: USD.
        priced: Exchanges whose cost is known, and in `cost`.
        signals: By name.
        skipped: What was not read or measured (answer, event, request, signal), and how often.
        pinned: What became of requests that name a server's state (proxy.pins): number.
        ejections: How often an endpoint was left out, by domain.health.EjectedFor value.
        failovers: Exchanges that the baseline answered, by what they had failed with.
        retried: Times that another endpoint of the version was asked for a connection.
        uncovered: Those that it did not, by what was in the way.
        diverted: Exchanges that a guard sent to the baseline.
        tunnels_open: Connections that speak another protocol now.
        tunnels_ended: By what ended them; see handoff.observations.Series.
        tunnel_bytes: By who sent them.
        late: Exchanges whose first content came after the deadline, or never.
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
    first_content: Histogram = field(default_factory=Histogram)
    per_token: Histogram = field(default_factory=Histogram)
    tokens: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    priced: int = 0
    signals: dict[str, SignalSums] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    pinned: Counter[str] = field(default_factory=Counter)
    ejections: Counter[str] = field(default_factory=Counter)
    failovers: Counter[str] = field(default_factory=Counter)
    uncovered: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    diverted: int = 0
    tunnels_open: int = 0
    tunnels_ended: Counter[str] = field(default_factory=Counter)
    tunnel_bytes: Counter[str] = field(default_factory=Counter)
    late: int = 0
    in_flight: int = 0
    active: int = 0
    idle: int = 0
    pending: int = 0

    @property
    def requests(self) -> int:
        """Exchanges that reached this version and are over."""
        return self.outcomes.total()


Slices = Mapping[tuple[str, str], VersionTraffic]
"""Totals of a version's slices, by segment and value."""


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Totals of the whole gateway.

    Attributes:
        versions: By (service, version).
        mirrored: Of copies of requests, by (service, version) they were sent to; those
            that had any.
        refused: Requests the gateway refused before a version was assigned, by status.
        dropped: What the workers had no room for, by what it was.
        handshakes: TLS handshakes of clients, by result: done, failed.
        endpoints: How each stands, by (service, version), as linked workers say.
        downstream: Client connections open now, by number of the connected worker.

    """

    versions: dict[tuple[str, str], VersionTraffic] = field(default_factory=dict)
    mirrored: dict[tuple[str, str], VersionTraffic] = field(default_factory=dict)
    covered: dict[tuple[str, str], VersionTraffic] = field(default_factory=dict)
    diverting: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered_age: dict[tuple[str, str], float] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    handshakes: Counter[str] = field(default_factory=Counter)
    endpoints: dict[tuple[str, str], list[EndpointSeen]] = field(default_factory=dict)
    downstream: dict[int, int] = field(default_factory=dict)

    def of(self, service: str, version: str) -> VersionTraffic:
        """Give a version's totals; zeros when it has had no traffic."""
        return self.versions.get((service, version)) or VersionTraffic()


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFigures:
    """One service's rollout, in numbers.

    Attributes:
        phase: Where it stands: a domain.rollout.Phase value, or "killed".
        step: Number of the step, the first is 1; 0: none has begun.
        log_evalues: By metric, over all segments: how strong the evidence against the
            candidate is, natural log.
        rollbacks: Since this controller started, by the metric that caused them.

    """

    phase: str
    step: int
    log_evalues: Mapping[str, float] = field(default_factory=dict)
    rollbacks: Mapping[str, int] = field(default_factory=dict)


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
        signals: What the configuration has measured, by service.
        units: Units of evidence by (service, version).
        evidence_age: Seconds since the last one, by service; those that have any.
        rollouts: By service.
        evaluators: By service and evaluator.
        certificates: Until when they are valid, in Unix time, by use and path.

    """

    traffic: Traffic
    percents: Mapping[tuple[str, str], float]
    workers: int
    epoch: int
    feedback: Feedback = field(default_factory=dict)
    signals: Mapping[str, Collection[str]] = field(default_factory=dict)
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    evidence_age: Mapping[str, float] = field(default_factory=dict)
    certificates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    rollouts: Mapping[str, RolloutFigures] = field(default_factory=dict)
    evaluators: Evaluators = field(default_factory=dict)
