"""After a restart what was known is gone on with; what begins from nothing has less alpha."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.analysis.shares import examination_part
from gateway.control import held, taking_up
from gateway.control.designs import design_for
from gateway.control.replay import Replay, Replayed
from gateway.domain.rollout import Phase
from gateway.state.journal import Draft, Entry, chained
from gateway.state.store import KeptEvidence
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan

ALPHA = 0.01


async def _on(release: Release, keys: int = 100) -> None:
    """Let it be in a step that holds, with units that are kept."""
    await release.begins()
    await release.starts()
    await release.does("pause")
    release.sees(keys)
    await release.passes(2)


async def _is_spoilt(release: Release) -> None:
    """Let nobody be able to read the evidence that is kept."""
    found = await release.durable.evidence("chat")
    assert found is not None
    spoilt = replace(found, trial=b"\x00spoilt", keys={}, is_new=True)
    await release.durable.save_evidence(spoilt)


def _examined(release: Release) -> tuple[int, float]:
    """Give the number of the examination, and its part of alpha."""
    live = release.live
    return live.number, live.examination.design.alpha / ALPHA


def _contradictions(entries: list[Entry]) -> list[Replayed]:
    return [one for one in Replay().all_of(entries) if one.again is not None]


async def test_each_examination_from_nothing_has_its_part_of_alpha(
    tmp_path: Path,
) -> None:
    """The count outlives restarts, and another attempt begins to count anew."""
    release = SqliteRelease(tmp_path)
    await _on(release)
    assert _examined(release) == (1, 1.0)
    for number in (2, 3):
        await _is_spoilt(release)
        await release.is_killed_and_begins()
        await release.passes(2)
        assert _examined(release) == (number, examination_part(number))
        await release.is_killed_and_begins()  # and it is gone on with
        assert _examined(release) == (number, examination_part(number))
        assert release.standing.examinations == number

    await release.does("abort")
    await release.does("retry")

    assert _examined(release) == (1, 1.0)
    assert release.standing.examinations == 1
    told = [
        json.loads(entry.body or b"")["examination"]
        for entry in await release.entries()
        if entry.kind == "anew"
    ]
    assert told == [2, 3]
    assert _contradictions(await release.entries()) == []
    await release.durable.close()


async def test_an_examination_for_as_long_as_the_store_is_away_counts_too() -> None:
    """What can be read again is gone on with: it has spent nothing more."""
    release = Release()
    await _on(release)
    for number in (2, 3):
        release.store.is_gone = True
        await release.begins(with_last=True)
        assert release.is_provisional()
        assert _examined(release) == (number, examination_part(number))
        await release.passes(1)

        await release.store_returns()

        assert not release.is_provisional()
        assert _examined(release) == (1, 1.0)
        assert release.standing.examinations == number
        kept = (await release.store.open()).rollouts["chat"]
        assert json.loads(kept.standing)["examinations"] == number
        release.sees(20)
        await release.passes(1)
    assert _contradictions(await release.entries()) == []
    anew = [e for e in await release.entries() if e.kind == "anew"]
    assert [json.loads(e.body or b"")["is_provisional"] for e in anew] == [True, True]


async def test_an_attempt_that_has_just_begun_is_not_begun_from_nothing(
    tmp_path: Path,
) -> None:
    """Its evidence is kept with its beginning, not a second later."""
    release = SqliteRelease(tmp_path)
    await release.begins()
    await release.does("start")

    await release.is_killed_and_begins()

    assert _examined(release) == (1, 1.0)
    await release.durable.close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"alpha": ALPHA}, "has an alpha of 0.00032"),
        ({"examination": 1}, "was begun already"),
        ({"sample_ratio_alpha": 0.001}, "has an alpha of"),
    ],
)
async def test_who_gives_an_examination_more_alpha_is_noticed_by_replay(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    release = SqliteRelease(tmp_path)
    await _on(release)
    await _is_spoilt(release)
    await release.is_killed_and_begins()
    await release.passes(2)
    entries = await release.entries()
    await release.durable.close()

    [told] = _contradictions(_changed(entries, changed))

    assert words in str(told.again)
    assert _contradictions(entries) == []


def _changed(entries: list[Entry], changed: dict[str, Any]) -> list[Entry]:
    """Write the journal as somebody might have, with a chain that holds."""
    drafts = []
    for entry in entries:
        body = json.loads(entry.body or b"{}")
        if entry.kind == "anew":
            for key, value in changed.items():
                (body if key in body else body["design"])[key] = value
        drafts.append(
            Draft(
                at=entry.at,
                service=entry.service,
                kind=entry.kind,
                body=json.dumps(body).encode(),
            )
        )
    return chained(None, drafts)


async def test_a_journal_of_before_examinations_were_counted_is_replayed(
    tmp_path: Path,
) -> None:
    release = SqliteRelease(tmp_path)
    await _on(release)
    await _is_spoilt(release)
    await release.is_killed_and_begins()
    await release.passes(2)
    entries = await release.entries()
    await release.durable.close()

    assert _contradictions(_changed(entries, {"examination": None})) == []


async def _until(claim: Callable[[], object]) -> None:
    for _ in range(1000):
        if claim():
            return
        await asyncio.sleep(0)
    raise AssertionError


@contextlib.asynccontextmanager
async def _beginning(release: Release) -> AsyncGenerator[None]:
    """Start a controller; inside, the evidence is being read."""
    may_be_read, read = asyncio.Event(), release.store.evidence

    async def waits(service: str) -> KeptEvidence | None:
        await may_be_read.wait()
        return await read(service)

    release.store.evidence = waits  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(release.begins())
        await _until(lambda: release.rollouts.taking_up)
        try:
            yield
        finally:
            may_be_read.set()


async def test_what_comes_while_evidence_is_read_is_counted_behind_it() -> None:
    release = Release()
    await _on(release)

    async with _beginning(release):
        assert release.rollouts.protection("chat") == "taking up evidence"
        assert await release.rollouts.examined("chat") is None
        release.sees(50)
        release.look()
    await release.passes()

    assert release.rollouts.protection("chat") == "analysing"
    assert release.rollouts.taking_up == ()
    found = release.live.assessment
    assert found.baseline_units + found.candidate_units == 150


async def test_a_hand_that_is_quicker_than_the_store_wins() -> None:
    """Who aborts while evidence is read finds it aborted afterwards, too."""
    release = Release()
    await _on(release)

    async with asyncio.TaskGroup() as tasks, _beginning(release):
        tasks.create_task(release.does("abort"))
        await _until(lambda: not release.share)
    await release.passes(1)

    assert release.phase() is Phase.ABORTED
    assert release.share == 0
    assert release.moves.lives == {}


async def test_a_bad_candidate_is_taken_back_while_the_store_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a moment nobody waits for what was known."""
    monkeypatch.setattr(taking_up, "_PATIENT_S", 0.0)
    release = Release()
    await _on(release)

    async with _beginning(release):
        await _until(lambda: release.moves.lives)
        assert release.is_provisional()
        release.sees(200, errors=["v2"])
        release.look()
        await _until(lambda: not release.share)
    await release.passes()

    assert release.phase() is Phase.ROLLED_BACK
    assert release.standing.examinations == 2
    assert release.ending.examination == 2
    assert _contradictions(await release.entries()) == []


async def test_nothing_rises_by_a_part_of_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store is slow and not away, so that a rise could be kept."""
    monkeypatch.setattr(taking_up, "_PATIENT_S", 0.0)
    release = Release()
    await release.begins()
    await release.starts()
    await release.moves.keep_evidence(release.live)

    async with _beginning(release):
        await _until(lambda: release.moves.lives)
        for _ in range(8):
            release.sees(50)
            release.look()
            await asyncio.sleep(0)
        assert release.is_provisional()
        assert release.share == 20_000
    await release.settles()
    assert release.share == 20_000

    await release.passes(2)
    assert release.share == 50_000
    assert _contradictions(await release.entries()) == []


async def test_so_much_is_held_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes, whole blocks of both versions alike."""
    monkeypatch.setattr(held, "MOST_HELD", 100)
    release = Release()
    await _on(release)

    async with _beginning(release):
        for _ in range(5):
            release.sees(40)
    await release.passes()

    found = release.live.assessment
    assert found.baseline_units + found.candidate_units == 180
    assert _always_told(release) == 0


def _always_told(release: Release) -> int:
    """Give below which of 100 parts of the keys all have been told of."""
    return release.live.examination.book._state.always * 100 >> 32


async def test_keys_that_were_left_out_while_evidence_is_read_stay_left_out() -> None:
    release = Release()
    await _on(release)

    async with _beginning(release):
        assert not release.moves.lives
        release.decisions.tell(1, release.now, release.now, sampled=0.25)
        release.decisions.tell(1, release.now, release.now, sampled=1.0)
    await release.passes()

    assert _always_told(release) == 25


async def test_keys_that_a_provisional_examination_lacked_stay_left_out() -> None:
    release = Release()
    await _on(release)
    release.store.is_gone = True
    await release.begins(with_last=True)
    assert release.is_provisional()
    release.decisions.tell(1, release.now, release.now, sampled=0.25)
    assert _always_told(release) == 25

    await release.store_returns()

    assert not release.is_provisional()
    assert _always_told(release) == 25


async def test_an_attempt_begins_with_all_keys() -> None:
    release = Release()
    await _on(release)
    release.decisions.tell(1, release.now, release.now, sampled=0.25)
    assert _always_told(release) == 25
    await release.does("abort")
    await release.does("retry")
    assert _always_told(release) == 100


async def test_the_design_of_an_attempt_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    def counted(service: Any, plan: Any) -> Any:
        made.append(service.name)
        return design_for(service, plan)

    monkeypatch.setattr("gateway.control.moves.design_for", counted)
    release = Release(replace(CHAT, rollout=plan(20)))
    await release.begins()

    await release.does("start")
    await release.passes(2)

    assert made == ["chat"]
