"""Proof that a candidate is worse by less than a margin: what promotion goes by.

A unit is a whole key with its mean loss, on the grid of losses. The null is "worse by the
margin or more"; a wealth that reaches 1/beta disproves it. Absence of a regression is no
proof: few units disprove nothing, and the wealth says so by staying low.
"""

from typing import Final

from gateway.analysis.bets import Bets
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.payoffs import (
    Spread,
    bets_of,
    better_mean_payoffs,
    boundary,
    mean_of,
)
from gateway.domain.rollout import Margin

PROOF_PRIOR: Final = (0.85, 0.15)
"""On the versions being equal, and on half of the margin being used up. With 0.7 and 0.3
an equal candidate takes 3 to 4 % more keys; but one that uses up a quarter of the margin
is left unproven by 1,200 keys in 7 % of the runs instead of 13 (x1.5 + 2 pp, 0.5 % errors,
one exchange a key, 300 runs; elsewhere the two differ less)."""


def proof_bets(
    past: Spread, coin: float, margin: Margin, *, equal: Spread | None = None
) -> Bets:
    """Bet that the candidate's mean loss is below (1 + relative) * baseline + absolute.

    Fair, at most, for every pair of means that breaks this, whatever the past was.

    Args:
        past: The baseline's losses, before the units that will be bet on.
        coin: Inside (0, 1).
        margin: Absolute as a loss. For a quantile it is 0 and 0: the threshold of the
            candidate's exceedances has it inside.
        equal: The losses of a candidate that is like the baseline; None: the baseline's.
            Of a quantile they are beyond the candidate's threshold.

    Returns:
        For the alternatives of PROOF_PRIOR; with no room below the boundary they bet
        nothing.

    Raises:
        ValueError: The coin is not inside (0, 1).

    """
    guess = past if equal is None else equal
    halfway = (mean_of(guess) + boundary(mean_of(past), margin)) / 2
    payoffs = [
        better_mean_payoffs(past, losses, coin, margin, LOSS_BINS)
        for losses in (guess, moved(guess, halfway))
    ]
    return bets_of(payoffs)


def moved(losses: Spread, mean: float) -> Spread:
    """Guess the losses that have another mean.

    Rarer or more frequent ones, if enough are 0 to become others; otherwise each is nearer
    to 1 by the same part.

    Args:
        losses: From 0 to 1; their chances add up to 1.
        mean: Theirs, from 0; above 1 it is 1.

    """
    before = mean_of(losses)
    if not before:
        return [(0.0, 1 - min(mean, 1.0)), (1.0, min(mean, 1.0))]
    others = sum(chance for loss, chance in losses if loss)
    factor = mean / before
    if factor * others <= 1:
        rarer = [(loss, factor * chance) for loss, chance in losses if loss]
        return [(0.0, 1 - factor * others), *rarer]
    if before >= 1 or mean >= 1:
        return [(1.0, 1.0)]
    left = (1 - mean) / (1 - before)
    return [(1 - left * (1 - loss), chance) for loss, chance in losses]
