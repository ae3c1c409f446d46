"""Proof that a candidate is worse by less than a margin: what promotion goes by.

A unit is a whole key with its mean loss, on the grid of losses. The null is "worse by the
margin or more"; a wealth that reaches 1/beta disproves it. Absence of a regression is no
proof: few units disprove nothing, and the wealth says so by staying low.
"""

from typing import Final

from gateway.analysis.bets import Bets
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.payoffs import Losses, better_mean_payoffs, boundary
from gateway.domain.rollout import Margin

PROOF_PRIOR: Final = (0.7, 0.3)
"""On the versions being equal, and on half of the margin being used up."""

_LEAST_GROWTH: Final = 0.01


def proof_bets(
    past_mean: float,
    past_variance: float,
    coin: float,
    margin: Margin,
    *,
    equal_mean: float | None = None,
) -> Bets:
    """Bet that the candidate's mean loss is below (1 + relative) * baseline + absolute.

    Fair, at most, for every pair of means that breaks this, whatever the past was.

    Args:
        past_mean: Of the baseline's losses, before the units that will be bet on.
        past_variance: Of them; more than 0.
        coin: Inside (0, 1).
        margin: Absolute as a loss. For a quantile it is 0 and 0: the threshold of the
            candidate's exceedances has it inside.
        equal_mean: The mean loss that a candidate would have which is like the baseline;
            None: the baseline's. For a quantile: the past baseline's share above the
            candidate's threshold.

    Returns:
        For the alternatives of PROOF_PRIOR; with no room below the boundary they bet
        nothing.

    Raises:
        ValueError: The coin is not inside (0, 1).

    """
    past = Losses(past_mean, past_variance)
    equal = past_mean if equal_mean is None else equal_mean
    halfway = (equal + boundary(past_mean, margin)) / 2
    payoffs = [
        better_mean_payoffs(past, _guess(past, mean), coin, margin, LOSS_BINS)
        for mean in (equal, halfway)
    ]
    return Bets(
        tuple(payoff.candidate for payoff in payoffs),
        tuple(payoff.baseline for payoff in payoffs),
    )


def _guess(past: Losses, mean: float) -> Losses:
    """Guess a variance: it grows with the mean, as that of rare events does."""
    grown = mean / past.mean if past.mean else 1.0
    return Losses(mean, past.variance * max(grown, _LEAST_GROWTH))
