"""Aggregate, assess, decide, publish: four times a second, whatever the store does."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.answers.segments import code_of
from gateway.domain.rollout import (
    Analyse,
    HeaderMatch,
    Pause,
    PauseReason,
    Phase,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    Strategy,
)
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.units import Seconds, Share
from gateway.handoff.evidence import PairRecord
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan

TENANTS = Segment(name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a", "b"))


async def _on(**changed: object) -> Release:
    release = Release(replace(CHAT, **changed))  # type: ignore[arg-type]
    await release.begins()
    await release.starts()
    return release


async def test_a_healthy_candidate_climbs_to_the_end() -> None:
    release = await _on()
    weights = []

    for _ in range(40):
        release.sees(40)
        await release.passes()
        if release.share not in weights:
            weights.append(release.share)

    assert weights == [20_000, 50_000, 95_000, 0]
    assert release.phase() is Phase.PROMOTED
    assert release.routed.service.baseline == "v2"


async def test_a_bad_candidate_is_taken_back_at_the_look_that_finds_it() -> None:
    release = await _on()
    release.sees(60, errors=["v2"])

    await release.passes(0.25)

    assert (release.phase(), release.share) == (Phase.ROLLED_BACK, 0)


async def test_both_failing_alike_is_nobodys_fault() -> None:
    release = await _on()
    await release.does("pause")

    for _ in range(10):
        release.sees(60, errors=["v1", "v2"])
        await release.passes()

    assert release.phase() is Phase.PAUSED


async def test_without_units_nothing_passes() -> None:
    """By time alone nothing is proven: it holds, and says why when it is late."""
    release = await _on(rollout=plan(20, 50, step_timeout=Seconds(5.0)))

    await release.passes(4)
    assert (release.phase(), release.share) == (Phase.PROGRESSING, 20_000)
    await release.passes(4)

    assert release.phase() is Phase.PAUSED
    assert release.standing.pause is PauseReason.NO_DATA


async def test_evidence_of_a_weight_that_nobody_knows_counts_for_nothing() -> None:
    release = await _on()
    alien = replace(release.routed, revision=99)

    release.sees(60, errors=["v2"], routed=alien)
    await release.passes()

    assert release.live.assessment.candidate_units == 0


async def test_evidence_of_the_attempt_before_counts_for_nothing() -> None:
    release = await _on()
    before = release.routed
    await release.does("abort")
    await release.does("retry")
    await release.passes()

    release.sees(60, errors=["v2"], routed=before)
    await release.passes()

    assert release.phase() is Phase.PROGRESSING
    assert release.live.assessment.candidate_units == 0


async def test_evidence_of_the_step_before_is_none_of_this_one() -> None:
    release = await _on()
    before = release.routed
    release.sees(40)
    await release.passes(1.25)
    assert release.share == 50_000

    release.sees(40, routed=before)
    await release.passes()

    assert release.live.assessment.candidate_units == 0


async def test_evidence_where_no_rollout_is_on_harms_nothing() -> None:
    release = Release()
    await release.begins()

    release.sees(10)
    await release.passes()

    assert release.phase() is Phase.IDLE


async def test_a_block_closes_every_five_seconds_and_only_with_counts() -> None:
    release = await _on()
    await release.does("pause")
    await release.passes(6)
    before = release.live.block

    for _ in range(40):
        release.sees(2)
        await release.passes()
    after = release.live.block
    await release.passes(20)

    assert after - before == 2
    assert release.live.block - after <= 1


async def test_evidence_is_kept_every_second() -> None:
    release = await _on()
    await release.does("pause")
    release.told.clear()

    await release.passes(10)

    assert 9 <= release.told.count("kept evidence") <= 11


async def test_slices_that_were_redefined_are_looked_at_as_a_whole_alone() -> None:
    release = await _on(segments=(TENANTS,))
    other = code_of((replace(TENANTS, values=("b", "a")),))
    split = release.routed
    records = [release._record(split, {"v2"}) for _ in range(60)]
    for record in records:
        record.cell = b"\x00"

    release.hears(records, segments=other)
    await release.passes()

    regressed = release.ending.assessment.regressed
    assert {found.segment for found in regressed} == {None}


async def test_slices_that_are_redefined_before_a_restart_stay_out(
    tmp_path: Path,
) -> None:
    release = SqliteRelease(tmp_path, replace(CHAT, segments=(TENANTS,)))
    await release.begins()
    await release.starts()
    await release.does("pause")
    release.sees(20)
    await release.passes(2)
    code = release.live.examination.segments_code
    other = replace(TENANTS, key="x-other")
    await release.reloads_with(segments=(other,))

    await release.is_killed_and_begins()

    assert release.live.examination.segments_code == code != code_of((other,))
    await release.durable.close()


def _pairs(release: Release, count: int, *, failing: bool) -> list[PairRecord]:
    pairs = []
    for _ in range(count):
        one, two = (release._record(release.routed, set()) for _ in range(2))
        one.is_candidate, two.is_candidate = False, True
        two.outcome = "upstream_error" if failing else "complete"
        pairs.append(PairRecord(baseline=one, candidate=two))
    return pairs


async def test_pairs_take_back_a_candidate_that_has_no_weight() -> None:
    release = await _on(rollout=replace(plan(), strategy=Strategy.BLUE_GREEN))
    await release.passes(1)
    assert (release.share, len(release.routed.mirror_routes)) == (0, 1)

    for _ in range(40):
        release.hears([], pairs=_pairs(release, 20, failing=True))
        await release.passes(1)

    assert release.phase() is Phase.ROLLED_BACK
    assert release.routed.mirror_routes == ()


def _switching(watch: float) -> RolloutPlan:
    analysis = replace(
        plan().analysis, holdback=Share(0), watch=Seconds(watch), bake=Seconds(9.0)
    )
    return replace(
        plan(),
        strategy=Strategy.BLUE_GREEN,
        steps=(Pause(),),
        reverse_mirror=Share(10_000),
        analysis=analysis,
    )


async def test_pairs_switch_back_a_candidate_that_has_all_the_weight() -> None:
    """Its requests are copied back for as long as it is watched, paused or not."""
    release = await _on(rollout=_switching(600.0))
    await release.does("resume")
    await release.passes(0.25)
    assert (release.share, release.routed.reverse_mirror) == (100_000, 10_000)
    release.hears([], pairs=_pairs(release, 60, failing=False))
    await release.passes(0.5)
    known = release.live.assessment
    assert (known.is_mirrored, known.candidate_units) == (True, 60)
    await release.does("pause")
    await release.passes(0.25)
    assert release.live.assessment.candidate_units == 60, "the same stage"
    assert release.routed.reverse_mirror

    for _ in range(40):
        release.hears([], pairs=_pairs(release, 20, failing=True))
        await release.passes(1)

    assert release.phase() is Phase.ROLLED_BACK
    assert release.routed.reverse_mirror == 0
    assert {one.again for one in await release.replayed()} == {None}


async def test_pairs_that_lose_their_halves_hold_a_switch_and_end_nothing() -> None:
    release = await _on(rollout=_switching(600.0))
    await release.does("resume")
    await release.passes(0.25)
    for _ in range(10):
        lost = [
            PairRecord(baseline=None, candidate=pair.candidate)
            for pair in _pairs(release, 3, failing=False)
        ]
        release.hears([], pairs=lost)
        await release.passes(1)

    standing = release.gate.standings.of("chat")
    assert standing.pause is PauseReason.INTEGRITY
    assert release.share == 100_000
    assert "lack a half" in str(standing.void)
    assert {one.again for one in await release.replayed()} == {None}


async def test_pairs_of_an_attempt_that_is_over_are_none_of_the_next() -> None:
    release = await _on(rollout=replace(plan(), strategy=Strategy.BLUE_GREEN))
    await release.passes(1)
    before = release.routed
    await release.does("abort")
    await release.does("retry")
    await release.passes(1)

    release.hears([], pairs=_pairs(release, 20, failing=True), routed=before)
    await release.passes(1)

    assert release.live.assessment.candidate_units == 0


async def test_a_store_that_is_away_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each look tries again to rise; nobody wants to read that four times a second."""
    release = await _on()
    release.store.is_gone = True
    release.sees(60)

    await release.passes(20)

    assert release.share == 20_000
    said = [r for r in caplog.records if "life_of_a_decision" in r.name]
    assert len(said) == 1
    await release.store_returns()
    await release.passes(2)
    assert release.share == 50_000


async def test_a_fault_in_one_look_is_logged_and_the_next_one_looks(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = await _on()

    def fails(*_more: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(release.live.examination, "look", fails)
        release.look()
    assert "ZeroDivisionError" in caplog.text
    release.sees(60, errors=["v2"])
    await release.passes()

    assert release.phase() is Phase.ROLLED_BACK


async def test_time_in_which_nobody_looked_counts_and_time_away_does_not() -> None:
    release = await _on()
    await release.does("pause")
    release.now += 3
    await release.passes()
    assert release.standing.in_phase == pytest.approx(3.25)

    release.now += 100
    await release.begins(with_last=True)
    await release.passes()

    assert release.standing.in_phase <= 3.5


async def test_a_mirror_step_is_told_to_the_workers_with_its_limits() -> None:
    shadow = SetMirrorRoute(name="s", share=Share(9_000))
    steps = (shadow, *plan().steps)
    release = await _on(rollout=replace(plan(), steps=steps))

    assert release.routed.mirror_routes == (shadow,)
    assert release.routed.window == pytest.approx(600.0)


async def test_pairs_decide_from_the_step_on_that_begins_to_mirror() -> None:
    """It begins a stage of its own, though it sets no weight."""
    staff = SetHeaderRoute(name="s", match=(HeaderMatch(name="x", exact="1"),))
    shadow = SetMirrorRoute(name="m", share=Share(50_000))
    steps = (staff, shadow, Analyse(), *plan().steps)
    release = await _on(rollout=replace(plan(), steps=steps))
    before = release.live.stage

    await release.passes(1)
    release.hears([], pairs=_pairs(release, 20, failing=False))
    await release.passes(0.5)

    assert (before.rung, before.is_mirrored) == (None, False)
    stage = release.live.stage
    assert (stage.number, stage.is_mirrored) == (before.number + 1, True)
    assert stage.rung is not None
    assert release.live.assessment.candidate_units == 20
    assert [one.again for one in await release.replayed()] == [None] * 4
