"""A judge that changes is found out; one that is only noisy is not."""

from collections.abc import Callable
from random import Random

import pytest

from gateway.evaluators.canaries import Drift, Watch

SIZE = 30


def rounds_until_drift(
    judge: Callable[[Random, int], float],
    changed: Callable[[Random, int], float],
    seed: int,
) -> int | None:
    """Give in which round after ten healthy ones drift is found; None in 40."""
    dice = Random(seed)
    watch = Watch(["relevance"], SIZE)
    for _ in range(10):
        found = watch.take([{"relevance": judge(dice, n)} for n in range(SIZE)])
        if found is not None:
            return 0
    for number in range(1, 41):
        found = watch.take([{"relevance": changed(dice, n)} for n in range(SIZE)])
        if found is not None:
            return number
    return None


def noisy(dice: Random, place: int) -> float:
    """Judge at a temperature: 0.3 to 0.9 by example, and a noise of 0.15."""
    return min(1.0, max(0.0, 0.3 + 0.6 * place / SIZE + dice.gauss(0, 0.15)))


def test_a_noisy_judge_that_stays_the_same_is_left_alone() -> None:
    assert [rounds_until_drift(noisy, noisy, seed) for seed in range(100)] == [
        None
    ] * 100


def test_coins_for_verdicts_are_left_alone_while_they_are_the_same_coins() -> None:
    """The noisiest judge there is: each example is a yes or no by its own coin."""

    def flips(dice: Random, place: int) -> float:
        return float(dice.random() < 0.2 + 0.6 * place / SIZE)

    found = [rounds_until_drift(flips, flips, seed) for seed in range(100)]

    assert sum(each is not None for each in found) == 0


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_a_judge_that_became_stricter_or_milder_is_found_in_a_few_rounds(
    shift: float,
) -> None:
    def changed(dice: Random, place: int) -> float:
        return min(1.0, max(0.0, noisy(dice, place) + shift))

    found = [rounds_until_drift(noisy, changed, seed) for seed in range(20)]

    assert all(each is not None and 1 <= each <= 6 for each in found), found


def test_what_drifted_is_told_with_its_means() -> None:
    watch = Watch(["relevance", "faithfulness"], 2)
    same = [{"relevance": 0.5, "faithfulness": 1.0}] * 2
    for _ in range(3):
        assert watch.take(same) is None
    found: Drift | None = None
    for _ in range(20):
        found = found or watch.take([{"relevance": 0.5, "faithfulness": 0.0}] * 2)

    assert found == Drift(score="faithfulness", before=1.0, now=0.0)


def test_a_judge_that_fails_tells_nothing() -> None:
    watch = Watch(["relevance"], 2)
    for _ in range(30):
        assert watch.take([{}, {"relevance": None}]) is None


def test_a_judge_that_was_away_at_first_is_watched_from_when_it_is_there() -> None:
    """What it is compared with are its own first verdicts, and not its first silence."""
    watch = Watch(["relevance"], 2)
    for _ in range(10):
        assert watch.take([{}, {"relevance": None}]) is None
    for _ in range(3):
        assert watch.take([{"relevance": 1.0}] * 2) is None

    found = [watch.take([{"relevance": 0.0}] * 2) for _ in range(20)]

    assert Drift(score="relevance", before=1.0, now=0.0) in found
