"""Sticky traffic: the coin was tossed for keys, so keys are what counts.

Two versions that are the same, keys that differ (Zipf's law, lognormal error rates), at
alpha 5 %. Counting requests takes a healthy candidate back in half of the rollouts. By the
rule of unit_book it stays, though steps advance exactly when it happens to look good; and a
fault that begins after every key has been seen is caught within the window it began in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

import pytest

from gateway.analysis.design import Design
from gateway.domain.rollout import Margin
from tests.calibration.figures import four_sigma, note
from tests.calibration.sticky import (
    DESIGN,
    WINDOW_S,
    Fault,
    Keys,
    Rollout,
    Traffic,
    no_fault,
)

ALPHA = 0.05
A_SECOND = 10.0
ERRORS = 0.05
WEIGHTS = (5.0, 25.0, 50.0)


def rollout(
    seed: int,
    keys: int,
    *,
    errors: float = ERRORS,
    fault: Fault = no_fault,
    design: Design = DESIGN,
    counts_requests: bool = False,
    a_look: float = 5.0,
) -> Rollout:
    """Make a rollout with traffic of its own."""
    dice = Random(seed)
    traffic = Traffic(Keys(keys, errors, dice), A_SECOND, dice, fault)
    return Rollout(traffic, design, counts_requests=counts_requests, a_look=a_look)


def is_taken_back(
    rolled: Rollout, weights: Iterable[float], requests: int, least: float = 1.0
) -> bool:
    """Go through some weights.

    Args:
        rolled: The rollout.
        weights: In percent.
        requests: At most so many in each step.
        least: The part of them after which a step ends when the candidate looks good.

    """
    for weight in weights:
        rolled.weight(weight)
        begun = rolled.traffic.now
        while (passed := rolled.traffic.now - begun) < requests / A_SECOND:
            if rolled.look().regressed:
                return True
            if passed >= least * requests / A_SECOND and rolled.looks_good():
                break
    return False


def false_by_requests(keys: int, runs: int, requests: int) -> float:
    """Count every request, with the weight for a coin; give the part taken back."""
    weights = (1.0, 5.0, 25.0, 50.0)
    taken = sum(
        is_taken_back(
            rollout(seed, keys, counts_requests=True, a_look=50.0), weights, requests
        )
        for seed in range(runs)
    )
    return taken / runs


def false_by_the_rule(
    keys: int, runs: int, requests: int, weights: Sequence[float] = WEIGHTS
) -> float:
    """Count by the rule; give the part taken back."""
    taken = sum(
        is_taken_back(rollout(seed, keys), weights, requests, least=0.1)
        for seed in range(runs)
    )
    return taken / runs


def seconds_to_catch(seed: int, keys: int, onset: float) -> float:
    """Give how long a fault of 30 % lasted that begins when all keys have been seen."""
    rolled = rollout(
        seed, keys, errors=0.01, fault=lambda now: 0.29 if now >= onset else 0.0
    )
    rolled.weight(25.0)
    while not rolled.look().regressed:
        if rolled.traffic.now > onset + 10 * WINDOW_S:
            return float("inf")
    return rolled.traffic.now - onset


def test_counting_requests_takes_every_other_healthy_candidate_back() -> None:
    assert false_by_requests(200, runs=20, requests=10_000) >= 0.3


def test_counting_keys_leaves_a_healthy_candidate_alone() -> None:
    runs = 60
    found = false_by_the_rule(200, runs, requests=4_000)
    assert found <= ALPHA * 0.3 + four_sigma(ALPHA * 0.3, runs) / 2


def test_a_fault_after_every_key_was_seen_is_caught_within_its_window() -> None:
    caught = [seconds_to_catch(seed, 500, 6 * WINDOW_S) for seed in range(6)]
    assert max(caught) <= WINDOW_S


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("keys", "at_least"), [(200, 0.5), (20_000, 0.25)])
def test_the_figures_of_counting_requests(keys: int, at_least: float) -> None:
    runs = 100
    found = false_by_requests(keys, runs, requests=50_000)
    note(f"sticky, {keys:,} keys, requests counted: {found:.1%} false of {runs}")
    assert found >= at_least


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("keys", "runs"), [(200, 1_000), (5_000, 400)])
@pytest.mark.parametrize(
    "weights", [WEIGHTS, (5.0, 25.0, 10.0, 40.0, 10.0, 25.0, 50.0)]
)
def test_the_figures_of_counting_keys(
    keys: int, runs: int, weights: Sequence[float]
) -> None:
    found = false_by_the_rule(keys, runs, requests=20_000, weights=weights)
    note(f"sticky, {keys:,} keys, {len(weights)} weights: {found:.2%} false of {runs}")
    assert found <= 0.012 + four_sigma(0.012, runs)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_figures_of_a_late_fault() -> None:
    caught = sorted(seconds_to_catch(seed, 5_000, 36_000.0) for seed in range(40))
    note(
        f"fault at hour 10, 5,000 keys: caught in {caught[20]:.0f} s, {caught[-1]:.0f} s"
    )
    assert caught[-1] <= WINDOW_S


PROVING = replace(
    DESIGN.metrics[0], margins=(Margin(relative=0.25, absolute=0.0025),) * 4
)
"""The margin of a step at 25 %."""


A_SECOND_OF_MANY = 200.0
"""5,000 keys that send 20 requests in 8 minutes, on average: most close by their number."""

PARETO = 1.5


def is_proven(seed: int, added: float) -> bool:
    """Tell whether a step at 25 % passes within 100 requests a key, of 5,000 keys."""
    design = replace(DESIGN, metrics=(PROVING,))
    dice = Random(seed)
    keys = Keys(5_000, 0.005, dice, PARETO)
    traffic = Traffic(keys, A_SECOND_OF_MANY, dice, lambda _: added)
    rolled = Rollout(traffic, design)
    rolled.weight(25.0)
    while traffic.now < 500_000 / A_SECOND_OF_MANY:
        if rolled.look().proven:
            return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_figures_of_whole_keys() -> None:
    runs = 40
    passed = sum(is_proven(seed, 0.0) for seed in range(runs)) / runs
    false = sum(is_proven(seed, 0.25 * 0.005 + 0.0025) for seed in range(runs)) / runs
    note(f"whole keys at 25 %: {passed:.0%} equal ones pass, {false:.1%} at the margin")
    assert passed >= 0.9 - four_sigma(0.9, runs)
    assert false <= ALPHA + four_sigma(ALPHA, runs)
