"""Gains, and the units that follow from them, against values worked out by hand."""

from math import exp, log

import pytest

from gateway.analysis.bets import Bets
from gateway.analysis.design import Kind, Metric
from gateway.analysis.expected import (
    GRID,
    Assumed,
    baseline_bins,
    gains,
    mean_of,
    shares_of_events,
    units_until,
)
from gateway.analysis.faults import FAULTS, slower, units_to_detect
from gateway.analysis.geometric import GROWTH
from gateway.analysis.margins import smallest_margin, units_to_prove
from gateway.domain.rollout import Margin

BETS = Bets(candidate=((log(0.5), log(3.0)),), baseline=((log(GROWTH), log(0.8)),))


def metric(kind: Kind, *quantiles: float) -> Metric:
    return Metric(
        name="one",
        signal="one",
        kind=kind,
        quantiles=quantiles,
        share=1.0,
        margins=(Margin(),) * 4,
        tolerance=Margin(),
    )


def test_a_gain_counts_the_baseline_units_that_come_with_a_candidate_unit() -> None:
    """At a coin of a quarter, three of the baseline come with one of the candidate."""
    (gain,) = gains(BETS, (0.9, 0.1), (0.6, 0.4), 0.25)

    by_hand = 0.6 * log(0.5) + 0.4 * log(3.0) + 3 * (0.9 * log(GROWTH) + 0.1 * log(0.8))
    assert gain == pytest.approx(by_hand)


def test_the_alternative_that_is_there_first_counts() -> None:
    """Half of the wealth at 0.1 a unit is at 100 sooner than all of it at 0.05."""
    units = units_until(log(100), (0.5, 1.0), (0.1, 0.05))

    assert units == 53  # ln(200) / 0.1


def test_what_gains_nothing_never_gets_there() -> None:
    assert units_until(log(100), (0.5, 0.5), (-0.1, 0.0)) is None


@pytest.mark.parametrize("kind", list(Kind))
def test_bins_of_the_baseline_are_a_distribution(kind: Kind) -> None:
    bins = baseline_bins(metric(kind), Assumed())

    assert sum(bins) == pytest.approx(1.0)
    assert min(bins) >= 0


def test_scores_have_the_mean_that_is_assumed() -> None:
    bins = baseline_bins(metric(Kind.MEAN), Assumed(loss=0.2, spread=0.05))

    assert mean_of(GRID, bins) == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("exchanges", [1, 5, 20])
def test_a_key_fails_as_often_as_its_exchanges(exchanges: int) -> None:
    bins = shares_of_events(0.03, exchanges)

    assert mean_of(GRID, bins) == pytest.approx(0.03, rel=0.02)


def test_slower_moves_everything_by_its_factor() -> None:
    bins = baseline_bins(metric(Kind.DISTRIBUTION), Assumed())

    moved = slower(1.5)(bins)

    middle = sum(place * chance for place, chance in enumerate(moved))
    before = sum(place * chance for place, chance in enumerate(bins))
    assert exp((middle - before) * log(GROWTH)) == pytest.approx(1.5, rel=1e-3)
    assert sum(moved) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("fault", "simulated"), [("in 10 % of all", 27), ("in all", 2)]
)
def test_faults_are_foretold_about_when_simulations_find_them(
    fault: str, simulated: int
) -> None:
    """Errors 0.1 to 10 % and to 100 %, coin 5 %, alpha 1 %: the tables of calibration."""
    (chosen,) = [one for one in FAULTS if one.name == fault]

    units = units_to_detect(
        metric(Kind.RATE), Assumed(rate=0.001), chosen, 0.05, log(100)
    )

    assert units is not None
    assert simulated <= units <= 1.3 * simulated + 1


def test_a_fault_within_the_tolerance_is_never_found() -> None:
    tolerant = Metric(
        name="one",
        signal="one",
        kind=Kind.RATE,
        share=1.0,
        margins=(Margin(),) * 4,
        tolerance=Margin(relative=3.0),
    )
    (thrice,) = [one for one in FAULTS if one.name == "3 times as often"]

    assert units_to_detect(tolerant, Assumed(), thrice, 0.05, log(100)) is None


@pytest.mark.parametrize(
    ("kind", "quantiles", "margin"),
    [
        (Kind.RATE, (), Margin(relative=0.5, absolute=0.02)),
        (Kind.MEAN, (), Margin(absolute=0.05)),
        (Kind.DISTRIBUTION, (0.5, 0.95), Margin(relative=0.3)),
    ],
)
def test_the_smallest_margin_is_just_what_so_many_units_prove(
    kind: Kind, quantiles: tuple[float, ...], margin: Margin
) -> None:
    one, assumed = metric(kind, *quantiles), Assumed(exchanges=5)
    units = units_to_prove(one, assumed, margin, 0.2, 0.05)
    assert units is not None

    found = smallest_margin(one, assumed, margin, 0.2, 0.05, units)

    assert found is not None
    assert found.absolute == pytest.approx(margin.absolute, rel=0.02)
    assert found.relative == pytest.approx(margin.relative, rel=0.02)


def test_a_handful_of_keys_proves_nothing_at_all() -> None:
    rate = metric(Kind.RATE)

    assert smallest_margin(rate, Assumed(), Margin(relative=0.5), 0.05, 0.05, 2) is None


def test_wider_margins_and_larger_keys_take_fewer_units() -> None:
    rate = metric(Kind.RATE)

    def units(margin: Margin, exchanges: int) -> int:
        found = units_to_prove(rate, Assumed(exchanges=exchanges), margin, 0.2, 0.05)
        assert found is not None
        return found

    narrow, wide = (
        Margin(relative=0.5, absolute=0.01),
        Margin(relative=1, absolute=0.05),
    )
    assert units(wide, 1) < units(narrow, 1)
    assert units(narrow, 20) < units(narrow, 1)
