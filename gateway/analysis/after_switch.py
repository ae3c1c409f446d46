"""What the time after the last step is compared with, and how soon a fault shows there."""

from dataclasses import dataclass

from gateway.analysis.counts import PAIRS
from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.expected import (
    Assumed,
    Chances,
    baseline_bins,
    mean_of,
    units_until,
)
from gateway.analysis.faults import Fault, faults_of
from gateway.analysis.pairs import PRIOR, bets_of
from gateway.analysis.payoffs import boundary
from gateway.analysis.shares import log_threshold
from gateway.domain.rollout import RolloutPlan, Strategy
from gateway.domain.units import Seconds, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsFind:
    """How soon a fault would be found by pairs.

    Attributes:
        metric: Its name.
        fault: In words.
        pairs: Expected, if faults fall on halves independently; None: it is within the
            tolerance.

    """

    metric: str
    fault: str
    pairs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterSwitch:
    """The time after the last step.

    Attributes:
        lasts: Seconds; 0: there is none.
        holdback: The baseline's weight in it.
        reverse_mirror: Which part of the candidate's requests is copied to the baseline.
        finds: By reversed pairs.

    """

    lasts: Seconds
    holdback: Share
    reverse_mirror: Share
    finds: tuple[PairsFind, ...] = ()


def after_switch(plan: RolloutPlan, design: Design, assumed: Assumed) -> AfterSwitch:
    """Look ahead at the time after the last step of a plan."""
    analysis, finds = plan.analysis, []
    is_watched = plan.strategy is Strategy.BLUE_GREEN
    for number, metric in enumerate(design.metrics):
        if plan.reverse_mirror and metric.has_pairs and metric.kind is Kind.RATE:
            limit = log_threshold(design, number, 0, PAIRS)
            finds += [
                PairsFind(
                    metric=metric.name,
                    fault=fault.name,
                    pairs=pairs_to_detect(metric, assumed, fault, limit),
                )
                for fault in faults_of(metric)
            ]
    return AfterSwitch(
        lasts=analysis.watch if is_watched else analysis.bake,
        holdback=analysis.holdback,
        reverse_mirror=plan.reverse_mirror,
        finds=tuple(finds),
    )


def pairs_to_detect(
    metric: Metric, assumed: Assumed, fault: Fault, limit: float
) -> int | None:
    """Give the pairs after which a fault of a RATE is expected to be found.

    Args:
        metric: What it shows in.
        assumed: Of the baseline.
        fault: Of a RATE.
        limit: ln(1/a), with the part a of alpha that its pairs have.

    """
    baseline = baseline_bins(metric, assumed)
    slack = boundary(baseline[1], metric.tolerance) - baseline[1]
    bets = bets_of(slack, is_proof=False)
    chances = _differences(baseline, fault.apply(baseline), len(bets.candidate[0]))
    gained = tuple(mean_of(table, chances) for table in bets.candidate)
    return units_until(limit, PRIOR, gained)


def _differences(baseline: Chances, candidate: Chances, points: int) -> Chances:
    """Give the chances of each difference of two rates' losses: -1, 0 and 1 only."""
    chances = [0.0] * points
    chances[0] = baseline[1] * candidate[0]
    chances[-1] = baseline[0] * candidate[1]
    chances[points // 2] = 1 - chances[0] - chances[-1]
    return tuple(chances)
