"""Whether units went to the versions as often as the coins say; if not, nothing is proven.

A beta-binomial against the known coin, for each class of equal coins: Lindon and Malek,
Anytime-valid inference for multinomial count data (NeurIPS 2022, arXiv 2011.03567), with a
prior worth 100 units around the coin. Units, never requests: requests of one key share
a coin.
"""

from collections.abc import Mapping, Sequence
from math import lgamma, log, log1p
from typing import Final, Self, TypeAlias

from gateway.analysis.payoffs import check_coin

PRIOR_UNITS: Final = 100.0

MOST_CLASSES: Final = 64
"""Classes of equal coins that are kept apart."""

Dumped: TypeAlias = tuple[float, list[tuple[float, int, int]]]
"""ln E of the classes that were closed; and coin, baseline's and candidate's units of the
others."""


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def log_beta_binomial(coin: float, baseline: int, candidate: int) -> float:
    """Give ln E against "each of these units fell to the candidate with this coin".

    From the totals, not from step to step, so that roundings do not add up: at 1e9 units
    it is right to about 1e-5.

    Args:
        coin: Inside (0, 1).
        baseline: Units that did not.
        candidate: Units that did.

    """
    a, b = PRIOR_UNITS * coin, PRIOR_UNITS * (1 - coin)
    return (
        _log_beta(a + candidate, b + baseline)
        - _log_beta(a, b)
        - candidate * log(coin)
        - baseline * log1p(-coin)
    )


class SampleRatio:
    """An e-process against "the coins are what they are said to be".

    The coins of different classes are tossed apart, so their wealths multiply. Where there
    are more than 64 classes, the one that has waited longest is closed: what it has won or
    lost stays, and if its coin comes again it begins anew.
    """

    __slots__ = ("_closed", "_units", "_wealths")

    def __init__(self) -> None:
        self._closed = 0.0
        self._units: dict[float, tuple[int, int]] = {}
        self._wealths: dict[float, float] = {}

    @classmethod
    def load(cls, dumped: Dumped) -> Self:
        """Make it from what `dump` gave."""
        ratio = cls()
        ratio._closed, classes = dumped
        for coin, baseline, candidate in classes:
            ratio.add(coin, baseline, candidate)
        return ratio

    def dump(self) -> Dumped:
        """Give all that must be kept; classes in the order in which they wait."""
        return self._closed, [(coin, *units) for coin, units in self._units.items()]

    def add(self, coin: float, baseline: int, candidate: int) -> None:
        """Count units.

        Args:
            coin: Inside (0, 1): the probability with which they went to the candidate.
            baseline: Those that went to the baseline since the last time.
            candidate: Those that went to the candidate.

        Raises:
            ValueError: The coin decides nothing.

        """
        check_coin(coin)
        before = self._units.pop(coin, (0, 0))  # back in as the one that waits least
        if len(self._units) >= MOST_CLASSES:
            self._close_oldest()
        units = (before[0] + baseline, before[1] + candidate)
        self._units[coin] = units
        self._wealths[coin] = log_beta_binomial(coin, *units)

    def add_all(self, units: Mapping[float, Sequence[int]]) -> None:
        """Count units by coin: the baseline's and the candidate's."""
        for coin, (baseline, candidate) in units.items():
            self.add(coin, baseline, candidate)

    @property
    def log_e(self) -> float:
        """The log of the wealth; alarming from ln(1 / alpha) on."""
        return self._closed + sum(self._wealths.values())

    def totals(self) -> tuple[int, int, float]:
        """Give the units of both versions, and the candidate's expected, of open classes."""
        baseline = sum(units[0] for units in self._units.values())
        candidate = sum(units[1] for units in self._units.values())
        expected = sum(coin * sum(units) for coin, units in self._units.items())
        return baseline, candidate, expected

    def _close_oldest(self) -> None:
        oldest = next(iter(self._units))
        del self._units[oldest]
        self._closed += self._wealths.pop(oldest)


def count_range(coin: float, units: int, log_limit: float) -> tuple[int, int]:
    """Give which numbers of hits in so many units are not refuted.

    Args:
        coin: Inside (0, 1): the probability of a hit.
        units: 1 or more.
        log_limit: What ln E may not reach.

    Returns:
        The lowest and the highest; ln E is convex in the hits, and low near coin * units.

    """
    middle = round(coin * units)
    return (
        _furthest(coin, units, log_limit, middle, 0),
        _furthest(coin, units, log_limit, middle, units),
    )


def _furthest(
    coin: float, units: int, log_limit: float, inside: int, outside: int
) -> int:
    """Halve the way from a number that is not refuted to the end of the range."""
    if log_beta_binomial(coin, units - outside, outside) < log_limit:
        return outside
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        if log_beta_binomial(coin, units - middle, middle) < log_limit:
            inside = middle
        else:
            outside = middle
    return inside
