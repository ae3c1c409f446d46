"""Positive amounts without an upper end (time, money, tokens), by their distribution.

A mean of such amounts cannot be tested without a bound on them (Bahadur and Savage 1956),
and would be slower on heavy tails. Half of the stake bets on a shift, in normal (van der
Waerden) scores of the past baseline, which for lognormal amounts is the likelihood ratio;
half on what lies above a quantile of it. The null: the candidate is not stochastically
larger than the baseline times the tolerance. What failed is in the last bin, above all.
"""

from collections.abc import Iterable
from itertools import accumulate, chain, repeat
from math import ceil, exp, log, log1p
from operator import mul
from statistics import NormalDist
from typing import Final

from gateway.analysis.bets import Bets
from gateway.analysis.comparison import AT_STAKE, Comparison, at_stake
from gateway.analysis.design import Kind
from gateway.analysis.geometric import BIN_COUNT, FAILED_BIN, GROWTH
from gateway.analysis.past import Past
from gateway.analysis.payoffs import (
    Payoff,
    bets_of,
    binary_payoffs,
    check_coin,
    times_odds,
)
from gateway.domain.rollout import Margin

_TILTS: Final = (0.15, 0.35, 0.8, 2.0)
"""kappa: by how many standard deviations the scores might have moved."""

_TILT_WEIGHTS: Final = (2.0, 2.0, 1.0, 0.5)

_FAR_TAILS: Final = (0.95, 0.99, 0.999)
"""The quantiles of a whole distribution."""

_NO_MARGIN: Final = Margin()
_CLIP: Final = 2e-4
_ROUNDING: Final = 1e-9
_inverse_normal: Final = NormalDist().inv_cdf


def _prior(whole: bool, quantiles: tuple[float, ...]) -> tuple[float, ...]:
    if not whole:
        return at_stake((1.0, 1.0) * len(quantiles))
    tails = (1.0, 1.0) * len(_FAR_TAILS)
    half = AT_STAKE / 2
    return at_stake(_TILT_WEIGHTS, half) + at_stake(tails, half)


def _bets(
    past: Past,
    coin: float,
    tolerance: Margin,
    *,
    whole: bool,
    quantiles: tuple[float, ...],
) -> Bets:
    check_coin(coin)
    payoffs: list[Payoff] = []
    if whole:
        payoffs += _shifts(past, coin)
    for quantile in _FAR_TAILS if whole else quantiles:
        payoffs += _tails(past, coin, quantile)
    moved = bins_tolerated(tolerance)
    return bets_of([
        payoff._replace(candidate=_moved(payoff.candidate, moved)) for payoff in payoffs
    ])


def bins_tolerated(tolerance: Margin) -> int:
    """Give how many bins the candidate may be higher, never fewer than tolerated.

    An amount x(1 + m) lies in the bin of x plus log(1 + m) / log(GROWTH), rounded down or
    up; only up keeps the null true. The absolute part says nothing here.
    """
    return ceil(log1p(tolerance.relative) / log(GROWTH) - _ROUNDING)


def _moved(table: tuple[float, ...], bins: int) -> tuple[float, ...]:
    """Look every bin up some bins lower; but what failed has failed, however tolerant."""
    if not bins:
        return table
    bins = min(bins, FAILED_BIN)
    return table[:1] * bins + table[: FAILED_BIN - bins] + table[FAILED_BIN:]


def _shifts(past: Past, coin: float) -> Iterable[Payoff]:
    """Tilt the past by each kappa: ln A = l - ln(1 - w + w e^l), ln B = the same less l.

    Bins in which the past has nothing, and which follow each other, share their payoffs.
    """
    weights, lengths = _runs(past.weights())
    scores = _normal_scores(weights, past.total)
    for tilt in _TILTS:
        rises = [exp(tilt * score) for score in scores]
        norm = sum(map(mul, weights, rises)) or 1.0
        shift, part = log(norm), coin / norm
        lost = [-log1p(part * rise - coin) for rise in rises]
        won = [
            tilt * score - shift + loss
            for score, loss in zip(scores, lost, strict=True)
        ]
        yield Payoff(_spread(won, lengths), _spread(lost, lengths))


def _runs(weights: list[float]) -> tuple[list[float], list[int]]:
    """Put bins together that follow each other without any weight; give how many each is."""
    found: list[float] = []
    lengths: list[int] = []
    is_open = False
    for weight in weights:
        if not weight and is_open:
            lengths[-1] += 1
            continue
        found.append(weight)
        lengths.append(1)
        is_open = not weight
    return found, lengths


def _spread(values: list[float], lengths: list[int]) -> tuple[float, ...]:
    """Give each value as often as its run is long."""
    return tuple(chain.from_iterable(map(repeat, values, lengths)))


def _normal_scores(weights: list[float], total: float) -> list[float]:
    """Give each run's normal score by its middle rank; rising, so the bets are monotone.

    Few units cannot say how far out something is: the ranks stay half a unit inside, and
    without any unit all scores are 0, which bets nothing.
    """
    clip = max(_CLIP, 0.5 / (total + 1))
    most = 1 - clip
    return [
        _inverse_normal(min(max(reached - weight / 2, clip), most))
        for reached, weight in zip(accumulate(weights), weights, strict=True)
    ]


def _tails(past: Past, coin: float, quantile: float) -> Iterable[Payoff]:
    """Bet on what lies above a quantile of the past; what failed always does."""
    last_below = min(past.quantile_bin(quantile), FAILED_BIN - 1)
    rate = past.share_above(last_below, 1 - quantile)
    below, above = last_below + 1, FAILED_BIN - last_below
    for factor in _odds_beyond(quantile):
        won, lost = binary_payoffs(rate, times_odds(rate, factor), coin, _NO_MARGIN)
        yield Payoff(
            won[:1] * below + won[1:] * above, lost[:1] * below + lost[1:] * above
        )


def _odds_beyond(quantile: float) -> tuple[float, float]:
    """Give by how much the odds of a tail might have grown; rarer ones by more."""
    for reach, factors in (
        (0.9, (1.5, 3.0)),
        (0.97, (2.0, 5.0)),
        (0.995, (2.5, 8.0)),
    ):
        if quantile < reach:
            return factors
    return 4.0, 20.0


DISTRIBUTION: Final = Comparison(
    kind=Kind.DISTRIBUTION, bin_count=BIN_COUNT, prior=_prior, bets=_bets
)
