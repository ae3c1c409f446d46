"""What lowers is published first and kept after; what raises is kept first.

A lost or slow store holds what goes up, and never what goes down.
"""

import asyncio
from pathlib import Path

import pytest

from gateway.domain.errors import NotAllowedNow, RevisionConflict, StoreUnavailable
from gateway.domain.rollout import Phase
from tests.unit.control.release import Release, SqliteRelease


async def _at_twenty() -> Release:
    release = Release()
    await release.begins()
    await release.starts()
    release.told.clear()
    return release


async def test_a_start_is_kept_before_anything_is_published() -> None:
    release = Release()
    await release.begins()
    release.told.clear()

    await release.starts()

    steps = [line for line in release.told if line != "kept evidence"]
    assert steps == [
        "kept progressing 0",
        "published 0",
        "kept progressing 20000",
        "published 20000",
    ]


@pytest.mark.parametrize("action", ["abort", "kill"])
async def test_what_takes_traffic_back_is_published_first(action: str) -> None:
    release = await _at_twenty()

    await release.does(action)

    assert release.told == [
        "published 0",
        "kept evidence",
        "kept aborted 0",
        "kept evidence",  # what is left of it: how it ended
    ]


@pytest.mark.parametrize("action", ["abort", "kill"])
async def test_what_takes_traffic_back_waits_for_nothing(action: str) -> None:
    """It is in force before the first await, however long the store takes."""
    release = await _at_twenty()
    release.store.may_keep.clear()

    acting = asyncio.ensure_future(release.does(action))  # ruff: ignore[banned-api]: ends below
    await asyncio.sleep(0)

    assert release.told == ["published 0"]
    assert release.share == 0
    release.store.may_keep.set()
    assert (await acting).receipt.durable


@pytest.mark.parametrize("action", ["abort", "kill"])
async def test_without_a_store_traffic_is_taken_back_and_nothing_is_raised(
    action: str,
) -> None:
    release = await _at_twenty()
    release.store.is_gone = True

    with pytest.raises(StoreUnavailable):
        await release.does("promote")
    assert release.share == 20_000
    acted = await release.does(action)

    assert release.share == 0
    assert not acted.receipt.durable


async def test_a_regression_rolls_back_without_a_store() -> None:
    release = await _at_twenty()
    release.store.is_gone = True

    release.sees(60, errors=["v2"])
    await release.passes()

    assert release.phase() is Phase.ROLLED_BACK
    assert release.share == 0


async def test_a_regression_is_answered_while_a_raise_waits_for_the_store() -> None:
    """And the raise finds that it came too late: nothing of it is in force."""
    release = await _at_twenty()
    release.sees(60)
    await release.passes(0.75)
    release.store.may_keep.clear()
    release.look()
    await asyncio.sleep(0)
    assert release.live.is_raising

    release.sees(200, errors=["v2"])
    release.look()
    await asyncio.sleep(0)

    assert release.phase() is Phase.ROLLED_BACK
    assert release.told[-1] == "published 0"
    release.store.may_keep.set()
    await release.settles()
    assert release.phase() is Phase.ROLLED_BACK
    assert "published 50000" not in release.told


async def _overtaken(release: Release) -> None:
    """Let an abort overtake a promotion that the store is just about to keep."""
    release.store.may_save.clear()
    release.store.saving.clear()
    async with asyncio.TaskGroup() as tasks:
        promotion = tasks.create_task(_refused(release))
        await release.store.saving.wait()
        tasks.create_task(release.does("abort"))
        await asyncio.sleep(0)
        assert release.share == 0
        release.store.may_save.set()
    assert promotion.result()


async def test_a_raise_that_was_overtaken_before_it_was_kept_is_not_kept() -> None:
    """It waits for its evidence first."""
    release = await _at_twenty()
    release.store.may_keep.clear()
    async with asyncio.TaskGroup() as tasks:
        promotion = tasks.create_task(_refused(release))
        await asyncio.sleep(0)
        tasks.create_task(release.does("abort"))
        await asyncio.sleep(0)
        assert release.share == 0
        release.store.may_keep.set()

    assert promotion.result()
    assert not [line for line in release.told if "promoted" in line]
    release.last = None
    await release.begins()
    assert release.phase() is Phase.ABORTED


async def _refused(release: Release) -> bool:
    try:
        await release.does("promote", full=True)
    except RevisionConflict:
        return True
    return False


async def test_a_raise_never_overtakes_a_lowering_that_came_meanwhile() -> None:
    release = await _at_twenty()

    await _overtaken(release)

    assert release.phase() is Phase.ABORTED
    assert "published 100000" not in release.told


async def test_what_is_kept_in_the_end_is_the_lowering() -> None:
    """The raise was kept too: the lowering has to be newer than that."""
    release = await _at_twenty()
    await _overtaken(release)

    release.last = None
    await release.begins()

    assert release.phase() is Phase.ABORTED
    assert (release.share, release.routed.service.baseline) == (0, "v1")


async def test_the_journal_takes_back_what_never_came_into_force() -> None:
    release = await _at_twenty()
    await _overtaken(release)

    entries = await release.entries()

    kinds = [entry.kind for entry in entries if entry.kind != "block"]
    assert sorted(kinds[-3:]) == ["moved", "moved", "overtaken"]
    assert [one.again for one in await release.replayed()] == [None] * 4


async def test_a_raise_of_which_nobody_knows_whether_it_was_kept_gives_way() -> None:
    """The store kept it, and the answer was lost; the rollback came after it."""
    release = await _at_twenty()
    release.store.keeps_and_fails = True
    with pytest.raises(StoreUnavailable):
        await release.does("promote", full=True)
    await release.does("abort")

    await release.store_returns()

    assert release.phase() is Phase.ABORTED
    assert release.share == 0
    release.last = None
    await release.begins()
    assert release.phase() is Phase.ABORTED


async def test_a_raise_that_was_answered_with_an_error_is_not_made_later_by_itself() -> (
    None
):
    release = await _at_twenty()
    release.store.keeps_and_fails = True
    with pytest.raises(StoreUnavailable):
        await release.does("promote", full=True)

    await release.store_returns()

    assert release.phase() is Phase.PROGRESSING
    assert release.share == 20_000


async def test_a_weight_that_has_another_revision_since_is_examined_all_the_same() -> (
    None
):
    """A store that came back took a number that was promised to something else."""
    release = await _at_twenty()
    release.store.keeps_and_fails = True
    with pytest.raises(StoreUnavailable):
        await release.does("promote")
    before = release.routed.revision
    await release.store_returns()
    await release.passes()
    assert release.routed.revision > before

    release.sees(60, errors=["v2"])
    await release.passes()

    assert release.phase() is Phase.ROLLED_BACK
    assert [one.again for one in await release.replayed()] == [None] * 4
    kinds = [entry.kind for entry in await release.entries()]
    assert kinds.count("overtaken") == 1, "of the promotion, that nobody saw"


async def test_evidence_that_cannot_be_written_down_holds_no_rollback(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with it: the move is kept, and journalled."""
    release = await _at_twenty()

    def fails(**_more: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(release.live.examination, "dump", fails)
    acted = await release.does("abort")

    assert acted.receipt.durable
    assert release.told == ["published 0", "kept aborted 0", "kept evidence"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_kill_without_a_store_stays_when_the_store_comes_back() -> None:
    """What it kept was a rollout at 20 %: nothing of that is in force at any moment."""
    release = await _at_twenty()
    release.last = None
    release.store.is_gone = True
    await release.begins()
    await release.does("kill")
    release.told.clear()

    await release.store_returns()

    assert release.standing.is_killed
    assert release.phase() is Phase.ABORTED
    assert {line for line in release.told if "published" in line} <= {"published 0"}
    await release.does("unkill")
    assert (release.share, release.phase()) == (0, Phase.ABORTED)


async def test_a_killed_candidate_gets_nothing_from_a_reload() -> None:
    """Not even where the configuration says so: unkill comes first."""
    release = Release()
    await release.begins()
    await release.reloads_with(rollout=None)
    await release.does("kill")

    await release.reloads_with(configured_share=30_000)

    assert release.share == 0
    with pytest.raises(NotAllowedNow, match="unkill"):
        await release.sets(30)


async def test_a_store_that_comes_late_says_where_the_rollout_stands() -> None:
    release = await _at_twenty()
    release.last = None
    release.store.is_gone = True
    await release.begins()
    assert release.phase() is Phase.IDLE

    await release.store_returns()

    assert release.phase() is Phase.PROGRESSING
    assert release.share == 20_000


async def test_a_lowering_outlives_everything_that_is_killed(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    await release.begins()
    await release.starts()
    await release.does("abort")

    await release.is_killed_and_begins()

    assert (release.phase(), release.share) == (Phase.ABORTED, 0)
    await release.durable.close()
