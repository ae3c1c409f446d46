"""Intervals to look at. Display only: no decision is made from them.

They hold at every look (confidence sequences), the one of a mean's difference only as an
approximation that gets good with the units. Counts are given by coin, because versions may
be compared within a coin only: pooled over a ramp, a daily rhythm looks like an effect.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from math import exp, expm1, inf, log, log1p, sqrt
from typing import Final, NamedTuple

from gateway.analysis.bets import log_sum
from gateway.analysis.counts import Bins, Pair
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.geometric import FAILED_BIN, GROWTH
from gateway.analysis.sample_ratio import count_range


class Interval(NamedTuple):
    """Where something lies.

    Attributes:
        low: May be 0 or -infinity.
        high: May be infinite.

    """

    low: float
    high: float


_WIDEST: Final = log(1e4)
"""Ratios of rates from 1e-4 to 1e4 are looked at."""

_GRID: Final = tuple(place * log(100) / 20 for place in range(-20, 21))
"""Logs of ratios, alike in weight: what the ratio is compared with on average."""

_HALVINGS: Final = 30


def rate_ratio_interval(
    events: Mapping[float, tuple[int, int]], alpha: float = 0.05
) -> Interval | None:
    """Give the ratio of the candidate's rate to the baseline's.

    Whose an event is, is a coin of odds theta * w / (1 - w), whatever the rates are, if
    only their ratio theta stays: Lindon and Malek (NeurIPS 2022, arXiv 2011.03567) for
    events, as a mixture of likelihood ratios over theta.

    Args:
        events: By coin: the baseline's and the candidate's events.
        alpha: Chance that it ever misses the ratio.

    Returns:
        Ratios; None without any event.

    """
    if not any(sum(pair) for pair in events.values()):
        return None

    def likelihood(log_ratio: float) -> float:
        return _log_likelihood(events, log_ratio)

    mixed = log_sum([likelihood(point) for point in _GRID]) - log(len(_GRID))
    limit = mixed + log(alpha)
    best = _halve(lambda point: _slope(events, point) > 0, -_WIDEST, _WIDEST)
    if likelihood(-_WIDEST) >= limit:
        low = 0.0
    else:
        low = exp(_halve(lambda point: likelihood(point) < limit, -_WIDEST, best))
    if likelihood(_WIDEST) >= limit:
        return Interval(low, inf)
    high = exp(_halve(lambda point: likelihood(point) >= limit, best, _WIDEST))
    return Interval(low, high)


def _log_likelihood(events: Mapping[float, tuple[int, int]], log_ratio: float) -> float:
    rise = expm1(log_ratio)
    return sum(
        candidate * log_ratio - (baseline + candidate) * log1p(coin * rise)
        for coin, (baseline, candidate) in events.items()
    )


def _slope(events: Mapping[float, tuple[int, int]], log_ratio: float) -> float:
    ratio = exp(log_ratio)
    return sum(
        candidate - (baseline + candidate) * coin * ratio / (1 - coin + coin * ratio)
        for coin, (baseline, candidate) in events.items()
    )


def _halve(is_below: Callable[[float], bool], low: float, high: float) -> float:
    """Find where a claim that holds on the left ceases to hold."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if is_below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


class _Moments(NamedTuple):
    units: int
    mean: float
    variance: float


_TUNED_FOR: Final = 5_000
"""Units at which the interval is narrowest, as GrowthBook documents it."""

_FEWEST: Final = 2
_LEAST_VARIANCE: Final = 1e-5


def mean_difference_interval(
    losses: Mapping[float, Pair], alpha: float = 0.05
) -> Interval | None:
    """Give the candidate's mean loss less the baseline's.

    Asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (AoS
    2024, arXiv 2103.06476); differences within a coin, weighted by their precision.

    Args:
        losses: By coin, units on the grid of losses.
        alpha: Chance that it ever misses the difference, when there are many units.

    Returns:
        None while no coin has two units of each version.

    """
    strata = [(_moments(pair[0]), _moments(pair[1])) for pair in losses.values()]
    strata = [pair for pair in strata if min(pair[0].units, pair[1].units) >= _FEWEST]
    if not strata:
        return None
    precisions = [
        1 / sum(side.variance / side.units for side in pair) for pair in strata
    ]
    precision = sum(precisions)
    difference = sum(
        weight * (candidate.mean - baseline.mean)
        for weight, (baseline, candidate) in zip(precisions, strata, strict=True)
    )
    units = sum(side.units for pair in strata for side in pair)
    middle, half = difference / precision, _half_width(units, 1 / precision, alpha)
    return Interval(middle - half, middle + half)


def _moments(bins: Bins) -> _Moments:
    units = sum(bins.values())
    if not units:
        return _Moments(0, 0.0, 0.0)
    top = LOSS_BINS - 1
    mean = sum(place * count for place, count in bins.items()) / (top * units)
    square = sum((place / top) ** 2 * count for place, count in bins.items()) / units
    return _Moments(units, mean, max(square - mean**2, _LEAST_VARIANCE))


def _half_width(units: int, squared_error: float, alpha: float) -> float:
    wanted = -2 * log(alpha)
    tuning = (wanted + log1p(wanted)) / _TUNED_FOR  # rho squared
    grown = units * tuning + 1
    spread = 2 * grown / (units**2 * tuning) * log(sqrt(grown) / alpha)
    return sqrt(units * squared_error * spread)


def quantile_interval(
    bins: Bins, quantile: float, alpha: float = 0.05
) -> tuple[int, int] | None:
    """Give between which bins a version's quantile lies.

    Whether a unit lies up to the quantile is a coin of that probability, so the numbers of
    units that its beta-binomial does not refute say which ranks it can have. For units
    alike and independent, as all intervals of quantiles; compare Howard and Ramdas
    (Bernoulli 2022, arXiv 1906.09712, section 3).

    Args:
        bins: Units of one version.
        quantile: Inside (0, 1).
        alpha: Chance that it ever misses the quantile.

    Returns:
        The first and the last bin, both inside; None without units.

    """
    units = sum(bins.values())
    if not units:
        return None
    lowest, highest = count_range(quantile, units, -log(alpha))
    reached = list(accumulate(bins[bin_number] for bin_number in sorted(bins)))
    filled = dict(enumerate(sorted(bins)))
    # In the first bin up to which the lowest number lies, at least; at most in the one up
    # to which more than the highest lies: of what is beyond the last unit nobody knows.
    return (
        filled[bisect_left(reached, lowest)] if lowest else 0,
        filled.get(bisect_right(reached, highest), FAILED_BIN),
    )


def quantile_ratio_interval(
    baseline: Bins, candidate: Bins, quantile: float, alpha: float = 0.05
) -> Interval | None:
    """Give the ratio of the candidate's quantile to the baseline's; each has half of alpha.

    Args:
        baseline: Units in geometric bins, of which a higher one is a greater amount.
        candidate: The same.
        quantile: Inside (0, 1).
        alpha: Chance that it ever misses the ratio.

    Returns:
        As wide as the bins make it; None where a version has no units.

    """
    below = quantile_interval(baseline, quantile, alpha / 2)
    above = quantile_interval(candidate, quantile, alpha / 2)
    if below is None or above is None:
        return None
    return Interval(
        0.0 if _is_open(above[0], below[1]) else GROWTH ** (above[0] - below[1] - 1),
        inf if _is_open(below[0], above[1]) else GROWTH ** (above[1] - below[0] + 1),
    )


def _is_open(lower: int, upper: int) -> bool:
    """Tell whether a bin has no end on the side that counts: the first down, the last up."""
    return lower == 0 or upper == FAILED_BIN
