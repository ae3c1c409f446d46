"""What a rollout will need: keys and hours of each step, and what cannot be known at all.

From the plan and the traffic alone, before anything has happened. An outlook, no promise:
the versions are taken to be equal, the traffic to go on as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from gateway.analysis.after_switch import AfterSwitch, after_switch
from gateway.analysis.counts import FRESH
from gateway.analysis.design import Design, Metric
from gateway.analysis.expected import Assumed
from gateway.analysis.faults import faults_of, units_to_detect
from gateway.analysis.ladder import rung_of
from gateway.analysis.margins import smallest_margin, units_to_prove
from gateway.analysis.shares import log_threshold
from gateway.domain.rollout import (
    Advance,
    Analyse,
    Margin,
    OnFailure,
    Pause,
    RolloutPlan,
    SetWeight,
    Strategy,
)
from gateway.domain.units import BUCKETS, Seconds, Share

_HOUR: Final = 3600.0
_LIKELY: Final = 0.05
"""A chance of nobody's being on the candidate that is worth saying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Who comes.

    Attributes:
        units_per_hour: Different sticky keys in an hour, or requests without a key.
        keys: How many keys there are in all; None: new ones keep coming.
        by_request: Each request has a coin of its own, in each step again.

    """

    units_per_hour: float
    keys: int | None = None
    by_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """How soon a fault would be found.

    Attributes:
        fault: In words.
        units: Of the candidate, expected; None: it is within the tolerance.
        duration: Until then; None: unknown traffic, or more units than there are.

    """

    fault: str
    units: int | None
    duration: Seconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOutlook:
    """What a step can say of one metric.

    Attributes:
        metric: Its name.
        is_asked: It has to be proven; one that only warns has not.
        margin: To pass.
        units: Whole keys on the candidate that prove it, expected; None: none do.
        duration: Until then; None as in Find, or beyond the step's timeout.
        smallest: What can be proven within the step's timeout instead; None: nothing, or
            the margin itself can, or the traffic is unknown.
        known_after: From a unit's assignment until its value is known: the step cannot
            pass before.
        is_too_late: Of feedback: the step's timeout is over by then.
        finds: Faults, from small to large.

    """

    metric: str
    is_asked: bool
    margin: Margin
    units: int | None
    duration: Seconds | None
    smallest: Margin | None
    known_after: Seconds
    is_too_late: bool
    finds: tuple[Find, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutlook:
    """What a step that compares will need.

    Attributes:
        place: In the plan's steps.
        share: The candidate's.
        coin: Of most of its units.
        units_per_hour: On the candidate; None: the traffic is unknown.
        most_units: That there can be on the candidate; None: no end is known.
        duration: Until all is proven; None: unknown, or not within the timeout.
        metrics: In the order of the design.

    """

    place: int
    share: Share
    coin: float
    units_per_hour: float | None
    most_units: int | None
    duration: Seconds | None
    metrics: tuple[MetricOutlook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a whole rollout will need.

    Attributes:
        strategy: A blue-green switch is one step, its watch; ab promotes nothing.
        steps: Those that compare, in order.
        duration: To the end of the bake, if nothing is wrong and nobody has to be waited
            for; None: unknown, or it will not get there.
        nobody: (weight, chance that no key is on the candidate), where that is likely.
        waits_for_hands: A pause without a duration stands in the way.
        after: The time after the last step.

    """

    strategy: Strategy
    steps: tuple[StepOutlook, ...]
    duration: Seconds | None
    nobody: tuple[tuple[Share, float], ...]
    waits_for_hands: bool
    after: AfterSwitch

    @property
    def unprovable(self) -> tuple[tuple[StepOutlook, MetricOutlook], ...]:
        """What cannot be proven within its step's timeout, as far as is known.

        Nothing where no proof is asked for.
        """
        return tuple(
            (step, metric)
            for step in self.steps
            for metric in step.metrics
            if step.duration is None
            and metric.is_asked
            and metric.duration is None
            and (
                metric.units is None
                or metric.is_too_late
                or step.units_per_hour is not None
            )
        )


def outlook(
    plan: RolloutPlan, design: Design, assumed: Assumed, traffic: Traffic | None
) -> Outlook:
    """Look ahead at a rollout.

    Args:
        plan: Its steps and limits.
        design: Of its analysis.
        assumed: Of the baseline.
        traffic: None: unknown; then units are given, and no durations.

    Raises:
        ValueError: A rate or spread outside its range.

    """
    weights = list(_comparing(plan))
    steps = tuple(
        _Ahead(plan, design, assumed, traffic, place, before, share).outlook(
            is_last=place == weights[-1][0]
        )
        for place, before, share in weights
    )
    return Outlook(
        strategy=plan.strategy,
        steps=steps,
        duration=_whole_duration(plan, steps),
        nobody=tuple(
            (share, chance)
            for _, _, share in weights
            if traffic is not None
            and traffic.keys is not None
            and (chance := chance_of_nobody(traffic.keys, share)) > _LIKELY
        ),
        waits_for_hands=any(
            isinstance(step, Pause) and step.duration is None for step in plan.steps
        ),
        after=after_switch(plan, design, assumed),
    )


def chance_of_nobody(keys: int, share: Share) -> float:
    """Give the chance that none of so many keys is on the candidate."""
    return (1 - share / BUCKETS) ** keys


@dataclass(frozen=True, slots=True)
class _Ahead:
    """One step, and all that its outlook depends on."""

    plan: RolloutPlan
    design: Design
    assumed: Assumed
    traffic: Traffic | None
    place: int
    before: Share
    share: Share

    def outlook(self, *, is_last: bool) -> StepOutlook:
        rung = rung_of(
            self.share,
            is_last_comparative=is_last,
            strict=self.plan.analysis.strict,
        )
        metrics = tuple(
            self._metric(number, metric, metric.margins[rung])
            for number, metric in enumerate(self.design.metrics)
            if metric.on_failure is not OnFailure.WARN
        )
        return StepOutlook(
            place=self.place,
            share=self.share,
            coin=self._coin(),
            units_per_hour=self._units_per_hour(),
            most_units=self._most_units(),
            duration=self._until_all_is_proven(metrics),
            metrics=metrics,
        )

    def _metric(self, number: int, metric: Metric, margin: Margin) -> MetricOutlook:
        coin, beta = self._coin(), self.design.beta
        units = units_to_prove(metric, self.assumed, margin, coin, beta)
        closing, timeout = self._closing(metric), self.plan.analysis.step_timeout
        duration = None if units is None else self._lasts(units, closing)
        if duration is not None and duration > timeout:
            duration = None
        smallest = None
        if duration is None and (available := self._available(closing)):
            smallest = smallest_margin(
                metric, self.assumed, margin, coin, beta, available
            )
        return MetricOutlook(
            metric=metric.name,
            is_asked=metric.on_failure is not OnFailure.WARN,
            margin=margin,
            units=units,
            duration=duration,
            smallest=smallest,
            known_after=closing,
            is_too_late=metric.is_late and closing >= timeout,
            finds=tuple(self._finds(number, metric)),
        )

    def _finds(self, number: int, metric: Metric) -> Iterator[Find]:
        threshold = log_threshold(self.design, number, 0, FRESH)
        if threshold == inf:
            return
        closing = self._closing(metric) if metric.is_late else 0.0
        for fault in faults_of(metric):
            units = units_to_detect(
                metric, self.assumed, fault, self._coin(), threshold
            )
            duration = None if units is None else self._lasts(units, closing)
            yield Find(fault=fault.name, units=units, duration=duration)

    def _coin(self) -> float:
        """Give the coin of keys that were on the baseline; requests toss the weight.

        Keys that are seen for the first time toss the weight too, which is more. Of
        several candidates each is tossed in its lane.
        """
        most = self.plan.most
        if self._is_by_request():
            return self.share / most
        return (self.share - self.before) / (most - self.before)

    def _joining(self) -> float:
        """Give the part of all units that counts, and counts on the candidate.

        Of returning keys those that move; who has moved before has no coin any more.
        """
        if self._is_by_request():
            return self.share / BUCKETS
        return (self.share - self.before) / BUCKETS

    def _is_by_request(self) -> bool:
        is_keyless = self.traffic is not None and self.traffic.by_request
        return self.design.by_request or is_keyless

    def _units_per_hour(self) -> float | None:
        if self.traffic is None:
            return None
        return self.traffic.units_per_hour * self._joining()

    def _most_units(self) -> int | None:
        if self.traffic is None or self.traffic.keys is None or self._is_by_request():
            return None
        return int(self.traffic.keys * self._joining())

    def _closing(self, metric: Metric) -> Seconds:
        """Give the time from a unit's assignment until its value is known."""
        if metric.is_late:
            return self.design.feedback_deadline
        return Seconds(self.design.closes_after + self.design.grace)

    def _available(self, closing: Seconds) -> float | None:
        """Give the whole keys that the candidate can have within the timeout."""
        per_hour, most = self._units_per_hour(), self._most_units()
        if per_hour is None:
            return None
        time = max(self.plan.analysis.step_timeout - closing, 0.0)
        units = per_hour * time / _HOUR
        return units if most is None else min(units, most)

    def _lasts(self, units: int, closing: float) -> Seconds | None:
        per_hour, most = self._units_per_hour(), self._most_units()
        if not per_hour or (most is not None and units > most):
            return None
        return Seconds(units / per_hour * _HOUR + closing)

    def _until_all_is_proven(self, metrics: Sequence[MetricOutlook]) -> Seconds | None:
        analysis = self.plan.analysis
        if self.plan.strategy is Strategy.BLUE_GREEN:
            return analysis.watch
        if self.plan.advance is Advance.TIME:
            return Seconds(0.0)
        least = self._lasts(self.design.minimum_units, 0.0)
        asked = [metric.duration for metric in metrics if metric.is_asked]
        durations = [least, *asked]
        known = [duration for duration in durations if duration is not None]
        if len(known) < len(durations):
            return None
        return max(*known, analysis.dwell)


def _comparing(plan: RolloutPlan) -> Iterator[tuple[int, Share, Share]]:
    """Give place, weight before and weight of each step that raises and compares."""
    before = Share(0)
    if plan.strategy is Strategy.BLUE_GREEN:
        if plan.analysis.holdback:
            yield len(plan.steps), before, Share(BUCKETS - plan.analysis.holdback)
        return
    for place, step in enumerate(plan.steps):
        if not isinstance(step, SetWeight):
            continue
        if before < step.share < plan.most:
            yield place, before, step.share
        before = step.share


def _whole_duration(plan: RolloutPlan, steps: Sequence[StepOutlook]) -> Seconds | None:
    whole: float = plan.analysis.bake
    if plan.strategy is Strategy.BLUE_GREEN:  # with a hold-back its watch is a step
        whole = 0.0 if steps else plan.analysis.watch
    for step in plan.steps:
        if isinstance(step, Pause | Analyse):
            whole += step.duration or 0.0
    if plan.strategy is Strategy.AB:
        return None
    for ahead in steps:
        if ahead.duration is None:
            return None
        whole += ahead.duration
    return Seconds(float(ceil(whole)))
