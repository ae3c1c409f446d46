"""Sample ratio, mirrored pairs and the hold-back, against what was calculated before."""

from bisect import bisect_right
from itertools import accumulate
from math import log
from random import Random

import pytest

from gateway.analysis.design import LOSS_BINS, Kind
from gateway.analysis.pairs import PairWealth
from gateway.analysis.sample_ratio import SampleRatio
from loadtest.dice import Draws
from tests.calibration.figures import four_sigma, note, quantile
from tests.calibration.wealth import Wealth
from tests.calibration.worlds import HISTORY

# Promised coin, true coin, median units until the alarm at 0.001.
UNEVEN = [
    (0.05, 0.045, 33_600),
    (0.05, 0.04, 7_700),
    (0.5, 0.49, 44_400),
    (0.5, 0.45, 1_800),
]
ALARM = -log(0.001)


def units_until_alarm(promised: float, true: float, most: int, seed: int) -> int | None:
    draws = Draws(seed)
    ratio = SampleRatio()
    units = 0
    while units < most:
        sent = draws.binomial(100, true)
        ratio.add(promised, 100 - sent, sent)
        units += 100
        if ratio.log_e >= ALARM:
            return units
    return None


@pytest.mark.parametrize(("promised", "true", "expected"), UNEVEN)
def test_units_that_go_astray_raise_the_alarm_in_time(
    promised: float, true: float, expected: int
) -> None:
    runs = 100
    most = 10 * expected

    found = [units_until_alarm(promised, true, most, seed) for seed in range(runs)]

    median = quantile([most if units is None else units for units in found], 0.5)
    note(
        f"sample ratio {promised:.1%} that is {true:.1%}: alarm after {median:,} units "
        f"(expected {expected:,}, {runs} runs)"
    )
    assert 0.75 * expected <= median <= 1.25 * expected


@pytest.mark.slow
def test_units_that_go_where_they_should_raise_no_alarm() -> None:
    runs = 1_000

    false = sum(
        units_until_alarm(0.05, 0.05, 100_000, seed) is not None for seed in range(runs)
    )

    note(f"sample ratio as promised: {false} alarms in {runs} runs")
    assert false / runs <= 0.001 + four_sigma(0.001, runs)


KEYS = 500
PAIRS = 20_000
ALPHA = 0.05
BASE = 0.02
NO_DIFFERENCE = LOSS_BINS - 1


def pairs_until(
    wealth: PairWealth, excess: float, factor: float, most: int, seed: int
) -> int | None:
    """Mirror requests of Zipf keys with unlike error rates; 2 % of errors on average.

    Args:
        wealth: Of the pairs.
        excess: Added to the candidate's error rate.
        factor: Times the key's own.
        most: Pairs.
        seed: Of the dice.

    """
    draws = Draws(seed)
    dice = Random(seed)
    activity = list(accumulate(1 / (rank + 1) for rank in range(KEYS)))
    unlike = [dice.lognormvariate(0.0, 1.0) for _ in range(KEYS)]
    rates = [min(BASE * rate * KEYS / sum(unlike), 0.3) for rate in unlike]
    for pair in range(1, most + 1):
        key = bisect_right(activity, draws.share() * activity[-1], 0, KEYS - 1)
        baseline = draws.share() < rates[key]
        candidate = draws.share() < rates[key] * factor + excess
        wealth.add({NO_DIFFERENCE * (1 + candidate - baseline): 1})
        if wealth.log_e >= -log(ALPHA):
            return pair
    return None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mirrored_pairs_find_errors_and_prove_their_absence() -> None:
    runs = 200

    def tried(
        slack: float, excess: float, factor: float, *, is_proof: bool
    ) -> list[int]:
        results = [
            pairs_until(
                PairWealth(slack, is_proof=is_proof), excess, factor, PAIRS, seed
            )
            for seed in range(runs)
        ]
        return [pairs for pairs in results if pairs is not None]

    false = tried(0.0, 0.0, 1.0, is_proof=False)
    found = tried(0.0, 0.0, 3.0, is_proof=False)
    proven = tried(0.01, 0.0, 1.0, is_proof=True)
    wrong = tried(0.01, 0.01, 1.0, is_proof=True)

    note(
        f"pairs of {KEYS} keys, errors 2 %: false {len(false) / runs:.1%}; x 3 found in "
        f"{quantile(found, 0.5)} (expected 355); +1 pp proven in {quantile(proven, 0.5)} "
        f"(expected 2,838), wrongly in "
        f"{len(wrong) / runs:.1%} ({runs} runs)"
    )
    limit = ALPHA + four_sigma(ALPHA, runs)
    assert len(false) / runs <= limit
    assert len(wrong) / runs <= limit
    assert len(found) > 0.9 * runs
    assert len(proven) > 0.9 * runs


def units_until_found(coin: float, most: int, seed: int) -> int:
    """Give the units of both versions until errors of 5 % instead of 1 % are found."""
    draws = Draws(seed)
    failed = draws.binomial(HISTORY, 0.01)
    wealth = Wealth(Kind.RATE, {0: HISTORY - failed, 1: failed})
    for units in range(100, most, 100):
        sent = draws.binomial(100, coin)
        bad, bad_before = draws.binomial(sent, 0.05), draws.binomial(100 - sent, 0.01)
        baseline = {0: 100 - sent - bad_before, 1: bad_before}
        if wealth.add(coin, baseline, {0: sent - bad, 1: bad}) >= -log(0.01):
            return units
        if units % 2_500 == 0:
            wealth.close_block()
    return most


@pytest.mark.parametrize(
    ("coin", "expected"),
    [(0.9, 2_002), pytest.param(0.98, 9_438, marks=pytest.mark.slow)],
)
def test_a_hold_back_still_tells_what_the_candidate_has_become(
    coin: float, expected: int
) -> None:
    runs = 100

    found = [units_until_found(coin, 100 * expected, seed) for seed in range(runs)]

    median = quantile(found, 0.5)
    note(
        f"errors 1 to 5 % at {coin:.0%}: {median:,} units "
        f"(expected {expected:,}, {runs} runs)"
    )
    assert median <= 1.25 * expected
