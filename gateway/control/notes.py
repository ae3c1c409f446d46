"""What an operator should know before acting, in a sentence or two."""

from gateway.domain.outcome import ERRORS
from gateway.telemetry.traffic import VersionTraffic


def baseline_health(baseline: str, traffic: VersionTraffic) -> str:
    """Say how the baseline has done: a kill switch sends everything there."""
    requests = traffic.requests
    errors = sum(count for kind, count in traffic.outcomes.items() if kind in ERRORS)
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
