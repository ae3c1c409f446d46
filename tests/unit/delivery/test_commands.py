"""What people do to a rollout; and each refusal says what is possible now."""

from dataclasses import replace

import pytest

from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    Killed,
    Paused,
    Promoted,
    Resumed,
    Retried,
    Unkilled,
    WeightSet,
)
from gateway.delivery.machine import possible
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import Pause, PauseReason, Phase
from gateway.domain.units import Seconds
from tests.unit.delivery.stage import (
    PROVEN,
    UNPROVEN,
    Rollout,
    failed,
    plan_with,
    share,
    start_of,
    weight,
)

RETRY = Retried(plan=plan_with(), plan_hash="h2", definition="d1", salt="salt-2")


def test_a_weight_set_by_hand_pauses_and_resume_returns_to_the_plan() -> None:
    rollout = Rollout()
    rollout.does(WeightSet(share=share(12)))
    assert (rollout.percent, rollout.pause()) == (12, PauseReason.OPERATOR)

    rollout.passes(900_000, PROVEN)
    assert rollout.percent == 12

    moved = rollout.does(Resumed())
    assert (rollout.percent, rollout.phase()) == (5, Phase.PROGRESSING)
    assert not moved.raises


def test_resume_raises_a_lower_weight_only_when_the_candidate_is_healthy() -> None:
    rollout = Rollout()
    rollout.does(WeightSet(share=share(1)))
    rollout.does(Resumed(is_healthy=False))
    assert rollout.percent == 1
    rollout.passes(1, is_healthy=False)
    assert rollout.percent == 1

    rollout.passes(1)
    assert rollout.percent == 5


def test_a_pause_by_hand_stops_the_time_of_the_step() -> None:
    rollout = Rollout(plan_with(weight(5), Pause(duration=Seconds(600)), weight(50)))
    rollout.passes(60, PROVEN)
    rollout.passes(500, PROVEN)
    rollout.does(Paused())
    rollout.passes(5_000, PROVEN)
    rollout.does(Resumed())
    assert rollout.pause() is PauseReason.STEP

    rollout.passes(99, PROVEN)
    assert rollout.percent == 5
    rollout.passes(1, PROVEN)
    assert rollout.percent == 50


def test_a_pause_while_baking_goes_back_to_the_bake() -> None:
    rollout = Rollout(plan_with(weight(50)))
    rollout.passes(60, PROVEN)
    rollout.does(Paused())
    rollout.does(Resumed())

    assert (rollout.percent, rollout.phase()) == (95, Phase.BAKING)


def test_promote_passes_one_step_and_full_all_of_them_and_the_bake() -> None:
    rollout = Rollout()
    rollout.does(Promoted())
    assert rollout.percent == 25

    moved = rollout.does(Promoted(is_full=True))
    assert (rollout.percent, rollout.phase()) == (100, Phase.PROMOTED)
    assert moved.raises


def test_promote_is_refused_for_an_ill_candidate_and_promote_full_is_not() -> None:
    rollout = Rollout()
    with pytest.raises(NotAllowedNow, match="no healthy endpoint"):
        rollout.does(Promoted(is_healthy=False))

    rollout.does(Promoted(is_full=True, is_healthy=False))
    assert rollout.phase() is Phase.PROMOTED


def test_an_abort_takes_all_traffic_off_the_candidate() -> None:
    rollout = Rollout()
    moved = rollout.does(Aborted())

    assert (rollout.percent, rollout.phase()) == (0, Phase.ABORTED)
    assert not moved.raises


@pytest.mark.parametrize("end", ["rolled_back", "aborted", "paused"])
def test_a_retry_begins_from_0_with_fresh_coins(end: str) -> None:
    rollout = Rollout()
    rollout.passes(60, PROVEN)
    match end:
        case "rolled_back":
            rollout.passes(0.25, failed())
        case "aborted":
            rollout.does(Aborted())
        case _:
            rollout.passes(86_400, UNPROVEN)
    rollout.does(RETRY)
    standing = rollout.standing

    assert (rollout.percent, standing.step, standing.stage) == (0, 0, 0)
    assert (standing.attempt, standing.salt) == (2, "salt-2")
    assert (standing.baseline, standing.candidate) == ("v1", "v2")

    rollout.passes(0)
    assert rollout.percent == 5


def test_the_same_candidate_starts_once_and_a_new_definition_again() -> None:
    rollout = Rollout()
    rollout.does(Aborted())
    with pytest.raises(NotAllowedNow, match="`retry` tries the same once more"):
        rollout.does(start_of(plan_with()))

    rollout.does(start_of(plan_with(), definition="d2"))
    assert rollout.standing.attempt == 2


def test_a_promoted_candidate_is_the_baseline_of_the_next_rollout() -> None:
    rollout = Rollout()
    rollout.does(Promoted(is_full=True))
    following = replace(
        start_of(plan_with(), definition="d3"), baseline="v2", candidate="v3"
    )
    rollout.does(following)
    assert rollout.percent == 0
    assert rollout.standing.serves == "v2"

    rollout.does(Aborted())
    assert rollout.standing.serves == "v2"


@pytest.mark.parametrize("phase", list(Phase))
def test_a_kill_works_in_every_phase_and_its_end_brings_nothing_back(
    phase: Phase,
) -> None:
    rollout = in_phase(phase)
    moved = rollout.does(Killed())
    assert rollout.percent == 0
    assert not moved.raises
    assert possible(rollout.standing) == ("unkill",)

    rollout.passes(900_000, PROVEN)
    rollout.does(Unkilled())
    rollout.passes(900_000, PROVEN)

    ended = {Phase.IDLE: Phase.IDLE, Phase.ROLLED_BACK: Phase.ROLLED_BACK}
    if phase is Phase.ROLLING_BACK:
        ended[phase] = Phase.ROLLED_BACK
    assert rollout.phase() is ended.get(phase, Phase.ABORTED)
    assert rollout.percent == 0


def test_a_second_kill_is_no_error() -> None:
    rollout = Rollout()
    rollout.does(Killed())
    moved = rollout.does(Killed())

    assert not moved.cause


def test_a_kill_after_a_promotion_brings_the_old_version_back() -> None:
    rollout = in_phase(Phase.PROMOTED)
    rollout.does(Killed())

    assert rollout.standing.serves == "v1"
    assert rollout.last == "Killed: all to the baseline (v1), weight 100 % to 0 %."


def test_a_candidate_that_is_gone_has_no_traffic_and_is_no_new_one_when_it_is_back() -> (
    None
):
    rollout = Rollout()
    rollout.does(CandidateGone())
    assert (rollout.percent, rollout.phase()) == (0, Phase.ABORTED)

    rollout.does(CandidateGone())
    with pytest.raises(NotAllowedNow):
        rollout.does(start_of(plan_with()))


def test_a_promotion_ends_when_the_configuration_has_other_versions() -> None:
    rollout = in_phase(Phase.PROMOTED)
    rollout.does(CandidateGone())

    assert rollout.phase() is Phase.IDLE
    assert rollout.standing.serves is None


def test_a_weight_set_by_hand_is_not_for_the_next_candidate() -> None:
    rollout = Rollout(begins=False)
    rollout.does(WeightSet(share=share(3)))
    rollout.does(CandidateGone())

    assert (rollout.percent, rollout.phase()) == (0, Phase.IDLE)


def test_with_no_rollout_a_weight_may_be_set_by_hand() -> None:
    rollout = Rollout(begins=False)
    moved = rollout.does(WeightSet(share=share(3)))

    assert (rollout.percent, rollout.phase()) == (3, Phase.IDLE)
    assert moved.raises


@pytest.mark.parametrize(
    ("phase", "event", "expected"),
    [
        (Phase.IDLE, Aborted(), "Possible now: start, weights, kill."),
        (Phase.PROGRESSING, Resumed(), "pause, promote [--full], abort, weights, kill"),
        (Phase.ROLLED_BACK, WeightSet(share=share(5)), "retry, kill."),
        (Phase.ABORTED, Promoted(), "(of a candidate with a new definition), retry"),
        (Phase.PROMOTED, RETRY, "start (of a candidate with a new definition), kill"),
        (Phase.BAKING, RETRY, "pause, promote [--full], abort, weights, kill"),
        (Phase.BAKING, Unkilled(), "The rollout is baking. `unkill` is not possible"),
    ],
)
def test_a_refusal_says_what_is_possible_now(
    phase: Phase, event: Event, expected: str
) -> None:
    rollout = in_phase(phase)
    before = rollout.standing
    with pytest.raises(NotAllowedNow) as refused:
        rollout.does(event)

    assert expected in str(refused.value)
    assert refused.value.status == 409
    assert rollout.standing == before


def in_phase(phase: Phase) -> Rollout:
    """Give a rollout that has come to this phase."""
    plan = replace(plan_with(weight(5), weight(50)), rollback_steps=(share(20),))
    rollout = Rollout(plan, begins=phase is not Phase.IDLE)
    match phase:
        case Phase.PAUSED:
            rollout.does(Paused())
        case Phase.BAKING:
            rollout.passes(60, PROVEN)
            rollout.passes(60, PROVEN)
        case Phase.ROLLING_BACK:
            rollout.passes(60, PROVEN)
            rollout.passes(0.25, failed())
        case Phase.PROMOTED:
            rollout.does(Promoted(is_full=True))
        case Phase.ROLLED_BACK:
            rollout.passes(0.25, failed())
        case Phase.ABORTED:
            rollout.does(Aborted())
        case Phase.IDLE | Phase.PROGRESSING:
            pass
    assert rollout.phase() is phase
    return rollout
