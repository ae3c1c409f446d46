"""What has ended is examined no more: its keys go, and what was known of it stays."""

import asyncio
from pathlib import Path

import pytest

from gateway.domain.rollout import Phase
from gateway.state.store import KeptEvidence
from tests.unit.control.release import Release, SqliteRelease


async def _rolled_back(release: Release) -> None:
    await release.begins()
    await release.starts()
    release.sees(300, errors=["v2"])
    await release.passes(2)
    assert release.phase() is Phase.ROLLED_BACK


async def _kept(release: Release) -> KeptEvidence:
    kept = await release.durable.evidence("chat")
    assert kept is not None
    return kept


async def test_keys_go_with_the_end_and_findings_stay() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(300)
    await release.passes(2)
    live, known = release.live, tuple(release.live.examination.findings())
    assert len((await _kept(release)).keys) == 300

    await release.does("abort")

    assert release.moves.lives == {}
    assert live.examination.book.known_keys == 0
    assert release.ending.findings == known
    kept = await _kept(release)
    assert (kept.keys, kept.trial) == ({}, b"")
    assert len(kept.book) < 10_000


@pytest.mark.parametrize("with_last", [False, True])
async def test_how_it_ended_is_known_after_a_restart(
    tmp_path: Path, *, with_last: bool
) -> None:
    release = SqliteRelease(tmp_path)
    await _rolled_back(release)
    ending, ended_at = release.ending, release.now
    examined = await release.rollouts.examined("chat")
    figures = release.rollouts.figures()["chat"]
    release.now += 100

    await release.is_killed_and_begins(with_last=with_last)

    assert release.ending == ending
    again = await release.rollouts.examined("chat")
    assert examined is not None
    assert again is not None
    assert again.findings == examined.findings
    assert again.assessment.regressed[0].metric == "error_rate"
    assert again.as_of == pytest.approx(ended_at + 1.7e9, abs=2)
    assert examined.age is not None
    assert again.age == pytest.approx(examined.age + 100)
    assert release.rollouts.figures()["chat"].log_evalues == figures.log_evalues
    await release.durable.close()


async def test_the_end_of_an_attempt_is_forgotten_when_the_next_begins() -> None:
    release = Release()
    await _rolled_back(release)

    await release.does("retry")
    await release.passes(2)

    examined = await release.rollouts.examined("chat")
    assert examined is not None
    assert (examined.as_of, examined.assessment.regressed) == (None, ())
    kept = await _kept(release)
    assert (kept.attempt, bool(kept.trial)) == (2, True)


async def test_who_is_killed_between_the_end_and_what_is_kept_of_it_sums_it_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = SqliteRelease(tmp_path)

    async def is_cut_short(_self: object) -> None:
        await asyncio.sleep(0)

    with monkeypatch.context() as patch:
        patch.setattr("gateway.control.ended.Endings.keep", is_cut_short)
        await _rolled_back(release)
    assert len((await _kept(release)).keys) == 300
    findings = release.ending.findings

    await release.is_killed_and_begins()

    assert release.ending.findings == findings
    assert release.ending.assessment.regressed
    assert (await _kept(release)).keys == {}
    await release.durable.close()


async def test_an_end_while_the_store_is_away_is_kept_when_it_returns() -> None:
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(100)
    await release.passes(2)
    release.store.is_gone = True
    release.sees(300, errors=["v2"])
    await release.passes(2)
    assert release.phase() is Phase.ROLLED_BACK
    ending = release.ending

    await release.store_returns()

    assert (await _kept(release)).keys == {}
    await release.begins()
    assert release.ending == ending
    assert {one.again for one in await release.replayed()} == {None}


async def test_evidence_that_is_being_kept_at_the_end_does_not_outlast_it() -> None:
    """A slow store is asked to keep it, and the end overtakes that."""
    release = Release()
    await release.begins()
    await release.starts()
    release.sees(100)
    await release.passes(2)
    release.store.may_keep.clear()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            release.sees(50)
            release.look()
            tasks.create_task(release.moves.keep_evidence(release.live))
        await asyncio.sleep(0)
        tasks.create_task(release.does("abort"))
        await asyncio.sleep(0)
        release.store.may_keep.set()
    await release.settles()

    kept = await _kept(release)
    assert (kept.keys, kept.trial) == ({}, b"")
    await release.begins()
    assert release.ending.findings


async def test_an_end_that_cannot_be_read_is_no_trouble(tmp_path: Path) -> None:
    """It is for people alone."""
    release = SqliteRelease(tmp_path)
    await _rolled_back(release)
    await release.durable.save_evidence(
        KeptEvidence(
            service="chat", attempt=1, trial=b"", book=b"?", keys={}, is_new=True
        )
    )

    await release.is_killed_and_begins()

    assert (await release.rollouts.examined("chat")) is None
    await release.does("retry")
    assert release.phase() is Phase.PROGRESSING
    await release.durable.close()
