"""Amounts fall into bins that grow by a twentieth, whatever they are."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.geometric import (
    BIN_COUNT,
    FAILED_BIN,
    GROWTH,
    bin_of,
    upper_bound,
)

smallest = st.sampled_from([0.001, 1e-7, 1e-6, 1.0, 0.3])


@given(st.integers(0, FAILED_BIN - 1), smallest)
def test_an_upper_bound_belongs_to_its_bin_and_the_next_float_does_not(
    bin_number: int, first: float
) -> None:
    bound = upper_bound(bin_number, first)

    assert bin_of(bound, first) == bin_number
    assert bin_of(math.nextafter(bound, math.inf), first) == bin_number + 1


@given(st.floats(0.0, exclude_min=True), smallest)
def test_any_positive_amount_has_a_bin_that_it_does_not_exceed(
    value: float, first: float
) -> None:
    found = bin_of(value, first)

    assert 0 <= found < BIN_COUNT
    assert value <= upper_bound(found, first)
    if found:
        assert value > upper_bound(found - 1, first)


@pytest.mark.parametrize("value", [0.0, -1.0, -math.inf, math.nan])
def test_what_is_not_positive_is_in_the_first_bin(value: float) -> None:
    assert bin_of(value, 0.001) == 0


def test_an_infinite_amount_is_where_the_failed_ones_are() -> None:
    assert bin_of(math.inf, 0.001) == FAILED_BIN
    assert upper_bound(FAILED_BIN, 0.001) == math.inf


def test_bounds_grow_by_a_twentieth_from_a_millisecond_to_over_an_hour() -> None:
    bounds = [upper_bound(place, 0.001) for place in range(FAILED_BIN)]

    assert bounds[0] == pytest.approx(0.001)
    assert bounds[-1] > 3600
    assert pytest.approx(1.05) == GROWTH
    assert all(high / low == pytest.approx(GROWTH) for low, high in pairwise(bounds))
