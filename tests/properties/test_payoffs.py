"""No bet gains under its null: by brute force, over everything the null leaves open.

Expectations are worked out exactly, over each toss of the coin; nothing is simulated.
"""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparison import Comparison
from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.design import LOSS_BINS, Kind
from gateway.analysis.noninferiority import proof_bets
from gateway.analysis.past import Past
from gateway.analysis.payoffs import (
    Losses,
    Payoff,
    Spread,
    binary_payoffs,
    boundary,
    worse_mean_payoffs,
)
from gateway.domain.rollout import Margin

ROUNDING = 1e-9
GRID = tuple(place / 25 for place in range(26))
coins = st.floats(1e-5, 1 - 1e-5) | st.sampled_from([0.01, 0.05, 0.5, 0.95])
rates = st.floats(0, 1) | st.sampled_from([0.0, 0.001, 0.005, 1.0])
losses = st.builds(Losses, mean=rates, variance=st.floats(1e-5, 0.25))
weights = st.floats(1e-3, 1) | st.just(0.0)


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    """Losses on the grid, with some chances."""
    chances = draw(st.dictionaries(st.sampled_from(GRID), weights, min_size=1))
    total = sum(chances.values())
    if not total:
        return ((draw(st.sampled_from(GRID)), 1.0),)
    return tuple((loss, chance / total) for loss, chance in chances.items())


margins = st.builds(
    Margin,
    relative=st.floats(0, 2) | st.just(0.0),
    absolute=st.floats(0, 0.3) | st.just(0.0),
)


def expected(payoff: Payoff, coin: float, baseline: float, candidate: float) -> float:
    """Give what a unit multiplies the wealth with, of rates, by the first and last bin.

    Payoffs that are straight lines in the loss see only its mean, so this is enough for
    means too.
    """
    won, lost = payoff
    return coin * (
        candidate * math.exp(won[-1]) + (1 - candidate) * math.exp(won[0])
    ) + (1 - coin) * (
        baseline * math.exp(lost[-1]) + (1 - baseline) * math.exp(lost[0])
    )


@given(rate=rates, guess=rates, coin=coins, margin=margins)
def test_a_bet_on_events_is_fair_at_the_boundary_and_loses_inside_the_null(
    rate: float, guess: float, coin: float, margin: Margin
) -> None:
    payoff = binary_payoffs(rate, guess, coin, margin)
    bets_on_worse = payoff.candidate[1] > payoff.candidate[0]
    for p0 in GRID:
        edge = boundary(p0, margin)
        assert expected(payoff, coin, p0, edge) == pytest.approx(1, abs=ROUNDING)
        for p1 in GRID:
            if p1 <= edge if bets_on_worse else p1 >= edge:
                assert expected(payoff, coin, p0, p1) <= 1 + ROUNDING


@given(past=losses, excess=st.floats(1e-3, 1), coin=coins, margin=margins)
def test_a_bet_on_a_higher_mean_loses_while_the_mean_is_within_the_tolerance(
    past: Losses, excess: float, coin: float, margin: Margin
) -> None:
    payoff = worse_mean_payoffs(past, excess, coin, margin, LOSS_BINS)
    for m0, m1 in product(GRID, GRID):
        if m1 <= boundary(m0, margin):
            assert expected(payoff, coin, m0, m1) <= 1 + ROUNDING


@given(past=spreads(), equal=spreads() | st.none(), coin=coins, margin=margins)
def test_a_proof_loses_while_the_candidate_is_worse_by_the_margin(
    past: Spread, equal: Spread | None, coin: float, margin: Margin
) -> None:
    bets = proof_bets(past, coin, margin, equal=equal)
    for won, lost in zip(*bets, strict=True):
        payoff = Payoff(won, lost)
        for m0, m1 in product(GRID, GRID):
            if m1 >= boundary(m0, margin):
                assert expected(payoff, coin, m0, m1) <= 1 + ROUNDING


@given(past=losses, spread=spreads(), coin=coins, margin=margins)
def test_payoffs_of_means_are_straight_lines_in_the_loss(
    past: Losses, spread: Spread, coin: float, margin: Margin
) -> None:
    """What makes them tests of means, whatever the distributions."""
    payoffs = [worse_mean_payoffs(past, 0.1, coin, margin, LOSS_BINS)]
    bets = proof_bets(spread, coin, margin)
    payoffs += [Payoff(*pair) for pair in zip(*bets, strict=True)]
    for table in (table for payoff in payoffs for table in payoff):
        values = [math.exp(payoff) for payoff in table]
        for place, value in enumerate(values):
            line = values[0] + (values[-1] - values[0]) * place / (LOSS_BINS - 1)
            assert value == pytest.approx(line, rel=1e-9, abs=1e-9)


# The whole process: bets from earlier blocks only, shared out between them.

COIN = 0.3
TOLERANCE = Margin()
outcomes = st.lists(st.integers(0, 1), min_size=3, max_size=3)


def bets_of(comparison: Comparison, past: Past) -> Bets:
    return comparison.bets(past, COIN, TOLERANCE, whole=True, quantiles=())


def counted(units: list[int], labels: tuple[int, ...], side: int) -> dict[int, int]:
    bins: dict[int, int] = {}
    for unit, label in zip(units, labels, strict=True):
        if label == side:
            bins[unit] = bins.get(unit, 0) + 1
    return bins


def wealth_of(
    comparison: Comparison,
    blocks: list[list[int]],
    labels: tuple[int, ...],
    *,
    peeks: bool = False,
) -> float:
    """Play all blocks with these tosses; *peeks* learns a block before betting on it."""
    past, mixture = Past(comparison.bin_count), Mixture(comparison.prior(True, ()))
    size = len(blocks[0])
    for place, units in enumerate(blocks):
        tossed = labels[place * size : (place + 1) * size]
        baseline, candidate = (counted(units, tossed, side) for side in (0, 1))
        if peeks:
            past.add(baseline)
        bets = bets_of(comparison, past)
        mixture.add(bets, baseline, candidate)
        if not peeks:
            past.add(baseline)
        mixture.share(0.2)
    return math.exp(mixture.total())


def mean_wealth(
    comparison: Comparison, blocks: list[list[int]], *, peeks: bool = False
) -> float:
    """Give the exact mean over all tosses of the coins, the outcomes being what they are."""
    tosses = product((0, 1), repeat=sum(map(len, blocks)))
    return math.fsum(
        COIN ** sum(labels)
        * (1 - COIN) ** (len(labels) - sum(labels))
        * wealth_of(comparison, blocks, labels, peeks=peeks)
        for labels in tosses
    )


@pytest.mark.parametrize("kind", [Kind.RATE, Kind.DISTRIBUTION])
@pytest.mark.parametrize(
    "blocks", [[[0, 1, 1], [1, 0, 1], [1, 1, 1]], [[0, 0, 1], [0, 0, 0], [1, 1, 1]]]
)
def test_shuffled_labels_neither_win_nor_lose_over_blocks(
    kind: Kind, blocks: list[list[int]]
) -> None:
    """Though the traffic drifts with every block and the bets follow it."""
    comparison = COMPARISONS[kind]
    if kind is Kind.DISTRIBUTION:
        blocks = [[60 + 8 * unit for unit in units] for units in blocks]
        blocks = blocks[:2]  # six tosses: the tables are larger

    assert mean_wealth(comparison, blocks) == pytest.approx(1, abs=ROUNDING)


def test_bets_that_know_the_block_they_are_on_do_gain() -> None:
    """The one mistake that breaks alpha in silence is one that this test can see."""
    blocks = [[0, 1, 1], [1, 0, 1], [1, 1, 1]]

    assert mean_wealth(COMPARISONS[Kind.RATE], blocks, peeks=True) > 1 + 1e-6


@given(first=outcomes, second=outcomes)
def test_shuffled_labels_win_nothing_whatever_the_outcomes(
    first: list[int], second: list[int]
) -> None:
    blocks = [first, second]
    assert mean_wealth(COMPARISONS[Kind.RATE], blocks) == pytest.approx(1, abs=ROUNDING)

    means = [[10 + 20 * unit for unit in units] for units in blocks]
    sharp = mean_wealth_of_means(means)
    assert sharp == pytest.approx(1, abs=ROUNDING)


def mean_wealth_of_means(blocks: list[list[int]]) -> float:
    return mean_wealth(COMPARISONS[Kind.MEAN], blocks)
