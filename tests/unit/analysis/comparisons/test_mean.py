"""Means of losses: found when they rise, whatever their spread."""

import math

from gateway.analysis.bets import Mixture
from gateway.analysis.comparisons.mean import MEAN
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

HISTORY = {4: 1_000, 8: 3_000, 12: 1_000}


def wealth(candidate: dict[int, int], tolerance: Margin, coin: float = 0.5) -> float:
    past = Past(41)
    past.add(HISTORY)
    mixture = Mixture(MEAN.prior(True, ()))
    bets = MEAN.bets(past, coin, tolerance, whole=True, quantiles=())
    mixture.add(bets, {4: 40, 8: 120, 12: 40}, candidate)
    return mixture.total()


def test_a_score_that_falls_by_a_twentieth_is_found_in_two_hundred_units() -> None:
    assert wealth({6: 40, 10: 120, 14: 40}, Margin()) > math.log(100)


def test_units_that_are_alike_win_nothing() -> None:
    assert wealth({4: 40, 8: 120, 12: 40}, Margin()) < 0


def test_a_tolerance_is_granted() -> None:
    worse = {6: 40, 10: 120, 14: 40}

    assert wealth(worse, Margin(absolute=0.05)) < 0
    assert wealth(worse, Margin(relative=0.25)) < 0


def test_more_spread_with_the_same_mean_is_no_regression() -> None:
    assert wealth({0: 100, 16: 100}, Margin()) < 1
