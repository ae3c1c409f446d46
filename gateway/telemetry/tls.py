"""TLS for Prometheus: until when certificates are valid, and how handshakes went."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.telemetry import names
from gateway.telemetry.traffic import Picture

_RESULTS: Final = ("done", "failed")


def tls_metrics(picture: Picture) -> Iterator[Metric]:
    """Give every family; label values come from the configuration."""
    expiry = GaugeMetricFamily(
        names.CERTIFICATE_EXPIRY,
        "Until when a certificate is valid, in Unix time.",
        labels=("use", "certificate"),
    )
    for labels, not_after in picture.certificates.items():
        expiry.add_metric(labels, not_after)
    handshakes = CounterMetricFamily(
        names.HANDSHAKES,
        "TLS handshakes of clients on the data listeners.",
        labels=("result",),
    )
    for result in _RESULTS:
        handshakes.add_metric((result,), picture.traffic.handshakes[result])
    yield from (expiry, handshakes)
