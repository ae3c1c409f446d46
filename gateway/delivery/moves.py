"""The moves a rollout makes, whoever asked for them: into a step, to the end, down.

Each takes a standing and gives another; the machine settles what follows from a change
of phase (`settled`).
"""

from dataclasses import replace

from gateway.delivery import causes
from gateway.delivery.events import Moved
from gateway.delivery.steps import (
    bake_of,
    is_baking,
    planned_share,
    step_at,
    steps_of,
)
from gateway.domain.rollout import (
    Analyse,
    Pause,
    PauseReason,
    Phase,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Standing,
)
from gateway.domain.units import BUCKETS, Seconds, Share

_NONE = Share(0)
_START = Seconds(0.0)


def plan_of(standing: Standing) -> RolloutPlan:
    """Give the plan of a rollout that has begun.

    Raises:
        ValueError: None has begun, so that no move can be asked for.

    """
    if standing.plan is None:
        raise ValueError(standing.phase)
    return standing.plan


def next_place(standing: Standing) -> int:
    """Give the index of the step that comes next; their number: the bake."""
    return standing.step + 1 if standing.stage else standing.step


def go_on(standing: Standing, why: str) -> Moved:
    """Begin with what comes next: a step, the bake, or the end."""
    if is_baking(standing):
        return finish(standing, why)
    return enter(standing, next_place(standing), why)


def next_share(standing: Standing) -> Share:
    """Give the weight after what comes next has begun: by trying it."""
    return go_on(standing, "").standing.share


def enter(standing: Standing, step: int, why: str) -> Moved:
    """Begin with a step, or with the bake after the last one.

    A last weight of 100 % is the bake itself: without a baseline nothing is compared.
    """
    plan = plan_of(standing)
    kind = step_at(plan, step)
    is_end = step + 1 == len(steps_of(plan))
    if kind is None or (
        isinstance(kind, SetWeight) and kind.share >= plan.most and is_end
    ):
        return _bake(standing, why)
    begun = replace(
        standing,
        phase=Phase.PROGRESSING,
        step=step,
        stage=max(standing.stage, 1),
        in_step=_START,
        waited=_START,
    )
    told = f"{why} {causes.place(plan, step)}:"
    match kind:
        case SetWeight():
            return _weigh(begun, planned_share(plan, step), told)
        case Pause(duration=seconds):
            held = replace(begun, phase=Phase.PAUSED, pause=PauseReason.STEP)
            return Moved(
                standing=held, cause=f"{told} pause {causes.seconds_or_hand(seconds)}."
            )
        case Analyse():
            return Moved(standing=begun, cause=f"{told} analysis.")
        case SetHeaderRoute() | SetMirrorRoute():
            return _route(begun, kind, told)


def _weigh(begun: Standing, share: Share, told: str) -> Moved:
    weighed = replace(begun, share=share, stage=begun.stage + 1)
    return Moved(
        standing=weighed, cause=f"{told} {causes.weights(begun.share, share)}."
    )


def _route(begun: Standing, route: SetHeaderRoute | SetMirrorRoute, told: str) -> Moved:
    """Put a route into force in place of its namesake; an empty one takes it away.

    A mirror of a candidate without weight begins a stage: from then on pairs prove.
    """
    if isinstance(route, SetHeaderRoute):
        others = tuple(r for r in begun.header_routes if r.name != route.name)
        routed = replace(
            begun, header_routes=(*others, route) if route.match else others
        )
        what = causes.matches(route) or "nothing any more"
        return Moved(standing=routed, cause=f"{told} {what} goes to the candidate.")
    copies = tuple(r for r in begun.mirror_routes if r.name != route.name)
    copied = replace(
        begun,
        mirror_routes=(*copies, route) if route.share else copies,
        stage=begun.stage if begun.share else begun.stage + 1,
    )
    return Moved(
        standing=copied, cause=f"{told} {causes.percent(route.share)} is mirrored."
    )


def _bake(standing: Standing, why: str) -> Moved:
    """Give all but the hold-back to the candidate, for the last comparison."""
    plan = plan_of(standing)
    if not bake_of(plan):
        return finish(standing, why)
    share = planned_share(plan, len(steps_of(plan)))
    baking = replace(
        standing,
        phase=Phase.BAKING,
        step=len(steps_of(plan)),
        stage=standing.stage + 1,
        in_step=_START,
        waited=_START,
        share=share,
        mirror_routes=(),
        reverse_mirror=plan.reverse_mirror,
    )
    told = f"{causes.place(plan, baking.step)}: {causes.weights(standing.share, share)}"
    return Moved(standing=baking, cause=f"{why} {told}. {causes.protection(baking)}")


def finish(standing: Standing, why: str) -> Moved:
    """Promote: the candidate is the version that serves, and the next baseline."""
    promoted = replace(
        standing,
        phase=Phase.PROMOTED,
        step=len(steps_of(plan_of(standing))),
        share=Share(BUCKETS),
        header_routes=(),
        mirror_routes=(),
        reverse_mirror=_NONE,
        serves=standing.candidate,
    )
    return Moved(
        standing=promoted, cause=f"{why} Promoted: {standing.candidate} serves all."
    )


def hold(standing: Standing, reason: PauseReason) -> Standing:
    """Pause; what it was given it keeps."""
    return replace(standing, phase=Phase.PAUSED, pause=reason)


def back_to_step(standing: Standing, *, is_healthy: bool) -> Standing:
    """End a pause that was not in the plan: the step goes on where it was.

    A weight set by hand returns to the plan's; where that is higher and the candidate is
    not healthy, with the first tick that finds it so.
    """
    plan = plan_of(standing)
    back = replace(standing, phase=Phase.PROGRESSING, waited=_START)
    if not standing.stage:
        return back
    planned = planned_share(plan, standing.step)
    if is_healthy or planned < standing.share:
        back = replace(back, share=planned)
    if is_baking(standing):
        return replace(back, phase=Phase.BAKING)
    if isinstance(step_at(plan, standing.step), Pause):
        return hold(back, PauseReason.STEP)
    return back


def go_down(standing: Standing, ends_in: Phase) -> Standing:
    """Take the traffic back: by `rollback_steps` below where it is, else all at once.

    Routes and mirrors end at once in any case.
    """
    plan = plan_of(standing)
    lower = [s for s in plan.rollback_steps if 0 < s < standing.share]
    if not lower:
        return off(standing, ends_in)
    return replace(
        off(standing, Phase.ROLLING_BACK),
        share=max(lower),
        in_step=_START,
        waited=_START,
        ends_in=ends_in,
    )


def off(standing: Standing, phase: Phase) -> Standing:
    """Take everything from the candidate, and stay in this phase."""
    return replace(
        standing,
        phase=phase,
        share=_NONE,
        header_routes=(),
        mirror_routes=(),
        reverse_mirror=_NONE,
    )


def settled(before: Standing, after: Standing, cause: str) -> Standing:
    """Settle what follows from a move: a new phase's time, and no reason left over."""
    return replace(
        after,
        pause=after.pause if after.phase is Phase.PAUSED else None,
        ends_in=after.ends_in if after.phase is Phase.ROLLING_BACK else None,
        in_phase=after.in_phase if after.phase is before.phase else _START,
        cause=cause or after.cause,
    )
