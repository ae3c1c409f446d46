"""Events that occur or not: errors, refusals, flags, however rare.

A baseline's success says as much as a candidate's failure, so both count; hard failures
need no breaker of their own: at coins up to 5 % two of them decide.
"""

from typing import Final

from gateway.analysis.bets import Bets
from gateway.analysis.comparison import Comparison, at_stake
from gateway.analysis.design import Kind
from gateway.analysis.past import Past
from gateway.analysis.payoffs import (
    bets_of,
    binary_payoffs,
    boundary,
    clamped,
    times_odds,
)
from gateway.domain.rollout import Margin

_ALTERNATIVES: Final = ((1.6, 0.0), (3.0, 0.0), (8.0, 0.0), (1.6, 0.1), (8.0, 0.9))
"""Times the odds at the boundary, and at least this rate. A rate alone might lie below the
boundary, where a bet on it would be one on the candidate's being better."""

_PRIOR: Final = at_stake((3.0, 2.0, 1.5, 1.0, 1.0))


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
    rate = past.rate()
    edge = clamped(boundary(rate, tolerance))
    payoffs = [
        binary_payoffs(rate, max(least, times_odds(edge, factor)), coin, tolerance)
        for factor, least in _ALTERNATIVES
    ]
    return bets_of(payoffs)


RATE: Final = Comparison(kind=Kind.RATE, bin_count=2, prior=_prior, bets=_bets)
