"""The past is learnt, half forgotten in time, and never sure of what it hardly saw."""

import math

import pytest

from gateway.analysis.past import HALF_LIFE, Past


def past_of(bin_count: int, **bins: int) -> Past:
    past = Past(bin_count)
    past.add({int(name[1:]): count for name, count in bins.items()})
    return past


def test_units_weigh_half_after_the_half_life() -> None:
    past = past_of(2, b1=100)
    past.add({0: HALF_LIFE})

    assert past.counts == [HALF_LIFE, pytest.approx(50.0)]
    assert past.total == pytest.approx(HALF_LIFE + 50)


def test_forgetting_in_small_steps_is_forgetting_in_one() -> None:
    steps, once = past_of(2, b1=100), past_of(2, b1=100)
    for _ in range(400):
        steps.add({0: HALF_LIFE // 400})
    once.add({0: HALF_LIFE})

    assert steps.counts[1] == pytest.approx(once.counts[1])


def test_its_memory_is_bounded() -> None:
    past = Past(2)
    for _ in range(1_000):
        past.add({0: 1_000})

    assert past.total == pytest.approx(HALF_LIFE / math.log(2), rel=0.02)


def test_a_rate_begins_at_half_a_percent_and_follows_the_data() -> None:
    assert Past(2).rate() == pytest.approx(0.005)
    assert past_of(2, b0=970, b1=30).rate() == pytest.approx(31 / 1200)


def test_moments_are_those_of_the_grid_and_of_one_unit_spread_evenly() -> None:
    past = past_of(41, b10=300, b20=100)
    mean = (300 * 0.25 + 100 * 0.5 + 0.5) / 401
    square = (300 * 0.25**2 + 100 * 0.5**2 + 1 / 3) / 401

    assert past.mean() == pytest.approx(mean)
    assert past.variance() == pytest.approx(square - mean**2)


def test_a_variance_is_never_nothing() -> None:
    past = past_of(41, b0=10_000_000)

    assert past.variance() == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("quantile", "found"), [(0.0, 3), (0.5, 3), (0.51, 7), (0.95, 7), (0.951, 9)]
)
def test_a_quantile_is_the_first_bin_that_reaches_it(
    quantile: float, found: int
) -> None:
    assert past_of(12, b3=50, b7=45, b9=5).quantile_bin(quantile) == found


def test_without_data_only_what_failed_lies_above_a_quantile() -> None:
    assert Past(12).quantile_bin(0.95) == 10


def test_rounding_of_forgotten_counts_moves_no_quantile() -> None:
    past = past_of(12, b3=50, b7=45, b9=5)
    for _ in range(200):
        past.add({3: 50, 7: 45, 9: 5})

    assert past.quantile_bin(0.5) == 3
    assert past.quantile_bin(0.95) == 7


def test_weights_add_up_to_one_or_are_nothing() -> None:
    assert past_of(4, b0=1, b3=3).weights() == [0.25, 0.0, 0.0, 0.75]
    assert Past(4).weights() == [0.0] * 4


def test_it_goes_on_as_before_when_it_is_loaded() -> None:
    past = past_of(3, b0=5, b2=7)
    again = Past.load(past.dump())
    for each in (past, again):
        each.add({1: 1_000})

    assert again.dump() == past.dump()
    assert again.total == past.total
