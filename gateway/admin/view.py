"""A service as operators see it, in JSON values.

No secret can get out: what is shown is named one by one.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from gateway.analysis.histogram import BOUNDS, Histogram
from gateway.analysis.sums import SlicedSum, Sum
from gateway.domain.outcome import ERRORS
from gateway.domain.service import Endpoint, Service, StickySource, Version
from gateway.domain.units import percent_from_share
from gateway.handoff.routing_table import RoutedService
from gateway.state.store import Change
from gateway.telemetry.traffic import Traffic, VersionTraffic

Json = dict[str, object]

_QUANTILES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def service_view(
    routed: RoutedService,
    *,
    epoch: int,
    change: Change | None,
    traffic: Traffic,
    feedback: Callable[[str, str], Mapping[str, SlicedSum]],
) -> Json:
    """Show a service: how it is split, and how each version does."""
    service = routed.service
    percents = routed.percents()
    return {
        "name": service.name,
        "baseline": service.baseline,
        "candidate": service.candidate,
        "weights": percents,
        "configured_weight": percent_from_share(service.configured_share),
        "revision": routed.revision,
        "epoch": epoch,
        "salt": routed.salt,
        "sticky": [_sticky(source) for source in service.sticky],
        "changed": _changed(change),
        "versions": {
            version.name: {
                "role": _role(service, version),
                "weight": percents[version.name],
                "endpoints": [_url(endpoint) for endpoint in version.endpoints],
                "statistics": _statistics(traffic.of(service.name, version.name)),
                "feedback": _feedback(feedback(service.name, version.name)),
            }
            for version in service.versions
        },
    }


def _role(service: Service, version: Version) -> str | None:
    if version.name == service.baseline:
        return "baseline"
    return "candidate" if version.name == service.candidate else None


def _sticky(source: StickySource) -> Json | str:
    return {source.kind.value: source.name} if source.name else source.kind.value


def _url(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _changed(change: Change | None) -> Json | None:
    if change is None:
        return None
    at = datetime.fromtimestamp(change.at, tz=UTC).isoformat(timespec="milliseconds")
    return {"by": change.by, "reason": change.reason, "at": at}


def _statistics(traffic: VersionTraffic) -> Json:
    failed = sum(traffic.outcomes[outcome.value] for outcome in ERRORS)
    return {
        "requests": traffic.requests,
        "outcomes": dict(sorted(traffic.outcomes.items())),
        "error_rate": failed / traffic.requests if traffic.requests else None,
        "codes": {str(code): n for code, n in sorted(traffic.codes.items())},
        "failures": dict(sorted(traffic.failures.items())),
        "duration_seconds": _quantiles(traffic.duration),
        "first_byte_seconds": _quantiles(traffic.first_byte),
        "in_flight": traffic.in_flight,
        "pending": traffic.pending,
        "connections": {"active": traffic.active, "idle": traffic.idle},
    }


def _feedback(signals: Mapping[str, SlicedSum]) -> Json:
    return {
        signal: {
            **_sum(sums.whole),
            "segments": {
                segment: {value: _sum(part) for value, part in sorted(values.items())}
                for segment, values in sums.segments.items()
            },
        }
        for signal, sums in sorted(signals.items())
    }


def _sum(values: Sum) -> Json:
    return {"count": values.count, "sum": values.total, "mean": values.mean}


def _quantiles(histogram: Histogram) -> Json:
    quantiles = {name: histogram.quantile(at) for name, at in _QUANTILES.items()}
    return {
        "count": histogram.count,
        "mean": histogram.total / histogram.count if histogram.count else None,
        **{  # JSON has no infinity: above the last bound is shown as the last bound
            name: None if value is None else min(value, BOUNDS[-1])
            for name, value in quantiles.items()
        },
    }
