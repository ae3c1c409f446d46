"""How long a plan may take, and how long a window of its evidence therefore is."""

from typing import Final

from gateway.domain.rollout import (
    Analyse,
    Pause,
    RolloutPlan,
    SetWeight,
    Step,
    Strategy,
)
from gateway.domain.units import Seconds

WINDOWS: Final = 200
"""Windows of a rollout at most: each gets its part of alpha, whether used or not."""

SHORTEST_WINDOW: Final = Seconds(600.0)


def longest(plan: RolloutPlan) -> Seconds:
    """Give the longest a rollout may take, pauses for people left out."""
    analysis = plan.analysis
    total = sum(_longest(step, analysis.step_timeout) for step in plan.steps)
    if plan.strategy is Strategy.BLUE_GREEN:
        total += analysis.watch
    return Seconds(total + analysis.bake)


def window_of(plan: RolloutPlan) -> Seconds:
    """Give the time after which a key counts once more."""
    if plan.analysis.window is not None:
        return plan.analysis.window
    return Seconds(max(SHORTEST_WINDOW, longest(plan) / WINDOWS))


def _longest(step: Step, step_timeout: float) -> float:
    if isinstance(step, SetWeight):
        return step_timeout
    if isinstance(step, Pause | Analyse):
        return 0.0 if step.duration is None else step.duration
    return 0.0
