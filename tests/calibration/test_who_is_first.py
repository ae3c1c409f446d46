"""A key's unit is its first exchange by arrival, however soon the others fail.

The versions are the same but for their speed, and failures take 7 s on both. Where the unit
was the first exchange heard of, an error rate of 5 % was in a segment 21 % on the version
that answers in 5 s and 40 % on the one that takes 10 s (39 % and 74 % with three workers),
and with three workers 7 % and 13 % over all; of 40 slower candidates 20 were taken back with
one worker, and 33 with three.
"""

from collections.abc import Iterator
from math import sqrt

import pytest

from gateway.analysis.counts import FRESH
from tests.calibration.bursts import DESIGN, Bursts, World
from tests.calibration.figures import four_sigma, note

ERRORS = 0.05
SLOWER, FASTER = (5.0, 10.0), (10.0, 5.0)
THIN = World(keys=0.05, fails_in=(7.0, 7.0), errors=ERRORS)
"""So thin that hardly anything else is running beside a key's own requests."""


def shares(world: World, seeds: int, until: float) -> Iterator[tuple[str, float, int]]:
    """Give errors among the units, by kind of process and version, and the units."""
    sums: dict[tuple[str, int], list[int]] = {}
    for seed in range(seeds):
        played = Bursts(world, seed)
        for _ in played.looks(until):
            pass
        for place, pair in played.counts.bins.items():
            kind = "fresh" if place.process == FRESH else "window"
            if place.process < FRESH:
                continue
            for side, bins in enumerate(pair):
                key = (f"{kind}, {'segment' if place.cell else 'all'}", side)
                units = sums.setdefault(key, [0, 0])
                units[0] += sum(bins.values())
                units[1] += bins.get(1, 0)
    for (kind, side), (count, errors) in sums.items():
        yield f"{kind}, version {side + 1}", errors / count, count


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("lasts", [SLOWER, FASTER])
def test_units_fail_as_often_as_requests(
    workers: int, lasts: tuple[float, float]
) -> None:
    world = THIN._replace(workers=workers, lasts=lasts, again=45.0, burst=10)
    for kind, found, units in shares(world, seeds=3, until=600.0):
        sigma = sqrt(ERRORS * (1 - ERRORS) / units)
        assert abs(found - ERRORS) <= 4 * sigma, kind


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("lasts", [SLOWER, FASTER])
@pytest.mark.parametrize("keys", [0.05, 0.5, 5.0])
def test_the_figures_of_units(
    keys: float, workers: int, lasts: tuple[float, float]
) -> None:
    world = THIN._replace(keys=keys, workers=workers, lasts=lasts)
    until = min(600 / keys, 4_000.0)
    for kind, found, units in shares(world, seeds=10, until=until):
        note(
            f"{keys} keys/s, {workers} workers, {lasts}: {kind}: {found:.1%} of {units}"
        )
        assert abs(found - ERRORS) <= 5 * sqrt(ERRORS * (1 - ERRORS) / units)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lasts", [SLOWER, FASTER])
def test_the_figures_of_a_candidate_of_another_speed(
    lasts: tuple[float, float],
) -> None:
    runs = 100
    world = THIN._replace(workers=3, lasts=lasts)
    taken = sum(
        any(known.regressed for known in Bursts(world, seed).looks(2_000.0))
        for seed in range(runs)
    )
    note(f"bursts, answers of {lasts}: {taken} of {runs} taken back")
    assert taken / runs <= DESIGN.alpha + four_sigma(DESIGN.alpha, runs)
