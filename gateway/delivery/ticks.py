"""The rules for what time and the evidence do.

The order is the promise: a regression first, whatever else is wrong; then what voids the
evidence; then metrics that pause or warn; and only then may the rollout go on.
"""

from dataclasses import replace

from gateway.delivery import causes
from gateway.delivery.events import Event, Moved, Ticked
from gateway.delivery.moves import (
    back_to_step,
    go_down,
    go_on,
    hold,
    next_share,
    plan_of,
)
from gateway.delivery.steps import Hold, hold_of, planned_share
from gateway.domain.rollout import OnFailure, PauseReason, Phase, Standing
from gateway.domain.units import Seconds
from gateway.domain.verdict import Assessment, Finding

_READOUT = "readout"


def tick(standing: Standing, event: Ticked) -> Moved:
    """Answer time and evidence while a rollout is on."""
    known = _read(standing, event)
    now = _older(standing, event.elapsed)
    return (
        _roll_back(now, known)
        or _void(now, known)
        or _pause_for_metrics(now, known)
        or _warn(now, known)
        or _end_no_data(now, event, known)
        or _proceed(now, replace(event, assessment=known))
        or Moved(standing=now)
    )


def step_down(standing: Standing, event: Ticked) -> Moved:
    """Take the next of the `rollback_steps` when this one was held for `dwell`."""
    now = _older(standing, event.elapsed)
    if now.in_step < plan_of(now).analysis.dwell:
        return Moved(standing=now)
    down = go_down(now, now.ends_in or Phase.ABORTED)
    change = causes.weights(now.share, down.share)
    return Moved(standing=down, cause=f"On the way down: {change}.")


def drain(standing: Standing, event: Ticked) -> Moved:
    """Count down what conversations have left on a candidate that was taken back."""
    now = pass_by(standing, event).standing
    if not now.drain_left:
        return Moved(standing=now)
    left = Seconds(max(0.0, now.drain_left - max(0.0, event.elapsed)))
    drained = replace(now, drain_left=left)
    if left:
        return Moved(standing=drained)
    given = causes.duration(plan_of(now).drain_timeout)
    return Moved(
        standing=drained,
        cause=f"Conversations on {now.candidate} had {given} to end there: over.",
    )


def pass_by(standing: Standing, event: Event) -> Moved:
    """Count time where nothing else can happen."""
    if not isinstance(event, Ticked):
        return Moved(standing=standing)
    in_phase = Seconds(standing.in_phase + max(0.0, event.elapsed))
    return Moved(standing=replace(standing, in_phase=in_phase))


def _read(standing: Standing, event: Ticked) -> Assessment:
    """Leave out what is known of something else: an attempt, or a stage, that is over."""
    known = event.assessment
    if event.attempt != standing.attempt:
        return Assessment()
    if event.stage != standing.stage:
        return Assessment(regressed=known.regressed, integrity=known.integrity)
    return known


def _older(standing: Standing, elapsed: Seconds) -> Standing:
    """Count time: in the phase always, in the step only while the plan goes on."""
    more = max(0.0, elapsed)
    aged = replace(standing, in_phase=Seconds(standing.in_phase + more))
    if standing.pause not in {None, PauseReason.STEP}:
        return aged
    is_late = standing.in_step >= _hold(standing).patient_for
    return replace(
        aged,
        in_step=Seconds(standing.in_step + more),
        waited=Seconds(standing.waited + more if is_late else standing.waited),
    )


def _hold(standing: Standing) -> Hold:
    """Say what the step asks; before anything has begun: nothing but health."""
    return hold_of(plan_of(standing), standing.step) if standing.stage else Hold()


def _roll_back(standing: Standing, known: Assessment) -> Moved | None:
    findings = _failed(known, OnFailure.ROLLBACK)
    if not findings:
        return None
    down = go_down(standing, Phase.ROLLED_BACK)
    change = causes.weights(standing.share, down.share)
    done = "Rolling back" if down.phase is Phase.ROLLING_BACK else "Rolled back"
    cause = f"{causes.failed(findings)} {done}: {change}."
    return Moved(standing=down, cause=cause, findings=findings)


def _void(standing: Standing, known: Assessment) -> Moved | None:
    if known.integrity is None or standing.void is not None:
        return None
    voided = replace(hold(standing, PauseReason.INTEGRITY), void=known.integrity)
    cause = f"{known.integrity} Paused: nothing can be proven any more in this attempt."
    return Moved(standing=voided, cause=cause)


def _pause_for_metrics(standing: Standing, known: Assessment) -> Moved | None:
    """Pause, once for each metric and segment: who resumes has seen it."""
    findings = _news(standing, _failed(known, OnFailure.PAUSE))
    if not findings:
        return None
    reason = PauseReason.INTEGRITY if standing.void else PauseReason.METRIC
    held = _tell(hold(standing, reason), findings)
    share = causes.percent(standing.share)
    cause = f"{causes.failed(findings)} Paused at {share}."
    return Moved(standing=held, cause=cause, findings=findings)


def _warn(standing: Standing, known: Assessment) -> Moved | None:
    findings = _news(standing, _failed(known, OnFailure.WARN))
    if not findings:
        return None
    cause = f"{causes.failed(findings)} Nothing is done but this warning."
    return Moved(standing=_tell(standing, findings), cause=cause, findings=findings)


def _end_no_data(standing: Standing, event: Ticked, known: Assessment) -> Moved | None:
    """Go on when there are units again: no decision was made, there was only silence."""
    if standing.pause is not PauseReason.NO_DATA or not _has_any_units(known):
        return None
    back = back_to_step(standing, is_healthy=event.is_healthy)
    return Moved(standing=back, cause="Units arrive again: it goes on by itself.")


def _proceed(standing: Standing, event: Ticked) -> Moved | None:
    """Go on with the plan where it may, and pause where it waits for too long."""
    if standing.pause not in {None, PauseReason.STEP}:
        return None
    return (
        _begin(standing, event)
        or _catch_up(standing, event)
        or _pass_step(standing, event)
        or _read_out(standing, event)
        or _give_up_waiting(standing, event)
    )


def _begin(standing: Standing, event: Ticked) -> Moved | None:
    if standing.stage or not event.is_healthy:
        return None
    return go_on(standing, "Begun.")


def _catch_up(standing: Standing, event: Ticked) -> Moved | None:
    """Return to the plan's weight after one set by hand; upwards only with health."""
    planned = planned_share(plan_of(standing), standing.step)
    if not standing.stage or standing.share == planned:
        return None
    if standing.share < planned and not event.is_healthy:
        return None
    change = causes.weights(standing.share, planned)
    return Moved(
        standing=replace(standing, share=planned), cause=f"Back to the plan: {change}."
    )


def _pass_step(standing: Standing, event: Ticked) -> Moved | None:
    asked = _hold(standing)
    if not _is_over(standing, asked, event):
        return None
    if next_share(standing) > standing.share and not event.is_healthy:
        return None
    plan = plan_of(standing)
    return go_on(standing, causes.passed(plan, standing.step, event.assessment, asked))


def _is_over(standing: Standing, asked: Hold, event: Ticked) -> bool:
    known = event.assessment
    if not standing.stage or not asked.ends or not _is_at_plan(standing):
        return False
    if asked.needs_units and not _has_units(standing, known):
        return False
    if asked.ends_when_proven and known.proven:
        return True
    return standing.in_step >= asked.least and (known.proven or not asked.needs_proof)


def _is_at_plan(standing: Standing) -> bool:
    return standing.share == planned_share(plan_of(standing), standing.step)


def _read_out(standing: Standing, event: Ticked) -> Moved | None:
    """Say once that a comparison that people end has its answer."""
    asked, known = _hold(standing), event.assessment
    if asked.ends or not asked.needs_proof or _READOUT in standing.told:
        return None
    if not (known.proven and _has_units(standing, known)):
        return None
    units = f"{known.candidate_units} units of the candidate"
    return Moved(
        standing=replace(standing, told=(*standing.told, _READOUT)),
        cause=f"Readout: every metric is within its margin, from {units}."
        " It stays at this weight until somebody promotes or aborts.",
    )


def _give_up_waiting(standing: Standing, event: Ticked) -> Moved | None:
    """Pause where a step waited for `step_timeout` and lacks something still."""
    asked, known = _hold(standing), event.assessment
    limit = plan_of(standing).analysis.step_timeout
    if standing.waited < limit or not asked.ends:
        return None
    is_silent = event.is_healthy and asked.needs_units and not _has_any_units(known)
    reason = PauseReason.NO_DATA if is_silent else PauseReason.INCONCLUSIVE
    lacks = causes.lacking(standing, known, asked, is_healthy=event.is_healthy)
    where = causes.place(plan_of(standing), standing.step)
    waited = causes.duration(standing.waited)
    return Moved(
        standing=hold(standing, reason), cause=f"{where} waited for {waited}. {lacks}"
    )


def _has_units(standing: Standing, known: Assessment) -> bool:
    least = plan_of(standing).analysis.minimum_units
    return (
        _has_any_units(known)
        and known.candidate_units >= least
        and not known.short_segments
    )


def _has_any_units(known: Assessment) -> bool:
    return known.candidate_units > 0 and known.baseline_units > 0


def _failed(known: Assessment, answer: OnFailure) -> tuple[Finding, ...]:
    """Give the findings that are answered so; a ceiling never rolls back by itself."""
    return tuple(f for f in known.regressed if _answer(f) is answer)


def _answer(finding: Finding) -> OnFailure:
    if finding.is_ceiling and finding.on_failure is OnFailure.ROLLBACK:
        return OnFailure.PAUSE
    return finding.on_failure


def _news(standing: Standing, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(f for f in findings if causes.subject(f) not in standing.told)


def _tell(standing: Standing, findings: tuple[Finding, ...]) -> Standing:
    told = (*standing.told, *map(causes.subject, findings))
    return replace(standing, told=told)
