"""Bins that grow by a twentieth, for amounts that have no upper end: time, money, tokens.

A quantile read from them is at most 5 % too high, and a tolerance of x(1 + m) is a number
of bins, rounded up (statistics of durations are multiplicative): the usual one, x1.05, is
one bin exactly. The last bin is for what failed, and for everything beyond the grid: from
1 ms it reaches beyond an hour, from one token to 5.7 million, from 1e-6 USD to 5.7 USD.
"""

from bisect import bisect_left
from functools import lru_cache
from typing import Final

GROWTH: Final = 1.05
BIN_COUNT: Final = 321
FAILED_BIN: Final = BIN_COUNT - 1


@lru_cache(maxsize=64)
def _bounds(smallest: float) -> tuple[float, ...]:
    return tuple(smallest * GROWTH**step for step in range(FAILED_BIN))


def bin_of(value: float, smallest: float) -> int:
    """Give the bin of an amount.

    Args:
        value: Any float, infinity too; not a number counts as 0.
        smallest: Where the first bin ends, in the unit of *value*; more than 0.

    Returns:
        From 0 (up to *smallest*, and whatever is not positive) to FAILED_BIN (beyond the
        grid).

    """
    return bisect_left(_bounds(smallest), value)


def upper_bound(bin_number: int, smallest: float) -> float:
    """Give the greatest amount that falls into a bin; infinite for FAILED_BIN."""
    if bin_number >= FAILED_BIN:
        return float("inf")
    return _bounds(smallest)[bin_number]
