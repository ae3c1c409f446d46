"""Intervals hold the truth as often as they say, at every look, and narrow with the units."""

import math
import random
from collections import Counter

import pytest

from gateway.analysis.geometric import FAILED_BIN, GROWTH, bin_of, upper_bound
from gateway.analysis.intervals import (
    mean_difference_interval,
    quantile_interval,
    quantile_ratio_interval,
    rate_ratio_interval,
)


def test_a_ratio_of_rates_holds_the_truth_at_every_look_over_a_ramp() -> None:
    """Twice as many events at the candidate; coins of 5 and 50 %, and a drifting rate."""
    chance, missed, runs = random.Random(11), 0, 60
    for _ in range(runs):
        events = {0.05: (0, 0), 0.5: (0, 0)}
        is_missed = False
        for look in range(40):
            coin = 0.05 if look < 20 else 0.5
            share = 2 * coin / (1 + coin)
            mine = sum(chance.random() < share for _ in range(10))
            before = events[coin]
            events[coin] = (before[0] + 10 - mine, before[1] + mine)
            found = rate_ratio_interval(events)
            assert found is not None
            is_missed |= not found.low <= 2 <= found.high
        missed += is_missed
    assert missed <= 0.05 * runs + 3


def test_a_ratio_of_rates_narrows_round_the_estimate() -> None:
    wide = rate_ratio_interval({0.5: (100, 200)})
    narrow = rate_ratio_interval({0.5: (10_000, 20_000)})
    assert wide is not None
    assert narrow is not None

    assert wide.low < narrow.low < 2 < narrow.high < wide.high
    assert narrow.high - narrow.low < 0.25


def test_events_of_one_version_leave_the_other_end_open() -> None:
    only_baseline = rate_ratio_interval({0.5: (20, 0)})
    only_candidate = rate_ratio_interval({0.5: (0, 20)})
    assert only_baseline is not None
    assert only_candidate is not None

    assert only_baseline.low == pytest.approx(0)
    assert only_baseline.high < 1
    assert only_candidate.low > 1
    assert only_candidate.high == math.inf


def test_without_events_there_is_no_ratio() -> None:
    assert rate_ratio_interval({}) is None
    assert rate_ratio_interval({0.5: (0, 0)}) is None


def test_a_difference_of_means_is_compared_within_a_coin() -> None:
    """Losses doubled while the weight was raised; the versions are alike throughout."""
    quiet, loud = (4, 8), (16, 20)
    losses = {
        0.05: (dict.fromkeys(quiet, 950), dict.fromkeys(quiet, 50)),
        0.5: (dict.fromkeys(loud, 500), dict.fromkeys(loud, 500)),
    }
    found = mean_difference_interval(losses)
    assert found is not None

    assert found.low < 0 < found.high
    assert found.high < 0.03


def test_a_difference_of_means_is_found_and_has_its_width_by_the_formula() -> None:
    found = mean_difference_interval({0.5: ({8: 2_500}, {8: 1_250, 12: 1_250})})
    assert found is not None
    variance = 0.05**2
    error = (1e-5 + variance) / 2_500
    wanted = -2 * math.log(0.05)
    rho2 = (wanted + math.log(wanted + 1)) / 5_000
    grown = 5_000 * rho2 + 1
    half = math.sqrt(5_000 * error) * math.sqrt(
        2 * grown / (5_000**2 * rho2) * math.log(math.sqrt(grown) / 0.05)
    )

    assert (found.low + found.high) / 2 == pytest.approx(0.05)
    assert (found.high - found.low) / 2 == pytest.approx(half)


def test_one_unit_of_a_version_gives_no_difference() -> None:
    assert mean_difference_interval({0.5: ({8: 100}, {8: 1})}) is None
    assert mean_difference_interval({}) is None


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_a_quantile_lies_inside_at_every_look(quantile: float) -> None:
    chance, missed, runs = random.Random(3), 0, 40
    truth = bin_of(-math.log1p(-quantile), 0.001)
    for _ in range(runs):
        bins: Counter[int] = Counter()
        is_missed = False
        for _ in range(25):
            bins.update(bin_of(chance.expovariate(1.0), 0.001) for _ in range(20))
            found = quantile_interval(bins, quantile)
            assert found is not None
            is_missed |= not found[0] <= truth <= found[1]
        missed += is_missed
    assert missed <= 0.05 * runs + 3


def test_of_a_few_units_a_far_quantile_has_no_upper_end() -> None:
    assert quantile_interval({60: 10}, 0.99) == (60, FAILED_BIN)
    assert quantile_interval({60: 1}, 0.5) == (0, FAILED_BIN)
    assert quantile_interval({}, 0.99) is None


def test_many_units_leave_a_quantile_little_room() -> None:
    bins = dict.fromkeys(range(50, 70), 1000)

    assert quantile_interval(bins, 0.5) == (59, 60)


def test_a_ratio_of_quantiles_is_as_wide_as_its_bins() -> None:
    found = quantile_ratio_interval({60: 100_000}, {64: 100_000}, 0.95)
    assert found is not None

    assert found.low == pytest.approx(GROWTH**3)
    assert found.high == pytest.approx(GROWTH**5)
    assert found.low < upper_bound(64, 1) / upper_bound(60, 1) < found.high


def test_a_ratio_with_too_few_units_is_open() -> None:
    found = quantile_ratio_interval({60: 3}, {64: 100_000}, 0.95)

    assert found == (0.0, math.inf)
    assert quantile_ratio_interval({}, {64: 1}, 0.95) is None
