"""Losses from 0 to 1, by their mean: scores turned round, judges' marks.

Exact for the null that the mean is within the tolerance, whatever else changes.
"""

from typing import Final

from gateway.analysis.bets import Bets
from gateway.analysis.comparison import Comparison, at_stake
from gateway.analysis.design import LOSS_BINS, Kind
from gateway.analysis.past import Past
from gateway.analysis.payoffs import Losses, bets_of, worse_mean_payoffs
from gateway.domain.rollout import Margin

_EXCESSES: Final = (0.01, 0.025, 0.06, 0.15, 0.4)
"""How much the mean loss might have grown."""

_PRIOR: Final = at_stake((1.5, 1.5, 1.2, 1.0, 0.6))


def _prior(whole: bool, quantiles: tuple[float, ...]) -> tuple[float, ...]:
    return _PRIOR


def _bets(
    past: Past,
    coin: float,
    tolerance: Margin,
    *,
    whole: bool,
    quantiles: tuple[float, ...],
) -> Bets:
    losses = Losses(past.mean(), past.variance())
    payoffs = [
        worse_mean_payoffs(losses, excess, coin, tolerance, LOSS_BINS)
        for excess in _EXCESSES
    ]
    return bets_of(payoffs)


MEAN: Final = Comparison(kind=Kind.MEAN, bin_count=LOSS_BINS, prior=_prior, bets=_bets)
