"""Versions as they are in simulations: how a unit's bin is drawn, before and after a fault."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from random import Random
from statistics import NormalDist

from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS, Kind
from gateway.analysis.geometric import BIN_COUNT, bin_of
from loadtest.dice import Draws

HISTORY = 5_000
SAMPLES = 200_000
SIGMA = 0.5


@dataclass(frozen=True, kw_only=True)
class World:
    """A metric, and the parts of each version's units by bin, added up."""

    kind: Kind
    baseline: Sequence[float]
    candidate: Sequence[float]

    def draw(self, draws: Draws, units: int, cumulative: Sequence[float]) -> Bins:
        """Draw the bins of some units."""
        if len(cumulative) == 2:
            events = draws.binomial(units, 1 - cumulative[0])
            return {0: units - events, 1: events}
        bins: Bins = {}
        for _ in range(units):
            place = bisect_right(cumulative, draws.share(), 0, len(cumulative) - 1)
            bins[place] = bins.get(place, 0) + 1
        return bins


def events(rate: float, worse: float) -> World:
    """Something that occurs or not."""
    return World(kind=Kind.RATE, baseline=(1 - rate, 1.0), candidate=(1 - worse, 1.0))


def scores(mean: float, worse: float, spread: float) -> World:
    """Beta scores of one standard deviation; the loss is 1 - score."""

    def losses(score: float) -> Sequence[float]:
        units = score * (1 - score) / spread**2 - 1
        dice = Random(7)

        def draw() -> int:
            loss = 1 - dice.betavariate(score * units, (1 - score) * units)
            return round(loss * (LOSS_BINS - 1))

        return _cumulative(draw, LOSS_BINS)

    return World(kind=Kind.MEAN, baseline=losses(mean), candidate=losses(worse))


def durations(fault: Callable[[float, float], float]) -> World:
    """Lognormal durations, a second in the middle.

    Args:
        fault: Gives what becomes of a duration on the candidate; and where it is among
            all, 0 to 1.

    """

    def bins(change: Callable[[float, float], float]) -> Sequence[float]:
        dice = Random(7)

        def draw() -> int:
            rank = dice.random()
            return bin_of(change(_duration(rank), rank), 0.001)

        return _cumulative(draw, BIN_COUNT)

    return World(
        kind=Kind.DISTRIBUTION,
        baseline=bins(lambda duration, _: duration),
        candidate=bins(fault),
    )


def _duration(rank: float) -> float:
    return exp(SIGMA * NormalDist().inv_cdf(min(max(rank, 1e-12), 1 - 1e-12)))


def _cumulative(draw: Callable[[], int], bins: int) -> Sequence[float]:
    counts = [0] * bins
    for _ in range(SAMPLES):
        counts[draw()] += 1
    return [reached / SAMPLES for reached in accumulate(counts)]
