"""The one place that makes chance: seeded, so that two runs meet the same load."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp, lgamma, log, log1p, sqrt
from random import Random
from typing import Final

_SPREAD: Final = 40.0
"""Standard deviations around a mean beyond which nothing ever falls."""


def shares(seed: int) -> Callable[[], float]:
    """Give a die that rolls 0 to 1."""
    return Random(seed).random


def arrivals(seed: int, per_s: float, seconds: float) -> Iterator[float]:
    """Give Poisson arrival times from 0 on, in seconds."""
    dice = Random(seed)
    due = dice.expovariate(per_s)
    while due < seconds:
        yield due
        due += dice.expovariate(per_s)


class Draws:
    """Counts by chance, of many units at once: exact, and as fast as one of a single unit."""

    __slots__ = ("_dice", "share")

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)
        self.share = self._dice.random

    def binomial(self, units: int, chance: float) -> int:
        """Draw how many of some units it befalls, each by this chance, 0 to 1."""
        if units == 0 or chance <= 0:
            return 0
        if chance >= 1:
            return units
        first, table = _binomial(units, chance)
        return first + bisect_right(table, self.share())

    def place(self, cumulative: Sequence[float]) -> int:
        """Draw a place by its part of the whole; *cumulative* rises to 1."""
        return bisect_right(cumulative, self.share(), 0, len(cumulative) - 1)

    def until(self, chance: float) -> int:
        """Draw how many units come before the first that it befalls; chance in (0, 1)."""
        return int(log(1.0 - self.share()) / log1p(-chance))

    def lognormal(self, median: float, sigma: float) -> float:
        """Draw a lognormal amount."""
        return median * exp(self._dice.gauss(0.0, sigma))

    def beta(self, a: float, b: float) -> float:
        """Draw a share from a beta distribution."""
        return self._dice.betavariate(a, b)


@lru_cache(maxsize=20_000)
def _binomial(units: int, chance: float) -> tuple[int, list[float]]:
    """Add up the probabilities of 0, 1, 2, ... from the first one that is not nil."""
    mean, spread = units * chance, sqrt(units * chance * (1 - chance))
    first = max(0, int(mean - _SPREAD * spread))
    last = min(units, int(mean + _SPREAD * spread) + 20)
    whole, rises, falls = lgamma(units + 1), log(chance), log1p(-chance)
    terms = [
        exp(
            whole
            - lgamma(count + 1)
            - lgamma(units - count + 1)
            + count * rises
            + (units - count) * falls
        )
        for count in range(first, last + 1)
    ]
    return first, list(accumulate(terms))[:-1]
