"""How what guards a rollout is compared: each rule, whole and with limits that make sense.

What a rule leaves out is what its signal says of itself, so that the plan is whole when
it is frozen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.answers.signal import Kind
from gateway.domain.evaluation import GIVES
from gateway.domain.rollout import (
    FEEDBACK,
    Margin,
    MetricRule,
    OnFailure,
    Statistic,
    Worse,
)
from gateway.settings import quantities
from gateway.settings.guards import OWN, Measure, Measured
from gateway.settings.problem import Finding, Wrong, raise_all, shown, unknown

TOLERANCE: Final = Margin(relative=0.05, absolute=0.0005)
"""What a candidate may be worse without a rollback; lies inside every margin
(statistics section 2, the indifference zone)."""

_LARGEST: Final = 1e12

STATISTICS: Final[Mapping[Kind, tuple[Statistic, ...]]] = MappingProxyType({
    Kind.FLAG: (Statistic.RATE,),
    Kind.SCORE: (Statistic.MEAN,),
    Kind.AMOUNT: (
        Statistic.DISTRIBUTION,
        Statistic.P50,
        Statistic.P95,
        Statistic.P99,
    ),
})
"""How a signal of each kind can be compared; the first is what is done unasked."""

_PARTS: Final = frozenset({Statistic.RATE, Statistic.MEAN})  # from 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule as it was written; None: not written. See domain.rollout.MetricRule."""

    signal: str
    statistic: Statistic | None = None
    worse: Worse | None = None
    importance: float = 1.0
    relative: float | None = None
    absolute: float | str | None = None
    on_failure: OnFailure = OnFailure.ROLLBACK
    ceiling: float | str | None = None


def completed(drafts: Iterable[Draft], measured: Measured) -> tuple[MetricRule, ...]:
    """Complete the rules of a plan.

    Raises:
        Wrong: With all that is wrong with any of them; places begin with its number.

    """
    rules: list[MetricRule] = []
    findings: list[Finding] = []
    for place, draft in enumerate(drafts):
        try:
            rule = _completed(draft, measured)
            raise_all(_again(rule, rules))
            rules.append(rule)
        except Wrong as error:
            findings += [finding.below(place) for finding in error.findings]
    raise_all(findings)
    return tuple(rules)


def _again(rule: MetricRule, earlier: list[MetricRule]) -> Iterable[Finding]:
    for other in earlier:
        if (rule.signal, rule.statistic) == (other.signal, other.statistic):
            yield Finding(
                what=f"found the {rule.statistic} of {rule.signal} again.",
                remedy="Keep one: counted twice, it would halve its own alpha.",
                at=("signal",),
            )


def _completed(draft: Draft, measured: Measured) -> MetricRule:
    measure = measured.measure(draft.signal)
    if measure is None:
        raise Wrong(_unmeasured(draft.signal, measured))
    raise_all(_without_data(draft.signal, measure, measured))
    raise_all([*_unsaid(draft, measure), *_unfit(draft, measure)])
    kind = measure.kind
    statistic = draft.statistic or (STATISTICS[kind][0] if kind else None)
    worse = draft.worse or measure.worse
    if statistic is None or worse is None:
        raise AssertionError(draft)  # _unsaid has refused it
    margin, ceiling = _limits(draft, statistic, worse, is_time=measure.is_time)
    return MetricRule(
        signal=draft.signal,
        statistic=statistic,
        worse=worse,
        importance=draft.importance,
        margin=margin,
        on_failure=draft.on_failure,
        ceiling=ceiling,
    )


def _unmeasured(signal: str, measured: Measured) -> Finding:
    if signal in OWN:
        return Finding(
            what=f"found '{signal}', which is not measured in this service.",
            remedy="Add it to `signals.names` of the service, or remove it here.",
            at=("signal",),
        )
    name = signal.removeprefix(FEEDBACK)
    if name == signal and GIVES in signal:
        return _ungiven(signal, measured)
    if name != signal and measured.feedback:
        return unknown("feedback", name, measured.feedback, at=("signal",))
    if name != signal:
        return Finding(
            what=f"found feedback named {shown(name)}.",
            remedy="Write 1 to 64 of a-z, 0-9 and _ after feedback:.",
            at=("signal",),
        )
    return unknown("signal", signal, measured.names(), at=("signal",))


def _ungiven(signal: str, measured: Measured) -> Finding:
    """Say that no evaluator gives a score of this name."""
    return unknown(
        "score",
        signal,
        measured.scores,
        none="The service has no `evaluators`: add one, or remove it here.",
        at=("signal",),
    )


def _without_data(
    signal: str, measure: Measure, measured: Measured
) -> Iterable[Finding]:
    if measure.is_read and not measured.is_read:
        yield Finding(
            what=f"found '{signal}', and answers of this service are not read.",
            remedy="Remove it, or write another `dialect` than plain.",
            at=("signal",),
        )
    elif signal == "cost" and not measured.is_priced:
        yield Finding(
            what="found 'cost', and nobody said what tokens cost.",
            remedy="Give the baseline and the candidate a `price`, or remove it.",
            at=("signal",),
        )


def _unsaid(draft: Draft, measure: Measure) -> Iterable[Finding]:
    if measure.kind is None and draft.statistic is None:
        yield Finding(
            what=f"missing: what '{draft.signal}' is, only the model server knows.",
            remedy="Write `statistic: rate` for a flag, mean for a score from 0 to 1, "
            "or distribution for an amount.",
            at=("statistic",),
        )
    if measure.worse is None and draft.worse is None:
        yield Finding(
            what=f"missing: '{draft.signal}' is not bad news by itself.",
            remedy="Write `worse: higher` or `worse: lower`.",
            at=("worse",),
        )


def _unfit(draft: Draft, measure: Measure) -> Iterable[Finding]:
    kind, statistic = measure.kind, draft.statistic
    if kind is None or statistic is None or statistic in STATISTICS[kind]:
        return
    fitting = ", ".join(STATISTICS[kind])
    yield Finding(
        what=f"found {statistic} of '{draft.signal}', which is {_A_KIND[kind]}.",
        remedy=f"Write {'one of: ' if ',' in fitting else ''}{fitting}; or leave it out.",
        at=("statistic",),
    )


_A_KIND: Final[Mapping[Kind, str]] = {
    Kind.FLAG: "a flag",
    Kind.SCORE: "a score",
    Kind.AMOUNT: "an amount",
}


def _limits(
    draft: Draft, statistic: Statistic, worse: Worse, *, is_time: bool
) -> tuple[Margin | None, float | None]:
    is_part = statistic in _PARTS
    absolute = _in_unit(draft.absolute, ("margin", "absolute"), is_time=is_time)
    ceiling = _in_unit(draft.ceiling, ("ceiling",), is_time=is_time)
    margin = None
    if draft.relative is not None or absolute is not None:
        margin = Margin(relative=draft.relative or 0.0, absolute=absolute or 0.0)
        raise_all(_narrow(margin, worse, is_part=is_part))
    if ceiling is not None:
        raise_all(_senseless(ceiling, draft, statistic, worse))
    return margin, ceiling


def _in_unit(
    value: float | str | None, at: tuple[str, ...], *, is_time: bool
) -> float | None:
    """Read a limit in the unit of its signal. Raises Wrong."""
    if value is None:
        return None
    read = quantities.wait if is_time else quantities.number(0, _LARGEST)
    try:
        return read(value)
    except Wrong as error:
        raise Wrong(*(finding.below(*at) for finding in error.findings)) from None


def _narrow(margin: Margin, worse: Worse, *, is_part: bool) -> Iterable[Finding]:
    is_wide = margin.relative > TOLERANCE.relative
    if is_part and margin.absolute >= 1:
        yield Finding(
            what=f"found {margin.absolute:g}, which is all there is.",
            remedy="Write a part of one: 0.005 is half a point of a rate.",
            at=("margin", "absolute"),
        )
    elif worse is Worse.LOWER and margin.relative >= 1:
        yield Finding(
            what=f"found {margin.relative:g}: a candidate without any would pass.",
            remedy="Write a part of one: 0.25 is a quarter less.",
            at=("margin", "relative"),
        )
    elif not (is_wide or (is_part and margin.absolute > TOLERANCE.absolute)):
        yield Finding(
            what=f"found {_said(margin)}, which is no more than the tolerance of the "
            f"rollback ({_said(TOLERANCE) if is_part else '0.05 relative'}).",
            remedy="Write a wider one, such as {relative: 0.25, absolute: 0.005}."
            if is_part
            else "Write a wider one, such as {relative: 0.20}.",
            at=("margin",),
        )


def _said(margin: Margin) -> str:
    return f"{margin.relative:g} relative and {margin.absolute:g} absolute"


def _senseless(
    ceiling: float, draft: Draft, statistic: Statistic, worse: Worse
) -> Iterable[Finding]:
    at = ("ceiling",)
    if statistic is Statistic.DISTRIBUTION:
        yield Finding(
            what=f"found a ceiling of '{draft.signal}' as a whole.",
            remedy="Write what must stay below it beside it, such as `statistic: p95`.",
            at=at,
        )
    elif worse is Worse.LOWER:
        yield Finding(
            what=f"found a ceiling of '{draft.signal}', where less is worse: that is "
            "not available yet.",
            remedy="Remove it; the comparison with the baseline guards it.",
            at=at,
        )
    elif ceiling <= 0 or (statistic in _PARTS and ceiling >= 1):
        is_part = statistic in _PARTS
        yield Finding(
            what=f"found {shown(draft.ceiling)}.",
            remedy="Write a part of one between 0 and 1: 0.05 is 5 %."
            if is_part
            else "Write what it may reach, more than 0.",
            at=at,
        )
