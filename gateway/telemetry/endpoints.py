"""Endpoints as all workers together see them, and in /metrics."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.domain.health import EjectedFor, EndpointState
from gateway.telemetry import names
from gateway.telemetry.labels import within

_REASONS: Final = tuple(reason.value for reason in EjectedFor)
_WORST_FIRST: Final = (
    EndpointState.DOWN,
    EndpointState.EJECTED,
    EndpointState.WARMING,
    EndpointState.UP,
)


@dataclass(slots=True, kw_only=True)
class EndpointSeen:
    """One endpoint of a version: an address of one that was configured.

    Attributes:
        url: As configured.
        address: Where its name leads; "": that is not known, or it is an address.
        states: How many workers see it in which state; a domain.health.EndpointState
            value each.
        health: Whether its health checks pass; None: there are none, or it is not known.
        back_in: Seconds until the first of the workers that left it out tries it again.

    """

    url: str
    address: str
    states: Counter[str] = field(default_factory=Counter)
    health: bool | None = None
    back_in: float = 0.0

    @property
    def state(self) -> EndpointState:
        """The worst state that a worker sees it in."""
        worst = (state for state in _WORST_FIRST if self.states[state])
        return next(worst, EndpointState.UP)


Endpoints = Mapping[tuple[str, str], Sequence[EndpointSeen]]
"""By service and version."""


def endpoint_metrics(
    endpoints: Endpoints,
    ejections: Mapping[tuple[str, str], Counter[str]],
    retried: Mapping[tuple[str, str], int],
) -> Iterator[Metric]:
    """Write how many endpoints are in which state, and how often one was left out.

    Args:
        endpoints: Of linked workers.
        ejections: By service, version and domain.health.EjectedFor; those to be shown.
        retried: Times that another endpoint was asked, by service and version.

    """
    states = GaugeMetricFamily(
        names.ENDPOINTS,
        "Endpoints by the worst state that a worker sees them in.",
        labels=("service", "version", "state"),
    )
    left_out = CounterMetricFamily(
        names.EJECTIONS,
        "How often an endpoint was left out, in a worker for itself or in all by its"
        " health check, by why.",
        labels=("service", "version", "reason"),
    )
    elsewhere = CounterMetricFamily(
        names.ENDPOINT_RETRIES,
        "How often another endpoint was asked, for one took no connection.",
        labels=("service", "version"),
    )
    for labels, number in retried.items():
        elsewhere.add_metric(labels, number)
    for labels, counts in ejections.items():
        seen = Counter(one.state for one in endpoints.get(labels, ()))
        for state in EndpointState:
            states.add_metric([*labels, state.value], seen[state])
        for reason, count in within(counts, _REASONS, fill=True):
            left_out.add_metric([*labels, reason], count)
    yield from (states, left_out, elsewhere)
