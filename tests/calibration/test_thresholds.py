"""Thresholds of quantiles that are fixed inside the first step, from its own first units.

Keys differ in how long their answers are, and go on for as long as a proof takes: who set
the threshold would be bet on with it. The candidate is slower by exactly the margin, so
each proof is a false one.
"""

from heapq import heappop, heappush
from math import exp
from random import Random

import pytest

from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Margin
from gateway.domain.units import BUCKETS, Seconds, Share
from tests.calibration.figures import four_sigma, note
from tests.calibration.sticky import NO_CELLS, Exchange

BETA = 0.05
MARGIN = Margin(relative=0.3)
BLOCK_S = 5.0
EXCHANGES = 12
BETWEEN_S = 20.0
OF_KEYS, OF_EXCHANGES = 0.5, 0.2
"""Sigma of the logarithm: of what keys differ by, and of what their exchanges do."""

# Coin, quantile, keys, keys a second.
WORLDS = [
    (0.5, 0.5, 400, 4.0),
    (0.25, 0.5, 600, 4.0),
    (0.5, 0.95, 1_500, 8.0),
    (0.05, 0.5, 1_000, 8.0),
]
FAST = 40
WHOLE = 300


def design(quantile: float) -> Design:
    duration = Metric(
        name="duration",
        signal="duration",
        kind=Kind.DISTRIBUTION,
        quantiles=(quantile,),
        is_timing=True,
        share=1.0,
        margins=(MARGIN,) * 4,
    )
    return Design(
        metrics=(duration,),
        cell_shares=((1.0,),),
        beta=BETA,
        closes_after=Seconds(EXCHANGES * BETWEEN_S),
        closes_exchanges=EXCHANGES,
        grace=Seconds(1.0),
    )


class Arrivals:
    """Exchanges of keys, in the order of arrival.

    Args:
        keys: How many come.
        a_second: How many new ones.
        share: The candidate's weight.
        times: By which the candidate is slower.
        dice: Chance.

    """

    def __init__(
        self, keys: int, a_second: float, share: Share, times: float, dice: Random
    ) -> None:
        self._dice, self._share, self._times = dice, share, times
        self._rates = [exp(dice.gauss(0.0, OF_KEYS)) for _ in range(keys)]
        self._buckets = [dice.randrange(BUCKETS) for _ in range(keys)]
        self._next: list[tuple[float, int, int]] = []
        for key in range(keys):
            heappush(self._next, (key / a_second, key, 1))

    @property
    def are_over(self) -> bool:
        return not self._next

    def until(self, end: float) -> list[Exchange]:
        """Give those that come before a moment."""
        found = []
        while self._next and self._next[0][0] < end:
            at, key, nth = heappop(self._next)
            found.append(self._exchange(at, key, nth))
            if nth < EXCHANGES:
                pause = BETWEEN_S * self._dice.uniform(0.5, 1.5)
                heappush(self._next, (at + pause, key, nth + 1))
        return found

    def _exchange(self, at: float, key: int, nth: int) -> Exchange:
        is_candidate = self._buckets[key] < self._share
        lasts = self._rates[key] * exp(self._dice.gauss(0.0, OF_EXCHANGES))
        lasts *= self._times if is_candidate else 1.0
        bucket = self._buckets[key]
        return Exchange(
            key, bucket, is_candidate, at, nth, 0, nth, "complete", duration=lasts
        )


def is_proven(
    coin: float, quantile: float, keys: int, a_second: float, times: float, seed: int
) -> bool:
    """Tell whether a first step ever proves the candidate, over all its keys."""
    share = Share(round(coin * BUCKETS))
    arrivals = Arrivals(keys, a_second, share, times, Random(seed))
    book, trial = UnitBook(design(quantile)), Trial(design(quantile))
    book.epoch_begins(1, share, 0.0, is_new_step=True)
    trial.step_begins(0)
    now = 0.0
    while now < keys / a_second + 2 * EXCHANGES * BETWEEN_S + BLOCK_S:
        now += BLOCK_S
        for each in arrivals.until(now):
            book.take(each, revision=1, share=share, names=(), cells=NO_CELLS)
        book.close(now)
        trial.add(book.drain())
        if trial.findings(intervals=False)[0].verdict == "safe":
            return True
        trial.close_block()
        book.set_thresholds(trial.thresholds())
    return False


@pytest.mark.parametrize(
    ("coin", "quantile", "keys", "a_second", "runs"),
    [
        (*WORLDS[0], FAST),
        *(
            pytest.param(
                *world, WHOLE, marks=(pytest.mark.slow, pytest.mark.timeout(900))
            )
            for world in WORLDS
        ),
    ],
)
def test_a_threshold_made_of_a_steps_own_units_lets_no_more_than_beta_pass(
    coin: float, quantile: float, keys: int, a_second: float, runs: int
) -> None:
    slower = 1 + MARGIN.relative

    def passes(times: float, count: int) -> float:
        seeds = range(count)
        found = [is_proven(coin, quantile, keys, a_second, times, s) for s in seeds]
        return sum(found) / count

    false = passes(slower, runs)
    equal = passes(1.0, runs // 10)
    note(
        f"p{100 * quantile:g} x{slower:g}, coin {coin:.0%}, {keys} keys, threshold made "
        f"in the step: false at the margin {false:.1%}, equal passes {equal:.0%} "
        f"({runs} runs)"
    )
    assert false <= BETA + four_sigma(BETA, runs)
    assert equal >= 0.5
