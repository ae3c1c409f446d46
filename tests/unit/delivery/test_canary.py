"""A canary climbs by evidence, waits where there is none, and bakes before the end."""

import pytest

from gateway.domain.rollout import PauseReason, Phase
from tests.unit.delivery.stage import PROVEN, UNPROVEN, Rollout, failed, plan_with


def test_it_climbs_by_the_default_plan_to_a_promotion() -> None:
    rollout = Rollout()
    weights = [rollout.percent]
    for _ in range(3):
        rollout.passes(60, PROVEN)
        weights.append(rollout.percent)

    assert weights == [5, 25, 50, 95]
    assert rollout.standing.phase is Phase.BAKING

    rollout.passes(3600, PROVEN)

    assert rollout.standing.phase is Phase.PROMOTED
    assert rollout.percent == 100
    assert rollout.standing.serves == "v2"
    assert [move.raises for move in rollout.moves] == [True] * 6
