"""Failovers and the guard in /metrics."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.domain.failover import Why
from gateway.telemetry import names
from gateway.telemetry.labels import OUTCOMES, TOKENS, within
from gateway.telemetry.traffic import Picture

_WHYS: Final = tuple(why.value for why in Why)
_IN_THE_WAY: Final = ("budget", "body", "begun")


def failover_metrics(picture: Picture) -> Iterator[Metric]:
    """Write how often baselines stood in, and for what; of versions that needed it."""
    failovers = CounterMetricFamily(
        names.FAILOVERS,
        "Requests that the baseline answered because their version failed, by how.",
        labels=("service", "from_version", "reason"),
    )
    refused = CounterMetricFamily(
        names.FAILOVERS_REFUSED,
        "Failures that were passed on though the baseline would answer, by why.",
        labels=("service", "from_version", "why"),
    )
    diverted = CounterMetricFamily(
        names.GUARD_DIVERTED,
        "Requests that a guard sent to the baseline.",
        labels=("service", "version"),
    )
    diverting = GaugeMetricFamily(
        names.GUARD_DIVERTING,
        "Workers that send a version's requests to the baseline now.",
        labels=("service", "version"),
    )
    for labels in picture.percents:
        traffic = picture.traffic.of(*labels)
        for why, count in within(traffic.failovers, _WHYS):
            failovers.add_metric([*labels, why], count)
        for why, count in within(traffic.uncovered, _IN_THE_WAY):
            refused.add_metric([*labels, why], count)
        diverted.add_metric(labels, traffic.diverted)
        diverting.add_metric(labels, picture.traffic.diverting[labels])
    yield from (failovers, refused, diverted, diverting)
    yield from _answers(picture)


def _answers(picture: Picture) -> Iterator[Metric]:
    by = ("service", "version")
    outcomes = CounterMetricFamily(
        names.FAILOVER_ANSWERS,
        "What a version answered in another's place, by what it turned out to be.",
        labels=(*by, "outcome"),
    )
    tokens = CounterMetricFamily(
        names.FAILOVER_TOKENS, "Tokens of these answers.", labels=(*by, "type")
    )
    cost = CounterMetricFamily(
        names.FAILOVER_COST, "What these tokens cost, in USD.", labels=by
    )
    for labels in picture.percents:
        traffic = picture.traffic.covered.get(labels)
        if traffic is None:
            continue
        for outcome, count in within(traffic.outcomes, OUTCOMES, fill=True):
            outcomes.add_metric([*labels, outcome], count)
        for kind, count in within(traffic.tokens, TOKENS):
            tokens.add_metric([*labels, kind], count)
        cost.add_metric(labels, traffic.cost)
    yield from (outcomes, tokens, cost)
