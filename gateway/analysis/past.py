"""What the baseline was like until now: what bets are made from, and nothing else.

Validity never rests on it, only speed does. So it may forget: older units weigh half after
20,000 newer ones, and it follows traffic that drifts. Whoever bets must learn a block only
after the block has been counted.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Self

from gateway.analysis.counts import Bins

HALF_LIFE: Final = 20_000
"""Units."""

_RATE_BEFORE: Final = 0.005
_WORTH_OF_RATE: Final = 200.0
"""Units that the rate before any data is worth: (events + 1) / (units + 200)."""

_LEAST: Final = 1e-9
_LEAST_VARIANCE: Final = 1e-5
"""Smaller ones are below what a grid of 41 points can tell apart (0.025**2 / 12)."""

_MEAN_BEFORE: Final = 1 / 2
_SQUARE_BEFORE: Final = 1 / 3
"""Of a loss that is spread evenly over [0, 1]; worth one unit."""


class Past:
    """Counts of the baseline's units by bin, with exponential forgetting.

    Attributes:
        counts: By bin, forgotten in part.
        total: Their sum; at most HALF_LIFE / ln 2.

    """

    __slots__ = ("counts", "total")

    def __init__(self, bin_count: int) -> None:
        self.counts = [0.0] * bin_count
        self.total = 0.0

    @classmethod
    def load(cls, dumped: Sequence[float]) -> Self:
        """Make it from what `dump` gave."""
        past = cls(0)
        past.counts = list(dumped)
        past.total = sum(past.counts)
        return past

    def dump(self) -> list[float]:
        """Give all that must be kept."""
        return list(self.counts)

    def add(self, bins: Bins) -> None:
        """Learn units of the baseline that no bet will be made on any more."""
        kept = 0.5 ** (sum(bins.values()) / HALF_LIFE)
        counts = [count * kept for count in self.counts]
        for bin_number, count in bins.items():
            counts[bin_number] += count
        self.counts = counts
        self.total = sum(counts)

    def rate(self) -> float:
        """Give the part of units in bin 1, drawn towards 0.5 % while there are few."""
        return self.share_above(0, _RATE_BEFORE)

    def share_above(self, bin_number: int, before: float) -> float:
        """Give the part of units above a bin.

        Args:
            bin_number: Units in it do not count.
            before: What is thought before there is data; worth 200 units.

        Returns:
            Inside (0, 1), by 1e-9 at least.

        """
        above = sum(self.counts[bin_number + 1 :])
        rate = (above + _WORTH_OF_RATE * before) / (self.total + _WORTH_OF_RATE)
        return min(max(rate, _LEAST), 1 - _LEAST)

    def mean(self) -> float:
        """Give the mean loss, of bins that are a grid over [0, 1]."""
        return self._moment(1, _MEAN_BEFORE)

    def variance(self) -> float:
        """Give the variance of losses on such a grid; never below 1e-5."""
        spread = self._moment(2, _SQUARE_BEFORE) - self.mean() ** 2
        return max(spread, _LEAST_VARIANCE)

    def quantile_bin(self, quantile: float) -> int:
        """Give the first bin up to which this part of the units lies.

        Args:
            quantile: From 0 to 1.

        Returns:
            The last bin but one while there is no data: above it lies what failed.

        """
        last = len(self.counts) - 1
        if not self.total:
            return max(last - 1, 0)
        # Sums of forgotten counts are not exact; a hair must not move a quantile up.
        wanted = quantile * self.total * (1 - _LEAST)
        for bin_number, reached in enumerate(accumulate(self.counts)):
            if reached >= wanted and reached > 0:
                return bin_number
        return last

    def weights(self) -> list[float]:
        """Give the part of the units in each bin; all 0 while there is no data."""
        total = self.total
        return [count / total for count in self.counts] if total else self.counts[:]

    def _moment(self, power: int, before: float) -> float:
        top = len(self.counts) - 1
        found = sum(
            count * (place / top) ** power
            for place, count in enumerate(self.counts)
            if count
        )
        return (found + before) / (self.total + 1)
