"""When an endpoint is asked: health checks, ejection, slow start, and what comes of it.

The settings carry Envoy's names, for what they mean is the same.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.units import Seconds


class EndpointState(StrEnum):
    """How an endpoint stands."""

    UP = "up"
    WARMING = "warming"  # it is back, or new, and is given more and more
    EJECTED = "ejected"  # exchanges failed on it
    DOWN = "down"  # its health check fails


class EjectedFor(StrEnum):
    """Why an endpoint was left out."""

    UNREACHABLE = "unreachable"  # it took no connection
    FAILURES = "failures"  # it took them, and answered badly or not at all
    HEALTH_CHECK = "health_check"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A question asked again and again of every endpoint of a version.

    Attributes:
        path: Asked for with GET, as it stands: no base path, no path_rewrite.
        interval: Between the beginnings of two checks, in seconds.
        timeout: From the wish for a connection to the answer's head, in seconds.
        healthy_threshold: Good answers in a row that bring an endpoint back.
        unhealthy_threshold: Bad ones in a row, or none, that take it out.
        expected_statuses: What a good answer is; none: any from 200 to 299.

    """

    path: str
    interval: Seconds = Seconds(5.0)
    timeout: Seconds = Seconds(2.0)
    healthy_threshold: int = 2
    unhealthy_threshold: int = 3
    expected_statuses: tuple[int, ...] = ()

    def likes(self, status: int) -> bool:
        """Whether an answer with this status is a good one."""
        if self.expected_statuses:
            return status in self.expected_statuses
        return _GOOD <= status < _NOT_GOOD


_GOOD = 200
_NOT_GOOD = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierDetection:
    """When an endpoint that fails is left out for a while, by each worker for itself.

    Attributes:
        consecutive_failures: Exchanges in a row that failed before their first content.
        base_ejection_time: How long it is left out the first time, in seconds; twice
            as long the second time, and so on.
        max_ejection_time: The longest, in seconds; up to a fifth is added at random.
        max_ejection_percent: Which part of a version's endpoints may be out for bad
            answers at once. One always may; the last one never.

    """

    consecutive_failures: int = 5
    base_ejection_time: Seconds = Seconds(30.0)
    max_ejection_time: Seconds = Seconds(300.0)
    max_ejection_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCare:
    """All that decides when an endpoint is asked, and where it is looked for.

    Attributes:
        health: None: it is not checked.
        outlier_detection: None: it is never left out for failures.
        slow_start: Seconds in which an endpoint that is back, or new, comes to its full
            part; 0: it has that at once.
        resolve: Seconds between two look-ups of a name.

    """

    health: HealthCheck | None = None
    outlier_detection: OutlierDetection | None = OutlierDetection()
    slow_start: Seconds = Seconds(10.0)
    resolve: Seconds = Seconds(30.0)
