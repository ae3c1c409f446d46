"""Mirrored pairs: a worse candidate is found, a margin proven, and nothing else."""

import math
from itertools import product

import pytest

from gateway.analysis.pairs import PAIR_BINS, PairWealth

SAME, LOST, WON = 40, 80, 0
"""Bins of pairs: alike; only the candidate failed; only the baseline did."""


def exact_mean(slack: float, chances: dict[int, float], *, is_proof: bool) -> float:
    """Give the mean wealth over all sequences of five pairs."""
    total = 0.0
    for sequence in product(chances, repeat=5):
        wealth = PairWealth(slack, is_proof=is_proof)
        for pair in sequence:
            wealth.add({pair: 1})
        total += math.prod(chances[pair] for pair in sequence) * math.exp(wealth.log_e)
    return total


@pytest.mark.parametrize("slack", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("is_proof", [False, True])
def test_its_mean_is_one_where_the_difference_is_the_slack(
    slack: float, is_proof: bool
) -> None:
    chances = {LOST: 0.2 + slack, WON: 0.2, SAME: 0.6 - slack}

    assert exact_mean(slack, chances, is_proof=is_proof) == pytest.approx(1)


def test_inside_the_null_it_loses() -> None:
    better = {LOST: 0.1, WON: 0.2, SAME: 0.7}
    worse = {LOST: 0.4, WON: 0.2, SAME: 0.4}

    assert exact_mean(0.01, better, is_proof=False) < 1
    assert exact_mean(0.01, worse, is_proof=True) < 1


def test_errors_that_are_three_times_as_many_are_found() -> None:
    """2 % against 6 %, as 355 pairs find them in simulations at alpha 5 %."""
    wealth = PairWealth(0.0, is_proof=False)
    wealth.add({LOST: 42, WON: 14, SAME: 644})

    assert wealth.log_e > math.log(20)


def test_a_point_more_is_excluded_by_some_thousand_pairs_that_are_alike() -> None:
    wealth = PairWealth(0.01, is_proof=True)
    wealth.add({LOST: 28, WON: 28, SAME: 2_744})
    assert wealth.log_e > math.log(20)

    few = PairWealth(0.01, is_proof=True)
    few.add({LOST: 2, WON: 2, SAME: 196})
    assert few.log_e < math.log(20)


@pytest.mark.parametrize("slack", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("is_proof", [False, True])
def test_no_pair_takes_everything(slack: float, is_proof: bool) -> None:
    for pair in range(PAIR_BINS):
        wealth = PairWealth(slack, is_proof=is_proof)
        wealth.add({pair: 100})
        assert math.isfinite(wealth.log_e)


def test_it_goes_on_as_before_when_it_is_loaded() -> None:
    wealth = PairWealth(0.01, is_proof=False)
    wealth.add({LOST: 3, SAME: 90})
    again = PairWealth.load(0.01, wealth.dump(), is_proof=False)
    for each in (wealth, again):
        each.share(0.01)
        each.add({WON: 1})

    assert again.dump() == wealth.dump()
    assert again.log_e == wealth.log_e
