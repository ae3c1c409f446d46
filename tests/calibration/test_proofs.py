"""How much a proof of "not worse than the margin" takes, and how often it is wrong.

Of units with coins of their own (binary payoffs), and of whole keys by their mean loss,
which is what promotion counts. The expected figures were simulated before this was built.
"""

from collections import Counter
from functools import cache
from itertools import accumulate
from math import log
from random import Random

import pytest

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.expected import Assumed
from gateway.analysis.margins import units_to_prove
from gateway.analysis.noninferiority import PROOF_PRIOR, proof_bets
from gateway.analysis.payoffs import Spread, binary_payoffs, boundary
from gateway.domain.rollout import Margin
from loadtest.dice import Draws
from tests.calibration.figures import four_sigma, note, quantile

BETA = 0.05
TOP = LOSS_BINS - 1

# Base rate, coin, margin: median and 95 % of candidate units, when the versions are equal.
RATES = [
    (0.001, 0.01, (1.0, 0.01), (305, 747)),
    (0.001, 0.05, (0.5, 0.005), (658, 1_891)),
    (0.001, 0.25, (0.25, 0.0025), (2_196, 5_119)),
    (0.001, 0.5, (0.1, 0.002), (4_082, 8_771)),
    (0.005, 0.01, (1.0, 0.01), (317, 915)),
    (0.005, 0.05, (0.5, 0.005), (921, 2_493)),
    (0.005, 0.25, (0.25, 0.0025), (3_560, 9_557)),
    (0.005, 0.5, (0.1, 0.002), (9_766, 26_009)),
    (0.02, 0.01, (1.0, 0.01), (225, 621)),
    (0.02, 0.05, (0.5, 0.005), (692, 1_953)),
    (0.02, 0.25, (0.25, 0.0025), (3_239, 9_209)),
    (0.02, 0.5, (0.1, 0.002), (14_842, 40_733)),
]
FAST = {305, 317, 225}
UNIT_PRIOR = (0.7, 0.3)
"""That of the simulations which gave these figures."""


def unit_bets(rate: float, coin: float, margin: Margin) -> Bets:
    """Bet on single units: 70 % on equal rates, 30 % on half of the margin."""
    guesses = (rate, (rate + boundary(rate, margin)) / 2)
    payoffs = [binary_payoffs(rate, guess, coin, margin) for guess in guesses]
    return Bets(
        tuple(payoff.candidate for payoff in payoffs),
        tuple(payoff.baseline for payoff in payoffs),
    )


def units_until_proven(
    bets: Bets, rates: tuple[float, float], coin: float, most: int, seed: int
) -> int | None:
    """Count candidate units in blocks of about ten until the proof; None: not by *most*."""
    draws = Draws(seed)
    rate, other = rates
    wealth = Mixture(UNIT_PRIOR)
    block = max(round(10 / coin), 20)
    units = 0
    while units < most:
        sent = draws.binomial(block, coin)
        failed = draws.binomial(sent, other)
        failed_before = draws.binomial(block - sent, rate)
        wealth.add(
            bets,
            {0: block - sent - failed_before, 1: failed_before},
            {0: sent - failed, 1: failed},
        )
        units += sent
        if wealth.total() >= -log(BETA):
            return units
    return None


@pytest.mark.parametrize(
    ("rate", "coin", "margin", "expected"),
    [
        pytest.param(
            *row,
            marks=()
            if row[3][0] in FAST
            else (pytest.mark.slow, pytest.mark.timeout(600)),
        )
        for row in RATES
    ],
)
def test_an_equal_candidate_is_proven_and_one_at_the_margin_hardly_ever(
    rate: float,
    coin: float,
    margin: tuple[float, float],
    expected: tuple[int, int],
) -> None:
    runs = 1_000 if expected[0] not in FAST else 200
    allowed = Margin(relative=margin[0], absolute=margin[1])
    bets = unit_bets(rate, coin, allowed)
    horizon = 12 * expected[0]

    equal = [
        units_until_proven(bets, (rate, rate), coin, horizon, seed)
        for seed in range(runs)
    ]
    worst = boundary(rate, allowed)
    false = sum(
        units_until_proven(bets, (rate, worst), coin, horizon, seed) is not None
        for seed in range(runs)
    )

    found = [horizon if units is None else units for units in equal]
    median, late = quantile(found, 0.5), quantile(found, 0.95)
    note(
        f"proof of x{1 + margin[0]:g} + {100 * margin[1]:g} pp at {rate:.1%}, coin "
        f"{coin:.0%}: {median} / {late} (expected {expected[0]} / {expected[1]}); "
        f"false at the margin {false / runs:.1%} ({runs} runs)"
    )
    assert false / runs <= BETA + four_sigma(BETA, runs)
    assert 0.8 * expected[0] <= median <= 1.2 * expected[0]
    assert late <= 1.4 * expected[1]


# Whole keys: 5,000, whose activity is Pareto, so that a step brings 100 requests a key on
# average. Coin, margin, and what an equal candidate needs.
KEYS = 5_000
BASE = 0.005
CLOSES = 20
WHOLE = [(0.25, (0.25, 0.0025), 850), (0.5, (0.1, 0.002), 1_500)]


@cache
def activity() -> tuple[int, ...]:
    """Give how many exchanges of each key are added up: at most 20."""
    dice = Random(11)
    wishes = [dice.paretovariate(1.2) for _ in range(KEYS)]
    scale = 100 * KEYS / sum(wishes)
    return tuple(max(1, min(CLOSES, round(wish * scale))) for wish in wishes)


def losses(draws: Draws, exchanges: int, rate: float, *, is_whole: bool) -> int:
    """Give a key's bin: of the mean of its exchanges, or of its first one."""
    counted = exchanges if is_whole else 1
    return round(draws.binomial(counted, rate) / counted * TOP)


def spread_of(sample: list[float]) -> Spread:
    """Give losses and how often they occurred."""
    return [(loss, n / len(sample)) for loss, n in Counter(sample).items()]


def keys_until_proven(
    coin: float, margin: Margin, other: float, seed: int, *, is_whole: bool
) -> int | None:
    draws = Draws(seed)
    order = list(activity())
    Random(seed).shuffle(order)
    history = [losses(draws, n, BASE, is_whole=is_whole) / TOP for n in order[:2_000]]
    bets = proof_bets(spread_of([*history, 0.0, BASE]), coin, margin)
    wealth = Mixture(PROOF_PRIOR)
    sent = 0
    for exchanges in order:
        is_candidate = draws.share() < coin
        rate = other if is_candidate else BASE
        unit: Bins = {losses(draws, exchanges, rate, is_whole=is_whole): 1}
        wealth.add(bets, {} if is_candidate else unit, unit if is_candidate else {})
        sent += is_candidate
        if wealth.total() >= -log(BETA):
            return sent
    return None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("coin", "margin", "expected"), WHOLE)
def test_whole_keys_prove_what_first_exchanges_cannot(
    coin: float, margin: tuple[float, float], expected: int
) -> None:
    runs = 300
    allowed = Margin(relative=margin[0], absolute=margin[1])
    worst = boundary(BASE, allowed)

    def proven(other: float, *, is_whole: bool) -> list[int]:
        results = [
            keys_until_proven(coin, allowed, other, seed, is_whole=is_whole)
            for seed in range(runs)
        ]
        return [keys for keys in results if keys is not None]

    whole = proven(BASE, is_whole=True)
    firsts = proven(BASE, is_whole=False)
    false = proven(worst, is_whole=True)

    note(
        f"5,000 keys, coin {coin:.0%}, x{1 + margin[0]:g} + {100 * margin[1]:g} pp: equal "
        f"passes {len(whole) / runs:.0%} ({quantile(whole, 0.5)} keys, expected "
        f"{expected}), by first exchanges {len(firsts) / runs:.0%}; false at the margin "
        f"{len(false) / runs:.1%} ({runs} runs)"
    )
    assert len(whole) >= 0.88 * runs
    assert len(firsts) <= 0.25 * runs
    assert len(false) <= (0.02 + four_sigma(0.02, runs)) * runs


def rate_metric(margin: Margin) -> Metric:
    return Metric(
        name="error_rate",
        signal="error_rate",
        kind=Kind.RATE,
        share=1.0,
        margins=(margin,) * 4,
    )


LADDER = [
    # Coin of the step in the default plan, margin.
    (0.05, Margin(relative=1.0, absolute=0.05)),
    (0.2 / 0.95, Margin(relative=0.5, absolute=0.02)),
    (0.25 / 0.75, Margin(relative=0.5, absolute=0.01)),
]


@pytest.mark.parametrize(("coin", "margin"), LADDER)
def test_what_a_plan_foretells_is_what_happens(coin: float, margin: Margin) -> None:
    runs, exchanges = 150, 10
    foretold = units_to_prove(
        rate_metric(margin), Assumed(rate=BASE, exchanges=exchanges), margin, coin, BETA
    )
    assert foretold is not None

    places = [round(events / exchanges * TOP) for events in range(exchanges + 1)]
    draws = Draws(3)
    sample = [places[draws.binomial(exchanges, BASE)] / TOP for _ in range(20_000)]
    bets = proof_bets(spread_of(sample), coin, margin)
    found = []
    for _ in range(runs):
        wealth, sent, units = Mixture(PROOF_PRIOR), 0, 0
        while wealth.total() < -log(BETA) and units < 100 * foretold / coin:
            stayed = draws.until(coin)
            baseline: Bins = {}
            for _ in range(stayed):
                place = places[draws.binomial(exchanges, BASE)]
                baseline[place] = baseline.get(place, 0) + 1
            wealth.add(bets, baseline, {places[draws.binomial(exchanges, BASE)]: 1})
            sent += 1
            units += stayed + 1
        found.append(sent)

    median = quantile(found, 0.5)
    note(
        f"ladder, coin {coin:.0%}, {margin.relative:g}/{margin.absolute:g}: "
        f"{median} keys of {exchanges} exchanges (foretold {foretold})"
    )
    assert 0.7 * foretold <= median <= 1.2 * foretold


def test_activity_is_unlike_but_counts_no_more_than_twenty() -> None:
    counted = list(accumulate(sorted(activity())))

    assert max(activity()) == CLOSES
    assert min(activity()) < CLOSES
    assert counted[-1] > KEYS
