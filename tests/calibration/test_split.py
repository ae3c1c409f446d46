"""The split is checked when units come: soon, and whatever the versions are like.

Healthy ones never ring: not where the candidate takes five times as long or sixty, not with
keys of very different activity that come back when they were answered, nor with weights
that change every second, nor where keys come faster than they can be told. A table that
routes otherwise than it claims is found within seconds.
"""

from math import log
from random import Random

import pytest

from gateway.analysis.unit_state import State
from gateway.domain.verdict import Assessment
from tests.calibration.crowd import Arena, Crowd, Weight, faulty
from tests.calibration.figures import four_sigma, note, quantile

ALPHA = 0.001
SLOW = Crowd()
THINNED = SLOW._replace(lasts=(0.05, 3.0), most_begun=60)
"""Three quarters of the keys and more are left out in the first second, and not later."""

CROWDS = {
    "five times as slow": SLOW,
    "one worker": SLOW._replace(workers=1),
    "sixty times as slow": SLOW._replace(lasts=(0.05, 3.0)),
    "five times as fast": SLOW._replace(lasts=(1.0, 0.2)),
    "thinned": THINNED,
}


def steps(seed: int) -> Weight:
    """Change the weight every second, up and down."""
    weights = Random(seed).choices((5.0, 10.0, 20.0, 30.0, 50.0), k=60)
    return lambda now: weights[int(now)]


def half(_now: float) -> float:
    """Let both have the same."""
    return 50.0


def highest(crowd: Crowd, seed: int, until: float = 12.0) -> float:
    """Give the highest ln E at a look."""
    arena = Arena(crowd, seed, steps(seed))
    return max(arena.examination.trial._came.log_e for _ in arena.looks(until))


def found(crowd: Crowd, seed: int, percent: float) -> tuple[float, Assessment]:
    """Give when a table is found that routes as if the weight were another one."""
    arena = Arena(crowd, seed, half, lambda route: faulty(route, percent))
    for known in arena.looks(30.0):
        if known.integrity is not None:
            return arena.now, known
    raise AssertionError("It was not found.")


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_versions_that_differ_in_speed_are_split_as_the_coins_say(crowd: Crowd) -> None:
    assert max(highest(crowd, seed) for seed in range(3)) < -log(ALPHA)


def test_a_table_that_routes_a_tenth_otherwise_is_found_within_seconds() -> None:
    """2,000 new keys a second; a tenth of the candidate's goes to the baseline."""
    seconds, known = found(Crowd(keys=10, joins=2_000.0), 1, 45.0)
    assert seconds <= 2.0
    assert "were sent to the candidate" in (known.integrity or "")
    assert not known.proven


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_the_figures_of_a_healthy_split(crowd: Crowd) -> None:
    runs = 200
    worst = [highest(crowd, seed) for seed in range(runs)]
    above = sum(each >= log(20) for each in worst) / runs
    note(
        f"split, {crowd.lasts}: {above:.1%} of {runs} above 20:1, worst {max(worst):.1f}"
    )
    assert max(worst) < -log(ALPHA)
    assert above <= 0.05 + four_sigma(0.05, runs)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_figures_of_keys_that_are_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it would be if keys counted that came unseen before."""
    monkeypatch.setattr(State, "is_always_told", lambda *_: True)
    runs = 100
    above = sum(highest(THINNED, seed) >= log(20) for seed in range(runs)) / runs
    note(f"split, keys that came unseen counted: {above:.0%} of {runs} above 20:1")
    assert above > 0.1


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("joins", "percent"), [(500.0, 45.0), (500.0, 40.0), (2000.0, 45.0)]
)
def test_the_figures_of_a_faulty_table(joins: float, percent: float) -> None:
    crowd = Crowd(keys=10, joins=joins)
    seconds = [found(crowd, seed, percent)[0] for seed in range(20)]
    note(
        f"split, {percent:g} % for 50 % of {joins:g} keys/s: found in"
        f" {quantile(seconds, 0.5):.2f} / {quantile(seconds, 0.95):.2f} s"
    )
    assert quantile(seconds, 0.5) * joins < 4_000
