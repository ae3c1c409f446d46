"""Durations are counted exactly and read back within the stated error."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.histogram import (
    BOUNDS,
    OTEL_DURATION,
    OTEL_FIRST_TOKEN,
    Histogram,
)

durations = st.lists(st.floats(0.0001, 3000), min_size=1, max_size=60)


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def test_the_bounds_rise_by_ten_percent_at_most() -> None:
    assert all(low < high <= low * 1.1000001 for low, high in pairwise(BOUNDS))


@given(durations, st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_at_most_ten_percent_too_high(
    values: list[float], share: float
) -> None:
    exact = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]

    read = filled(values).quantile(share)

    assert read is not None
    assert exact <= read <= exact * 1.1000001


@given(durations, durations)
def test_merging_is_the_same_as_counting_together(
    some: list[float], others: list[float]
) -> None:
    merged = filled(some)
    merged.merge(filled(others))

    together = filled(some + others)
    assert merged.counts == together.counts
    assert merged.total == pytest.approx(together.total)


@given(durations, st.sampled_from(OTEL_DURATION + OTEL_FIRST_TOKEN))
def test_what_prometheus_shows_is_counted_not_interpolated(
    values: list[float], bound: float
) -> None:
    assert filled(values).at_most(bound) == sum(value <= bound for value in values)


def test_nothing_counted_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None


def test_what_is_longer_than_every_bound_is_counted_as_infinite() -> None:
    assert filled([1e6]).quantile(0.5) == math.inf
