"""Faults that a plan is asked about: after how many units each would be found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.expected import (
    Assumed,
    Chances,
    baseline_bins,
    gains,
    true_bins,
    units_until,
)
from gateway.analysis.geometric import GROWTH
from gateway.analysis.past import Past
from gateway.domain.rollout import Worse

_HISTORY: Final = 5_000
"""Units of the baseline from which bets are thought to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A change for the worse.

    Attributes:
        kind: Of the metrics it shows in.
        name: For people.
        apply: Gives the candidate's bins, from the baseline's.

    """

    kind: Kind
    name: str
    apply: Callable[[Chances], Chances]


def units_to_detect(
    metric: Metric, assumed: Assumed, fault: Fault, coin: float, log_threshold: float
) -> int | None:
    """Give the candidate units after which a fault is expected to be found.

    Args:
        metric: What it shows in.
        assumed: Of the baseline.
        fault: Of the metric's kind.
        coin: Inside (0, 1).
        log_threshold: ln(1/a), with the part a of alpha that the process has.

    Returns:
        None: within the tolerance, never found.

    """
    comparison = COMPARISONS[metric.kind]
    prior = comparison.prior(metric.whole, metric.quantiles)
    baseline = baseline_bins(metric, assumed)
    candidate = assumed.seen(metric, fault.apply(true_bins(metric, assumed)))
    past = Past(comparison.bin_count)
    past.add({
        place: count
        for place, chance in enumerate(baseline)
        if (count := round(_HISTORY * chance))
    })
    bets = comparison.bets(
        past, coin, metric.tolerance, whole=metric.whole, quantiles=metric.quantiles
    )
    return units_until(log_threshold, prior, gains(bets, baseline, candidate, coin))


def event_times(factor: float) -> Callable[[Chances], Chances]:
    """Make a fault of a RATE: so many times the events."""

    def apply(baseline: Chances) -> Chances:
        rate = min(baseline[1] * factor, 1.0)
        return 1 - rate, rate

    return apply


def event_rate(rate: float) -> Callable[[Chances], Chances]:
    """Make a fault of a RATE: this rate, or what the baseline has if that is more."""

    def apply(baseline: Chances) -> Chances:
        worse = max(rate, baseline[1])
        return 1 - worse, worse

    return apply


def slower(factor: float) -> Callable[[Chances], Chances]:
    """Make a fault of a DISTRIBUTION: every amount so many times as large."""
    moved = log(factor) / log(GROWTH)
    whole, part = int(moved), moved - int(moved)

    def apply(baseline: Chances) -> Chances:
        bins = [0.0] * len(baseline)
        last = len(baseline) - 1
        for place, chance in enumerate(baseline):
            bins[min(place + whole, last)] += chance * (1 - part)
            bins[min(place + whole + 1, last)] += chance * part
        return tuple(bins)

    return apply


def slow_tail(part: float, factor: float) -> Callable[[Chances], Chances]:
    """Make a fault of a DISTRIBUTION: a part of the amounts so many times as large."""
    slow = slower(factor)

    def apply(baseline: Chances) -> Chances:
        return tuple(
            (1 - part) * usual + part * late
            for usual, late in zip(baseline, slow(baseline), strict=True)
        )

    return apply


def lossier(excess: float) -> Callable[[Chances], Chances]:
    """Make a fault of a MEAN: so much is added to each loss, as far as there is room."""
    steps = round(excess * (LOSS_BINS - 1))

    def apply(baseline: Chances) -> Chances:
        bins = [0.0] * LOSS_BINS
        for place, chance in enumerate(baseline):
            bins[min(place + steps, LOSS_BINS - 1)] += chance
        return tuple(bins)

    return apply


FAULTS: Final[Sequence[Fault]] = (
    Fault(kind=Kind.RATE, name="3 times as often", apply=event_times(3.0)),
    Fault(kind=Kind.RATE, name="in 10 % of all", apply=event_rate(0.1)),
    Fault(kind=Kind.RATE, name="in all", apply=event_rate(1.0)),
    Fault(
        kind=Kind.DISTRIBUTION,
        name="10 times as much in 3 %",
        apply=slow_tail(0.03, 10.0),
    ),
    Fault(kind=Kind.DISTRIBUTION, name="20 % more", apply=slower(1.2)),
    Fault(kind=Kind.DISTRIBUTION, name="twice as much", apply=slower(2.0)),
    Fault(kind=Kind.MEAN, name="0.05 worse", apply=lossier(0.05)),
    Fault(kind=Kind.MEAN, name="0.2 worse", apply=lossier(0.2)),
)
"""What a plan is asked about."""

_SILENCE: Final = Fault(
    kind=Kind.RATE, name="none of it any more", apply=event_rate(1.0)
)


def faults_of(metric: Metric) -> Sequence[Fault]:
    """Give the faults that a metric is asked about.

    Of feedback of which less is worse the losses are silence, and what is usual: three
    times as much of it is more than all.
    """
    if metric.is_late and metric.worse is Worse.LOWER:
        return (_SILENCE,)
    return [fault for fault in FAULTS if fault.kind is metric.kind]
