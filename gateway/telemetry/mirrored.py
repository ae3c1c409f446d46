"""Copies of requests in /metrics."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric

from gateway.telemetry import names
from gateway.telemetry.labels import OUTCOMES, TOKENS, within
from gateway.telemetry.traffic import Picture

_NOT_KNOWN: Final = ("lost", "stopped")
_NOT_COPIED: Final = (
    "concurrency",
    "tokens",
    "effects",
    "size",
    "cut",
    "over",
    "error",
)


def mirrored_metrics(picture: Picture) -> Iterator[Metric]:
    """Write what became of copies, of versions that got any."""
    by = ("service", "version")
    outcomes = CounterMetricFamily(
        names.MIRRORED,
        "Copies of requests, by what their answers turned out to be.",
        labels=(*by, "outcome"),
    )
    tokens = CounterMetricFamily(
        names.MIRRORED_TOKENS, "Tokens of copies.", labels=(*by, "type")
    )
    cost = CounterMetricFamily(
        names.MIRRORED_COST, "What tokens of copies cost, in USD.", labels=by
    )
    skipped = CounterMetricFamily(
        names.MIRRORED_SKIPPED,
        "Requests that were drawn and not copied, by why.",
        labels=(*by, "why"),
    )
    lost = CounterMetricFamily(
        names.MIRRORED_LOST,
        "Requests that were copied and of which a half is not known, by why.",
        labels=(*by, "why"),
    )
    for labels in picture.percents:
        traffic = picture.traffic.mirrored.get(labels)
        if traffic is None:
            continue
        for outcome, count in within(traffic.outcomes, OUTCOMES, fill=True):
            outcomes.add_metric([*labels, outcome], count)
        for kind, count in within(traffic.tokens, TOKENS):
            tokens.add_metric([*labels, kind], count)
        cost.add_metric(labels, traffic.cost)
        for why in _NOT_COPIED:
            skipped.add_metric([*labels, why], traffic.skipped[why])
        for why in _NOT_KNOWN:
            lost.add_metric([*labels, why], traffic.skipped[why])
    yield from (outcomes, tokens, cost, skipped, lost)
