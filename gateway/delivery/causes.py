"""Why a rollout moved, in sentences with the numbers, for the journal and for people."""

import math
from typing import Final

from gateway.delivery.steps import Hold, bake_of, steps_of
from gateway.domain.rollout import (
    HeaderMatch,
    RolloutPlan,
    SetHeaderRoute,
    Standing,
    Strategy,
)
from gateway.domain.units import BUCKETS, Seconds, Share, percent_from_share
from gateway.domain.verdict import Assessment, Finding

_UNITS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))
_ROUND: Final = 3  # decades: odds up to a thousand have three digits
_PLAIN: Final = 6  # and up to a million they are written out


def percent(share: Share) -> str:
    """Write a weight: '12.5 %'."""
    return f"{percent_from_share(share):g} %"


def duration(seconds: float) -> str:
    """Write a duration in its largest fitting unit: '1.5 h'."""
    for length, name in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} s"


def odds(log_e: float) -> str:
    """Write a wealth as odds to 1; after a long outage it is more than a float holds.

    Total: a rollback does not fail for want of words.
    """
    if not math.isfinite(log_e):
        return f"{log_e} : 1"
    decades = log_e / math.log(10)
    if decades < _ROUND:
        return f"{math.exp(log_e):.3g} : 1"
    if decades < _PLAIN:
        return f"{math.exp(log_e):,.0f} : 1"
    return f"{10 ** (decades % 1):.1f}e{math.floor(decades)} : 1"


def place(plan: RolloutPlan, step: int) -> str:
    """Name a step as people count: 'Step 2 of 4'."""
    steps = len(steps_of(plan))
    if step >= steps:
        last = "Watch" if plan.strategy is Strategy.BLUE_GREEN else "Bake"
        return f"{last} of {duration(bake_of(plan))}"
    return f"Step {step + 1} of {steps}"


def protection(baking: Standing) -> str:
    """Say what the candidate is compared with from now on, while its bake lasts."""
    most = BUCKETS if baking.plan is None else baking.plan.most
    held = Share(most - baking.share)
    by = [f"the {percent(held)} that the baseline keeps"] if held else []
    if baking.reverse_mirror:
        by.append(
            f"reversed pairs ({percent(baking.reverse_mirror)} of the requests to"
            f" {baking.candidate} are copied to {baking.baseline})"
        )
    if by:
        return f"It is compared with {' and with '.join(by)}."
    return "Nothing is left to compare with: it is not protected by alpha."


def subject(finding: Finding) -> str:
    """Name what a finding is about: 'error_rate where tenant is a'."""
    ceiling = "the ceiling of " if finding.is_ceiling else ""
    if finding.segment is None:
        return f"{ceiling}{finding.metric}"
    segment, value = finding.segment
    return f"{ceiling}{finding.metric} where {segment} is {value}"


def failed(findings: tuple[Finding, ...]) -> str:
    """Say what failed: the first finding with its numbers, and how many more."""
    first = findings[0]
    what = "was passed" if first.is_ceiling else "regressed"
    more = len(findings) - 1
    also = f" So did {more} more." if more else ""
    return f"{_capital(subject(first))} {what}: {_evidence(first)}.{also}"


def _evidence(finding: Finding) -> str:
    estimates = ""
    if finding.candidate is not None:
        estimates = f"{_estimate(finding.candidate)} on the candidate"
        if finding.baseline is not None:
            estimates += f", {_estimate(finding.baseline)} on the baseline"
        estimates += "; "
    against = '"kept"' if finding.is_ceiling else '"not worse"'
    window = "" if finding.window is None else f" in window {finding.window}"
    protected = ", not protected by alpha" if finding.is_ceiling else ""
    return (
        f"{estimates}odds against {against}{window} {odds(finding.log_e)}, asked were"
        f" {odds(finding.log_threshold)}{protected}, from {_counted(finding)}"
    )


def _estimate(value: float) -> str:
    """Write an estimate; of amounts, a failed exchange has one beyond all others."""
    return f"{value:.4g}" if math.isfinite(value) else "failures"


def _counted(finding: Finding) -> str:
    if finding.is_mirrored:
        return f"{finding.candidate_units} mirrored pairs"
    units = f"{finding.candidate_units} units of the candidate"
    if finding.is_ceiling:
        return units
    return f"{units} and {finding.baseline_units} of the baseline"


def passed(plan: RolloutPlan, step: int, assessment: Assessment, hold: Hold) -> str:
    """Say why a step ended by itself."""
    what = "mirrored pairs" if assessment.is_mirrored else "units of the candidate"
    units = f"{assessment.candidate_units} {what}"
    where = place(plan, step)
    if assessment.proven and (hold.needs_proof or hold.ends_when_proven):
        return f"{where} passed: every metric is within its margin, from {units}."
    if hold.needs_units:
        return f"{where} passed: {duration(hold.least)} without a regression, {units}."
    return f"{where} passed."


def lacking(
    standing: Standing, assessment: Assessment, hold: Hold, *, is_healthy: bool
) -> str:
    """Say what a step that ran out of time still lacks, and what would help."""
    if not is_healthy:
        return "The candidate has no healthy endpoint, and a weight rises only then."
    lacks = [*_units_lacking(standing, assessment)] if hold.needs_units else []
    if hold.needs_proof and assessment.unproven:
        lacks.append(f"no proof yet of {_listed(assessment.unproven)}")
    if hold.needs_proof and assessment.no_data:
        lacks.append(f"no data of {_listed(assessment.no_data)}")
    is_clean = not assessment.regressed and assessment.integrity is None
    if not lacks and hold.needs_proof and is_clean:
        return (
            "No metric has to be proven here: all only warn, or are left out. Promote by "
            "hand, or let one answer with rollback or pause."
        )
    needed = _needed(standing, assessment) if hold.needs_proof else ""
    return f"It lacks: {'; '.join(lacks) or 'proof'}.{needed}"


def _units_lacking(standing: Standing, assessment: Assessment) -> list[str]:
    least = standing.plan.analysis.minimum_units if standing.plan else 0
    lacks = []
    if assessment.candidate_units < least:
        lacks.append(f"{assessment.candidate_units} of {least} units of the candidate")
    if not assessment.baseline_units:
        lacks.append("any unit of the baseline")
    short = tuple(f"{name}={value}" for name, value in assessment.short_segments)
    if short:
        lacks.append(f"units in {_listed(short)}")
    return lacks


def _needed(standing: Standing, assessment: Assessment) -> str:
    """Say how many units more, and how long they take at the pace of this step."""
    if assessment.shortage is not None:
        return f" {assessment.shortage}"
    more = assessment.units_needed
    if more is None:
        return ""
    pace = assessment.candidate_units / standing.in_step if standing.in_step else 0.0
    time = f": {duration(more / pace)} more at this pace" if pace else ""
    return f" About {more} units of the candidate more would prove it{time}."


def matches(route: SetHeaderRoute) -> str:
    """Write what a header route asks: 'x-staff: 1'."""
    return " and ".join(_match(one) for one in route.match)


def _match(match: HeaderMatch) -> str:
    if match.exact is not None:
        return f"{match.name}: {match.exact}"
    if match.prefix is not None:
        return f"{match.name}: {match.prefix}…"
    return f"{match.name} ~ {match.regex}"


def weights(before: Share, after: Share) -> str:
    """Write a change of the candidate's weight."""
    if before == after:
        return f"the weight stays {percent(after)}"
    return f"weight {percent(before)} to {percent(after)}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _capital(text: str) -> str:
    """Begin with a capital where it is a word of ours; names of metrics stay as they are."""
    return text[0].upper() + text[1:] if text.startswith("the ") else text


def seconds_or_hand(seconds: Seconds | None) -> str:
    """Say how long a pause of the plan is."""
    return (
        "until resumed or promoted" if seconds is None else f"for {duration(seconds)}"
    )
