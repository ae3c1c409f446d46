"""Whether the steps of a plan can ever be proven by what guards it."""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.delivery.steps import hold_of, is_compared, planned_share, steps_of
from gateway.domain.rollout import (
    FEEDBACK,
    MetricRule,
    OnFailure,
    RolloutPlan,
    Statistic,
    Strategy,
)
from gateway.domain.units import Seconds
from gateway.settings.problem import Finding

_METRICS: Final = ("rollout", "analysis", "metrics")
_OF_PAIRS: Final = frozenset({Statistic.RATE, Statistic.MEAN})


def unprovable(plan: RolloutPlan, deadline: Seconds) -> Iterable[Finding]:
    """Find steps that would wait for a proof that cannot come.

    Args:
        plan: Whole.
        deadline: Of feedback.

    """
    proofs = [
        is_compared(plan, planned_share(plan, place))
        for place in range(len(steps_of(plan)))
        if (hold := hold_of(plan, place)).needs_proof and hold.ends
    ]
    rules = plan.analysis.metrics
    asked = [rule for rule in rules if rule.on_failure is not OnFailure.WARN]
    if rules and proofs and not asked:
        yield _warnings(plan.strategy)
    elif asked and not all(proofs) and not any(map(_has_pairs, asked)):
        yield _no_pairs()
    if any(proofs):
        yield from _too_late(rules, deadline, plan.analysis.step_timeout)


def _has_pairs(rule: MetricRule) -> bool:
    return rule.statistic in _OF_PAIRS and not rule.signal.startswith(FEEDBACK)


def _warnings(strategy: Strategy) -> Finding:
    other = "write `advance: time`, with pauses."
    if strategy is not Strategy.CANARY:
        other = "give the `analysis` step a duration."
    return Finding(
        what="found metrics that all only warn: no step could ever be proven.",
        remedy=f"Let one answer with `on_failure: rollback` or `pause`; or {other}",
        at=_METRICS,
    )


def _no_pairs() -> Finding:
    return Finding(
        what="found no rate and no score that is asked for, and mirrored requests prove "
        "nothing else: a step that mirrors could never be proven.",
        remedy="Add one, such as `- signal: error_rate`; or give the `analysis` step a "
        "duration.",
        at=_METRICS,
    )


def _too_late(
    rules: Sequence[MetricRule], deadline: Seconds, timeout: Seconds
) -> Iterable[Finding]:
    for place, rule in enumerate(rules):
        is_asked = rule.on_failure is not OnFailure.WARN
        if is_asked and rule.signal.startswith(FEEDBACK) and deadline >= timeout:
            yield Finding(
                what=f"found '{rule.signal}', which is known {deadline:g} seconds after "
                f"an answer (feedback.deadline), and a step lasts {timeout:g} at most "
                "(step_timeout): no step could ever be proven.",
                remedy="Write a shorter `feedback.deadline` or a longer `step_timeout`; "
                "with `on_failure: warn` no step waits for it.",
                at=(*_METRICS, place, "signal"),
            )
