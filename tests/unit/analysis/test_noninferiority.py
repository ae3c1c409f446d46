"""A margin is proven by units, and by nothing else."""

import math

import pytest

from gateway.analysis.bets import Mixture
from gateway.analysis.noninferiority import PROOF_PRIOR, moved, proof_bets
from gateway.analysis.payoffs import Spread, mean_of
from gateway.domain.rollout import Margin

RATE_MARGIN = Margin(relative=0.5, absolute=0.02)
ENOUGH = math.log(20)


def events(rate: float) -> Spread:
    return ((0.0, 1 - rate), (1.0, rate))


def growth(mean: float, margin: Margin, coin: float, candidate: float) -> float:
    """Give what a unit of the candidate brings, of losses that are 0 or 1."""
    bets = proof_bets(events(mean), coin, margin)
    won, lost = bets.candidate[0], bets.baseline[0]
    of_candidate = candidate * won[40] + (1 - candidate) * won[0]
    of_baseline = mean * lost[40] + (1 - mean) * lost[0]
    return of_candidate + (1 - coin) / coin * of_baseline


def test_a_few_hundred_keys_prove_the_default_margin_at_a_quarter() -> None:
    units = ENOUGH / growth(0.005, RATE_MARGIN, 0.25, 0.005)

    assert 120 < units < 350


@pytest.mark.parametrize(
    ("rate", "coin", "margin", "most"),
    [
        (0.001, 0.25, Margin(relative=0.5, absolute=0.02), 175),
        (0.005, 1 / 3, Margin(relative=0.5, absolute=0.01), 575),
        (0.02, 0.25, Margin(relative=0.5, absolute=0.02), 320),
        (0.02, 1 / 3, Margin(relative=0.5, absolute=0.01), 690),
    ],
)
def test_rare_whole_losses_prove_about_as_soon_as_the_best_stake_does(
    rate: float, coin: float, margin: Margin, most: int
) -> None:
    """A stake by means and variances took 1,091 keys of the second case, or never."""
    assert 0 < ENOUGH / growth(rate, margin, coin, rate) < most


def test_a_guess_of_another_mean_has_it() -> None:
    scores = ((0.1, 0.25), (0.2, 0.5), (0.3, 0.25))
    for losses, mean in (
        (events(0.01), 0.005),
        (events(0.01), 0.9),
        (scores, 0.25),
        (scores, 0.05),
        (((0.0, 1.0),), 0.2),
        (events(1.0), 1.0),
        (events(0.0), 0.3),
    ):
        guess = moved(losses, mean)
        assert mean_of(guess) == pytest.approx(mean)
        assert sum(chance for _, chance in guess) == pytest.approx(1)
        assert all(0 <= loss <= 1 and chance >= 0 for loss, chance in guess)


def test_a_candidate_at_the_margin_proves_nothing() -> None:
    assert growth(0.005, RATE_MARGIN, 0.25, 0.0275) < 0


def test_without_a_margin_nothing_is_bet() -> None:
    bets = proof_bets(events(0.1), 0.5, Margin())

    assert {payoff for tables in bets for table in tables for payoff in table} == {0.0}


def test_a_quantile_is_proven_by_fewer_exceedances_of_a_higher_threshold() -> None:
    """5 % of the baseline lie above its threshold, 1 % of a like one above its own."""
    wealth = Mixture(PROOF_PRIOR)
    bets = proof_bets(events(0.05), 0.5, Margin(), equal=events(0.01))
    wealth.add(bets, {0: 950, 40: 50}, {0: 990, 40: 10})
    assert wealth.total() > ENOUGH

    worse = Mixture(PROOF_PRIOR)
    worse.add(bets, {0: 950, 40: 50}, {0: 950, 40: 50})
    assert worse.total() < 0


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "margin", [Margin(absolute=1.0), Margin(relative=9.0), Margin()]
)
@pytest.mark.parametrize("coin", [1e-5, 0.5, 1 - 1e-5])
def test_no_unit_takes_everything(mean: float, margin: Margin, coin: float) -> None:
    bets = proof_bets(events(mean), coin, margin)
    payoffs = [payoff for tables in bets for table in tables for payoff in table]

    assert min(payoffs) > math.log(0.04)
