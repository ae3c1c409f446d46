"""A canary climbs by evidence, waits where there is none, and bakes before the end."""

from dataclasses import replace

import pytest

from gateway.delivery.events import Promoted, Resumed, Ticked
from gateway.domain.rollout import (
    Advance,
    Analyse,
    HeaderMatch,
    Pause,
    PauseReason,
    Phase,
    SetHeaderRoute,
    SetMirrorRoute,
    Strategy,
)
from gateway.domain.units import Seconds
from gateway.domain.verdict import Assessment
from tests.unit.delivery.stage import (
    PROVEN,
    UNPROVEN,
    Rollout,
    plan_with,
    share,
    start_of,
    weight,
)

STAFF = SetHeaderRoute(name="staff", match=(HeaderMatch(name="x-staff", exact="1"),))
SHADOW = SetMirrorRoute(name="shadow", share=share(20))
UNITS = Assessment(baseline_units=500, candidate_units=40)


def test_it_climbs_by_the_default_plan_to_a_promotion() -> None:
    rollout = Rollout()
    weights = [rollout.percent]
    for _ in range(3):
        rollout.passes(60, PROVEN)
        weights.append(rollout.percent)

    assert weights == [5, 25, 50, 95]
    assert rollout.phase() is Phase.BAKING

    rollout.passes(3600, PROVEN)

    assert rollout.phase() is Phase.PROMOTED
    assert rollout.percent == 100
    assert rollout.standing.serves == "v2"
    assert [move.raises for move in rollout.moves] == [True] * 6


def test_a_passed_step_says_by_what() -> None:
    rollout = Rollout()
    rollout.passes(60, PROVEN)

    assert rollout.last == (
        "Step 1 of 4 passed: every metric is within its margin, from 400 units of the"
        " candidate. Step 2 of 4: weight 5 % to 25 %."
    )


@pytest.mark.parametrize(
    ("seconds", "known"),
    [
        (59, PROVEN),
        (600, UNPROVEN),
        (600, replace(PROVEN, candidate_units=29)),
        (600, replace(PROVEN, baseline_units=0)),
        (600, replace(PROVEN, short_segments=(("tenant", "a"),))),
        (600, Assessment()),
    ],
    ids=["dwell", "unproven", "few units", "no baseline", "a segment", "nothing"],
)
def test_a_step_does_not_pass_without(seconds: float, known: Assessment) -> None:
    rollout = Rollout()
    rollout.passes(seconds, known)

    assert rollout.percent == 5
    assert rollout.phase() is Phase.PROGRESSING


def test_a_weight_rises_only_while_the_candidate_is_healthy() -> None:
    rollout = Rollout(begins=False)
    rollout.does(start_of(plan_with()))
    rollout.passes(10, is_healthy=False)
    assert rollout.percent == 0

    rollout.passes(is_healthy=True)
    assert rollout.percent == 5

    rollout.passes(600, PROVEN, is_healthy=False)
    assert rollout.percent == 5

    rollout.passes(0.25, PROVEN)
    assert rollout.percent == 25


def test_an_ill_candidate_is_not_promoted_where_there_is_no_bake() -> None:
    rollout = Rollout(plan_with(weight(50), weight(100), bake=0))
    rollout.passes(60, PROVEN, is_healthy=False)
    assert rollout.percent == 50

    rollout.passes(1, PROVEN)
    assert rollout.phase() is Phase.PROMOTED


def test_a_start_gives_no_weight_before_the_first_tick() -> None:
    rollout = Rollout(begins=False)
    moved = rollout.does(start_of(plan_with()))

    assert rollout.percent == 0
    assert moved.raises


def test_what_is_proven_of_an_earlier_stage_passes_no_step() -> None:
    rollout = Rollout()
    stale = Ticked(elapsed=Seconds(600), attempt=1, stage=1, assessment=PROVEN)
    stage = rollout.standing.stage
    rollout.does(replace(stale, stage=stage))
    rollout.does(replace(stale, stage=stage))

    assert rollout.percent == 25
    assert rollout.standing.stage == stage + 1


def test_a_step_without_proof_pauses_and_says_what_it_lacks() -> None:
    rollout = Rollout()
    rollout.passes(86_400, UNPROVEN)

    assert rollout.pause() is PauseReason.INCONCLUSIVE
    assert rollout.percent == 5
    assert rollout.last == (
        "Step 1 of 4 waited for 1 d. It lacks: no proof yet of error_rate. About 100"
        " units of the candidate more would prove it: 12 h more at this pace."
    )


def test_a_step_that_has_seen_all_keys_says_that_waiting_does_not_help() -> None:
    rollout = Rollout()
    rollout.passes(86_400, replace(UNPROVEN, is_dry=True))

    assert rollout.pause() is PauseReason.INCONCLUSIVE
    assert rollout.last == (
        "Step 1 of 4 waited for 1 d. It lacks: no proof yet of error_rate. All 700 keys"
        " that come were seen in this step, 200 of them on the candidate, and its margins"
        " take about 300. Promote by hand, or begin again with a wider margin or a higher"
        " weight."
    )


def test_a_step_in_which_nothing_has_to_be_proven_says_so() -> None:
    """Of plans of before such metrics were refused; and of what was left out."""
    rollout = Rollout()
    rollout.passes(86_400, Assessment(baseline_units=500, candidate_units=200))

    assert rollout.pause() is PauseReason.INCONCLUSIVE
    assert rollout.last == (
        "Step 1 of 4 waited for 1 d. No metric has to be proven here: all only warn, or"
        " are left out. Promote by hand, or let one answer with rollback or pause."
    )


def test_a_resumed_step_has_its_time_again_and_keeps_its_evidence() -> None:
    rollout = Rollout()
    rollout.passes(86_400, UNPROVEN)
    stage = rollout.standing.stage
    rollout.does(Resumed())
    rollout.passes(86_000, UNPROVEN)
    assert rollout.phase() is Phase.PROGRESSING

    rollout.passes(1, PROVEN)
    assert rollout.percent == 25
    assert rollout.standing.stage == stage + 1


def test_an_inconclusive_pause_does_not_end_by_itself() -> None:
    rollout = Rollout()
    rollout.passes(86_400, UNPROVEN)
    rollout.passes(600, PROVEN)

    assert rollout.phase() is Phase.PAUSED
    assert rollout.percent == 5


def test_silence_holds_and_the_rollout_goes_on_when_units_arrive() -> None:
    rollout = Rollout()
    rollout.passes(80_000)
    assert rollout.phase() is Phase.PROGRESSING

    rollout.passes(6_400)
    assert rollout.pause() is PauseReason.NO_DATA

    rollout.passes(900_000)
    assert rollout.pause() is PauseReason.NO_DATA

    rollout.passes(1, UNPROVEN)
    assert rollout.phase() is Phase.PROGRESSING
    assert rollout.percent == 5


def test_silence_never_promotes_by_time_either() -> None:
    plan = plan_with(weight(5), Pause(duration=Seconds(600)), bake=60)
    rollout = Rollout(replace(plan, advance=Advance.TIME))
    for _ in range(50):
        rollout.passes(10_000)

    assert rollout.percent == 5
    assert rollout.pause() is PauseReason.NO_DATA


def test_by_time_a_weight_is_held_for_the_pause_behind_it() -> None:
    plan = plan_with(weight(5), Pause(duration=Seconds(600)), weight(50), bake=60)
    rollout = Rollout(replace(plan, advance=Advance.TIME))
    rollout.passes(1, UNITS)
    assert rollout.pause() is PauseReason.STEP

    rollout.passes(599, UNITS)
    assert rollout.percent == 5
    rollout.passes(1, UNITS)
    assert rollout.percent == 50


def test_by_time_a_weight_with_no_pause_behind_it_is_held_for_the_dwell() -> None:
    rollout = Rollout(replace(plan_with(weight(5), weight(50)), advance=Advance.TIME))
    rollout.passes(59, UNITS)
    assert rollout.percent == 5

    rollout.passes(1, UNITS)
    assert rollout.percent == 50


def test_a_pause_without_a_duration_lasts_until_somebody_resumes() -> None:
    rollout = Rollout(plan_with(weight(5), Pause(), weight(50)))
    rollout.passes(60, PROVEN)
    rollout.passes(10_000_000, PROVEN)
    assert rollout.pause() is PauseReason.STEP

    rollout.does(Resumed())
    assert rollout.percent == 50


@pytest.mark.parametrize("event", [Resumed(), Promoted()])
def test_a_timed_pause_is_cut_short_by_hand(event: Resumed | Promoted) -> None:
    rollout = Rollout(plan_with(weight(5), Pause(duration=Seconds(600)), weight(50)))
    rollout.passes(60, PROVEN)
    rollout.does(event)

    assert rollout.percent == 50
    assert rollout.phase() is Phase.PROGRESSING


def test_routes_apply_at_once_and_the_plan_goes_on() -> None:
    rollout = Rollout(plan_with(STAFF, SHADOW, weight(5)))
    assert rollout.standing.header_routes == (STAFF,)
    assert rollout.moves[-1].raises

    rollout.passes()
    assert rollout.standing.mirror_routes == (SHADOW,)
    assert rollout.moves[-1].raises

    rollout.passes()
    assert rollout.percent == 5


def test_a_later_route_replaces_its_namesake_and_an_empty_one_takes_it_away() -> None:
    other = replace_match(STAFF, "2")
    gone = SetHeaderRoute(name="staff")
    unmirrored = SetMirrorRoute(name="shadow", share=share(0))
    rollout = Rollout(plan_with(STAFF, other, gone, SHADOW, unmirrored, weight(5)))
    seen = [rollout.standing.header_routes]
    for _ in range(4):
        rollout.passes()
        seen.append(rollout.standing.header_routes)

    assert seen == [(STAFF,), (other,), (), (), ()]
    assert not rollout.standing.mirror_routes
    assert [move.raises for move in rollout.moves[2:]] == [True, False, True, False]


def test_a_pause_at_weight_0_asks_for_no_units() -> None:
    rollout = Rollout(plan_with(STAFF, Pause(duration=Seconds(600)), weight(5)))
    rollout.passes()
    rollout.passes(600)

    assert rollout.percent == 5


def test_an_analysis_step_holds_until_all_is_proven() -> None:
    plan = replace(plan_with(weight(5), Analyse(), weight(50)), advance=Advance.TIME)
    rollout = Rollout(plan)
    rollout.passes(1, UNITS)
    rollout.passes(5_000, UNITS)
    assert rollout.percent == 5

    rollout.passes(1, PROVEN)
    assert rollout.percent == 50


def test_an_analysis_step_with_a_duration_passes_without_a_regression() -> None:
    timed = Analyse(duration=Seconds(600))
    plan = replace(plan_with(weight(5), timed, weight(50)), advance=Advance.TIME)
    rollout = Rollout(plan)
    rollout.passes(1, UNITS)
    rollout.passes(599, UNITS)
    assert rollout.percent == 5

    rollout.passes(1, UNITS)
    assert rollout.percent == 50


def test_the_bake_waits_for_units_and_its_time() -> None:
    rollout = Rollout(plan_with(weight(50), bake=3600))
    rollout.passes(60, PROVEN)
    assert (rollout.percent, rollout.phase()) == (95, Phase.BAKING)

    rollout.passes(3600)
    assert rollout.phase() is Phase.BAKING
    rollout.passes(1, UNITS)
    assert rollout.phase() is Phase.PROMOTED


def test_a_plan_without_a_bake_promotes_after_its_last_step() -> None:
    rollout = Rollout(plan_with(weight(50), bake=0))
    rollout.passes(60, PROVEN)

    assert rollout.phase() is Phase.PROMOTED


def test_a_bake_never_takes_weight_from_a_plan_that_went_further() -> None:
    rollout = Rollout(plan_with(weight(98)))
    rollout.passes(60, PROVEN)

    assert (rollout.percent, rollout.phase()) == (98, Phase.BAKING)


def test_an_ab_comparison_says_its_answer_once_and_stays() -> None:
    rollout = Rollout(replace(plan_with(weight(50)), strategy=Strategy.AB))
    rollout.passes(600, PROVEN)
    assert rollout.last.startswith("Readout: every metric is within its margin")
    said = len(rollout.moves)

    rollout.passes(10_000_000, PROVEN)
    assert len(rollout.moves) == said
    assert (rollout.percent, rollout.phase()) == (50, Phase.PROGRESSING)

    rollout.does(Promoted())
    assert rollout.phase() is Phase.BAKING


def replace_match(route: SetHeaderRoute, value: str) -> SetHeaderRoute:
    match = HeaderMatch(name="x-staff", exact=value)
    return SetHeaderRoute(name=route.name, match=(match,))
