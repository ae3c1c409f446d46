"""Prometheus families of connections that speak another protocol than HTTP."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.telemetry import names
from gateway.telemetry.labels import within
from gateway.telemetry.traffic import VersionTraffic

_ENDS: Final = ("client", "endpoint", "idle", "limit", "gateway")
_SENDERS: Final = ("client", "endpoint")
_LABELS: Final = ("service", "version")


def tunnel_metrics(
    versions: Iterable[tuple[tuple[str, str], VersionTraffic]],
) -> Iterator[Metric]:
    """Give every family.

    Args:
        versions: (service, version) and what was counted.

    """
    is_open = GaugeMetricFamily(
        names.TUNNELS_OPEN, "Upgraded connections that are open.", labels=_LABELS
    )
    ended = CounterMetricFamily(
        names.TUNNELS_ENDED,
        "Upgraded connections that are over, by who ended them first.",
        labels=(*_LABELS, "by"),
    )
    sent = CounterMetricFamily(
        names.TUNNEL_BYTES,
        "Bytes passed on in upgraded connections, by who sent them.",
        labels=(*_LABELS, "sender"),
    )
    for labels, traffic in versions:
        is_open.add_metric(labels, traffic.tunnels_open)
        for by, number in within(traffic.tunnels_ended, _ENDS, fill=True):
            ended.add_metric([*labels, by], number)
        for sender, size in within(traffic.tunnel_bytes, _SENDERS, fill=True):
            sent.add_metric([*labels, sender], size)
    yield from (is_open, ended, sent)
