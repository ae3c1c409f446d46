"""Two versions that are alike: how often the healthy candidate is taken back.

100,000 requests, each with a coin of its own, and a look every 100 of them; at alpha 5 %.
Beside it, what others make of the same traffic: a z-test that is looked at as often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, pi, sin, sqrt
from statistics import NormalDist

import pytest

from gateway.analysis.counts import Bins
from gateway.analysis.design import Kind
from loadtest.dice import Draws
from tests.calibration.figures import four_sigma, note
from tests.calibration.wealth import Wealth
from tests.calibration.worlds import HISTORY, World, durations

REQUESTS = 100_000
A_LOOK = 100
A_BLOCK = 1_000
ALPHA = 0.05
ERRORS, FLAGS = 0.005, 0.05
OUTAGE = 0.2


@dataclass(frozen=True)
class Rollout:
    """The weights, each for an equal part of the requests."""

    name: str
    weights: tuple[float, ...]
    is_stormy: bool = False

    def looks(self) -> Iterator[tuple[float, float]]:
        """Give coin and error rate of both versions, look by look."""
        looks = REQUESTS // A_LOOK
        for look in range(looks):
            rate = ERRORS
            if self.is_stormy:
                # Errors rise and fall with the load, in ten steps; and an outage of both.
                wave = sin(2 * pi * (look * 10 // looks) / 10)
                is_outage = 0.8 <= look / looks < 0.82
                rate = OUTAGE if is_outage else ERRORS * (1 + 0.5 * wave)
            yield self.weights[look * len(self.weights) // looks], rate


ROLLOUTS = (
    Rollout("at 50 %", (0.5,)),
    Rollout("at 5 %", (0.05,)),
    Rollout(
        "ramp 1-5-25-50 %, load that swings, outage of both",
        (0.01, 0.05, 0.25, 0.5),
        True,
    ),
)


class Metric:
    """Bets on one rate, with its share of alpha; and the z-test of the same counts."""

    def __init__(self, draws: Draws, rate: float, share: float) -> None:
        events = draws.binomial(HISTORY, rate)
        self.wealth = Wealth(Kind.RATE, {0: HISTORY - events, 1: events})
        self.threshold = -log(ALPHA * share)
        self.totals = [0, 0, 0, 0]

    def crosses(self, coin: float, baseline: Bins, candidate: Bins) -> bool:
        self.totals[0] += baseline[0] + baseline[1]
        self.totals[1] += baseline[1]
        self.totals[2] += candidate[0] + candidate[1]
        self.totals[3] += candidate[1]
        return self.wealth.add(coin, baseline, candidate) >= self.threshold

    def is_significant(self) -> bool:
        stayed, stayed_bad, sent, sent_bad = self.totals
        pooled = (stayed_bad + sent_bad) / max(stayed + sent, 1)
        if not sent or not stayed or not 0 < pooled < 1:
            return False
        error = sqrt(pooled * (1 - pooled) * (1 / sent + 1 / stayed))
        return sent_bad / sent - stayed_bad / stayed > CRITICAL * error


CRITICAL = NormalDist().inv_cdf(1 - ALPHA)


def bins(draws: Draws, units: int, rate: float) -> Bins:
    events = draws.binomial(units, rate)
    return {0: units - events, 1: events}


def outcome(rollout: Rollout, seed: int) -> tuple[bool, bool]:
    """Say whether our metrics, by their shares, and the z-test take it back."""
    draws = Draws(seed)
    errors, flags = Metric(draws, ERRORS, 0.5), Metric(draws, FLAGS, 0.5)
    is_ours = is_peeked = False
    before = 0.0
    for look, (coin, rate) in enumerate(rollout.looks()):
        if look * A_LOOK % A_BLOCK == 0 or coin != before:
            errors.wealth.close_block()
            flags.wealth.close_block()
        before = coin
        sent = draws.binomial(A_LOOK, coin)
        stayed = A_LOOK - sent
        crossed = errors.crosses(
            coin, bins(draws, stayed, rate), bins(draws, sent, rate)
        )
        crossed |= flags.crosses(
            coin, bins(draws, stayed, FLAGS), bins(draws, sent, FLAGS)
        )
        is_ours |= crossed
        is_peeked = is_peeked or (look >= 10 and errors.is_significant())
    return is_ours, is_peeked


def held_to_alpha(rollout: Rollout, runs: int) -> None:
    outcomes = [outcome(rollout, seed) for seed in range(runs)]

    ours = sum(is_ours for is_ours, _ in outcomes) / runs
    peeked = sum(is_peeked for _, is_peeked in outcomes) / runs
    note(
        f"equal versions, {rollout.name}: ours {ours:.2%}, peeked z-test {peeked:.0%} "
        f"({runs} runs, alpha 5 %)"
    )
    assert ours <= ALPHA + four_sigma(ALPHA, runs)
    assert peeked > 2 * ALPHA


@pytest.mark.parametrize("rollout", ROLLOUTS, ids=lambda rollout: rollout.name)
def test_a_healthy_candidate_is_hardly_ever_taken_back(rollout: Rollout) -> None:
    held_to_alpha(rollout, 60)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rollout", ROLLOUTS, ids=lambda rollout: rollout.name)
def test_a_healthy_candidate_is_hardly_ever_taken_back_in_2000_rollouts(
    rollout: Rollout,
) -> None:
    held_to_alpha(rollout, 2_000)


def takes_back_equal_durations(world: World, coin: float, seed: int) -> bool:
    draws = Draws(seed)
    wealth = Wealth(world.kind, world.draw(draws, 200, world.baseline))
    for _ in range(200):
        sent = draws.binomial(A_LOOK, coin)
        baseline = world.draw(draws, A_LOOK - sent, world.baseline)
        candidate = world.draw(draws, sent, world.candidate)
        if wealth.add(coin, baseline, candidate) >= -log(ALPHA):
            return True
        wealth.close_block()
    return False


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("coin", [0.05, 0.5])
def test_equal_durations_take_nothing_back_though_history_is_short(coin: float) -> None:
    alike = durations(lambda duration, _: duration)
    runs = 500

    false = sum(takes_back_equal_durations(alike, coin, seed) for seed in range(runs))

    note(f"equal durations, coin {coin:.0%}: {false / runs:.2%} of {runs} runs")
    assert false / runs <= ALPHA + four_sigma(ALPHA, runs)
