"""The sample ratio: quiet while units follow their coins, loud when they do not."""

import math
import random

import pytest
from mpmath import mp, mpf

from gateway.analysis.sample_ratio import (
    MOST_CLASSES,
    SampleRatio,
    count_range,
    log_beta_binomial,
)

ALARM = math.log(1000)


def exact(coin: str, baseline: int, candidate: int) -> float:
    with mp.workdps(60):
        w = mpf(coin)
        a, b = 100 * w, 100 * (1 - w)
        return float(
            mp.log(mp.beta(a + candidate, b + baseline) / mp.beta(a, b))
            - candidate * mp.log(w)
            - baseline * mp.log(1 - w)
        )


@pytest.mark.parametrize(
    ("coin", "baseline", "candidate"),
    [("0.05", 950, 50), ("0.05", 960, 40), ("0.5", 0, 1), ("0.25", 70_000, 30_000)],
)
def test_it_is_the_beta_binomial_in_sixty_digits(
    coin: str, baseline: int, candidate: int
) -> None:
    found = log_beta_binomial(float(coin), baseline, candidate)

    assert found == pytest.approx(exact(coin, baseline, candidate), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("coin", [0.01, 0.3, 0.5])
def test_its_mean_over_all_tosses_is_one(coin: float) -> None:
    units = 60
    mean = math.fsum(
        math.comb(units, hits)
        * coin**hits
        * (1 - coin) ** (units - hits)
        * math.exp(log_beta_binomial(coin, units - hits, hits))
        for hits in range(units + 1)
    )

    assert mean == pytest.approx(1, abs=1e-9)


def test_ten_percent_of_the_units_missing_is_found() -> None:
    """5 % to 4 % in about 7,700 requests, 50 % to 45 % in about 1,800: at twice that."""
    for coin, real, units in ((0.05, 0.04, 16_000), (0.5, 0.45, 4_000)):
        ratio = SampleRatio()
        candidate = round(units * real)
        ratio.add(coin, units - candidate, candidate)
        assert ratio.log_e > ALARM


def test_units_that_follow_their_coins_raise_no_alarm() -> None:
    chance = random.Random(5)
    alarms = 0
    for _ in range(50):
        ratio = SampleRatio()
        for _ in range(100):
            for coin in (0.05, 0.21, 0.5):
                candidate = sum(chance.random() < coin for _ in range(10))
                ratio.add(coin, 10 - candidate, candidate)
            alarms += ratio.log_e >= ALARM
    assert not alarms


def test_small_steps_are_the_same_as_one() -> None:
    steps, once = SampleRatio(), SampleRatio()
    for _ in range(1_000):
        steps.add(0.25, 3, 1)
    once.add(0.25, 3_000, 1_000)

    assert steps.log_e == once.log_e


def test_classes_of_coins_multiply() -> None:
    both, one, other = SampleRatio(), SampleRatio(), SampleRatio()
    for ratio in (both, one):
        ratio.add(0.1, 50, 20)
    for ratio in (both, other):
        ratio.add(0.5, 70, 20)

    assert both.log_e == pytest.approx(one.log_e + other.log_e)


def test_classes_are_bounded_and_what_a_closed_one_won_stays() -> None:
    ratio = SampleRatio()
    ratio.add(0.5, 100, 0)
    ratio.add(0.4, 60, 40)
    ratio.add(0.5, 1, 1)  # so that 0.4 has waited longest
    before = ratio.log_e
    extra = 0.0
    for place in range(MOST_CLASSES):
        coin = 0.001 * (place + 1)
        ratio.add(coin, 9, 1)
        extra += log_beta_binomial(coin, 9, 1)

    assert ratio.log_e == pytest.approx(before + extra)
    assert len(ratio.dump()[1]) == MOST_CLASSES
    assert ratio.totals()[:2] == (MOST_CLASSES * 9, MOST_CLASSES)


def test_totals_say_what_was_expected() -> None:
    ratio = SampleRatio()
    ratio.add(0.1, 70, 30)
    ratio.add(0.5, 50, 50)

    baseline, candidate, expected = ratio.totals()
    assert (baseline, candidate) == (120, 80)
    assert expected == pytest.approx(60.0)


def test_it_goes_on_as_before_when_it_is_loaded() -> None:
    ratio = SampleRatio()
    for place in range(MOST_CLASSES + 3):
        ratio.add(0.01 * (place + 1), 9, 1)
    again = SampleRatio.load(ratio.dump())
    for each in (ratio, again):
        each.add(0.9, 5, 5)

    assert again.dump() == ratio.dump()
    assert again.log_e == pytest.approx(ratio.log_e)


@pytest.mark.parametrize("coin", [0.0, 1.0])
def test_a_coin_that_decides_nothing_is_refused(coin: float) -> None:
    with pytest.raises(ValueError, match="no evidence"):
        SampleRatio().add(coin, 1, 1)


@pytest.mark.parametrize("coin", [0.01, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("units", [1, 2, 50, 3_000])
def test_the_range_of_counts_holds_all_that_is_not_refuted(
    coin: float, units: int
) -> None:
    limit = math.log(20)
    fits = [
        n for n in range(units + 1) if log_beta_binomial(coin, units - n, n) < limit
    ]

    assert count_range(coin, units, limit) == (fits[0], fits[-1])
    assert len(fits) == fits[-1] - fits[0] + 1
