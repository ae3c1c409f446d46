"""A rollout on stage: how tests start one, let time pass, and tell what is known."""

from dataclasses import replace
from typing import Any

from gateway.delivery.events import Event, Moved, Started, Ticked
from gateway.delivery.machine import answer
from gateway.domain.rollout import (
    AnalysisPlan,
    OnFailure,
    PauseReason,
    Phase,
    RolloutPlan,
    SetWeight,
    Standing,
    Step,
    Strategy,
)
from gateway.domain.units import Seconds, Share, share_from_percent
from gateway.domain.verdict import Assessment, Finding, Verdict

PROVEN = Assessment(proven=True, baseline_units=500, candidate_units=400)
UNPROVEN = Assessment(
    unproven=("error_rate",), baseline_units=500, candidate_units=200, units_needed=100
)


def weight(percent: float) -> SetWeight:
    return SetWeight(share=share_from_percent(percent))


def plan_with(*steps: Step, **analysis: Any) -> RolloutPlan:
    """Give a plan by evidence with these steps, or the default ones."""
    plan = RolloutPlan(analysis=AnalysisPlan(**analysis))
    return replace(plan, steps=steps) if steps else plan


def start_of(plan: RolloutPlan, *, definition: str = "d1") -> Started:
    return Started(
        plan=plan,
        plan_hash="h",
        baseline="v1",
        candidate="v2",
        definition=definition,
        salt="salt-1",
    )


def failed(answer_to_it: OnFailure = OnFailure.ROLLBACK, **more: Any) -> Assessment:
    """Give an assessment in which error_rate crossed its threshold."""
    finding = Finding(
        metric="error_rate",
        verdict=Verdict.REGRESSED,
        on_failure=answer_to_it,
        log_e=9.0,
        log_threshold=7.0,
        baseline_units=850,
        candidate_units=42,
        baseline=0.01,
        candidate=0.3,
        **more,
    )
    return Assessment(regressed=(finding,), baseline_units=850, candidate_units=42)


class Rollout:
    """A rollout, and all that was said of it."""

    def __init__(self, plan: RolloutPlan | None = None, *, begins: bool = True) -> None:
        self.standing = Standing()
        self.moves: list[Moved] = []
        if begins:
            self.does(start_of(plan or plan_with()))
            self.passes(0)

    def does(self, event: Event) -> Moved:
        moved = answer(self.standing, event)
        self.standing = moved.standing
        if moved.cause:
            self.moves.append(moved)
        return moved

    def passes(
        self,
        seconds: float = 0.25,
        known: Assessment | None = None,
        *,
        is_healthy: bool = True,
    ) -> Moved:
        """Let time pass in one tick, and tell what is known of the current stage."""
        tick = Ticked(
            elapsed=Seconds(seconds),
            attempt=self.standing.attempt,
            stage=self.standing.stage,
            assessment=known or Assessment(),
            is_healthy=is_healthy,
        )
        return self.does(tick)

    def phase(self) -> Phase:
        """Give the phase; a call, because mypy takes an attribute to stay as it was."""
        return self.standing.phase

    def pause(self) -> PauseReason | None:
        return self.standing.pause

    @property
    def percent(self) -> float:
        return self.standing.share / 1000

    @property
    def last(self) -> str:
        return self.moves[-1].cause


def blue_green(*steps: Step, **analysis: Any) -> RolloutPlan:
    return replace(plan_with(*steps, **analysis), strategy=Strategy.BLUE_GREEN)


def share(percent: float) -> Share:
    return share_from_percent(percent)
