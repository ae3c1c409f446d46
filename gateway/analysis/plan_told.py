"""The outlook on a rollout in words: what `check`, `start` and `simulate` print."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.analysis.after_switch import PairsFind
from gateway.analysis.design import Design, Kind
from gateway.analysis.plan import Find, MetricOutlook, Outlook, StepOutlook
from gateway.domain.rollout import Margin, Strategy
from gateway.domain.units import Seconds, percent_from_share

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0
_SOME_HOURS: Final = 10
_BRIEFLY: Final = 3  # the faults of one rate
_TIMES: Final = "\N{MULTIPLICATION SIGN}"


def tell(
    ahead: Outlook, design: Design, *, candidate: str, is_brief: bool = False
) -> tuple[str, ...]:
    """Say what a rollout will need, a line each, the most important first.

    Args:
        ahead: See outlook.
        design: That it was made from.
        candidate: The version's name.
        is_brief: A line for each step, and none for each metric in it.

    """
    kinds = {metric.name: metric.kind for metric in design.metrics}
    unit = "requests" if design.by_request else "keys"
    lines = [_whole(ahead, candidate), *_warnings(ahead, kinds, unit)]
    asked = {metric.metric for step in ahead.steps for metric in step.metrics}
    late = [each.name for each in design.metrics if each.is_late and each.name in asked]
    lines += [_not_before(late, design)] if late else []
    for number, step in enumerate(ahead.steps, start=1):
        name = f"step {number}"
        if ahead.strategy is Strategy.BLUE_GREEN:
            name = "the watch"
        lines.append(f"{name}, {', '.join(_step(step, kinds, unit))}")
        if not is_brief:
            lines += [_metric(metric, kinds, unit) for metric in step.metrics]
    if ahead.strategy is not Strategy.AB:
        lines += _after(ahead, candidate, is_brief=is_brief)
    return tuple(lines)


def _after(ahead: Outlook, candidate: str, *, is_brief: bool) -> Iterator[str]:
    """Say what protects the time after the last step."""
    after = ahead.after
    name = "the watch" if ahead.strategy is Strategy.BLUE_GREEN else "the bake"
    if not after.lasts:
        yield f"{name} is over at once: what happens at 100 % is not protected by alpha."
        return
    if not after.reverse_mirror:
        if not after.holdback:
            yield f"{name}, 100 %: nothing is compared, it is not protected by alpha."
        return
    share = percent_from_share(after.reverse_mirror)
    yield (
        f"{name}, by reversed pairs: copies of {share:g} % of the requests to {candidate}"
        f", as far as `mirror` allows; {_found_by_pairs(after.finds[:_BRIEFLY])}"
    )
    if not is_brief:
        for metric in dict.fromkeys(find.metric for find in after.finds):
            finds = [find for find in after.finds if find.metric == metric]
            yield f"  {_found_by_pairs(finds)}"


def _found_by_pairs(finds: Sequence[PairsFind]) -> str:
    if not finds:
        return "no metric goes by them"
    told = ", ".join(
        f"{find.fault} never (tolerated)"
        if find.pairs is None
        else f"{find.fault} after {find.pairs:,} pairs"
        for find in finds
    )
    return f"{finds[0].metric}: finds {told}"


def _whole(ahead: Outlook, candidate: str) -> str:
    if ahead.strategy is Strategy.AB:
        return f"{candidate} stays at its weight until somebody decides."
    if ahead.unprovable:
        return f"{candidate} will not reach 100 % by evidence with this plan."
    by_hand = ", not counting pauses that end by hand" if ahead.waits_for_hands else ""
    if ahead.duration is None:
        return f"An equal {candidate} needs so much evidence{by_hand}:"
    lasts = told_duration(ahead.duration)
    return f"An equal {candidate} reaches 100 % after about {lasts}{by_hand}."


def _warnings(ahead: Outlook, kinds: dict[str, Kind], unit: str) -> Iterator[str]:
    for step, metric in ahead.unprovable:
        yield _unproven(step, metric, kinds[metric.metric], unit)
    for share, chance in ahead.nobody:
        yield (
            f"At {percent_from_share(share):g} % there is a {chance:.0%} chance that "
            "nobody is on the candidate. Begin with a higher weight."
        )


def _not_before(late: list[str], design: Design) -> str:
    after = told_duration(design.feedback_deadline)
    return (
        f"{' and '.join(late)}: known {after} after each answer (feedback.deadline). No "
        "step passes before that."
    )


def _unproven(step: StepOutlook, metric: MetricOutlook, kind: Kind, unit: str) -> str:
    weight = f"{percent_from_share(step.share):g} %"
    margin = told_margin(metric.margin, kind)
    if metric.units is None:
        return (
            f"{metric.metric} within {margin} cannot be proven at {weight} at all. "
            "Give it a wider margin."
        )
    if metric.is_too_late:
        return (
            f"{metric.metric} is known {told_duration(metric.known_after)} after an "
            f"answer, and by then step_timeout is over at {weight}. "
            "Write a longer step_timeout or a shorter feedback.deadline."
        )
    most = step.most_units
    there = "more than come within step_timeout"
    if most is not None and metric.units > most:
        there = f"there will be {most:,}"
    way_out = "Give it a wider margin, another weight or a longer step_timeout."
    if metric.smallest is not None:
        narrowest = told_margin(metric.smallest, kind)
        way_out = f"What can be proven is {narrowest}."
    return (
        f"{metric.metric} within {margin} needs {metric.units:,} {unit} on the candidate "
        f"at {weight}, {there}. {way_out}"
    )


def _step(step: StepOutlook, kinds: dict[str, Kind], unit: str) -> Iterator[str]:
    yield f"{percent_from_share(step.share):g} %"
    if step.units_per_hour is not None:
        yield f"about {_about(step.units_per_hour)} {unit} an hour on the candidate"
    provable = [
        (metric.units, metric)
        for metric in step.metrics
        if metric.units and metric.is_asked
    ]
    if provable:
        units, slowest = max(provable, key=lambda found: found[0])
        margin = told_margin(slowest.margin, kinds[slowest.metric])
        yield f"proof with {units:,} {unit} on it (slowest: {slowest.metric}, {margin})"
    if step.duration:
        yield f"ends after about {told_duration(step.duration)}"


def _metric(metric: MetricOutlook, kinds: dict[str, Kind], unit: str) -> str:
    margin = told_margin(metric.margin, kinds[metric.metric])
    needed = "never" if metric.units is None else f"with {metric.units:,} {unit}"
    return (
        f"  {metric.metric}: proves {margin} {needed}{_in(metric.duration)}; "
        f"finds {_finds(metric, unit)}"
    )


def _finds(metric: MetricOutlook, unit: str) -> str:
    return ", ".join(_find(find, unit) for find in metric.finds) or "nothing"


def _find(find: Find, unit: str) -> str:
    if find.units is None:
        return f"{find.fault} never (tolerated)"
    return f"{find.fault} after {find.units:,} {unit}{_in(find.duration)}"


def _in(duration: Seconds | None) -> str:
    return "" if duration is None else f" ({told_duration(duration)})"


def told_margin(margin: Margin, kind: Kind) -> str:
    """Say a margin as people do: x1.5 + 1 pp."""
    parts = []
    if margin.relative or not margin.absolute:
        parts.append(f"{_TIMES}{1 + margin.relative:.3g}")
    if margin.absolute and kind is Kind.RATE:
        parts.append(f"{100 * margin.absolute:.2g} pp")
    elif margin.absolute:
        parts.append(f"{margin.absolute:.2g}")
    return " + ".join(parts)


def told_duration(seconds: Seconds) -> str:
    """Say a duration in two words, as exact as it is known."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        hours = seconds / _HOUR
        return f"{hours:.1f} h" if hours < _SOME_HOURS else f"{hours:.0f} h"
    return f"{seconds / _DAY:.1f} days"


def _about(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= _SOME_HOURS else f"{amount:.2g}"
