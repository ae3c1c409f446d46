"""What an operator should know before acting, in a sentence or two each."""

from collections.abc import Iterator
from typing import Final

from gateway.analysis.expected import Assumed
from gateway.analysis.plan import Traffic as Expected
from gateway.control.outlook import lines_of
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.service import Service
from gateway.telemetry.traffic import Traffic, VersionTraffic

_HOUR_S: Final = 3600.0
_FEW: Final = 100
"""Requests, from which nothing can be said of an hour."""


def outlook_of(
    service: Service, traffic: VersionTraffic, seconds: float
) -> Iterator[str]:
    """Say what a rollout will need, from what has come so far.

    Args:
        service: As it is routed, with a rollout and a candidate.
        traffic: Of its baseline.
        seconds: In which it came.

    """
    if service.rollout is None or service.candidate is None:
        return
    known, assumed = None, Assumed()
    requests = traffic.requests
    if requests >= _FEW and seconds > 0:
        per_hour = requests / seconds * _HOUR_S
        known = Expected(units_per_hour=per_hour)
        assumed = Assumed(rates=_rates(traffic))
        yield (
            f"Reckoned with {per_hour:,.0f} requests an hour, as they came so far, and"
            " as if nobody came twice: returning users take longer."
        )
    yield from lines_of(service, assumed, known, is_brief=True)


def _rates(traffic: VersionTraffic) -> dict[str, float]:
    """Give how often each outcome was, by the metric that looks at it."""
    counts = {outcome.value: traffic.outcomes[outcome] for outcome in Outcome}
    counts |= {
        "error_rate": _errors(traffic),
        "client_error_rate": counts[Outcome.CLIENT_ERROR.value],
        "cancel_rate": counts[Outcome.CLIENT_CANCELLED.value],
    }
    return {metric: count / traffic.requests for metric, count in counts.items()}


def _errors(traffic: VersionTraffic) -> int:
    return sum(count for kind, count in traffic.outcomes.items() if kind in ERRORS)


def guard_notes(service: Service, traffic: Traffic) -> Iterator[str]:
    """Say which candidates workers divert, and how long ago the baseline answered."""
    name = service.known_as
    age = traffic.answered_age.get((name, service.baseline))
    health = "has not answered" if age is None else f"last answered {age:.1f} s ago"
    for candidate in service.candidates:
        workers = traffic.diverting[name, candidate]
        if workers:
            whose = "1 worker" if workers == 1 else f"{workers} workers"
            yield (
                f"The guard of {whose} sends what is {candidate}'s to"
                f" {service.baseline}, which {health}."
            )


def baseline_health(baseline: str, traffic: VersionTraffic) -> str:
    """Say how the baseline has done: a kill switch sends everything there."""
    requests = traffic.requests
    errors = _errors(traffic)
    if not requests:
        return (
            f"Nobody has asked {baseline} since the counting began: whether it can carry"
            " everything is not known. `promote --full` is the other way out."
        )
    return (
        f"{baseline} answered {requests} requests with {errors / requests:.2%} errors since the"
        " counting began. Where it is the one that fails, `promote --full` is the other"
        " way out."
    )
