"""Moves are put in force with their reasons, and their evidence outlives the controller."""

import asyncio
import json
from pathlib import Path

import pytest

from gateway.control.moves import NothingToDo
from gateway.delivery.events import Ticked
from gateway.domain.errors import StoreUnavailable
from gateway.domain.rollout import Phase
from gateway.domain.units import Seconds
from gateway.state.journal import first_break
from tests.unit.control.release import Release, SqliteRelease


async def test_a_move_says_who_and_why_with_the_numbers() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(60, errors=["v2"])
    await release.passes()

    last = (await release.entries())[-1]

    said = json.loads(last.body or b"")
    assert (last.kind, said["by"], said["phase"]) == (
        "moved",
        "analyzer",
        ["progressing", "rolled_back"],
    )
    assert said["weight"] == [20.0, 0.0]
    assert said["said"].startswith("error_rate regressed: ")
    assert said["findings"][0]["metric"] == "error_rate"
    change = release.gate.change("chat")
    assert change is not None
    assert (change.by, change.reason) == ("analyzer", said["said"])


async def test_what_a_move_was_decided_by_is_in_the_journal_before_it() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(60, errors=["v2"])
    await release.passes()

    entries = await release.entries()

    assert [entry.kind for entry in entries[-2:]] == ["block", "moved"]
    block, moved = (json.loads(entry.body or b"") for entry in entries[-2:])
    assert block["number"] == moved["block"]
    assert sum(block["counts"]["in_step"]) == 60
    assert first_break(entries) is None


async def test_what_changes_nothing_is_no_move() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    before = len(await release.entries())

    nothing = Ticked(elapsed=Seconds(0.0), attempt=1, stage=release.standing.stage)
    with pytest.raises(NothingToDo):
        await release.moves.make("chat", nothing, by="nobody")

    assert len(await release.entries()) == before


async def test_a_rollback_is_counted_once_for_the_metric_that_caused_it() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(60, errors=["v2"])
    await release.passes(2)

    assert release.moves.rollbacks == {("chat", "error_rate"): 1}


async def _with_evidence(release: Release) -> int:
    await release.begins()
    await release.starts()
    await release.does("pause")
    release.sees(200)
    await release.passes(2)
    release.sees(100)
    await release.passes(2)
    units = release.live.assessment.candidate_units
    assert units > 30
    return units


@pytest.mark.parametrize("with_last", [False, True])
async def test_after_a_restart_a_rollout_stands_where_it_stood_with_its_evidence(
    tmp_path: Path, *, with_last: bool
) -> None:
    """Whether all was killed, or the controller alone."""
    release = SqliteRelease(tmp_path)
    units = await _with_evidence(release)
    before, findings = release.standing, [*release.live.examination.findings()]
    block, design = release.live.block, release.live.examination.design

    await release.is_killed_and_begins(with_last=with_last)
    release.decisions.look()

    assert (release.phase(), release.share) == (Phase.PAUSED, 20_000)
    assert 0 <= before.in_phase - release.standing.in_phase < 1
    assert [*release.live.examination.findings()] == findings
    assert release.live.assessment.candidate_units == units
    assert release.live.block == block
    assert release.live.examination.design == design
    await release.durable.close()


async def test_after_a_restart_no_key_counts_twice(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    units = await _with_evidence(release)
    await release.is_killed_and_begins(with_last=True)

    release.keys = 0
    release.sees(300)
    await release.passes()

    assert release.live.assessment.candidate_units == units
    release.sees(100)
    await release.passes()
    assert release.live.assessment.candidate_units > units
    await release.durable.close()


async def test_at_most_the_last_second_of_evidence_is_lost(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    await _with_evidence(release)
    before = release.live.assessment

    release.sees(50)
    release.look()  # counted, and not kept yet
    assert release.live.assessment != before
    await release.is_killed_and_begins()
    release.decisions.look()

    assert release.live.assessment.candidate_units == before.candidate_units
    await release.durable.close()


async def test_a_window_that_was_open_goes_on_after_a_restart(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    await _with_evidence(release)

    await release.is_killed_and_begins()
    blocks = release.live.block
    release.sees(10)
    await release.passes()

    assert release.live.block == blocks, "no window began, so that no block closed"
    await release.durable.close()


async def test_evidence_that_cannot_be_read_now_is_not_thrown_away() -> None:
    """A controller starts while the store is away: it examines, and keeps nothing.

    What came meanwhile is counted behind it, as soon as it can be read.
    """
    release = Release()
    units = await _with_evidence(release)
    release.store.is_gone = True
    await release.begins(with_last=True)
    assert release.is_provisional()
    release.sees(100)
    await release.passes(2)

    await release.store_returns()
    await release.passes(2)

    assert not release.is_provisional()
    assert release.live.assessment.candidate_units == units + 20
    assert [one.again for one in await release.replayed()] == [None] * 3


async def test_a_bad_candidate_is_taken_back_though_its_evidence_cannot_be_read() -> (
    None
):
    release = Release()
    await _with_evidence(release)
    release.store.is_gone = True
    await release.begins(with_last=True)
    with pytest.raises(StoreUnavailable):
        await release.does("promote")

    release.sees(100, errors=["v2"])
    await release.passes()
    await release.store_returns()

    assert release.phase() is Phase.ROLLED_BACK
    last = (await release.replayed())[-1]
    assert (last.is_open, last.again) == (True, None)


async def test_evidence_that_is_spoilt_begins_anew_and_says_so(tmp_path: Path) -> None:
    """It is no reason to stop: the controller starts, and the journal tells."""
    release = SqliteRelease(tmp_path)
    await _with_evidence(release)
    found = await release.durable.evidence("chat")
    assert found is not None
    found.keys.clear()  # type: ignore[attr-defined]
    object.__setattr__(found, "trial", b"\x00spoilt")
    object.__setattr__(found, "is_new", True)
    await release.durable.save_evidence(found)

    await release.is_killed_and_begins()
    release.sees(100, errors=["v2"])
    await release.passes(2)

    assert release.phase() is Phase.ROLLED_BACK
    entries = await release.entries()
    [anew] = [entry for entry in entries if entry.kind == "anew"]
    assert "cannot be read" in json.loads(anew.body or b"")["said"]
    assert [one.again for one in await release.replayed()] == [None] * 4
    await release.durable.close()


async def test_keys_that_changed_while_evidence_was_being_kept_are_kept_too() -> None:
    """Two keep at once, and the second is cut short: nothing of it counts as kept."""
    release = Release()
    await _with_evidence(release)
    release.store.may_keep.clear()
    release.sees(50)
    release.look()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(release.moves.keep_evidence(release.live))
        await asyncio.sleep(0)
        release.sees(50)
        release.look()
        second = tasks.create_task(release.moves.keep_evidence(release.live))
        await asyncio.sleep(0)
        second.cancel()
        release.store.may_keep.set()
    await release.settles()

    await release.moves.keep_evidence(release.live)
    kept = await release.durable.evidence("chat")

    assert kept is not None
    assert len(kept.keys) == release.live.examination.book.known_keys == 400


async def test_nothing_is_written_down_for_a_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All keys of a large rollout take a fifth of a second, in which nobody looks."""
    release = Release()
    await _with_evidence(release)
    release.store.is_gone = True
    release.sees(50)
    await release.passes(2)
    dumped = []
    dump = release.live.examination.dump

    def counted(*, whole: bool) -> object:
        dumped.append(whole)
        return dump(whole=whole)

    with monkeypatch.context() as patch:
        patch.setattr(release.live.examination, "dump", counted)
        await release.passes(20)
        assert dumped == []
        await release.store_returns()
        await release.passes(2)
    kept = await release.durable.evidence("chat")

    assert True in dumped
    assert kept is not None
    assert len(kept.keys) == release.live.examination.book.known_keys
    assert {one.again for one in await release.replayed()} == {None}


async def test_a_fault_in_reading_what_was_kept_leaves_no_candidate_unexamined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = SqliteRelease(tmp_path)
    await _with_evidence(release)

    def fails(*_more: object) -> None:
        raise IndexError

    with monkeypatch.context() as patch:
        patch.setattr("gateway.analysis.key_table.KeyTable.load", fails)
        await release.is_killed_and_begins()
    release.sees(100, errors=["v2"])
    await release.passes(2)

    assert release.phase() is Phase.ROLLED_BACK
    await release.durable.close()
