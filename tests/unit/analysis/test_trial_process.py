"""A wealth, its units, and when it is split anew."""

import pytest

from gateway.analysis.trial_process import MOST_COINS, Restarts, Tally


def test_wealth_is_split_anew_after_2500_units() -> None:
    restarts = Restarts(0.01)
    assert not restarts.counts(2_499)
    assert restarts.counts(1)
    restarts.part()
    assert not restarts.counts(2_499)


def test_the_parts_fall_so_that_a_long_health_costs_a_logarithm() -> None:
    restarts = Restarts(0.01)
    parts = [restarts.part() for _ in range(10_001)]
    assert parts[0] == pytest.approx(0.01)
    assert parts[100] == pytest.approx(0.005)
    assert parts[10_000] == pytest.approx(1 / 10_100)
    assert sum(parts) < 5


def test_restarts_go_on_where_they_were_kept() -> None:
    restarts, again = Restarts(0.01), Restarts(0.01)
    for _ in range(3):
        restarts.part()
    restarts.counts(2_000)
    again.load(restarts.kept())
    assert again.counts(500)
    assert again.part() == restarts.part()


def test_units_are_counted_of_all_coins_and_told_apart_of_the_latest() -> None:
    tally = Tally()
    for number in range(1, MOST_COINS + 5):
        assert tally.add(number / 100, ({0: 2}, {1: 1})) == 3
    assert tally.units == [2 * (MOST_COINS + 4), MOST_COINS + 4]
    assert len(tally.by_coin) == MOST_COINS
    assert 0.01 not in tally.by_coin


def test_units_of_an_open_block_are_shown_and_not_counted() -> None:
    tally = Tally()
    tally.add(0.5, ({0: 2}, {1: 1}))
    shown = tally.with_open([(0.5, ({0: 1}, {})), (0.2, ({}, {1: 4}))])
    assert shown.units == [3, 5]
    assert shown.by_coin == {0.5: ({0: 3}, {1: 1}), 0.2: ({}, {1: 4})}
    assert (tally.units, tally.by_coin) == ([2, 1], {0.5: ({0: 2}, {1: 1})})
