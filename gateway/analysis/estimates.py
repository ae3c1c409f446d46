"""What versions look like, in a metric's own unit. Display only: nothing decides by it.

Versions may be compared within a coin only. So the baseline's units are weighted as if
they had come with the candidate's mixture of coins: pooled over a ramp, a daily rhythm
would look like a difference.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final, TypeAlias

from gateway.analysis.counts import Bins, Pair
from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.geometric import FAILED_BIN, upper_bound
from gateway.analysis.intervals import (
    Interval,
    mean_difference_interval,
    quantile_ratio_interval,
    rate_ratio_interval,
)
from gateway.domain.rollout import Worse

ByCoin: TypeAlias = Mapping[float, Pair]
_Weighted: TypeAlias = dict[int, float]

_MOST: Final = 1 - 1e-9


def estimates(metric: Metric, by_coin: ByCoin) -> tuple[float | None, float | None]:
    """Give the baseline's and the candidate's statistic; None: no data.

    Of a distribution that of its last quantile; infinite when what failed lies there.
    """
    candidate: _Weighted = {}
    baseline: _Weighted = {}
    for stayed, sent in by_coin.values():
        units = sum(sent.values())
        _weigh(candidate, sent, 1.0)
        if units and (beside := sum(stayed.values())):
            _weigh(baseline, stayed, units / beside)
    if not baseline:  # the candidate has none yet: the baseline as it is
        for stayed, _sent in by_coin.values():
            _weigh(baseline, stayed, 1.0)
    return _statistic(metric, baseline), _statistic(metric, candidate)


def interval(metric: Metric, by_coin: ByCoin) -> Interval | None:
    """Give where the candidate lies, compared with the baseline.

    Returns:
        Of rates and distributions the ratio candidate / baseline (of rates of which less
        is worse: that of the rates of the opposite); of means the difference. None: there
        is too little. Of a distribution only units of the commonest coin are used.

    """
    is_lower = metric.worse is Worse.LOWER
    match metric.kind:
        case Kind.RATE:
            events = {
                coin: (pair[0].get(1, 0), pair[1].get(1, 0))
                for coin, pair in by_coin.items()
            }
            return rate_ratio_interval(events)
        case Kind.MEAN:
            found = mean_difference_interval(by_coin)
            if found and is_lower:
                return Interval(-found.high, -found.low)
            return found
        case Kind.DISTRIBUTION:
            return _ratio_of_quantiles(metric, by_coin, is_lower=is_lower)


def _ratio_of_quantiles(
    metric: Metric, by_coin: ByCoin, *, is_lower: bool
) -> Interval | None:
    commonest = max(by_coin.values(), key=_fewer, default=None)
    if commonest is None:
        return None
    found = quantile_ratio_interval(*commonest, metric.quantiles[-1])
    if found is None or not is_lower:
        return found
    # The bins are turned round, so the ratio is.
    return Interval(1 / found.high, 1 / found.low if found.low else float("inf"))


def _fewer(pair: Pair) -> int:
    return min(sum(pair[0].values()), sum(pair[1].values()))


def _weigh(sums: _Weighted, bins: Bins, weight: float) -> None:
    for bin_number, count in bins.items():
        sums[bin_number] = sums.get(bin_number, 0.0) + count * weight


def _statistic(metric: Metric, bins: _Weighted) -> float | None:
    total = sum(bins.values())
    if not total:
        return None
    if metric.kind is Kind.DISTRIBUTION:
        found = _quantile(bins, total, metric.quantiles[-1])
        return amount_at(metric, found)
    top = 1 if metric.kind is Kind.RATE else LOSS_BINS - 1
    loss = sum(place * count for place, count in bins.items()) / (total * top)
    return 1 - loss if metric.worse is Worse.LOWER else loss


def _quantile(bins: _Weighted, total: float, quantile: float) -> int:
    places = sorted(bins)
    reached = accumulate(bins[place] for place in places)
    wanted = quantile * total * _MOST
    return next(
        (p for p, r in zip(places, reached, strict=True) if r >= wanted), places[-1]
    )


def amount_at(metric: Metric, bin_number: int) -> float:
    """Give the amount at the upper end of a bin, in the metric's unit.

    Where less is worse the bins were turned round, all but the last.
    """
    if metric.worse is Worse.LOWER and bin_number != FAILED_BIN:
        return upper_bound(FAILED_BIN - 1 - bin_number, metric.smallest)
    return upper_bound(bin_number, metric.smallest)
