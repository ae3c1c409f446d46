"""A margin is proven by units, and by nothing else."""

import math

import pytest

from gateway.analysis.bets import Mixture
from gateway.analysis.noninferiority import PROOF_PRIOR, proof_bets
from gateway.domain.rollout import Margin

RATE_MARGIN = Margin(relative=0.5, absolute=0.02)
ENOUGH = math.log(20)


def growth(mean: float, margin: Margin, coin: float, candidate: float) -> float:
    """Give what a unit of the candidate brings, of losses that are 0 or 1."""
    bets = proof_bets(mean, mean * (1 - mean), coin, margin)
    won, lost = bets.candidate[0], bets.baseline[0]
    of_candidate = candidate * won[40] + (1 - candidate) * won[0]
    of_baseline = mean * lost[40] + (1 - mean) * lost[0]
    return of_candidate + (1 - coin) / coin * of_baseline


def test_a_few_hundred_keys_prove_the_default_margin_at_a_quarter() -> None:
    units = ENOUGH / growth(0.005, RATE_MARGIN, 0.25, 0.005)

    assert 120 < units < 350


def test_a_candidate_at_the_margin_proves_nothing() -> None:
    assert growth(0.005, RATE_MARGIN, 0.25, 0.0275) < 0


def test_without_a_margin_nothing_is_bet() -> None:
    bets = proof_bets(0.1, 0.01, 0.5, Margin())

    assert {payoff for tables in bets for table in tables for payoff in table} == {0.0}


def test_a_quantile_is_proven_by_fewer_exceedances_of_a_higher_threshold() -> None:
    """5 % of the baseline lie above its threshold, 1 % of a like one above its own."""
    wealth = Mixture(PROOF_PRIOR)
    bets = proof_bets(0.05, 0.05 * 0.95, 0.5, Margin(), equal_mean=0.01)
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
    bets = proof_bets(mean, 1e-5, coin, margin)
    payoffs = [payoff for tables in bets for table in tables for payoff in table]

    assert min(payoffs) > math.log(0.04)
