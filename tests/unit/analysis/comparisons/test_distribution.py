"""Distributions: shifts and tails are found, a tolerance moves them, failures stay on top."""

import math
from itertools import pairwise

import pytest
from mpmath import mp, mpf

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparisons.distribution import DISTRIBUTION, bins_tolerated
from gateway.analysis.counts import Bins
from gateway.analysis.geometric import BIN_COUNT, FAILED_BIN, GROWTH
from gateway.analysis.ladder import TOLERANCE
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

BELL = {60: 100, 61: 400, 62: 900, 63: 1_200, 64: 1_200, 65: 900, 66: 400, 67: 100}
NONE = Margin()


def bets_of(
    history: Bins,
    tolerance: Margin = NONE,
    coin: float = 0.05,
    whole: bool = True,
    quantiles: tuple[float, ...] = (),
) -> Bets:
    past = Past(BIN_COUNT)
    past.add(history)
    return DISTRIBUTION.bets(past, coin, tolerance, whole=whole, quantiles=quantiles)


def wealth(bets: Bets, baseline: Bins, candidate: Bins) -> float:
    mixture = Mixture(DISTRIBUTION.prior(True, ()))
    mixture.add(bets, baseline, candidate)
    return mixture.total()


def moved(bins: Bins, by: int) -> Bins:
    return {place + by: count for place, count in bins.items()}


def test_a_tilt_is_that_of_normal_scores_in_fifty_digits() -> None:
    bets = bets_of({3: 1_000, 7: 3_000, 9: 1_000}, coin=0.05)
    with mp.workdps(50):
        w, kappa = mpf("0.05"), mpf("0.8")
        ranks = {3: mpf("0.1"), 7: mpf("0.5"), 9: mpf("0.9")}
        scores = {b: mp.sqrt(2) * mp.erfinv(2 * u - 1) for b, u in ranks.items()}
        parts = {3: mpf("0.2"), 7: mpf("0.6"), 9: mpf("0.2")}
        psi = mp.log(sum(parts[b] * mp.exp(kappa * scores[b]) for b in parts))
        for b in parts:
            tilt = kappa * scores[b] - psi
            lost = -mp.log(1 - w + w * mp.exp(tilt))
            assert bets.baseline[2][b] == pytest.approx(float(lost), rel=1e-9)
            assert bets.candidate[2][b] == pytest.approx(float(tilt + lost), rel=1e-9)


@pytest.mark.parametrize(
    ("relative", "bins"),
    [(0.0, 0), (0.04, 1), (0.05, 1), (0.051, 2), (0.1, 2), (0.21, 4), (0.22, 5)],
)
def test_a_tolerance_is_never_fewer_bins_than_it_is(relative: float, bins: int) -> None:
    assert bins_tolerated(Margin(relative=relative)) == bins


def test_the_usual_tolerance_is_what_it_says() -> None:
    """No more than one bin, and a bin is no wider."""
    assert bins_tolerated(TOLERANCE) == 1
    assert 1 + TOLERANCE.relative == GROWTH


def test_a_shift_is_found_and_one_within_the_tolerance_is_not() -> None:
    bets, tolerant = bets_of(BELL), bets_of(BELL, Margin(relative=0.1))
    tenth = {place: count // 20 for place, count in BELL.items()}

    assert wealth(bets, BELL, moved(tenth, 2)) > math.log(100)
    assert wealth(tolerant, BELL, moved(tenth, 2)) < 0
    assert wealth(tolerant, BELL, moved(tenth, 4)) > math.log(100)


def test_a_tail_alone_is_found() -> None:
    """One in ten takes three times as long; the others are as they were."""
    slow = {place: count // 20 for place, count in BELL.items()} | {78: 26}

    assert wealth(bets_of(BELL), BELL, slow) > math.log(100)


def test_failures_are_beyond_any_tolerance() -> None:
    bets = bets_of(BELL, Margin(relative=1e9))

    assert wealth(bets, {63: 100}, {FAILED_BIN: 5}) > math.log(100)
    assert wealth(bets, {63: 100}, {FAILED_BIN - 1: 5}) < 0


def test_failures_count_where_a_tenth_of_the_baseline_fails() -> None:
    """Then the quantiles themselves lie in the last bin, above which there is nothing."""
    bets = bets_of({63: 4_500, FAILED_BIN: 500})

    assert wealth(bets, {63: 900, FAILED_BIN: 100}, {63: 30, FAILED_BIN: 30}) > 4.6


def test_without_a_past_a_shift_is_not_bet_on() -> None:
    bets = bets_of({})

    assert {payoff for tables in bets for table in tables[:4] for payoff in table} == {
        0.0
    }


@pytest.mark.parametrize("history", [{}, {63: 1}, BELL, {0: 9}, {FAILED_BIN: 9}])
@pytest.mark.parametrize("relative", [0.0, 0.05, 3.0, 1e9])
def test_higher_is_never_better(history: Bins, relative: float) -> None:
    """Monotone tables are what the null of stochastic order rests on."""
    bets = bets_of(history, Margin(relative=relative))

    assert all(len(table) == BIN_COUNT for tables in bets for table in tables)
    assert all(low <= high for table in bets.candidate for low, high in pairwise(table))
    assert all(low >= high for table in bets.baseline for low, high in pairwise(table))


def test_only_the_quantiles_that_are_asked_for_are_bet_on() -> None:
    quantiles = (0.5, 0.95)
    bets = bets_of(BELL, whole=False, quantiles=quantiles)

    assert len(bets.candidate) == len(DISTRIBUTION.prior(False, quantiles)) == 4
    ends = [table.index(table[-1]) for table in bets.candidate]
    assert ends == [64, 64, 67, 67]
