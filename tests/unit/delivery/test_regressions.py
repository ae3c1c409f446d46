"""Bad news: what rolls back, what pauses, what warns; and nothing holds a rollback."""

from dataclasses import replace
from math import inf

import pytest

from gateway.delivery.events import (
    Aborted,
    Paused,
    Promoted,
    Redefined,
    Resumed,
    Retried,
    Ticked,
    WeightSet,
)
from gateway.delivery.machine import answer
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import (
    Analyse,
    HeaderMatch,
    OnFailure,
    PauseReason,
    Phase,
    SetHeaderRoute,
    SetMirrorRoute,
)
from gateway.domain.units import Seconds
from gateway.domain.verdict import Assessment
from tests.unit.delivery.stage import (
    PROVEN,
    UNPROVEN,
    Rollout,
    blue_green,
    failed,
    plan_with,
    share,
    start_of,
    weight,
)

STAFF = SetHeaderRoute(name="staff", match=(HeaderMatch(name="x-staff", exact="1"),))
SHADOW = SetMirrorRoute(name="shadow", share=share(20))
BROKEN = "Units are split 60 to 40 and not as tossed."


def test_a_regressed_metric_takes_all_traffic_off_the_candidate() -> None:
    rollout = Rollout(plan_with(STAFF, SHADOW, weight(5)))
    rollout.passes()
    rollout.passes()
    moved = rollout.passes(0.25, failed())

    assert rollout.phase() is Phase.ROLLED_BACK
    assert rollout.percent == 0
    assert not rollout.standing.header_routes
    assert not rollout.standing.mirror_routes
    assert not moved.raises
    assert [finding.metric for finding in moved.findings] == ["error_rate"]


def test_a_rollback_says_why_with_its_numbers() -> None:
    rollout = Rollout()
    rollout.passes(0.25, failed(segment=("tenant", "a"), window=3))

    assert rollout.last == (
        "error_rate where tenant is a regressed: 0.3 on the candidate, 0.01 on the"
        ' baseline; odds against "not worse" in window 3 8,103 : 1, asked were'
        " 1,097 : 1, from 42 units of the candidate and 850 of the baseline. Rolled"
        " back: weight 5 % to 0 %."
    )


def test_odds_beyond_any_float_are_written() -> None:
    rollout = Rollout()
    known = failed()
    far = replace(known.regressed[0], log_e=5000.0)
    rollout.passes(0.25, replace(known, regressed=(far,)))

    assert "e2171 : 1" in rollout.last


@pytest.mark.parametrize("how", ["by hand", "inconclusive", "void", "baking", "ill"])
def test_it_rolls_back_wherever_the_candidate_may_have_traffic(how: str) -> None:
    rollout = Rollout()
    match how:
        case "by hand":
            rollout.does(Paused())
        case "inconclusive":
            rollout.passes(86_400, UNPROVEN)
        case "void":
            rollout.passes(0.25, Assessment(integrity=BROKEN))
        case "baking":
            for _ in range(3):
                rollout.passes(60, PROVEN)
        case _:
            pass
    rollout.passes(0.25, failed(), is_healthy=how != "ill")

    assert rollout.phase() is Phase.ROLLED_BACK
    assert rollout.percent == 0


def test_a_rollback_wins_over_proof_and_over_a_broken_sample_of_the_same_look() -> None:
    rollout = Rollout()
    rollout.passes(600, replace(failed(), proven=True, integrity=BROKEN))

    assert rollout.phase() is Phase.ROLLED_BACK


def test_what_regressed_in_an_earlier_attempt_does_not_roll_back_the_next() -> None:
    rollout = Rollout()
    rollout.passes(0.25, failed())
    old = Ticked(
        elapsed=Seconds(0.25), attempt=1, stage=2, assessment=failed(), is_healthy=True
    )
    rollout.does(_retried())
    rollout.does(old)

    assert rollout.phase() is Phase.PROGRESSING


def test_a_failed_metric_that_pauses_does_so_once() -> None:
    rollout = Rollout()
    rollout.passes(0.25, failed(OnFailure.PAUSE))
    assert rollout.pause() is PauseReason.METRIC
    assert rollout.percent == 5

    rollout.does(Resumed())
    rollout.passes(600, failed(OnFailure.PAUSE))
    assert rollout.phase() is Phase.PROGRESSING

    rollout.passes(0.25, failed(OnFailure.PAUSE, segment=("tenant", "b")))
    assert rollout.pause() is PauseReason.METRIC


def test_a_failed_metric_that_warns_is_told_once_and_changes_nothing() -> None:
    rollout = Rollout()
    moved = rollout.passes(0.25, failed(OnFailure.WARN))
    again = rollout.passes(0.25, failed(OnFailure.WARN))

    assert moved.cause.startswith("error_rate regressed")
    assert not again.cause
    assert (rollout.percent, rollout.phase()) == (5, Phase.PROGRESSING)


def test_a_ceiling_pauses_and_says_that_no_alpha_protects_it() -> None:
    rollout = Rollout()
    rollout.passes(0.25, failed(is_ceiling=True))

    assert rollout.pause() is PauseReason.METRIC
    assert rollout.last.startswith("The ceiling of error_rate was passed: 0.3 on")
    assert "not protected by alpha" in rollout.last


def test_a_broken_sample_pauses_and_nothing_resumes_it() -> None:
    rollout = Rollout()
    rollout.passes(0.25, Assessment(integrity=BROKEN))
    assert rollout.pause() is PauseReason.INTEGRITY

    rollout.passes(600, PROVEN)
    assert rollout.percent == 5
    with pytest.raises(NotAllowedNow, match="not as tossed") as refused:
        rollout.does(Resumed())
    assert refused.value.remedy == (
        "Possible now: promote [--full], abort, retry, weights, kill."
    )


def test_with_a_broken_sample_it_goes_on_by_hand_alone() -> None:
    rollout = Rollout()
    rollout.passes(0.25, Assessment(integrity=BROKEN))
    weights = []
    for _ in range(4):
        rollout.does(Promoted())
        rollout.passes(600, PROVEN)
        weights.append(rollout.percent)

    assert weights == [25, 50, 95, 100]
    assert rollout.phase() is Phase.PROMOTED


def test_a_hand_set_weight_does_not_heal_a_broken_sample() -> None:
    rollout = Rollout()
    rollout.passes(0.25, Assessment(integrity=BROKEN))
    rollout.does(WeightSet(share=share(1)))

    assert (rollout.percent, rollout.pause()) == (1, PauseReason.INTEGRITY)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_version_defined_anew_voids_the_attempt(version: str) -> None:
    rollout = Rollout()
    rollout.does(Redefined(version=version, definition="d2"))

    assert rollout.pause() is PauseReason.INTEGRITY
    assert rollout.last.startswith(f"{version} was defined anew")


def test_what_was_defined_anew_is_what_was_judged_and_starts_no_second_time() -> None:
    """Nobody could tell the definitions apart: the newest is not a new one."""
    rollout = Rollout()
    rollout.does(Redefined(version="v2", definition="d2"))
    rollout.does(Redefined(version="v2", definition="d3"))
    assert rollout.last.endswith("The attempt is void already.")
    rollout.passes(0.25, failed())

    with pytest.raises(NotAllowedNow, match="as it is defined now"):
        answer(rollout.standing, start_of(plan_with(), definition="d3"))
    answer(rollout.standing, start_of(plan_with(), definition="d4"))


def test_the_same_definition_again_or_another_version_voids_nothing() -> None:
    rollout = Rollout()
    rollout.does(Redefined(version="v2", definition="d1"))
    rollout.does(Redefined(version="v7", definition="d2"))

    assert rollout.phase() is Phase.PROGRESSING


def test_a_gradual_way_down_never_goes_up_and_ends_at_0() -> None:
    plan = replace(plan_with(dwell=60), rollback_steps=(share(30), share(10), share(2)))
    rollout = Rollout(plan)
    rollout.passes(60, PROVEN)
    rollout.passes(0.25, failed())
    assert (rollout.percent, rollout.phase()) == (10, Phase.ROLLING_BACK)
    assert not rollout.moves[-1].raises

    rollout.passes(59, PROVEN)
    assert rollout.percent == 10
    rollout.passes(1, PROVEN)
    assert rollout.percent == 2
    rollout.passes(60, failed())

    assert (rollout.percent, rollout.phase()) == (0, Phase.ROLLED_BACK)


def test_a_gradual_way_down_is_cut_short_by_an_abort_and_holds_for_nothing() -> None:
    rollout = Rollout(replace(plan_with(), rollback_steps=(share(2),)))
    rollout.passes(0.25, failed())
    for event in (Paused(), Promoted(is_full=True), WeightSet(share=share(50))):
        with pytest.raises(NotAllowedNow, match="Possible now: abort, kill"):
            answer(rollout.standing, event)

    rollout.does(Aborted())
    assert (rollout.percent, rollout.phase()) == (0, Phase.ROLLED_BACK)


def test_blue_green_compares_pairs_before_it_switches() -> None:
    rollout = Rollout(blue_green(STAFF, SHADOW, Analyse()))
    rollout.passes()
    rollout.passes()
    rollout.passes(5_000, UNPROVEN)
    previewed = rollout.standing
    assert (previewed.share, previewed.mirror_routes) == (0, (SHADOW,))

    rollout.passes(1, replace(PROVEN, is_mirrored=True))
    assert rollout.last == (
        "Step 3 of 3 passed: every metric is within its margin, from 400 mirrored"
        " pairs. Watch of 10 min: weight 0 % to 95 %. It is compared with the 5 % that"
        " the baseline keeps."
    )
    switched = rollout.standing
    assert (rollout.percent, rollout.phase()) == (95, Phase.BAKING)
    assert not switched.mirror_routes

    rollout.passes(600, PROVEN)
    assert rollout.phase() is Phase.PROMOTED


def test_a_switch_that_keeps_nothing_back_is_watched_by_copies_back() -> None:
    """They are its units: by time alone nothing passes, and they end with it."""
    plan = replace(blue_green(Analyse(), holdback=share(0)), reverse_mirror=share(10))
    rollout = Rollout(plan)
    assert not rollout.standing.reverse_mirror
    rollout.passes(1, PROVEN)
    assert (rollout.percent, rollout.phase()) == (100, Phase.BAKING)
    assert rollout.standing.reverse_mirror == share(10)
    assert rollout.moves[-1].raises
    assert rollout.last.endswith(
        "weight 0 % to 100 %. It is compared with reversed pairs (10 % of the requests to"
        " v2 are copied to v1)."
    )

    rollout.passes(600)
    assert rollout.phase() is Phase.BAKING, "nothing was heard"
    rollout.passes(1, replace(UNPROVEN, is_mirrored=True))
    assert rollout.phase() is Phase.PROMOTED
    assert not rollout.standing.reverse_mirror
    assert "10 min without a regression, 200 mirrored pairs" in rollout.last


def test_copies_back_end_with_a_rollback_at_once() -> None:
    plan = replace(
        blue_green(Analyse()), reverse_mirror=share(10), rollback_steps=(share(20),)
    )
    rollout = Rollout(plan)
    rollout.passes(1, PROVEN)
    assert "keeps and with reversed pairs (10 %" in rollout.last
    rollout.passes(1, failed(is_mirrored=True))
    assert rollout.phase() is Phase.ROLLING_BACK
    assert not rollout.standing.reverse_mirror


def test_a_switch_with_nothing_left_to_compare_with_says_so() -> None:
    rollout = Rollout(blue_green(Analyse(), holdback=share(0)))
    rollout.passes(1, PROVEN)
    assert rollout.last.endswith("it is not protected by alpha.")


def test_each_mirror_of_a_candidate_without_weight_has_proofs_of_its_own() -> None:
    """Whatever stands before it, a stage with pairs to prove by begins with the mirror."""
    rollout = Rollout(
        plan_with(STAFF, SHADOW, Analyse(), weight(20), SHADOW, Analyse())
    )
    before = rollout.standing.stage
    rollout.passes()
    mirrored = rollout.standing.stage
    rollout.passes()
    assert (mirrored, rollout.standing.stage) == (before + 1, before + 1)

    rollout.passes(1, PROVEN)
    rollout.passes(60, PROVEN)
    weighed = rollout.standing.stage
    rollout.passes(60, PROVEN)
    assert rollout.standing.mirror_routes == (SHADOW,)
    assert rollout.standing.stage == weighed, "coins prove, and go on proving"


def test_a_rollback_by_pairs_and_a_way_down_are_told_as_what_they_are() -> None:
    rollout = Rollout(replace(plan_with(), rollback_steps=(share(2),)))
    rollout.passes(0.25, failed(is_mirrored=True))

    assert rollout.last.endswith(
        "from 42 mirrored pairs. Rolling back: weight 5 % to 2 %."
    )


def test_a_ceiling_is_told_without_the_baseline_and_failures_as_such() -> None:
    rollout = Rollout()
    known = failed(is_ceiling=True)
    hung = replace(known.regressed[0], candidate=inf)
    rollout.passes(0.25, replace(known, regressed=(hung,)))

    assert "failures on the candidate" in rollout.last
    assert 'odds against "kept"' in rollout.last
    assert rollout.last.endswith("from 42 units of the candidate. Paused at 5 %.")


def test_blue_green_goes_back_at_once_from_its_preview_and_from_its_watch() -> None:
    early = Rollout(blue_green())
    early.passes(0.25, failed())
    assert early.phase() is Phase.ROLLED_BACK

    late = Rollout(blue_green())
    late.passes()
    late.passes(1, PROVEN)
    assert late.percent == 95
    late.passes(0.25, failed())
    assert (late.percent, late.phase()) == (0, Phase.ROLLED_BACK)


def test_blue_green_with_no_preview_of_its_own_mirrors_and_takes_no_weight() -> None:
    rollout = Rollout(blue_green(weight(5), weight(100)))

    assert rollout.percent == 0
    assert [route.name for route in rollout.standing.mirror_routes] == ["preview"]


def _retried() -> Retried:
    return Retried(plan=plan_with(), plan_hash="h", definition="d1", salt="salt-2")
