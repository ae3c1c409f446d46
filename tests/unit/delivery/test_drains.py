"""What conversations have left on a candidate that is taken back, and for how long."""

from dataclasses import replace

import pytest

from gateway.delivery.events import Aborted, Killed, Promoted, Retried, Unkilled
from gateway.delivery.machine import possible
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import OnRollback, Phase, RolloutPlan
from gateway.domain.units import Seconds
from tests.unit.delivery.stage import (
    Rollout,
    failed,
    plan_with,
    share,
    start_of,
    weight,
)

PLAN = replace(
    plan_with(weight(20), weight(50)),
    on_rollback=OnRollback.DRAIN,
    drain_timeout=Seconds(60.0),
)
AGAIN = Retried(plan=PLAN, plan_hash="h", definition="d1", salt="salt-2")


def outlived(rollout: Rollout) -> tuple[str, ...]:
    return rollout.standing.outlived


def left(rollout: Rollout) -> float:
    return float(rollout.standing.drain_left)


def taken_back(plan: RolloutPlan = PLAN) -> Rollout:
    rollout = Rollout(plan)
    rollout.passes(known=failed())
    return rollout


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_is_taken_back_drains_for_its_time_and_no_longer(*, by_hand: bool) -> None:
    rollout = Rollout(PLAN)
    moved = rollout.does(Aborted()) if by_hand else rollout.passes(known=failed())
    ended = Phase.ABORTED if by_hand else Phase.ROLLED_BACK
    assert (rollout.phase(), rollout.percent) == (ended, 0)
    assert not moved.raises
    assert left(rollout) == 60

    rollout.passes(59)
    assert left(rollout) == 1
    moved = rollout.passes(1.5)

    assert left(rollout) == 0
    assert moved.cause == "Conversations on v2 had 1 min to end there: over."
    assert not moved.raises
    assert rollout.phase() is ended
    assert not rollout.passes(100).cause


def test_who_does_not_drain_has_nothing_left() -> None:
    rollout = taken_back(replace(PLAN, on_rollback=OnRollback.IMMEDIATE))

    assert left(rollout) == 0


def test_a_candidate_that_had_no_traffic_has_nothing_to_drain() -> None:
    rollout = Rollout(begins=False)
    rollout.does(start_of(PLAN))
    rollout.does(Aborted())

    assert left(rollout) == 0


def test_a_way_down_drains_at_its_end() -> None:
    rollout = taken_back(replace(PLAN, rollback_steps=(share(5),)))
    assert (rollout.percent, left(rollout)) == (5, 0)

    rollout.passes(60)

    assert (rollout.phase(), rollout.percent) == (Phase.ROLLED_BACK, 0)
    assert left(rollout) == 60


def test_a_way_down_that_is_cut_short_drains_nothing() -> None:
    rollout = taken_back(replace(PLAN, rollback_steps=(share(5),)))

    rollout.does(Aborted())

    assert (rollout.percent, left(rollout)) == (0, 0)


def test_a_drain_can_be_cut_short_by_hand_once() -> None:
    rollout = taken_back()
    assert "abort" in possible(rollout.standing)

    rollout.does(Aborted())

    assert (rollout.phase(), left(rollout)) == (Phase.ROLLED_BACK, 0)
    assert rollout.last == "Aborted by hand: nothing goes on on v2 any more."
    assert "abort" not in possible(rollout.standing)
    with pytest.raises(NotAllowedNow, match="Nothing goes to the candidate any more"):
        rollout.does(Aborted())


def test_a_kill_ends_a_drain_and_its_end_brings_nothing_back() -> None:
    rollout = taken_back()

    rollout.does(Killed())
    assert left(rollout) == 0
    rollout.does(Unkilled())

    assert (rollout.phase(), left(rollout)) == (Phase.ROLLED_BACK, 0)


def test_a_kill_of_what_is_on_drains_nothing() -> None:
    rollout = Rollout(PLAN)

    rollout.does(Killed())

    assert left(rollout) == 0


def test_another_attempt_begins_without_a_drain() -> None:
    rollout = taken_back()

    rollout.does(AGAIN)

    assert (rollout.phase(), left(rollout)) == (Phase.PROGRESSING, 0)


def test_versions_that_served_before_are_known_until_they_are_under_release() -> None:
    rollout = Rollout(PLAN)
    rollout.does(Promoted(is_full=True))
    assert outlived(rollout) == ("v1",)

    third = replace(start_of(PLAN), baseline="v2", candidate="v3", definition="d3")
    rollout.does(third)
    assert outlived(rollout) == ("v1",)
    rollout.does(Promoted(is_full=True))
    assert outlived(rollout) == ("v1", "v2")

    rollout.does(replace(third, baseline="v3", candidate="v1", definition="d4"))
    assert outlived(rollout) == ("v2",)
    rollout.does(Aborted())
    assert outlived(rollout) == ("v2",)
