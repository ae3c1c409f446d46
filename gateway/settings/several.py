"""Several candidates of one service: who they may be, and what a plan may ask for them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from gateway.domain.lane import largest_share
from gateway.domain.rollout import (
    MirrorLimits,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Step,
    Strategy,
)
from gateway.domain.units import BUCKETS, Share, percent_from_share
from gateway.settings.problem import Finding, Place, unknown

MOST_CANDIDATES: Final = 10
"""Each has a tenth of the keys then, and a tenth of alpha."""

_KEYS: Final = {SetHeaderRoute: "setHeaderRoute", SetMirrorRoute: "setMirrorRoute"}


def misfits(
    candidates: Sequence[str], versions: Sequence[str], baseline: str | None
) -> Iterator[Finding]:
    """Find candidates that cannot be; places are below the service."""
    for place, name in enumerate(candidates):
        at = ("candidates", place)
        if name not in versions:
            yield unknown("version", name, versions, at=at)
        elif name == baseline:
            yield Finding(
                what=f"found '{name}', which is the baseline.",
                remedy="Leave it out: it is in every comparison.",
                at=at,
            )
        elif name in candidates[:place]:
            yield Finding(what=f"found '{name}' twice.", remedy="Leave one out.", at=at)
    if len(candidates) > MOST_CANDIDATES:
        yield Finding(
            what=f"found {len(candidates)} candidates.",
            remedy=f"Write at most {MOST_CANDIDATES}: each has its part of the keys, and "
            "of alpha.",
            at=("candidates",),
        )


def beside(candidates: Sequence[str], candidate: str | None) -> Iterator[Finding]:
    """Find a candidate beside several."""
    if candidates and candidate is not None:
        yield Finding(
            what="found `candidates` beside `candidate`.",
            remedy="Write one of the two.",
            at=("candidates",),
        )


def unled(candidates: Sequence[str], strategy: str | None) -> Iterator[Finding]:
    """Find several candidates that no plan for several leads.

    Args:
        candidates: Two or more.
        strategy: Of the rollout; None: there is none.

    """
    if strategy == Strategy.AB.value:
        return
    found = "no rollout" if strategy is None else f"strategy {strategy}"
    yield Finding(
        what=f"found {len(candidates)} candidates and {found}: only an ab compares "
        "several at the same time.",
        remedy="Write `rollout: {strategy: ab}`, or one `candidate`.",
        at=("candidates",),
    )


def in_lanes(
    plan: RolloutPlan, candidates: tuple[str, ...], *, has_steps: bool
) -> RolloutPlan:
    """Give an ab's plan as it is for each of several candidates.

    Each has its part of alpha, so that the whole keeps its promise. Where no steps are
    written, candidates and baseline have the same.
    """
    alike = SetWeight(share=Share(BUCKETS // (len(candidates) + 1)))
    steps: tuple[Step, ...] = plan.steps if has_steps else (alike,)
    alpha = plan.analysis.alpha / len(candidates)
    return replace(
        plan,
        steps=steps,
        analysis=replace(plan.analysis, alpha=alpha),
        lanes=candidates,
    )


def crowded(plan: RolloutPlan) -> Iterator[Finding]:
    """Find what several candidates cannot have; places are below `rollout`."""
    yield from _mirrored(plan)
    yield from _too_much(plan)
    for place, step in enumerate(plan.steps):
        if key := _KEYS.get(type(step)):
            yield Finding(
                what=f"found {key} beside {len(plan.lanes)} candidates, and it does not "
                "say to which of them.",
                remedy="Remove it; or compare one `candidate` at a time.",
                at=("steps", place, key),
            )


def _mirrored(plan: RolloutPlan) -> Iterator[Finding]:
    count, usual = len(plan.lanes), MirrorLimits()
    if plan.reverse_mirror:
        yield Finding(
            what=f"found mirror.reverse beside {count} candidates, and it does not say "
            "from which of them.",
            remedy="Remove it; or compare one `candidate` at a time.",
            at=("mirror", "reverse"),
        )
    for name in ("concurrency", "tokens_per_minute", "control"):
        if getattr(plan.mirror, name) != getattr(usual, name):
            yield Finding(
                what=f"found a limit for copies beside {count} candidates, of which "
                "there are none.",
                remedy="Remove it; or compare one `candidate` at a time.",
                at=("mirror", name),
            )


def _too_much(plan: RolloutPlan) -> Iterator[Finding]:
    """Find weights of all that a lane has, or more."""
    weights: list[tuple[Share, Place]] = [
        (step.share, ("steps", place, "setWeight"))
        for place, step in enumerate(plan.steps)
        if isinstance(step, SetWeight)
    ]
    weights += [
        (share, ("rollback_steps", place))
        for place, share in enumerate(plan.rollback_steps)
    ]
    most = percent_from_share(largest_share(len(plan.lanes)))
    for share, at in weights:
        if share >= plan.most:
            yield Finding(
                what=f"found {percent_from_share(share):g} percent for each of "
                f"{len(plan.lanes)} candidates, which leaves the baseline none to "
                "compare with.",
                remedy=f"Write less than {most:g}: percent are of the whole service.",
                at=at,
            )
