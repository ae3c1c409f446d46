"""Counts and sums of values, whole and by segment: what a mean is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sum:
    """How many values there were, and their sum.

    Attributes:
        count: Values.
        total: Their sum.

    """

    count: int = 0
    total: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean; None while there is nothing."""
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class SlicedSum:
    """The same, over all and for each value of each segment.

    Attributes:
        whole: Over everything.
        segments: By segment and value; only what has occurred.
        generation: Tells sums that were begun anew from those that were dropped.

    """

    whole: Sum = field(default_factory=Sum)
    segments: dict[str, dict[str, Sum]] = field(default_factory=dict)
    generation: int = 0

    def add(self, count: int, total: float, cell: Iterable[tuple[str, str]]) -> None:
        """Add values.

        Args:
            count: How many; 0 when one takes the place of another.
            total: Their sum, or by how much it changes.
            cell: Segment and value that they fall into.

        """
        parts = [self.whole]
        for segment, value in cell:
            values = self.segments.setdefault(segment, {})
            parts.append(values.setdefault(value, Sum()))
        for part in parts:
            part.count += count
            part.total += total


Feedback = dict[str, dict[str, dict[str, SlicedSum]]]
"""Sums by service, version and signal."""
