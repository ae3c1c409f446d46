"""Wealth adds up, is shared out without loss, and never forgets what it bet."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gateway.analysis.bets import Bets, Mixture, log_sum

PRIOR = (0.4, 0.25, 0.15)
TABLES = Bets(
    candidate=((-0.1, 0.7), (-0.3, 1.9), (-0.02, 0.1)),
    baseline=((0.01, -0.4), (0.03, -1.2), (0.001, -0.05)),
)
LEAST = 1e-12
"""A bit more than what logs are whole numbers of."""

counts = st.dictionaries(st.integers(0, 1), st.integers(0, 10_000))
part = st.floats(1e-6, 0.999)


def test_it_begins_with_one() -> None:
    mixture = Mixture(PRIOR)

    assert mixture.total() == pytest.approx(0.0, abs=LEAST)
    assert math.exp(mixture.log_cash) == pytest.approx(0.2)


def test_a_prior_of_more_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="adds up"):
        Mixture((0.7, 0.4))


def test_a_whole_prior_leaves_no_cash() -> None:
    mixture = Mixture((1 / 3,) * 3)
    mixture.share(0.5)

    assert mixture.log_cash == -math.inf
    assert mixture.total() == pytest.approx(0.0, abs=1e-12)


@given(counts, counts)
def test_the_wealth_is_the_sum_of_products(
    baseline: dict[int, int], candidate: dict[int, int]
) -> None:
    """Against fifty digits, of wealths that no float could hold."""
    mixture = Mixture(PRIOR)
    mixture.add(TABLES, baseline, candidate)
    with mp.workdps(50):
        wealth = mpf("0.2")
        for prior, won, lost in zip(PRIOR, *TABLES, strict=True):
            product = mpf(prior)
            for place, count in candidate.items():
                product *= mp.exp(mpf(won[place])) ** count
            for place, count in baseline.items():
                product *= mp.exp(mpf(lost[place])) ** count
            wealth += product
        exact = float(mp.log(wealth))

    units = sum(baseline.values()) + sum(candidate.values())
    assert mixture.total() == pytest.approx(exact, rel=1e-10, abs=(1 + units) * LEAST)


@given(st.lists(st.tuples(counts, counts), max_size=8))
def test_the_order_of_merging_does_not_matter(
    deltas: list[tuple[dict[int, int], dict[int, int]]],
) -> None:
    there, back = Mixture(PRIOR), Mixture(PRIOR)
    for delta in deltas:
        there.add(TABLES, *delta)
    for delta in reversed(deltas):
        back.add(TABLES, *delta)

    assert back.dump() == there.dump()


@given(counts, counts, st.floats(-5, 5))
def test_it_has_reached_what_its_total_has(
    baseline: dict[int, int], candidate: dict[int, int], threshold: float
) -> None:
    mixture = Mixture(PRIOR)
    mixture.add(TABLES, baseline, candidate)

    assert mixture.has_reached(threshold) is (mixture.total() >= threshold)
    assert mixture.has_reached(mixture.total())


@given(counts, counts, part, st.integers(1, 5))
def test_sharing_out_leaves_the_total_as_it_was(
    baseline: dict[int, int], candidate: dict[int, int], share: float, times: int
) -> None:
    mixture = Mixture(PRIOR)
    mixture.add(TABLES, baseline, candidate)
    before = mixture.total()
    for _ in range(times):
        mixture.share(share)

    assert mixture.total() == pytest.approx(before, rel=1e-12, abs=10 * LEAST)


def test_sharing_out_lifts_lost_bets_out_of_their_hole() -> None:
    mixture = Mixture(PRIOR)
    mixture.add(TABLES, {}, {0: 100_000})
    assert max(mixture.log_wealths) < -1_000
    mixture.share(0.01)

    cash = math.log(0.2)
    expected = [cash + math.log(0.01) + math.log(prior) for prior in PRIOR]
    assert mixture.log_wealths == pytest.approx(expected)


def test_a_wealth_without_end_stays_apart_from_the_others() -> None:
    """Where nobody acts on it, it may grow, or shrink, for as long as a rollout lasts."""
    mixture = Mixture(PRIOR)
    tables = Bets(candidate=((20.0,), (-20.0,), (0.0,)), baseline=((0.0,),) * 3)
    for _ in range(100):
        mixture.add(tables, {}, {0: 100_000})
        mixture.total()

    most, least, still = mixture.log_wealths
    assert most >= 1e6
    assert least <= -1e6
    assert still == pytest.approx(math.log(PRIOR[2]))


@given(st.integers(-100, 100), st.integers(-100, 100))
def test_no_payoff_is_more_than_it_was(first: int, second: int) -> None:
    logs = (first / 7, second / 3)
    mixture = Mixture((0.5, 0.5))
    before = mixture.log_wealths
    mixture.add(
        Bets(candidate=tuple((x,) for x in logs), baseline=((), ())), {}, {0: 1}
    )

    for was, log, now in zip(before, logs, mixture.log_wealths, strict=True):
        assert log - LEAST <= now - was <= log + 1e-15


def test_it_goes_on_as_before_when_it_is_loaded() -> None:
    mixture = Mixture(PRIOR)
    mixture.add(TABLES, {0: 7}, {1: 2})
    again = Mixture.load(PRIOR, mixture.dump())
    for each in (mixture, again):
        each.add(TABLES, {1: 1}, {0: 3})
        each.share(0.1)

    assert again.dump() == mixture.dump()


def test_the_sum_of_no_logs_is_the_log_of_nothing() -> None:
    assert log_sum([]) == -math.inf
    assert log_sum([-math.inf, -math.inf]) == -math.inf
    assert log_sum([2000.0, 2000.0]) == pytest.approx(2000 + math.log(2))
