"""Rates: hard failures decide at once, rare ones soon, and nothing while alike."""

import math

import pytest

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparisons.rate import RATE
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

NONE = Margin()


def bets_at(
    coin: float, events: int = 25, units: int = 5_000, margin: Margin = NONE
) -> Bets:
    past = Past(2)
    past.add({0: units - events, 1: events})
    return RATE.bets(past, coin, margin, whole=True, quantiles=())


@pytest.mark.parametrize(
    ("coin", "wealths"),
    [
        (0.01, [9.9, 428]),
        (0.05, [4.6, 48, 691]),
        (0.5, [1.4, 2.2, 3.5, 5.9, 10, 18, 32]),
    ],
)
def test_the_wealth_after_failures_in_a_row(coin: float, wealths: list[float]) -> None:
    """Of the candidate alone, where the baseline fails once in 200."""
    mixture = Mixture(RATE.prior(True, ()))
    for wealth in wealths:
        mixture.add(bets_at(coin), {}, {1: 1})
        assert math.exp(mixture.total()) == pytest.approx(wealth, rel=0.04)


def test_successes_of_the_baseline_double_the_speed() -> None:
    with_them, without = Mixture(RATE.prior(True, ())), Mixture(RATE.prior(True, ()))
    with_them.add(bets_at(0.5), {0: 6}, {1: 6})
    without.add(bets_at(0.5), {}, {1: 6})

    assert with_them.total() > 1.6 * without.total()


@pytest.mark.parametrize("events", [0, 500, 2_500, 4_600, 5_000])
@pytest.mark.parametrize("coin", [1e-5, 0.05, 0.95])
def test_every_alternative_bets_on_worse_and_none_on_better(
    events: int, coin: float
) -> None:
    """Also where the baseline fails more often than the fixed alternatives say."""
    bets = bets_at(coin, events=events)

    assert all(failed >= fine for fine, failed in bets.candidate)
    assert all(failed <= fine for fine, failed in bets.baseline)


def test_a_tolerance_makes_the_tolerated_unprofitable() -> None:
    strict, tolerant = bets_at(0.05), bets_at(0.05, margin=Margin(relative=0.5))

    def best(bets: Bets, rate: float) -> float:
        return max(
            0.05 * (rate * won[1] + (1 - rate) * won[0])
            + 0.95 * (0.005 * lost[1] + 0.995 * lost[0])
            for won, lost in zip(bets.candidate, bets.baseline, strict=True)
        )

    assert best(strict, 0.02) > best(tolerant, 0.02) > 0 > best(tolerant, 0.0075)
