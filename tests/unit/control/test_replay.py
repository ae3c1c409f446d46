"""Every decision is made again from the journal alone, and what was changed is noticed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.control.replay import Replay, Replayed
from gateway.domain.rollout import MetricRule, Phase, Statistic
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.units import Seconds
from gateway.state.journal import Draft, Entry, chained, first_break, without_body
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan


async def _told_story(release: Release) -> list[Entry]:
    """Pass a step, hold, go on, regress, retry, and be killed."""
    await release.begins()
    await release.starts()
    for _ in range(4):
        release.sees(40)
        await release.passes(0.5)
    await release.does("pause")
    release.sees(100)
    await release.passes(6)
    await release.does("resume")
    release.sees(200, errors=["v2"])
    await release.passes(1)
    assert release.phase() is Phase.ROLLED_BACK
    await release.does("retry")
    await release.passes(0.5)
    release.sees(50)
    await release.passes(7)
    await release.does("kill")
    return await release.entries()


def _made(entries: list[Entry]) -> list[Replayed]:
    return list(Replay().all_of(entries))


async def test_every_decision_comes_out_the_same() -> None:
    entries = await _told_story(Release())

    made = _made(entries)

    assert first_break(entries) is None
    assert len(made) >= 9
    assert [one for one in made if one.again is not None or one.is_open] == []


async def test_a_restart_in_between_makes_no_difference(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    await release.begins()
    await release.starts()
    for _ in range(3):
        release.sees(40)
        await release.passes(1.5)
        await release.is_killed_and_begins()
    release.sees(100)
    await release.passes(2)
    await release.is_killed_and_begins(with_last=True)
    release.sees(200, errors=["v2"])
    await release.passes(1)
    assert release.phase() is Phase.ROLLED_BACK

    entries = await release.entries()

    assert first_break(entries) is None
    assert [one.again for one in _made(entries)] == [None] * len(_made(entries))
    assert _made(entries)[-1].said.startswith("error_rate regressed")
    assert not _made(entries)[-1].is_open
    await release.durable.close()


async def test_amounts_windows_and_slices_are_replayed_too() -> None:
    """The past that bets are made from grows block by block, here as there."""
    tenants = Segment(
        name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a", "b")
    )
    rules = (
        MetricRule(signal="error_rate"),
        MetricRule(signal="duration", statistic=Statistic.P95, ceiling=9.0),
        MetricRule(signal="client_error_rate"),
    )
    release = Release(
        replace(
            CHAT,
            segments=(tenants,),
            rollout=plan(20, 50, metrics=rules, dwell=Seconds(9.0)),
        )
    )
    await release.begins()
    await release.starts()
    for turn in range(12):
        split = release.routed
        records = [release._record(split, set()) for _ in range(120)]
        for number, record in enumerate(records):
            record.nth = record.nth_in_window = 1 + number % 2
            record.window = turn // 4
            record.cell = bytes([number % 3])
            late = turn > 7 and record.is_candidate
            record.duration = 0.2 + number * 0.01 + (3.0 if late else 0.0)
        release.hears(records)
        await release.passes(1.5)
    assert release.phase() is Phase.ROLLED_BACK

    entries = await release.entries()
    made = _made(entries)

    assert [one for one in made if one.again is not None or one.is_open] == []


async def test_a_move_rests_on_its_own_block_although_others_came_before_it() -> None:
    """What raises waits for the store, and blocks go on meanwhile."""
    entries = await _told_story(Release())
    place = next(
        number
        for number, entry in enumerate(entries)
        if entry.kind == "moved" and b"passed" in (entry.body or b"")
    )
    later = next(e for e in entries[place:] if e.kind == "block")
    drafts = [_draft(entry) for entry in entries if entry is not later]
    moved = drafts.index(_draft(entries[place]))
    drafts.insert(moved, _draft(later))

    made = _made(chained(None, drafts))

    assert [one for one in made if one.again is not None or one.is_open] == []


def _draft(entry: Entry, **changed: Any) -> Draft:
    body = entry.body or b""
    if changed:
        body = json.dumps({**json.loads(body), **changed}).encode()
    return Draft(at=entry.at, service=entry.service, kind=entry.kind, body=body)


def _rewritten(entries: list[Entry], seq: int, **changed: Any) -> list[Entry]:
    """Change one entry, and forge the chain behind it."""
    drafts = [
        _draft(entry, **changed) if entry.seq == seq else _draft(entry)
        for entry in entries
    ]
    return chained(None, drafts)


async def test_a_changed_block_is_noticed_by_what_was_decided_behind_it() -> None:
    """Even where the whole chain was forged."""
    entries = await _told_story(Release())
    rolled_back = next(e for e in entries if b"error_rate regressed" in (e.body or b""))
    block = next(e for e in reversed(entries[: rolled_back.seq]) if e.kind == "block")
    counts = json.loads(block.body or b"")["counts"]
    counts["bins"] = [
        [*place, baseline, {"0": sum(candidate.values())}]
        for *place, baseline, candidate in counts["bins"]
    ]

    forged = _rewritten(entries, block.seq, counts=counts)
    made = {one.seq: one for one in _made(forged)}

    assert first_break(forged) is None
    assert made[rolled_back.seq].again == "nothing happened"


async def test_a_changed_decision_is_noticed() -> None:
    entries = await _told_story(Release())
    paused = next(e for e in entries if b"Paused by hand" in (e.body or b""))
    after = {**json.loads(paused.body or b"")["after"], "share": 90_000}

    forged = _rewritten(entries, paused.seq, after=after)
    made = {one.seq: one for one in _made(forged)}

    assert str(made[paused.seq].again).startswith("Paused by hand at ")
    assert [one.seq for one in made.values() if one.again] == [paused.seq]


async def test_a_changed_entry_breaks_the_chain() -> None:
    entries = await _told_story(Release())
    third = replace(entries[2], body=b"{}")

    broken = first_break([*entries[:2], third, *entries[3:]])

    assert broken is third


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"{}",
        b'{"said":"x","event":{"kind":"Nothing"},"before":{},"after":{}}',
        b'{"said":"x","event":{"kind":"Promoted"},"before":{"phase":"paused"},"after":{}}',
        b'{"said":"x","event":{"kind":"Ticked","elapsed":[]},"before":{},"after":{}}',
        None,
    ],
)
async def test_an_entry_that_makes_no_sense_is_told_and_stops_nothing(
    body: bytes | None,
) -> None:
    entries = await _told_story(Release())
    paused = next(e for e in entries if b"Paused by hand" in (e.body or b""))
    spoilt = [replace(e, body=body) if e is paused else e for e in entries]

    made = {one.seq: one for one in _made(spoilt)}

    assert made[paused.seq].again is not None
    assert len(made) == len(_made(entries))


async def test_a_block_that_makes_no_sense_is_told() -> None:
    entries = await _told_story(Release())
    first = next(e for e in entries if e.kind == "block")
    spoilt = [replace(e, body=b"[]") if e is first else e for e in entries]

    assert any(one.seq == first.seq and one.again for one in _made(spoilt))


@pytest.mark.parametrize("how", ["pruned", "left out", "missing"])
async def test_what_rests_on_counts_that_are_gone_is_open_and_no_contradiction(
    how: str,
) -> None:
    entries = await _told_story(Release())
    block = next(e for e in entries if e.kind == "block" and e.seq > 4)
    begun = [e.seq for e in entries if e.kind == "begun"]
    if how == "pruned":
        entries = [without_body(e) if e is block else e for e in entries]
    elif how == "left out":
        gap = replace(block, kind="left_out", body=b'{"blocks": 1}')
        entries = [gap if e is block else e for e in entries]
    else:
        entries = [e for e in entries if e is not block]

    made = _made(entries)

    assert [one for one in made if one.again is not None] == []
    assert any(one.is_open for one in made if block.seq < one.seq < begun[1])
    assert not any(one.is_open for one in made if one.seq > begun[1])
