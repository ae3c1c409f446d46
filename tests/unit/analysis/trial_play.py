"""A trial to play with: its design, and deltas of counts in one line each."""

from collections.abc import Sequence
from typing import Any

from gateway.analysis.counts import FRESH, PAIRS, PROOF, Bins, Counts, Place
from gateway.analysis.design import LOSS_BINS, Design
from gateway.analysis.metrics import Surroundings, design_of
from gateway.analysis.trial import Trial
from gateway.domain.rollout import AnalysisPlan, MetricRule
from gateway.domain.units import Seconds

TOP = LOSS_BINS - 1
COIN = 0.25
ERRORS = MetricRule(signal="error_rate")
CELLS = (("tenant", "a"), ("tenant", "b"))


def design(
    *rules: MetricRule,
    cells: Sequence[tuple[str, str]] = (),
    mirrors: bool = False,
    **plan: Any,
) -> Design:
    """Design an analysis of these metrics."""
    around = Surroundings(longest=Seconds(6000.0), cells=cells, mirrors=mirrors)
    return design_of(AnalysisPlan(metrics=rules, **plan), around)


def trial(*rules: MetricRule, rung: int | None = 2, **changes: Any) -> Trial:
    """Begin a trial, in a step of this rung."""
    made = Trial(design(*(rules or (ERRORS,)), **changes))
    made.step_begins(rung)
    return made


def counted(
    baseline: Bins,
    candidate: Bins,
    *,
    process: int = FRESH,
    metric: int = 0,
    cell: int = 0,
    coin: float = COIN,
) -> Counts:
    """Count units of one place; those of the fresh process, over all, as the step's too."""
    counts = Counts(bins={Place(process, coin, metric, cell): (baseline, candidate)})
    if process == FRESH and not cell:
        counts.in_step = [sum(baseline.values()), sum(candidate.values())]
    return counts


def events(
    baseline: tuple[int, int], candidate: tuple[int, int], **place: Any
) -> Counts:
    """Count (units, events) of each version."""
    return counted(_rate(*baseline), _rate(*candidate), **place)


def proven(baseline: tuple[int, int], candidate: tuple[int, int]) -> Counts:
    """Count whole keys: how many, and how many of them lost everything."""
    sides = [{0: n - lost, TOP: lost} for n, lost in (baseline, candidate)]
    return counted(sides[0], sides[1], process=PROOF)


def paired(both: int, worse: int, *, failing: int = 0) -> Counts:
    """Count pairs: alike, and where only the candidate failed; *failing*: both did."""
    pairs = counted(
        {0: both + worse - failing, TOP: failing},
        {TOP: both, 2 * TOP: worse},
        process=PAIRS,
        coin=0.0,
    )
    pairs.in_step = [both + worse, both + worse]
    return pairs


def play(trial: Trial, *deltas: Counts) -> Trial:
    """Count each delta in a block of its own."""
    for delta in deltas:
        trial.add(delta)
        trial.close_block()
    return trial


def _rate(units: int, bad: int) -> Bins:
    return {0: units - bad, 1: bad}
