"""A histogram of durations that merges exactly and loses little.

Bins grow by 10 % from 0.1 ms to about an hour, so a quantile read from it is at most
10 % too high. The OpenTelemetry GenAI boundaries are bounds here too, so that what
Prometheus shows is counted, not interpolated.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

OTEL_DURATION: Final[tuple[float, ...]] = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64,
    1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
"""Seconds; bounds of gen_ai.server.request.duration (OpenTelemetry GenAI metrics)."""

OTEL_FIRST_TOKEN: Final[tuple[float, ...]] = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
    0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
"""Seconds; bounds of gen_ai.server.time_to_first_token."""

OTEL_PER_TOKEN: Final[tuple[float, ...]] = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
    0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
)  # fmt: skip
"""Seconds; bounds of gen_ai.server.time_per_output_token."""

_SMALLEST: Final = 0.0001
_GROWTH: Final = 1.1
_GEOMETRIC: Final = tuple(_SMALLEST * _GROWTH**step for step in range(184))

BOUNDS: Final = tuple(
    sorted({*_GEOMETRIC, *OTEL_DURATION, *OTEL_FIRST_TOKEN, *OTEL_PER_TOKEN})
)
"""Upper bounds in seconds, inclusive; one more bin counts everything above the last."""


class Histogram:
    """Counts of durations over BOUNDS, and their sum in seconds."""

    __slots__ = ("counts", "total")

    def __init__(
        self, counts: Mapping[int, int] | None = None, total: float = 0.0
    ) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        for place, count in (counts or {}).items():
            self.counts[place] = count
        self.total = total

    def sparse(self) -> dict[int, int]:
        """Give the counts that are not zero, by place; what the constructor takes."""
        return {place: count for place, count in enumerate(self.counts) if count}

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def merge(self, other: "Histogram") -> None:
        """Count everything *other* has counted as well; exact."""
        self.counts = [
            mine + its for mine, its in zip(self.counts, other.counts, strict=True)
        ]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """Give the upper bound of the bin in which the *share* quantile lies.

        Args:
            share: From 0 to 1.

        Returns:
            Seconds, at most 10 % above the exact sample quantile (infinite above the
            last bound); None when nothing was counted.

        """
        wanted = share * self.count
        if not self.count:
            return None
        reached = 0
        for bin_count, bound in zip(self.counts, (*BOUNDS, float("inf")), strict=True):
            reached += bin_count
            if reached and reached >= wanted:
                return bound
        return float("inf")

    def at_most(self, bound: float) -> int:
        """Count the durations up to *bound*, which must be one of BOUNDS."""
        return sum(self.counts[: BOUNDS.index(bound) + 1])
