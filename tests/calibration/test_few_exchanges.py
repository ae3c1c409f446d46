"""How many candidate keys a step needs, by how often its keys come and how often they fail.

As the gateway does it: rates as of 5,000 first exchanges, whole keys learnt by blocks of a
hundred. The expected figures are medians of 400 runs.
"""

from collections.abc import Sequence
from math import log

import pytest

from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.expected import shares_of_events
from gateway.analysis.ladder import LADDER
from gateway.analysis.past import Past
from gateway.analysis.payoffs import boundary
from gateway.analysis.proofs import Proof
from loadtest.dice import Draws
from tests.calibration.figures import four_sigma, note, quantile

BETA = 0.05
COINS = (0.05, 0.2 / 0.95, 0.25 / 0.75)
"""Of the steps of the default plan, by rung."""

HISTORY = 5_000
PART = 20
PARTS = 5
"""Keys that are counted at a time, and how often in a block."""

# Rung, error rate: candidate keys, by exchanges of a key.
EXPECTED = {
    (0, 0.001): {1: 63, 5: 61, 20: 61},
    (0, 0.005): {1: 58, 5: 57, 20: 57},
    (0, 0.02): {1: 63, 5: 45, 20: 45},
    (1, 0.001): {1: 164, 5: 158, 20: 157},
    (1, 0.005): {1: 197, 5: 150, 20: 146},
    (1, 0.02): {1: 245, 5: 125, 20: 117},
    (2, 0.001): {1: 334, 5: 314, 20: 309},
    (2, 0.005): {1: 485, 5: 285, 20: 268},
    (2, 0.02): {1: 544, 5: 210, 20: 192},
}


def drawn(draws: Draws, units: int, chances: Sequence[float]) -> Bins:
    """Draw the bins of some keys."""
    bins: Bins = {}
    left = 1.0
    for place, chance in enumerate(chances):
        if not units:
            break
        found = draws.binomial(units, min(chance / left, 1.0)) if chance else 0
        if found:
            bins[place] = found
        units -= found
        left = max(left - chance, 1e-12)
    if units:
        bins[LOSS_BINS - 1] = bins.get(LOSS_BINS - 1, 0) + units
    return bins


def keys_until_proven(
    rung: int, rates: tuple[float, float], exchanges: int, most: int, seed: int
) -> int | None:
    """Give the candidate keys of a step until its proof; None: not by *most*."""
    draws, coin = Draws(seed), COINS[rung]
    margins = LADDER[Kind.RATE]
    metric = Metric(name="e", signal="e", kind=Kind.RATE, share=1.0, margins=margins)
    past, proof = Past(2), Proof(metric, 0)
    failed = draws.binomial(HISTORY, rates[0])
    past.add({0: HISTORY - failed, 1: failed})
    proof.step_begins(margins[rung], past)
    stayed_chances, sent_chances = (shares_of_events(rate, exchanges) for rate in rates)
    sent = 0
    while sent < most:
        for _ in range(PARTS):
            moved = draws.binomial(PART, coin)
            pair = (
                drawn(draws, PART - moved, stayed_chances),
                drawn(draws, moved, sent_chances),
            )
            proof.add(coin, pair)
            proof.learn(pair)
            sent += moved
            if proof.is_proven(BETA):
                return sent
        proof.block_ends(past)
    return None


def cells() -> list[object]:
    return [
        pytest.param(
            rung,
            rate,
            exchanges,
            expected,
            marks=() if (rung, exchanges) == (0, 1) else pytest.mark.slow,
        )
        for (rung, rate), by_exchanges in EXPECTED.items()
        for exchanges, expected in by_exchanges.items()
    ]


@pytest.mark.parametrize(("rung", "rate", "exchanges", "expected"), cells())
def test_an_equal_candidate_needs_so_many_keys(
    rung: int, rate: float, exchanges: int, expected: int
) -> None:
    runs = 200
    worst = boundary(rate, LADDER[Kind.RATE][rung])

    found = [
        keys_until_proven(rung, (rate, rate), exchanges, 20 * expected, seed)
        for seed in range(runs)
    ]
    false = sum(
        keys_until_proven(rung, (rate, worst), exchanges, 6 * expected, seed)
        is not None
        for seed in range(runs)
    )

    units = [20 * expected if keys is None else keys for keys in found]
    median, late = quantile(units, 0.5), quantile(units, 0.95)
    note(
        f"rung {rung}, errors {rate:.1%}, {exchanges} exchanges a key: {median} / {late} "
        f"candidate keys (expected {expected}); false at the margin {false / runs:.1%}"
    )
    assert log(median / expected) == pytest.approx(0, abs=0.2)
    assert false / runs <= BETA + four_sigma(BETA, runs)
