"""Whether the steps of a plan lead from no traffic to all of it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from gateway.delivery.steps import PREVIEW, bake_of
from gateway.domain.rollout import (
    DEFAULT_STEPS,
    Advance,
    Analyse,
    Pause,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Step,
    Strategy,
)
from gateway.domain.units import BUCKETS, Share, percent_from_share
from gateway.settings.problem import Finding, unknown

MOST_STEPS: Final = 100

USUAL_STEPS: Final[Mapping[Strategy, tuple[Step, ...]]] = {
    Strategy.CANARY: DEFAULT_STEPS,
    Strategy.BLUE_GREEN: PREVIEW,
    Strategy.AB: (SetWeight(share=Share(50_000)),),
}
"""What is done where no steps are written."""


def misfits(plan: RolloutPlan) -> Iterable[Finding]:
    """Find steps that do not lead on; places are below `rollout`."""
    for finding in (*_strategy(plan), *_routes(plan.steps), *_waits(plan)):
        yield finding.below("steps")
    yield from _advance(plan)
    yield from _holdback(plan)
    yield from _reverse(plan)
    yield from _way_down(plan.rollback_steps)


def _weights(steps: Sequence[Step]) -> list[tuple[int, Share]]:
    return [
        (n, step.share) for n, step in enumerate(steps) if isinstance(step, SetWeight)
    ]


def _strategy(plan: RolloutPlan) -> Iterable[Finding]:
    weights = _weights(plan.steps)
    if plan.strategy is Strategy.BLUE_GREEN:
        yield from (_no_weight(place) for place, _share in weights)
    elif not any(0 < share < BUCKETS for _place, share in weights):
        yield Finding(
            what="found no setWeight between 0 and 100: nothing would be compared.",
            remedy="Write at least one, such as `- setWeight: 5`.",
        )
    elif plan.strategy is Strategy.AB:
        yield from _fixed(weights)
    else:
        yield from _fallen(weights)


def _advance(plan: RolloutPlan) -> Iterable[Finding]:
    if plan.strategy is Strategy.AB and plan.advance is Advance.TIME:
        yield Finding(
            what="found advance: time in an ab plan, which people end, and no time.",
            remedy="Remove it; or write `strategy: canary`.",
            at=("advance",),
        )


def _no_weight(place: int) -> Finding:
    return Finding(
        what="found a weight in a blue-green plan, which switches at once.",
        remedy="Remove it; or write `strategy: canary`.",
        at=(place, "setWeight"),
    )


def _fixed(weights: Sequence[tuple[int, Share]]) -> Iterable[Finding]:
    for place, _share in weights[1:]:
        yield Finding(
            what="found a second weight in an ab plan, which holds at its weight.",
            remedy="Keep one; or write `strategy: canary`.",
            at=(place, "setWeight"),
        )


def _fallen(weights: Sequence[tuple[int, Share]]) -> Iterable[Finding]:
    for (_, before), (place, share) in pairwise(weights):
        if share <= before:
            yield Finding(
                what=f"found {_percent(share)} percent after {_percent(before)}.",
                remedy="Write weights that rise; the way down is `rollback_steps`.",
                at=(place, "setWeight"),
            )


def _routes(steps: Sequence[Step]) -> Iterable[Finding]:
    for kind, key in (
        (SetHeaderRoute, "setHeaderRoute"),
        (SetMirrorRoute, "setMirrorRoute"),
    ):
        there: set[str] = set()
        for place, step in enumerate(steps):
            if not isinstance(step, kind):
                continue
            if _is_set(step):
                there.add(step.name)
            elif step.name not in there:
                yield unknown(
                    "route",
                    step.name,
                    sorted(there),
                    none="It would be removed here, and no step above sets it.",
                    at=(place, key, "name"),
                )


def _is_set(step: SetHeaderRoute | SetMirrorRoute) -> bool:
    return bool(step.match if isinstance(step, SetHeaderRoute) else step.share)


def _waits(plan: RolloutPlan) -> Iterable[Finding]:
    """Find weights that time alone would run through."""
    if plan.advance is not Advance.TIME or plan.strategy is not Strategy.CANARY:
        return
    weights = _weights(plan.steps)
    ends = [*(place for place, _share in weights[1:]), len(plan.steps)]
    for (place, share), end in zip(weights, ends, strict=True):
        behind = plan.steps[place:end]
        if share < BUCKETS and not any(isinstance(s, Pause | Analyse) for s in behind):
            yield Finding(
                what=f"found {_percent(share)} percent with no pause behind it, where "
                "time ends a step (advance: time).",
                remedy="Write `- pause: {duration: 10m}` behind it, or "
                "`advance: evidence`.",
                at=(place, "setWeight"),
            )


def _holdback(plan: RolloutPlan) -> Iterable[Finding]:
    held, at = plan.analysis.holdback, ("analysis", "holdback")
    if plan.strategy is Strategy.AB:
        return  # it ends as it is
    if held > BUCKETS // 2:
        yield Finding(
            what=f"found {_percent(held)} percent.",
            remedy="Write at most 50: after the last step the candidate has the rest.",
            at=at,
        )
    elif not (held or plan.reverse_mirror) and (lasts := bake_of(plan)):
        name = _last(plan)
        yield Finding(
            what=f"found 0 percent for {lasts:g} seconds ({name}), in which nothing "
            "could be compared.",
            remedy=f"Write a few percent; or `mirror: {{reverse: 10}}`, which compares "
            f"with copies; or `{name}: 0s`.",
            at=at,
        )
    highest = max((s for _, s in _weights(plan.steps) if s < BUCKETS), default=0)
    if plan.analysis.bake and highest > BUCKETS - held >= BUCKETS // 2:
        yield Finding(
            what=f"found {_percent(held)} percent, with a step at "
            f"{_percent(Share(highest))}, which leaves the baseline less than that.",
            remedy=f"Write at most {_percent(Share(BUCKETS - highest))}.",
            at=at,
        )


def _reverse(plan: RolloutPlan) -> Iterable[Finding]:
    if plan.reverse_mirror and not bake_of(plan):
        name = _last(plan)
        yield Finding(
            what=f"found {_percent(plan.reverse_mirror)} percent for the time after the "
            f"last step, which is over at once (`{name}: 0s`).",
            remedy=f"Remove it; or write `{name}: 10m`.",
            at=("mirror", "reverse"),
        )


def _last(plan: RolloutPlan) -> str:
    """Name the time after the last step, as it is set."""
    return "watch" if plan.strategy is Strategy.BLUE_GREEN else "bake"


def _way_down(shares: Sequence[Share]) -> Iterable[Finding]:
    for place, share in enumerate(shares):
        if not 0 < share < BUCKETS:
            yield Finding(
                what=f"found {_percent(share)} percent.",
                remedy="Write weights between 0 and 100; 0 is the end of them all.",
                at=("rollback_steps", place),
            )
        elif place and share >= shares[place - 1]:
            yield Finding(
                what=f"found {_percent(share)} percent after "
                f"{_percent(shares[place - 1])}.",
                remedy="Write weights that fall.",
                at=("rollback_steps", place),
            )


def _percent(share: Share) -> str:
    return f"{percent_from_share(share):.6g}"
