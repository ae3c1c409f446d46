"""How much a proof of a score's or of a quantile's margin takes, and how often it is wrong.

Units have coins of their own, and the bets know what the baseline is like. The expected
figures are those of a formula, ln(20) / growth for each unit of the candidate, and of
simulations of the bet of means and variances, before this was built. Bets that grow
fastest (Kelly's) are none the worse. Of scores that formula took a normal law for all, by
which more may be staked than a loss of 1 would leave anything of: so it was too low where
the coin is small (36, where 71 were needed), and ours is held to what happens.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import log
from random import Random
from statistics import NormalDist

import pytest

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.expected import GRID, gains, units_until
from gateway.analysis.noninferiority import PROOF_PRIOR, proof_bets
from gateway.domain.rollout import Margin
from loadtest.dice import Draws
from tests.calibration.figures import four_sigma, note, quantile
from tests.calibration.worlds import scores

BETA = 0.05
TOP = LOSS_BINS - 1
A_BLOCK = 10
"""Units of the candidate, about: what is counted at once."""

HORIZON = 12
"""Times the expected median, for which a candidate at the margin is watched."""

MEAN_SCORE = 0.8

# Standard deviation, coin, margin: by the formula; median and 95 % of candidate units.
SCORES = [
    (0.12, 0.01, 0.05, 36, (71, 128)),
    (0.23, 0.01, 0.05, 126, (150, 569)),
    (0.12, 0.05, 0.03, 103, (130, 309)),
    (0.23, 0.05, 0.03, 365, (354, 1_248)),
    (0.12, 0.25, 0.02, 293, (266, 1_010)),
    (0.23, 0.25, 0.02, 1_041, (856, 2_978)),
    (0.12, 0.5, 0.02, 440, (372, 1_293)),
    (0.23, 0.5, 0.02, 1_561, (1_300, 4_341)),
]
FAST_SCORES = {440}

# Coin, margin, quantile: by the formula. Durations are lognormal.
SIGMA = 0.5
QUANTILES = [
    (0.01, 0.5, 0.5, 17),
    (0.01, 0.5, 0.95, 100),
    (0.01, 0.5, 0.99, 425),
    (0.05, 0.5, 0.5, 17),
    (0.05, 0.5, 0.95, 103),
    (0.05, 0.5, 0.99, 436),
    (0.25, 0.25, 0.5, 65),
    (0.25, 0.25, 0.95, 270),
    (0.25, 0.25, 0.99, 1_003),
    (0.5, 0.2, 0.5, 144),
    (0.5, 0.2, 0.95, 528),
    (0.5, 0.2, 0.99, 1_870),
]
FAST_QUANTILES = {65, 103, 144}
FAST_RUNS, RUNS = 120, 600


def by_formula(
    bets: Bets, baseline: Sequence[float], candidate: Sequence[float], coin: float
) -> int | None:
    """Give ln(1/beta) / growth, by the bet on the versions being equal."""
    growth = gains(bets, tuple(baseline), tuple(candidate), coin)[0]
    return units_until(-log(BETA), (1.0,), (growth,))


class Version:
    """A version's losses by bin, and their chances added up."""

    def __init__(self, cumulative: Sequence[float]) -> None:
        self.cumulative = list(cumulative)
        self.chances = [high - low for low, high in pairwise([0.0, *cumulative])]
        self._places = range(len(self.cumulative))

    def draw(self, dice: Random, units: int) -> Bins:
        """Draw the bins of some units."""
        drawn = dice.choices(self._places, cum_weights=self.cumulative, k=units)
        return dict(Counter(drawn))


class Events:
    """A version of which a part of the units is beyond its threshold."""

    def __init__(self, rate: float) -> None:
        self.chances = [0.0] * LOSS_BINS
        self.chances[0], self.chances[TOP] = 1 - rate, rate
        self._rate = rate

    def draw(self, dice: Random, units: int) -> Bins:
        """Draw the bins of some units."""
        events = Draws(dice.getrandbits(32)).binomial(units, self._rate)
        return {0: units - events, TOP: events}


def until_proven(
    bets: Bets,
    versions: tuple[Version | Events, Version | Events],
    coin: float,
    most: int,
    seed: int,
) -> int | None:
    """Count candidate units in blocks of about ten until the proof; None: not by *most*."""
    dice, draws = Random(seed), Draws(seed)
    wealth, units = Mixture(PROOF_PRIOR), 0
    block = max(round(A_BLOCK / coin), 2 * A_BLOCK)
    while units < most:
        sent = draws.binomial(block, coin)
        baseline, candidate = versions
        wealth.add(bets, baseline.draw(dice, block - sent), candidate.draw(dice, sent))
        units += sent
        if wealth.total() >= -log(BETA):
            return units
    return None


def found(
    bets: Bets,
    versions: tuple[Version | Events, Version | Events],
    worst: Version | Events,
    coin: float,
    expected: int,
    runs: int,
) -> tuple[int, int, float]:
    """Give median and 95 % of what an equal candidate takes, and the part of false passes."""
    most = HORIZON * expected
    equal = [until_proven(bets, versions, coin, 3 * most, seed) for seed in range(runs)]
    units = [3 * most if each is None else each for each in equal]
    bad = (versions[0], worst)
    false = [until_proven(bets, bad, coin, most, seed) for seed in range(runs)]
    part = sum(each is not None for each in false) / runs
    return round(quantile(units, 0.5)), round(quantile(units, 0.95)), part


@cache
def score_versions(spread: float, margin: float) -> tuple[Version, Version]:
    """Give a version, and one whose mean is worse by the margin."""
    world = scores(MEAN_SCORE, MEAN_SCORE - margin, spread)
    return Version(world.baseline), Version(world.candidate)


def _marked(row: tuple[object, ...], *, is_fast: bool) -> object:
    marks = () if is_fast else (pytest.mark.slow, pytest.mark.timeout(900))
    return pytest.param(*row, FAST_RUNS if is_fast else RUNS, marks=marks)


@pytest.mark.parametrize(
    ("spread", "coin", "margin", "formula", "expected", "runs"),
    [_marked(row, is_fast=row[3] in FAST_SCORES) for row in SCORES],
)
def test_a_score_is_proven_by_as_few_units_as_expected(
    spread: float,
    coin: float,
    margin: float,
    formula: int,
    expected: tuple[int, int],
    runs: int,
) -> None:
    equal, worst = score_versions(spread, margin)
    losses = tuple(zip(GRID, equal.chances, strict=True))
    bets = proof_bets(losses, coin, Margin(absolute=margin))

    ours = by_formula(bets, equal.chances, equal.chances, coin)
    assert ours is not None
    median, late, false = found(bets, (equal, equal), worst, coin, expected[0], runs)

    note(
        f"score, sd {spread}, coin {coin:.0%}, {margin}: formula {ours} ({formula}); "
        f"{median} / {late} (expected {expected[0]} / {expected[1]}); false at the margin "
        f"{false:.1%} ({runs} runs)"
    )
    assert false <= BETA + four_sigma(BETA, runs)
    assert 0.7 * ours <= median <= 1.3 * ours
    assert median <= 1.2 * expected[0]
    assert late <= 1.4 * expected[1]


@pytest.mark.parametrize(
    ("coin", "margin", "share", "formula", "runs"),
    [_marked(row, is_fast=row[3] in FAST_QUANTILES) for row in QUANTILES],
)
def test_a_quantile_is_proven_by_as_few_units_as_expected(
    coin: float, margin: float, share: float, formula: int, runs: int
) -> None:
    normal = NormalDist()
    beyond = 1 - normal.cdf(normal.inv_cdf(share) + log(1 + margin) / SIGMA)
    baseline, equal = Events(1 - share), Events(beyond)
    losses = tuple(zip(GRID, baseline.chances, strict=True))
    rarer = tuple(zip(GRID, equal.chances, strict=True))
    bets = proof_bets(losses, coin, Margin(), equal=rarer)

    ours = by_formula(bets, baseline.chances, equal.chances, coin)
    assert ours is not None
    median, late, false = found(
        bets, (baseline, equal), Events(1 - share), coin, formula, runs
    )

    note(
        f"p{100 * share:g} x{1 + margin:g}, coin {coin:.0%}: formula {ours} ({formula}); "
        f"{median} / {late}; false at the margin {false:.1%} ({runs} runs)"
    )
    assert false <= BETA + four_sigma(BETA, runs)
    assert ours <= 1.1 * formula
    assert median <= 1.2 * formula + A_BLOCK
    assert late <= 4 * formula + A_BLOCK
