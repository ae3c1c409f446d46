"""Payoffs of single bets: what they may promise is proved here, and tested by brute force.

w is the coin: the probability, known when it was tossed, with which a unit went to the
candidate. A bet pays A(x) for a unit x of the candidate and B(x) for one of the baseline.
It is fair where w * E[A | candidate] + (1 - w) * E[B | baseline] is at most 1.
"""

from collections.abc import Sequence
from math import inf, log, log1p
from typing import Final, NamedTuple, TypeAlias

from gateway.analysis.bets import Bets
from gateway.domain.rollout import Margin

LEAST: Final = 1e-9
"""Nearest that a guessed rate comes to 0 and 1: a payoff of 0 is a loss for ever."""

_WHOLE_STAKE: Final = 1 - 1e-6
_MOST_STAKE: Final = 0.95
"""Of what would leave a wealth of 0 after the worst unit."""

_HALVINGS: Final = 16

Spread: TypeAlias = Sequence[tuple[float, float]]
"""Losses, each with its chance."""


class Payoff(NamedTuple):
    """Log payoffs by bin.

    Attributes:
        candidate: ln A.
        baseline: ln B.

    """

    candidate: tuple[float, ...]
    baseline: tuple[float, ...]


def bets_of(payoffs: Sequence[Payoff]) -> Bets:
    """Join the payoffs of each alternative, in order."""
    return Bets(
        tuple([payoff.candidate for payoff in payoffs]),
        tuple([payoff.baseline for payoff in payoffs]),
    )


def clamped(rate: float) -> float:
    """Keep a rate inside (0, 1)."""
    return min(max(rate, LEAST), 1 - LEAST)


def check_coin(coin: float) -> None:
    """Refuse a coin that decides nothing.

    Raises:
        ValueError: It is not inside (0, 1).

    """
    if not 0 < coin < 1:
        raise ValueError(f"A coin of {coin} is no evidence. Count no unit with it.")


def boundary(rate: float, margin: Margin) -> float:
    """Give what a candidate may just have, where the baseline has *rate*."""
    return (1 + margin.relative) * rate + margin.absolute


def times_odds(rate: float, factor: float) -> float:
    """Give the rate whose odds are *factor* times as high."""
    odds = factor * rate
    return clamped(odds / (1 - rate + odds))


def binary_payoffs(rate: float, guess: float, coin: float, margin: Margin) -> Payoff:
    """Bet on events that occur or not.

    With r = 1 + relative and d = absolute, and for every rate p0 of the baseline, known
    or not, drifting or not: w * E[A] + (1 - w) * E[B] = 1 where the candidate's rate is
    r * p0 + d. So the bet is fair for the null "at most that" when the guess lies above
    it, and for the null "at least that" (proof of non-inferiority) when it lies below.
    For r = 1, d = 0 it is the 2x2 e-variable of Turner, Ly and Gruenwald (arXiv
    2106.02693) with the coin in place of the groups' sizes.

    Args:
        rate: Of the baseline, as far as is known.
        guess: What the candidate's rate might be.
        coin: Inside (0, 1).
        margin: Parts of the null, neither below 0; absolute as a rate.

    Returns:
        For bins 0 (no event) and 1 (event).

    Raises:
        ValueError: See check_coin.

    """
    check_coin(coin)
    ratio, slack = 1 + margin.relative, margin.absolute
    edge, guess = clamped(boundary(rate, margin)), clamped(guess)
    scale = 1 - coin + coin * ratio
    rise_0, rise_1 = (1 - guess) / (1 - edge), guess / edge
    a_0 = rise_0 * scale / (1 - coin + coin * ratio * rise_0)
    a_1 = rise_1 * scale / (1 - coin + coin * ratio * rise_1)
    step = a_1 - a_0
    if step > 0:  # else B(1) would be negative
        step = min(step, _WHOLE_STAKE * (1 - coin * a_0) / (coin * (ratio + slack)))
    b_0 = (1 - coin * (a_0 + slack * step)) / (1 - coin)
    b_1 = b_0 - coin * ratio * step / (1 - coin)
    return Payoff((log(a_0), log(a_0 + step)), (log(b_0), log(b_1)))


def mean_of(losses: Spread) -> float:
    """Give the mean of losses."""
    return sum(loss * chance for loss, chance in losses)


class Losses(NamedTuple):
    """What is thought of the baseline's losses.

    Attributes:
        mean: From 0 to 1.
        variance: More than 0.

    """

    mean: float
    variance: float


def worse_mean_payoffs(
    past: Losses, excess: float, coin: float, margin: Margin, grid: int
) -> Payoff:
    """Bet that a mean loss is above its boundary.

    w * E[A] + (1 - w) * E[B] = 1 + w * kappa * (mean1 - r * mean0 - d): a test of means,
    exact whatever the distributions are. Betting on bounded means: Waudby-Smith and
    Ramdas (JRSSB 2024, arXiv 2010.09686), here of the centred difference that is weighted
    by the inverse coin, as in Waudby-Smith et al. (arXiv 2210.10768).

    Args:
        past: Only the speed rests on it.
        excess: How far above the boundary the mean might be; more than 0.
        coin: Inside (0, 1).
        margin: Neither part below 0; absolute as a loss.
        grid: Points of the grid over [0, 1], the bins.

    Returns:
        For each point.

    Raises:
        ValueError: See check_coin.

    """
    check_coin(coin)
    ratio, odds = 1 + margin.relative, coin / (1 - coin)
    edge = boundary(past.mean, margin)
    stake = excess / (past.variance * (1 + ratio**2 * odds) + excess**2)
    stake = _bounded(stake, edge, ratio * odds * (1 - past.mean))
    return _line(stake, edge, stake * ratio * odds, past.mean, grid)


def better_mean_payoffs(
    past: Spread, guess: Spread, coin: float, margin: Margin, grid: int
) -> Payoff:
    """Bet that a mean loss is below its boundary: proof of "worse by less than that".

    w * E[A] + (1 - w) * E[B] = 1 - w * kappa * (mean1 - r * mean0 - d), so the bet is fair
    for the null that the candidate is worse by the margin or more, whatever kappa is. It
    is the one with which the log of the wealth is expected to grow most (Kelly 1956). The
    usual one, from means and variances alone, takes squares for logs: of losses that are
    rare and whole it bets twice too much.

    Args:
        past: Of the baseline; only the speed rests on it.
        guess: Of the candidate; a mean above the boundary bets nothing.
        coin: Inside (0, 1).
        margin: Neither part below 0; absolute as a loss.
        grid: Points of the grid over [0, 1], the bins.

    Returns:
        For each point.

    Raises:
        ValueError: See check_coin.

    """
    check_coin(coin)
    ratio, odds = 1 + margin.relative, coin / (1 - coin)
    mean = mean_of(past)
    edge, hedge = boundary(mean, margin), ratio * odds
    if mean_of(guess) >= edge:
        return _line(0.0, edge, 0.0, mean, grid)
    # What a stake of 1 makes of each unit, and how often: by a unit of the candidate.
    changes = [(edge - loss, chance) for loss, chance in guess if chance]
    changes += [
        (hedge * (loss - mean), chance / odds) for loss, chance in past if chance
    ]
    stake = _best(changes, _bounded(inf, 1 - edge, hedge * mean))
    return _line(-stake, edge, -stake * hedge, mean, grid)


def _best(changes: Spread, most: float) -> float:
    """Give the stake, up to *most*, with the highest mean of ln(1 + stake * change)."""

    def slope(stake: float) -> float:
        return sum(chance * change / (1 + stake * change) for change, chance in changes)

    if slope(most) >= 0:
        return most
    least = 0.0
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (middle, most) if slope(middle) > 0 else (least, middle)
    return least


def _bounded(stake: float, *worst: float) -> float:
    """Keep a stake below what the worst unit of either version would leave nothing of."""
    return min([stake, *(_MOST_STAKE / most for most in worst if most > 0)])


def _line(stake: float, edge: float, hedge: float, mean: float, grid: int) -> Payoff:
    """Give ln(1 + stake * (y - edge)) and ln(1 - hedge * (y - mean)) on the grid."""
    points = [place / (grid - 1) for place in range(grid)]
    return Payoff(
        tuple([log1p(stake * (point - edge)) for point in points]),
        tuple([log1p(-hedge * (point - mean)) for point in points]),
    )
