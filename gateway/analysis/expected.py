"""What is to be expected of wealth, where it is known what the versions are like.

The gain of a wealth for each candidate unit is g = E1[ln A] + (1 - w) / w * E0[ln B]: the
candidate's units come with (1 - w) / w of the baseline. It reaches 1/a after about
(ln(1/a) - ln(prior)) / g units, by the alternative that gets there first (Wald's
equation). Medians of simulations lie up to a quarter below; one run in twenty takes three
times as long.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import ceil, comb, log
from statistics import NormalDist
from typing import Final, TypeAlias

from gateway.analysis.bets import Bets
from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.geometric import BIN_COUNT, GROWTH
from gateway.domain.rollout import Worse

Chances: TypeAlias = tuple[float, ...]
"""The probability of each bin."""

GRID: Final = tuple(place / (LOSS_BINS - 1) for place in range(LOSS_BINS))
"""Losses, by bin."""

_MIDDLE: Final = BIN_COUNT // 2
_normal: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is thought of the baseline; of what was not measured, what is usual.

    Attributes:
        rate: Of events of a RATE metric.
        silence: Of units that say nothing, of feedback of which less is worse.
        loss: Mean of a MEAN metric's losses: 1 - score.
        spread: Their standard deviation.
        sigma: Of the logarithm of a DISTRIBUTION metric's amounts.
        rates: By metric, where its rate is known.
        exchanges: Of a key, that are added up for promotion.
        bad: True rate of what a judge's flag is to notice.
        sensitivity: Chance that a judge notices what is bad, by flags.
        specificity: Chance that it lets pass what is not.

    """

    rate: float = 0.005
    silence: float = 0.95
    loss: float = 0.2
    spread: float = 0.2
    sigma: float = 0.5
    rates: dict[str, float] = field(default_factory=dict)
    exchanges: int = 1
    bad: float = 0.05
    sensitivity: float = 1.0
    specificity: float = 1.0

    def rate_of(self, metric: Metric) -> float:
        """Give the rate of a RATE metric, as losses; as a judge sees it, if one does."""
        return self.seen(metric, (0.0, self.true_rate_of(metric)))[1]

    def seen(self, metric: Metric, true: Chances) -> Chances:
        """Give the bins that are seen of true ones: a judge's flags may be wrong.

        What it notices is sensitivity + specificity - 1 times the true difference, above
        a floor of false alarms.
        """
        if metric.evaluator is None or metric.kind is not Kind.RATE:
            return true
        bad = true[1]
        rate = self.sensitivity * bad + (1 - self.specificity) * (1 - bad)
        return 1 - rate, rate

    def true_rate_of(self, metric: Metric) -> float:
        """Give the rate of a RATE metric as it is, as losses."""
        if metric.evaluator is not None:
            return self.rates.get(metric.name, self.bad)
        is_silence = metric.is_late and metric.worse is Worse.LOWER
        return self.rates.get(metric.name, self.silence if is_silence else self.rate)


def gains(bets: Bets, baseline: Chances, candidate: Chances, coin: float) -> Chances:
    """Give by alternative what the log of its wealth gains for each candidate unit."""
    beside = (1 - coin) / coin
    return tuple(
        mean_of(won, candidate) + beside * mean_of(lost, baseline)
        for won, lost in zip(*bets, strict=True)
    )


def units_until(log_threshold: float, prior: Chances, gained: Chances) -> int | None:
    """Give the candidate units after which a wealth is expected at its threshold.

    Args:
        log_threshold: ln(1/a).
        prior: By alternative.
        gained: See gains.

    Returns:
        None: never, nothing gains.

    """
    needed = [
        (log_threshold - log(part)) / gain
        for part, gain in zip(prior, gained, strict=True)
        if gain > 0
    ]
    return ceil(min(needed)) if needed else None


def baseline_bins(metric: Metric, assumed: Assumed) -> Chances:
    """Give the chance of each bin of a metric, for the baseline, as they are seen."""
    return assumed.seen(metric, true_bins(metric, assumed))


def true_bins(metric: Metric, assumed: Assumed) -> Chances:
    """Give the chance of each bin of a metric, for the baseline, as they are."""
    match metric.kind:
        case Kind.RATE:
            rate = assumed.true_rate_of(metric)
            return 1 - rate, rate
        case Kind.MEAN:
            return bell(assumed.loss, assumed.spread)
        case Kind.DISTRIBUTION:
            return _lognormal(assumed.sigma)


def mean_of(values: Sequence[float], chances: Sequence[float]) -> float:
    """Give the mean of some values, each by its chance."""
    return sum(
        value * chance for value, chance in zip(values, chances, strict=True) if chance
    )


@cache
def shares_of_events(rate: float, exchanges: int) -> Chances:
    """Give the chances of a key's mean loss, on the grid; its exchanges are alike."""
    bins = [0.0] * LOSS_BINS
    for events in range(exchanges + 1):
        place = round(events / exchanges * (LOSS_BINS - 1))
        bins[place] += (
            comb(exchanges, events) * rate**events * (1 - rate) ** (exchanges - events)
        )
    return tuple(bins)


@cache
def bell(mean: float, spread: float) -> Chances:
    """Give the chances of losses that are normal, cut off at 0 and 1, on the grid."""
    step = 1 / (LOSS_BINS - 1)
    return _slices(
        NormalDist(mean, max(spread, step / 4)).cdf,
        [point + step / 2 for point in GRID[:-1]],
    )


@cache
def _lognormal(sigma: float) -> Chances:
    """Give the chances of geometric bins around the middle one."""
    step = log(GROWTH) / sigma
    ends = [(place - _MIDDLE) * step for place in range(BIN_COUNT - 1)]
    return _slices(_normal.cdf, ends)


def _slices(cdf: Callable[[float], float], ends: Sequence[float]) -> Chances:
    reached = [0.0, *(cdf(end) for end in ends), 1.0]
    return tuple(after - before for before, after in pairwise(reached))
