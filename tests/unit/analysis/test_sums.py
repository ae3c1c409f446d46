"""Counts and sums, whole and by segment."""

import pytest

from gateway.analysis.sums import SlicedSum, Sum


def test_nothing_has_no_mean() -> None:
    assert Sum().mean is None


def test_a_value_counts_in_the_whole_and_in_each_of_its_segments() -> None:
    sums = SlicedSum()

    sums.add(1, 2.0, [("tenant", "a"), ("size", "<1KiB")])
    sums.add(1, 4.0, [("tenant", "b"), ("size", "<1KiB")])
    sums.add(0, -1.0, [("tenant", "b"), ("size", "<1KiB")])

    assert sums.whole == Sum(2, 5.0)
    assert sums.whole.mean == pytest.approx(2.5)
    assert sums.segments == {
        "tenant": {"a": Sum(1, 2.0), "b": Sum(1, 3.0)},
        "size": {"<1KiB": Sum(2, 5.0)},
    }
