"""How much worse a candidate may be to pass."""

import pytest

from gateway.analysis.design import Kind
from gateway.analysis.ladder import (
    LADDER,
    TOLERANCE,
    as_losses,
    rung_of,
    tolerance_within,
)
from gateway.domain.errors import BadConfiguration
from gateway.domain.rollout import Margin, Worse
from gateway.domain.units import Share


def _boundary(margin: Margin, loss: float) -> float:
    return loss * (1 + margin.relative) + margin.absolute


@pytest.mark.parametrize(
    ("percent", "rung"), [(1, 0), (5, 0), (6, 1), (25, 1), (26, 2), (95, 2), (0, 2)]
)
def test_a_weight_has_its_rung(percent: int, rung: int) -> None:
    share = Share(percent * 1000)
    assert rung_of(share, is_last_comparative=False, strict=True) == rung
    assert rung_of(share, is_last_comparative=True, strict=False) == rung


def test_strict_narrows_the_last_comparison_only() -> None:
    assert rung_of(Share(50_000), is_last_comparative=True, strict=True) == 3


@pytest.mark.parametrize("kind", Kind)
def test_the_ladder_tightens_and_holds_the_tolerance_inside(kind: Kind) -> None:
    rungs = LADDER[kind]
    for loss in (0.001, 0.01, 0.2):
        steps = [_boundary(margin, loss) for margin in rungs]
        assert steps == sorted(steps, reverse=True)
        tolerance = (
            TOLERANCE if kind is not Kind.DISTRIBUTION else Margin(relative=0.05)
        )
        assert steps[-1] > _boundary(tolerance, loss)


@pytest.mark.parametrize("score", [0.2, 0.5, 0.95])
def test_a_margin_of_a_score_is_the_same_margin_of_its_loss(score: float) -> None:
    margin = Margin(relative=0.1, absolute=0.02)
    losses = as_losses(margin, Kind.MEAN, Worse.LOWER)
    least = score * (1 - margin.relative) - margin.absolute
    assert _boundary(losses, 1 - score) == pytest.approx(1 - least)


def test_margins_of_amounts_and_of_what_is_worse_when_higher_stay() -> None:
    margin = Margin(relative=0.2)
    assert as_losses(margin, Kind.DISTRIBUTION, Worse.LOWER) is margin
    assert as_losses(margin, Kind.RATE, Worse.HIGHER) is margin


@pytest.mark.parametrize(
    ("margin", "worse"),
    [(Margin(), Worse.HIGHER), (Margin(relative=1.0), Worse.LOWER)],
)
def test_a_margin_that_proves_nothing_is_refused(margin: Margin, worse: Worse) -> None:
    with pytest.raises(BadConfiguration):
        as_losses(margin, Kind.RATE, worse)


def test_the_tolerance_stays_inside_a_narrow_margin() -> None:
    assert tolerance_within(None) == TOLERANCE
    assert tolerance_within(Margin(relative=0.02)) == Margin(relative=0.01)
    wide = Margin(relative=0.25, absolute=0.005)
    assert tolerance_within(wide) == TOLERANCE
