"""What each step of a plan asks before it ends, and which weight it stands for.

Steps and their meanings are Argo Rollouts' (docs/features/specification: canary steps),
but that a weight is held until it is proven. The strategies differ in three places only,
all of them here: which steps there are, whether a weight's step ends by itself, and how
long the last comparison is.
"""

from typing import Final, NamedTuple

from gateway.domain.rollout import (
    Advance,
    Analyse,
    Pause,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Standing,
    Step,
    Strategy,
)
from gateway.domain.units import BUCKETS, Seconds, Share

PREVIEW: Final[tuple[Step, ...]] = (
    SetMirrorRoute(name="preview", share=Share(BUCKETS)),
    Analyse(),
)
"""What a blue-green rollout does before the switch, where the plan says nothing: copy
what the mirror's limits allow, and compare the pairs."""

_AT_ONCE: Final = Seconds(0.0)


class Hold(NamedTuple):
    """What is asked before a step ends.

    Attributes:
        least: Seconds in it.
        needs_units: Whether the candidate needs its minimum of units, and the baseline
            any: nothing passes by time alone that could have been compared.
        needs_proof: Whether every metric must be proven.
        ends_when_proven: Proof ends it before `least` too.
        ends: False: only people end it.
        patient_for: Seconds in it before the step timeout begins to count.

    """

    least: Seconds = _AT_ONCE
    needs_units: bool = False
    needs_proof: bool = False
    ends_when_proven: bool = False
    ends: bool = True
    patient_for: Seconds = _AT_ONCE


def steps_of(plan: RolloutPlan) -> tuple[Step, ...]:
    """Give the steps before the bake; of blue-green, those before the switch.

    A blue-green candidate has no weight before the switch: steps that set one are left
    out, and where nothing is left it is PREVIEW.
    """
    if plan.strategy is not Strategy.BLUE_GREEN:
        return plan.steps
    return tuple(s for s in plan.steps if not isinstance(s, SetWeight)) or PREVIEW


def bake_of(plan: RolloutPlan) -> Seconds:
    """Give how long the last comparison is: the bake, or the watch after a switch."""
    analysis = plan.analysis
    return analysis.watch if plan.strategy is Strategy.BLUE_GREEN else analysis.bake


def planned_share(plan: RolloutPlan, step: int) -> Share:
    """Give the weight the plan has at this step; its length: in the bake.

    100 % is for promoted candidates: until then the baseline keeps `holdback`, without
    which there would be nothing to compare with. Of several candidates each has its lane
    at most, and the baseline its part of that.
    """
    steps = steps_of(plan)
    most = plan.most - plan.most * plan.analysis.holdback // BUCKETS
    weights = [s.share for s in steps[: step + 1] if isinstance(s, SetWeight)]
    share = weights[-1] if weights else 0
    if step >= len(steps):
        share = max(share, most)
    return Share(most if share >= plan.most else share)


def is_compared(plan: RolloutPlan, share: Share) -> bool:
    """Whether both versions have units of their own at this weight."""
    return 0 < share < plan.most


def is_baking(standing: Standing) -> bool:
    """Whether all steps are behind it and the bake is not, paused or not."""
    plan = standing.plan
    return plan is not None and standing.step >= len(steps_of(plan))


def step_at(plan: RolloutPlan, step: int) -> Step | None:
    """Give a step; None after the last."""
    steps = steps_of(plan)
    return steps[step] if step < len(steps) else None


def hold_of(plan: RolloutPlan, step: int) -> Hold:
    """Give what the step at this place asks before it ends; its length: the bake."""
    kind = step_at(plan, step)
    if isinstance(kind, SetHeaderRoute | SetMirrorRoute):
        return Hold()
    if isinstance(kind, SetWeight):
        return _of_weight(plan, kind, step_at(plan, step + 1))
    if isinstance(kind, Analyse):
        return _of_analysis(kind)
    has_pairs = kind is None and plan.reverse_mirror > 0
    duration = bake_of(plan) if kind is None else kind.duration
    if duration is None:
        return Hold(ends=False)
    is_coin = is_compared(plan, planned_share(plan, step))
    return _timed(duration, needs_units=has_pairs or is_coin)


def _of_analysis(step: Analyse) -> Hold:
    if step.duration is None:
        return Hold(needs_units=True, needs_proof=True)
    return _timed(step.duration, needs_units=True)._replace(ends_when_proven=True)


def _timed(duration: Seconds, *, needs_units: bool) -> Hold:
    return Hold(least=duration, needs_units=needs_units, patient_for=duration)


def _of_weight(plan: RolloutPlan, step: SetWeight, following: Step | None) -> Hold:
    """Say what a weight's step asks.

    At 0 there is nothing to compare, and of 100 % the bake is the comparison. By time,
    what stands behind the weight does the waiting; where nothing does, it is `dwell`.
    """
    dwell = plan.analysis.dwell
    if plan.strategy is Strategy.AB:
        return Hold(needs_units=True, needs_proof=True, ends=False)
    if not is_compared(plan, step.share):
        return Hold(least=dwell if step.share else _AT_ONCE)
    if plan.advance is Advance.EVIDENCE:
        return Hold(least=dwell, needs_units=True, needs_proof=True)
    if isinstance(following, Pause | Analyse):
        return Hold()
    return Hold(least=dwell, needs_units=True)
