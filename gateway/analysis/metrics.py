"""From a plan to the design of its analysis: which metrics, how each is compared.

Where the plan lists no metrics there are the default ones. What is refused here is what
no analysis can be made of; settings/ refuses more, with the place in the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from types import MappingProxyType
from typing import Final, NamedTuple, assert_never

from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.ladder import (
    LADDER,
    LESS_FEEDBACK,
    Rungs,
    as_losses,
    tolerance_within,
)
from gateway.analysis.shares import PAIRS_PART, cell_shares
from gateway.domain.errors import BadConfiguration
from gateway.domain.outcome import Outcome
from gateway.domain.rollout import (
    FEEDBACK,
    AnalysisPlan,
    CountedBy,
    Margin,
    MetricRule,
    Pause,
    RolloutPlan,
    SetMirrorRoute,
    Statistic,
    Strategy,
    Worse,
)
from gateway.domain.units import Seconds


class Measure(NamedTuple):
    """What the analysis must know of a signal.

    Attributes:
        kind: How it is compared when the rule does not say.
        worse: Which way is bad news; None: the rule must say.
        smallest: Of an amount: where its first bin ends, in its unit.
        is_timing: Read after the washout: a moved conversation misses the prompt's cache.

    """

    kind: Kind
    worse: Worse | None = Worse.HIGHER
    smallest: float = 0.01
    is_timing: bool = False


_EVENT: Final = Measure(Kind.RATE)
_TIME: Final = Measure(Kind.DISTRIBUTION, smallest=1e-3, is_timing=True)
_COUNT: Final = Measure(Kind.DISTRIBUTION, smallest=1.0)

MEASURES: Final[Mapping[str, Measure]] = MappingProxyType({
    **{outcome.value: _EVENT for outcome in Outcome},
    Outcome.COMPLETE.value: _EVENT._replace(worse=Worse.LOWER),
    "error_rate": _EVENT,
    "client_error_rate": _EVENT,
    "cancel_rate": _EVENT,
    "duration": _TIME,
    "time_to_first_token": _TIME,
    "time_per_output_token": _TIME._replace(smallest=1e-4),
    "cost": _TIME._replace(smallest=1e-6),
    "input_tokens": _COUNT._replace(is_timing=True),
    "output_tokens": _COUNT._replace(is_timing=True),
    "output_length": _COUNT,
    "context_size": _COUNT,
})
"""Signals whose reading is known here; of any other the caller or the rule says it."""

_DEFAULTS: Final = (
    MetricRule(signal="error_rate", importance=0.3),
    MetricRule(signal="client_error_rate", importance=0.1),
    MetricRule(signal="cancel_rate", importance=0.1),
    MetricRule(signal="duration", importance=0.12),
)
_OF_STREAMS: Final = MetricRule(signal="time_to_first_token", importance=0.12)
_OF_ANSWERS: Final = (
    MetricRule(signal=Outcome.REFUSED.value, importance=0.06),
    MetricRule(signal=Outcome.INVALID.value, importance=0.06),
)

_QUANTILES: Final[Mapping[Statistic, tuple[float, ...]]] = {
    Statistic.DISTRIBUTION: (0.5, 0.95),  # p99 would take thousands of keys
    Statistic.P50: (0.5,),
    Statistic.P95: (0.95,),
    Statistic.P99: (0.99,),
}
_KINDS: Final[Mapping[Statistic, Kind]] = {
    Statistic.RATE: Kind.RATE,
    Statistic.MEAN: Kind.MEAN,
    **dict.fromkeys(_QUANTILES, Kind.DISTRIBUTION),
}
_USUAL: Final[Mapping[Kind, Statistic]] = {
    Kind.RATE: Statistic.RATE,
    Kind.MEAN: Statistic.MEAN,
    Kind.DISTRIBUTION: Statistic.DISTRIBUTION,
}

SHORTEST_WINDOW: Final = Seconds(600.0)
_PLANNED_WINDOWS: Final = 200
_MOST_COMPARED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a service is like, as far as its analysis must know.

    Attributes:
        signals: What is known of signals that are not in MEASURES.
        cells: (segment, value) pairs that are looked at one by one.
        streams: Answers may be streams.
        is_read: Answers are read, so that a refusal or an invalid one is known as such.
        longest: How long the plan may take; seconds.
        mirrors: Requests may be mirrored.
        feedback_deadline: See Design.

    """

    signals: Mapping[str, Measure] = field(default_factory=dict)
    cells: Sequence[tuple[str, str]] = ()
    streams: bool = True
    is_read: bool = True
    longest: Seconds
    mirrors: bool = False
    feedback_deadline: Seconds = Seconds(86_400.0)


def design_of(plan: AnalysisPlan, around: Surroundings) -> Design:
    """Design the analysis of a plan.

    Args:
        plan: With its rules completed by settings/, or not.
        around: See Surroundings.

    Raises:
        BadConfiguration: Nothing can be designed of it; says what to change.

    """
    rules = plan.metrics or default_rules(around)
    drafts = [_Draft(rule, _measure_of(rule, around)) for rule in rules]
    _check(drafts, around)
    shares = cell_shares(
        [rule.importance for rule in rules],
        [rule.on_failure for rule in rules],
        around.cells,
    )
    names = _names(drafts)
    window = window_of(plan, around.longest)
    return Design(
        metrics=tuple(
            _metric(draft, name, sum(parts), is_default=not plan.metrics)
            for draft, name, parts in zip(drafts, names, shares, strict=True)
        ),
        cells=tuple(around.cells),
        cell_shares=shares,
        alpha=plan.alpha,
        beta=plan.beta,
        window=window,
        windows=ceil(around.longest / window) + 1,  # keys' windows do not begin at once
        pairs_part=PAIRS_PART if around.mirrors else 0.0,
        minimum_units=plan.minimum_units,
        required_cells=_required(plan, around),
        washout=plan.washout,
        warmup=plan.warmup,
        by_request=plan.unit is CountedBy.REQUEST,
        closes_after=plan.closes_after,
        closes_exchanges=plan.closes_exchanges,
        grace=plan.grace,
        feedback_deadline=around.feedback_deadline,
    )


def default_rules(around: Surroundings) -> tuple[MetricRule, ...]:
    """Give what guards a rollout whose plan lists nothing.

    Refusals and invalid answers go by the outcome, which every exchange has; a signal of
    the same would be known only where there is a text.
    """
    return (
        *_DEFAULTS,
        *((_OF_STREAMS,) if around.streams else ()),
        *(_OF_ANSWERS if around.is_read else ()),
    )


def longest_of(plan: RolloutPlan) -> Seconds:
    """Give the longest that a plan may take by itself, in seconds: what windows go by.

    Each step has its timeout, after which somebody is asked.
    """
    analysis = plan.analysis
    timeout = analysis.step_timeout
    total = analysis.watch if plan.strategy is Strategy.BLUE_GREEN else analysis.bake
    for step in plan.steps:
        waits = step.duration if isinstance(step, Pause) else None
        total = Seconds(total + (timeout if waits is None else waits))
    return total


def window_of(plan: AnalysisPlan, longest: Seconds) -> Seconds:
    """Give the time after which a key counts once more.

    Workers number the windows that a design has its parts of alpha for: both go by this.
    """
    return plan.window or Seconds(max(SHORTEST_WINDOW, longest / _PLANNED_WINDOWS))


def mirrors(plan: RolloutPlan) -> bool:
    """Tell whether a plan mirrors requests."""
    return (
        plan.strategy is Strategy.BLUE_GREEN
        or plan.reverse_mirror > 0
        or any(isinstance(step, SetMirrorRoute) and step.share for step in plan.steps)
    )


class _Draft(NamedTuple):
    rule: MetricRule
    measure: Measure

    @property
    def statistic(self) -> Statistic:
        return self.rule.statistic or _USUAL[self.measure.kind]

    @property
    def worse(self) -> Worse:
        worse = self.rule.worse or self.measure.worse
        if worse is None:
            raise BadConfiguration(
                f"'{self.rule.signal}' is not bad news by itself.",
                remedy="Write `worse: higher` or `worse: lower` beside it.",
            )
        return worse


def _measure_of(rule: MetricRule, around: Surroundings) -> Measure:
    """Find what is known of a rule's signal; what the rule says counts more."""
    kind = _KINDS[rule.statistic] if rule.statistic else None
    measure = around.signals.get(rule.signal) or MEASURES.get(rule.signal)
    if measure is None:
        if kind is None:
            raise BadConfiguration(
                f"Nothing is known of the signal '{rule.signal}'.",
                remedy="Write its `statistic`, or the name of a signal that is measured.",
            )
        return Measure(kind, None)
    if kind not in {None, measure.kind}:
        raise BadConfiguration(
            f"A {rule.statistic} of '{rule.signal}' was asked for, and it is compared"
            f" as a {measure.kind}.",
            remedy=f"Write `statistic: {_USUAL[measure.kind]}`, or leave it out.",
        )
    return measure


def _check(drafts: Sequence[_Draft], around: Surroundings) -> None:
    seen = set()
    for draft in drafts:
        what = (draft.rule.signal, draft.statistic)
        if what in seen:
            raise BadConfiguration(
                f"The {draft.statistic} of {draft.rule.signal} is listed twice.",
                remedy="Keep one: counted twice, it would halve its own alpha.",
            )
        seen.add(what)
    compared = len(drafts) * (1 + len(around.cells))
    if compared > _MOST_COMPARED:
        raise BadConfiguration(
            f"{len(drafts)} metrics in {len(around.cells)} values of segments are"
            f" {compared} comparisons, and the limit is {_MOST_COMPARED}.",
            remedy="List fewer metrics, or fewer segments or values.",
        )


def _names(drafts: Sequence[_Draft]) -> list[str]:
    """Name metrics by their signals, and by the statistic where a signal has several."""
    signals = [draft.rule.signal for draft in drafts]
    return [
        signal if signals.count(signal) == 1 else f"{signal}:{draft.statistic}"
        for signal, draft in zip(signals, drafts, strict=True)
    ]


def _metric(draft: _Draft, name: str, share: float, *, is_default: bool) -> Metric:
    rule, measure, worse = draft.rule, draft.measure, draft.worse
    if rule.ceiling is not None:
        _check_ceiling(draft)
    return Metric(
        name=name,
        signal=rule.signal,
        kind=measure.kind,
        quantiles=tuple(_quantiles(draft.statistic, worse)),
        whole=draft.statistic is Statistic.DISTRIBUTION,
        is_timing=measure.is_timing,
        worse=worse,
        smallest=measure.smallest,
        on_failure=rule.on_failure,
        share=share,
        margins=_margins(draft),
        tolerance=_tolerance(draft),
        ceiling=rule.ceiling,
        is_default=is_default,
    )


def _check_ceiling(draft: _Draft) -> None:
    if draft.worse is Worse.LOWER:
        raise BadConfiguration(
            f"'{draft.rule.signal}' has a ceiling, and less of it is worse.",
            remedy="Remove the ceiling; the comparison with the baseline guards it.",
        )
    if draft.statistic is Statistic.DISTRIBUTION:
        raise BadConfiguration(
            f"'{draft.rule.signal}' has a ceiling as a whole.",
            remedy="Say what must stay below it, such as `statistic: p95`.",
        )


def _quantiles(statistic: Statistic, worse: Worse) -> Iterable[float]:
    """Give the quantiles by the order of bins, of which a higher one is worse.

    What 95 % of the amounts are below is, turned round, what 5 % are above.
    """
    for quantile in _QUANTILES.get(statistic, ()):
        match worse:
            case Worse.HIGHER:
                yield quantile
            case Worse.LOWER if statistic is Statistic.DISTRIBUTION:
                yield quantile  # the median, and the bad tail
            case Worse.LOWER:
                yield round(1 - quantile, 3)
            case _:
                assert_never(worse)


def _margins(draft: _Draft) -> Rungs:
    margin, kind = draft.rule.margin, draft.measure.kind
    if margin is not None:
        own = as_losses(margin, kind, draft.worse)
        return own, own, own, own
    if not _is_less_feedback(draft):
        return LADDER[kind]
    first, second, third, strict = [
        as_losses(rung, kind, draft.worse) for rung in LESS_FEEDBACK
    ]
    return first, second, third, strict


def _tolerance(draft: _Draft) -> Margin:
    tolerance = tolerance_within(draft.rule.margin)
    if not _is_less_feedback(draft):
        return tolerance
    return as_losses(tolerance, draft.measure.kind, draft.worse)


def _is_less_feedback(draft: _Draft) -> bool:
    """Whether fewer of it are worse: few say anything, so silence is what is usual.

    A twentieth more of it would be all there is; limits are of what is said.
    """
    is_late = draft.rule.signal.startswith(FEEDBACK)
    return is_late and draft.worse is Worse.LOWER


def _required(plan: AnalysisPlan, around: Surroundings) -> tuple[int, ...]:
    cells = list(around.cells)
    for segment, value in plan.require_segments:
        if (segment, value) not in cells:
            raise BadConfiguration(
                f"Units are required where {segment} is {value}, which is not looked at.",
                remedy="Name a segment of the service and one of its values.",
            )
    return tuple(1 + cells.index(needed) for needed in plan.require_segments)
