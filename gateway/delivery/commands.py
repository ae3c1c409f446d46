"""The rules for what people do, and for what the configuration does.

Refusals here are those that depend on more than the phase; each says why in a sentence,
and the machine adds what is possible.
"""

from dataclasses import replace
from typing import Final

from gateway.delivery import causes
from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    JudgeChanged,
    Killed,
    Moved,
    Promoted,
    Redefined,
    Resumed,
    Retried,
    Started,
    WeightSet,
)
from gateway.delivery.moves import (
    back_to_step,
    finish,
    go_down,
    go_on,
    hold,
    next_share,
    off,
    plan_of,
)
from gateway.delivery.steps import planned_share
from gateway.domain.rollout import TERMINAL, PauseReason, Phase, Standing
from gateway.domain.units import Share

AS_GOOD_AS_BY_HAND: Final = frozenset({PauseReason.INTEGRITY, PauseReason.OPERATOR})
"""Pauses that a pause by hand adds nothing to: they do not end by themselves."""


def start(standing: Standing, event: Started) -> Moved:
    """Begin: no weight yet, the next tick enters the first step."""
    begun = Standing(
        phase=Phase.PROGRESSING,
        attempt=standing.attempt + 1,
        baseline=event.baseline,
        filed=event.filed or event.baseline,
        against=event.against,
        candidate=event.candidate,
        definition=event.definition,
        plan=event.plan,
        plan_hash=event.plan_hash,
        salt=event.salt,
        serves=standing.serves,
        outlived=tuple(v for v in standing.outlived if v != event.candidate),
    )
    what = f"{event.candidate} against {event.baseline}"
    return Moved(standing=begun, cause=f"Attempt {begun.attempt} begins: {what}.")


def is_the_same_again(standing: Standing, event: Started) -> str:
    """Say why a terminal phase stays: this candidate was already judged."""
    same = (standing.candidate, standing.definition)
    if standing.phase not in TERMINAL or same != (event.candidate, event.definition):
        return ""
    if standing.phase is Phase.PROMOTED:
        return f"{event.candidate} is promoted already, as it is defined now."
    return (
        f"{event.candidate} was {standing.phase.replace('_', ' ')} as it is defined now;"
        " `retry` tries the same once more."
    )


def retry(standing: Standing, event: Retried) -> Moved:
    """Begin once more, at weight 0, with fresh coins."""
    again = Started(
        plan=event.plan,
        plan_hash=event.plan_hash,
        baseline=event.baseline or standing.baseline,
        candidate=standing.candidate,
        definition=event.definition,
        salt=event.salt,
        filed=event.filed or standing.filed,
        against=event.against,
    )
    return start(standing, again)


def pause(standing: Standing, _event: Event) -> Moved:
    """Pause by hand. A pause that says more than that keeps its reason."""
    if standing.pause in AS_GOOD_AS_BY_HAND:
        return Moved(standing=standing)
    return Moved(
        standing=hold(standing, PauseReason.OPERATOR),
        cause=f"Paused by hand at {causes.percent(standing.share)}.",
    )


def resume(standing: Standing, event: Resumed) -> Moved:
    """End a pause: one of the plan is passed, after any other the step goes on."""
    if standing.pause is PauseReason.STEP:
        return go_on(standing, "Resumed by hand.")
    back = back_to_step(standing, is_healthy=event.is_healthy)
    change = causes.weights(standing.share, back.share)
    where = causes.place(plan_of(standing), standing.step)
    return Moved(standing=back, cause=f"Resumed by hand. {where} goes on: {change}.")


def cannot_resume(standing: Standing, event: Resumed) -> str:
    """Say why it stays paused."""
    if standing.void is not None:
        return f"Nothing can be proven any more in this attempt: {standing.void}"
    if standing.pause is PauseReason.STEP:
        return _too_ill(standing, is_healthy=event.is_healthy)
    return ""


def promote(standing: Standing, event: Promoted) -> Moved:
    """Pass the step, or all of them, whatever is proven.

    Where nothing can be proven it goes on step by step, by hand alone.
    """
    if event.is_full:
        return finish(standing, "Promoted in full by hand.")
    moved = go_on(standing, "Promoted by hand.")
    if standing.void is None or moved.standing.phase is Phase.PROMOTED:
        return moved
    return replace(moved, standing=hold(moved.standing, PauseReason.INTEGRITY))


def cannot_promote(standing: Standing, event: Promoted) -> str:
    """Say why its weight cannot rise."""
    return "" if event.is_full else _too_ill(standing, is_healthy=event.is_healthy)


def _too_ill(standing: Standing, *, is_healthy: bool) -> str:
    if is_healthy or next_share(standing) <= standing.share:
        return ""
    return (
        f"{standing.candidate} has no healthy endpoint, and its weight rises only while"
        " it has; `promote --full` and `weights` do not ask."
    )


def abort(standing: Standing, event: Aborted) -> Moved:
    """Give it up: down, by `rollback_steps` if there are any."""
    down = go_down(standing, Phase.ABORTED)
    change = causes.weights(standing.share, down.share)
    why = f"{event.because} Aborted" if event.because else "Aborted by hand"
    return Moved(standing=down, cause=f"{why}: {change}.")


def abort_now(standing: Standing, event: Aborted | CandidateGone) -> Moved:
    """Cut the way down short."""
    why = "Aborted by hand" if isinstance(event, Aborted) else "The candidate is gone"
    change = causes.weights(standing.share, Share(0))
    return Moved(
        standing=off(standing, standing.ends_in or Phase.ABORTED),
        cause=f"{why} on the way down: {change}.",
    )


def end_drain(standing: Standing, _event: Aborted) -> Moved:
    """Take from the candidate what was left to it for a while."""
    return Moved(
        standing=off(standing, standing.phase),
        cause=f"Aborted by hand: nothing goes on on {standing.candidate} any more.",
    )


def cannot_end_drain(standing: Standing, _event: Aborted) -> str:
    """Say why nothing can be taken from it: it has nothing."""
    return "" if standing.drain_left else "Nothing goes to the candidate any more."


def kill(standing: Standing, event: Killed) -> Moved:
    """Everything to the baseline that the rollout began with, in every phase.

    After a promotion too: who kills wants the version from before back. A promotion is
    taken back by it, so that the end of the kill brings nothing back either.
    """
    phase = standing.phase
    if phase not in {Phase.IDLE, Phase.ROLLED_BACK, Phase.ABORTED}:
        phase = standing.ends_in or Phase.ABORTED
    was_promoted = standing.phase is Phase.PROMOTED
    killed = replace(
        off(standing, phase),
        is_killed=True,
        serves=standing.baseline if was_promoted else standing.serves,
    )
    serves = standing.baseline if was_promoted else event.baseline or standing.baseline
    baseline = f" ({serves})" if serves else ""
    change = causes.weights(standing.share, Share(0))
    return Moved(
        standing=killed, cause=f"Killed: all to the baseline{baseline}, {change}."
    )


def stay(standing: Standing, _event: Killed) -> Moved:
    """Answer a second kill: it is done already."""
    return Moved(standing=standing)


def unkill(standing: Standing, _event: Event) -> Moved:
    """Switch the kill off; nothing comes back by that."""
    phase = standing.phase.replace("_", " ")
    return Moved(
        standing=replace(standing, is_killed=False),
        cause=f"Unkilled: {phase}, the weight stays 0 %.",
    )


def set_weight_by_hand(standing: Standing, event: WeightSet) -> Moved:
    """Set the weight, and pause: the plan does not go on from a weight it does not have."""
    reason = PauseReason.INTEGRITY if standing.void else PauseReason.OPERATOR
    planned = planned_share(plan_of(standing), standing.step)
    change = causes.weights(standing.share, event.share)
    return Moved(
        standing=replace(hold(standing, reason), share=event.share),
        cause=f"Set by hand: {change}. Paused; the plan has {causes.percent(planned)}.",
    )


def set_weight_alone(standing: Standing, event: WeightSet) -> Moved:
    """Set the weight where no rollout is on: nothing is compared."""
    change = causes.weights(standing.share, event.share)
    return Moved(
        standing=replace(standing, share=event.share),
        cause=f"Set by hand, with no rollout: {change}.",
    )


def redefine(standing: Standing, event: Redefined) -> Moved:
    """Void the attempt: what was counted so far is about something else.

    The new definition is noted: it is the one that was under release at the end, and in
    a terminal phase no new one.
    """
    noted = _noted(standing, event)
    if noted is None:
        return Moved(standing=standing)
    anew = f"{event.version} was defined anew while the rollout was on."
    if standing.void is not None:
        return Moved(standing=noted, cause=f"{anew} The attempt is void already.")
    return Moved(
        standing=replace(hold(noted, PauseReason.INTEGRITY), void=anew),
        cause=f"{anew} Paused: nothing can be proven any more in this attempt.",
    )


def void_by_judge(standing: Standing, event: JudgeChanged) -> Moved:
    """Void the attempt: what was judged before and what is judged now do not compare."""
    if standing.void is not None:
        return Moved(standing=standing)
    return Moved(
        standing=replace(hold(standing, PauseReason.INTEGRITY), void=event.said),
        cause=f"{event.said} Paused: nothing can be proven any more in this attempt.",
    )


def _noted(standing: Standing, event: Redefined) -> Standing | None:
    """Note a version's definition; None: it is none of theirs, or no other."""
    if event.version == standing.candidate != "":
        noted = replace(standing, definition=event.definition)
    elif event.version == standing.baseline:
        noted = replace(standing, against=event.definition)
    else:
        return None
    return None if noted == standing else noted


def lose_candidate(standing: Standing, event: CandidateGone) -> Moved:
    """Give it up at once: there is nothing to send anything to."""
    gone = event.because or (
        f"The configuration has no {standing.candidate} as candidate any more."
    )
    change = causes.weights(standing.share, Share(0))
    return Moved(
        standing=off(standing, Phase.ABORTED), cause=f"{gone} Aborted: {change}."
    )


def forget_weight(standing: Standing, _event: CandidateGone) -> Moved:
    """Take back a weight set by hand: it was not meant for whatever comes next."""
    if not standing.share:
        return Moved(standing=standing)
    change = causes.weights(standing.share, Share(0))
    return Moved(
        standing=off(standing, Phase.IDLE), cause=f"The candidate is gone: {change}."
    )


def forget_promotion(standing: Standing, _event: CandidateGone) -> Moved:
    """Follow the configuration: its versions changed, so that its baseline counts."""
    return Moved(
        standing=replace(off(standing, Phase.IDLE), serves=None),
        cause="The configuration's versions changed: its baseline counts again.",
    )
