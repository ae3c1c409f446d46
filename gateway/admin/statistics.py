"""What a version's traffic says, in JSON values; None where a number would be a lie.

Every rate is a share of all exchanges of the version that are over. None is left out of
the denominator, also not those whose client erred or left: which exchanges those are is
up to the version too, so that leaving them out would compare unlike with unlike.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.analysis.histogram import BOUNDS, Histogram
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.segment import Segment
from gateway.telemetry.traffic import SignalSums, Slices, VersionTraffic

Json = dict[str, object]
_QUANTILES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_IN_SHORT: Final = {"p50": 0.50, "p95": 0.95}

_RATES: Final[Mapping[str, frozenset[Outcome]]] = {
    "error_rate": ERRORS,
    "refused_rate": frozenset({Outcome.REFUSED}),
    "length_rate": frozenset({Outcome.LENGTH}),
    "content_filter_rate": frozenset({Outcome.CONTENT_FILTER}),
    "degenerate_rate": frozenset({Outcome.DEGENERATE}),
    "client_error_rate": frozenset({Outcome.CLIENT_ERROR}),
    "cancel_rate": frozenset({Outcome.CLIENT_CANCELLED}),
}


def statistics(traffic: VersionTraffic) -> Json:
    """Show the totals of a version whole."""
    return {
        "requests": traffic.requests,
        "outcomes": dict(sorted(traffic.outcomes.items())),
        **{name: _rate(traffic, outcomes) for name, outcomes in _RATES.items()},
        "codes": {str(code): n for code, n in sorted(traffic.codes.items())},
        "failures": dict(sorted(traffic.failures.items())),
        "duration_seconds": _spread(traffic.duration, _QUANTILES),
        "first_byte_seconds": _spread(traffic.first_byte, _QUANTILES),
        "time_to_first_token_seconds": _spread(traffic.first_content, _QUANTILES),
        "time_per_output_token_seconds": _spread(traffic.per_token, _QUANTILES),
        "tokens": dict(sorted(traffic.tokens.items())),
        "tokens_per_second": _speed(traffic.per_token),
        "cost_usd": traffic.cost,
        "cost_per_request_usd": _cost_of_one(traffic),
        "signals": _signals(traffic),
        "skipped": dict(sorted(traffic.skipped.items())),
        "pinned": dict(sorted(traffic.pinned.items())),
        "tunnels": {
            "open": traffic.tunnels_open,
            "ended": dict(sorted(traffic.tunnels_ended.items())),
            "bytes": dict(sorted(traffic.tunnel_bytes.items())),
        },
        "retried": traffic.retried,
        "late": traffic.late,
        "in_flight": traffic.in_flight,
        "pending": traffic.pending,
        "connections": {"active": traffic.active, "idle": traffic.idle},
        "ejections": dict(sorted(traffic.ejections.items())),
    }


def by_segment(segments: Iterable[Segment], slices: Slices) -> Json:
    """Show the slices of a version's traffic in short, as far as there is any.

    Args:
        segments: As they are defined now; slices of others are not shown.
        slices: What was counted.

    """
    return {
        segment.name: {
            value: _in_short(slices[segment.name, value])
            for value in segment.labels
            if (segment.name, value) in slices
        }
        for segment in segments
    }


def _in_short(traffic: VersionTraffic) -> Json:
    return {
        "requests": traffic.requests,
        "error_rate": _rate(traffic, ERRORS),
        "duration_seconds": _spread(traffic.duration, _IN_SHORT),
        "time_to_first_token_seconds": _spread(traffic.first_content, _IN_SHORT),
        "cost_usd": traffic.cost,
        "cost_per_request_usd": _cost_of_one(traffic),
        "signals": {
            name: {"count": sums.count, "mean": sums.mean}
            for name, sums in sorted(traffic.signals.items())
        },
    }


def _rate(traffic: VersionTraffic, outcomes: Iterable[Outcome]) -> float | None:
    if not traffic.requests:
        return None
    return sum(traffic.outcomes[each.value] for each in outcomes) / traffic.requests


def _cost_of_one(traffic: VersionTraffic) -> float | None:
    """Give the mean of those whose cost is known; what broke off told no tokens."""
    return traffic.cost / traffic.priced if traffic.priced else None


def _speed(per_token: Histogram) -> float | None:
    """Give the speed of a mean stream: the harmonic mean of all streams' speeds."""
    return per_token.count / per_token.total if per_token.total else None


def _signals(traffic: VersionTraffic) -> Json:
    return {name: _sums(sums) for name, sums in sorted(traffic.signals.items())}


def _sums(sums: SignalSums) -> Json:
    return {"count": sums.count, "mean": sums.mean, "sd": sums.sd}


def _spread(histogram: Histogram, quantiles: Mapping[str, float]) -> Json:
    found = {name: histogram.quantile(share) for name, share in quantiles.items()}
    count = histogram.count
    return {
        "count": count,
        "mean": histogram.total / count if count else None,
        **{  # JSON has no infinity: above the last bound is shown as the last bound
            name: None if value is None else min(value, BOUNDS[-1])
            for name, value in found.items()
        },
    }
