"""A ceiling is passed by events that are too frequent, and by nothing else."""

import math

import pytest

from gateway.analysis.ceiling import CeilingWealth


@pytest.mark.parametrize("ceiling", [0.001, 0.05, 0.5])
def test_its_mean_is_one_at_the_ceiling_and_less_below(ceiling: float) -> None:
    def mean(rate: float) -> float:
        total = 0.0
        for events in range(31):
            wealth = CeilingWealth(ceiling)
            wealth.add(30, events)
            chance = math.comb(30, events) * rate**events * (1 - rate) ** (30 - events)
            total += chance * math.exp(wealth.log_e)
        return total

    assert mean(ceiling) == pytest.approx(1)
    assert mean(ceiling / 2) < 1


def test_twice_the_ceiling_is_found_and_the_ceiling_is_not() -> None:
    above, below = CeilingWealth(0.05), CeilingWealth(0.05)
    above.add(500, 50)
    below.add(5_000, 250)

    assert above.log_e > math.log(100)
    assert below.log_e < 0


def test_a_ceiling_of_nothing_is_passed_by_two_events() -> None:
    wealth = CeilingWealth(0.0)
    wealth.add(1_000, 2)

    assert wealth.log_e > math.log(50)


def test_a_ceiling_of_everything_is_never_passed() -> None:
    wealth = CeilingWealth(1.0)
    wealth.add(100_000, 100_000)

    assert wealth.log_e == pytest.approx(0, abs=1e-6)


def test_it_goes_on_as_before_when_it_is_loaded() -> None:
    wealth = CeilingWealth(0.05)
    wealth.add(10, 2)
    again = CeilingWealth.load(0.05, wealth.dump())
    for each in (wealth, again):
        each.share(0.1)
        each.add(5, 1)

    assert again.dump() == wealth.dump()
