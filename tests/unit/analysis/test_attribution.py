"""e-BH names what is large among so many, and no more."""

import math

import pytest

from gateway.analysis.attribution import discoveries


def logs(**wealths: float) -> dict[str, float]:
    return {name: math.log(wealth) for name, wealth in wealths.items()}


def test_the_second_may_be_half_as_large_as_a_lone_one() -> None:
    """Of four at q = 0.1: 40 alone, 20 as the second, 13.3 as the third."""
    assert discoveries(logs(a=39, b=1, c=1, d=1)) == []
    assert discoveries(logs(a=41, b=1, c=1, d=1)) == ["a"]
    assert discoveries(logs(a=21, b=22, c=1, d=1)) == ["b", "a"]
    assert discoveries(logs(a=14, b=22, c=15, d=1)) == ["b", "c", "a"]


def test_one_that_is_too_small_is_named_with_larger_ones_behind_it() -> None:
    """The largest rank counts, though an earlier one fails its own limit."""
    assert discoveries(logs(a=38, b=21, c=1, d=1)) == ["a", "b"]


def test_of_nothing_nothing_is_named() -> None:
    assert discoveries({}) == []
    assert discoveries({"a": -math.inf}) == []


@pytest.mark.parametrize("false_part", [0.05, 0.5])
def test_a_smaller_part_asks_for_more(false_part: float) -> None:
    limit = 2 / false_part

    assert discoveries(logs(a=limit * 1.01, b=1), false_part) == ["a"]
    assert discoveries(logs(a=limit * 0.99, b=1), false_part) == []
