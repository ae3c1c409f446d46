"""A store that comes and goes: nothing decided is lost, and the chain is never broken."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.control.durable import Durable
from gateway.control.journal import SENT_AT_ONCE, Journal
from gateway.domain.deployment import StateAddress, StateKind
from gateway.domain.errors import StoreUnavailable
from gateway.domain.units import Share
from gateway.state.journal import (
    BEGUN,
    BLOCK,
    LEFT_OUT,
    Draft,
    Entry,
    chained,
    first_break,
)
from gateway.state.store import Change, Kept, KeptEvidence, KeptRollout, Store, Weight
from gateway.state.stores.memory import MemoryStore
from gateway.state.stores.sqlite import SqliteStore

WEIGHT = Weight(
    service="chat",
    candidate="v2",
    share=Share(1),
    configured_share=Share(1),
    salt="chat",
    revision=1,
    change=Change(by="ci", reason="", at=0.0),
)
ROLLOUT = KeptRollout(service="chat", standing=b"{}", version=1)
EVIDENCE = KeptEvidence(
    service="chat", attempt=1, trial=b"t", book=b"b", keys={1: b"x"}, is_new=True
)
CHANGED = replace(EVIDENCE, keys={2: b"y"}, is_new=False)


def decision(number: int) -> Draft:
    """Give one of many decisions."""
    return Draft(at=float(number), service="chat", kind="moved", body=b"%d" % number)


def block(number: int, service: str = "chat") -> Draft:
    """Give one of many blocks."""
    return Draft(at=float(number), service=service, kind=BLOCK, body=b"%09d" % number)


class _Store(MemoryStore):
    """Can be broken; or write and then fail, as one that answers too late."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False
        self.is_late = False
        self.calls: list[int] = []

    async def open(self) -> Kept:
        self._demand_sound()
        return await super().open()

    async def append(self, entries: Sequence[Entry]) -> None:
        self._demand_sound()
        await super().append(entries)

    def _append(self, entries: Sequence[Entry]) -> None:
        self._demand_sound()
        super()._append(entries)
        self.calls.append(len(entries))
        if self.is_late:
            raise StoreUnavailable("Late.", remedy="Wait.")

    def become_another(self) -> None:
        """Forget everything, as a file that was moved away does."""
        _Store.__init__(self)

    def _demand_sound(self) -> None:
        if self.is_broken:
            raise StoreUnavailable("Broken.", remedy="Mend it.")


class _Scene:
    """A durable over a store that obeys."""

    def __init__(self) -> None:
        self.store: MemoryStore = _Store()
        self.durable = Durable(self._make)

    async def attach(self) -> None:
        await self.durable.attach(StateAddress(kind=StateKind.MEMORY))

    async def reopen(self) -> None:
        """Wait until the store is open again."""
        is_back = asyncio.Event()

        async def hear(_kept: Kept) -> None:
            await asyncio.sleep(0)
            is_back.set()

        watch = self.durable.keep_open(hear, pause=lambda _seconds: asyncio.sleep(0))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch)
            async with asyncio.timeout(4):
                await is_back.wait()
            task.cancel()

    async def bodies(self) -> list[bytes | None]:
        """Give what is written, having checked the chain."""
        entries = await self.store.entries(None)
        assert first_break(entries) is None
        return [entry.body for entry in entries]

    def _make(self, _address: StateAddress) -> Store:
        return self.store


@pytest.fixture
async def scene() -> _Scene:
    """Give a scene whose store is open."""
    made = _Scene()
    await made.attach()
    return made


def _stored(scene: _Scene) -> _Store:
    assert isinstance(scene.store, _Store)
    return scene.store


async def test_a_change_is_kept_with_what_happened_before_it(scene: _Scene) -> None:
    """In order, and in one transaction."""
    scene.durable.journal.write(decision(1))

    await scene.durable.save(
        [WEIGHT], epoch=1, rollouts=[ROLLOUT], drafts=[decision(2)]
    )

    kept = await scene.store.open()
    assert (kept.weights, kept.rollouts) == ({"chat": WEIGHT}, {"chat": ROLLOUT})
    assert await scene.bodies() == [b"1", b"2"]
    assert _stored(scene).calls == [2]
    assert scene.durable.journal.waiting == 0


async def test_only_rollouts_that_are_newer_are_kept(scene: _Scene) -> None:
    """Versions may skip what could not be written."""
    newer = replace(ROLLOUT, version=4)

    for rollout in (ROLLOUT, ROLLOUT, newer, ROLLOUT):
        await scene.durable.save([], epoch=1, rollouts=[rollout])

    assert (await scene.store.open()).rollouts == {"chat": newer}


async def test_what_happened_while_the_store_was_away_is_written_when_it_returns(
    scene: _Scene,
) -> None:
    """Decisions and blocks, in order, before anybody is told that it is back."""
    await scene.durable.save([], epoch=1, drafts=[decision(1)])
    _stored(scene).is_broken = True
    for number in range(2, 6):
        scene.durable.journal.write(decision(number))
        with pytest.raises(StoreUnavailable):
            await scene.durable.flush()

    _stored(scene).is_broken = False
    await scene.reopen()

    assert await scene.bodies() == [b"1", b"2", b"3", b"4", b"5"]


async def test_what_could_not_be_kept_is_not_said_to_have_happened(
    scene: _Scene,
) -> None:
    """A promotion that a lost store held; what had happened before it is written."""
    _stored(scene).is_broken = True
    scene.durable.journal.write(decision(1))
    with pytest.raises(StoreUnavailable):
        await scene.durable.save([WEIGHT], epoch=1, drafts=[decision(2)])

    _stored(scene).is_broken = False
    await scene.reopen()
    await scene.durable.save([WEIGHT], epoch=1, drafts=[decision(3)])

    assert await scene.bodies() == [b"1", b"3"]


async def test_what_was_written_though_the_store_failed_is_not_written_twice(
    scene: _Scene,
) -> None:
    """Its end says so: all that was sent is there, what happened since follows."""
    _stored(scene).is_late = True
    scene.durable.journal.write(decision(1))
    with pytest.raises(StoreUnavailable):
        await scene.durable.save([], epoch=1, drafts=[decision(2)])
    scene.durable.journal.write(decision(3))

    _stored(scene).is_late = False
    await scene.reopen()

    assert await scene.bodies() == [b"1", b"2", b"3"]


async def test_a_call_that_is_cut_short_is_found_out_about() -> None:
    """The thread may have gone on: the store is opened again, and its end read."""

    class _Slow(_Store):
        async def append(self, entries: Sequence[Entry]) -> None:
            await super().append(entries)
            await asyncio.Event().wait()

    scene = _Scene()
    scene.store = _Slow()
    await scene.attach()
    scene.durable.journal.write(decision(1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await scene.durable.flush()
    assert scene.durable.trouble is not None
    scene.durable.journal.write(decision(2))

    await scene.attach()
    await scene.durable.save([], epoch=1)

    assert await scene.bodies() == [b"1", b"2"]


async def test_a_journal_that_waited_before_the_store_was_known_goes_behind_its_end() -> (
    None
):
    """A controller that starts while its store is away."""
    scene = _Scene()
    scene.store = before = _Store()
    await before.append(chained(None, [decision(1), decision(2)]))
    before.is_broken = True
    scene.durable.journal.write(decision(3))
    await scene.attach()
    assert scene.durable.trouble is not None

    before.is_broken = False
    await scene.reopen()

    assert await scene.bodies() == [b"1", b"2", b"3"]


async def test_another_file_in_its_place_is_continued_and_told(
    scene: _Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody moved a damaged one away: the chain begins anew there."""
    await scene.durable.save([WEIGHT], epoch=1, drafts=[decision(1)])
    await scene.durable.save_evidence(EVIDENCE)
    _stored(scene).is_broken = True
    scene.durable.journal.write(decision(2))
    with pytest.raises(StoreUnavailable):
        await scene.durable.flush()
    _stored(scene).become_another()
    await scene.reopen()

    assert await scene.bodies() == [b"2"]
    assert "ends with another entry" in caplog.text
    assert not await scene.durable.save_evidence(CHANGED, drafts=[block(3)])
    assert await scene.durable.save_evidence(EVIDENCE)
    assert await scene.bodies() == [b"2", b"%09d" % 3]


async def test_evidence_is_kept_with_its_block(scene: _Scene) -> None:
    """What has changed is added to what is known to be kept, also after a restart."""
    assert not await scene.durable.save_evidence(CHANGED)
    assert await scene.durable.save_evidence(EVIDENCE, drafts=[block(1)])
    again = Durable(lambda _address: scene.store)
    await again.attach(StateAddress(kind=StateKind.MEMORY))

    assert await again.save_evidence(CHANGED, drafts=[block(2)])

    found = await again.evidence("chat")
    assert found == replace(EVIDENCE, keys={1: b"x", 2: b"y"}, is_new=False)
    assert await again.entries("chat") == await scene.store.entries("chat")
    assert await scene.bodies() == [b"%09d" % 1, b"%09d" % 2]


async def test_a_block_waits_when_its_evidence_cannot_be_kept(scene: _Scene) -> None:
    """It has happened."""
    _stored(scene).is_broken = True
    for number in (1, 2):
        with pytest.raises(StoreUnavailable):
            await scene.durable.save_evidence(EVIDENCE, drafts=[block(number)])

    _stored(scene).is_broken = False
    await scene.reopen()

    assert await scene.bodies() == [b"%09d" % 1, b"%09d" % 2]


async def test_a_long_journal_is_sent_in_parts(scene: _Scene) -> None:
    """A slow disk takes each within its deadline; the change comes with the last."""
    large = replace(block(0), body=b"x" * (SENT_AT_ONCE // 2))
    for _ in range(5):
        scene.durable.journal.write(large)

    await scene.durable.save([WEIGHT], epoch=1, drafts=[decision(1)])

    assert _stored(scene).calls == [2, 2, 2]
    assert len(await scene.bodies()) == 6


async def test_blocks_without_room_are_left_out_and_counted_and_decisions_never(
    scene: _Scene,
) -> None:
    """The first blocks stay: what is behind a gap cannot be recomputed."""
    scene.durable.journal = journal = Journal(most_waiting=2 * len(block(0).body))
    await scene.attach()
    for number in range(5):
        journal.write(block(number))
        journal.write(decision(number))
        journal.write(block(number, "code"))

    await scene.durable.flush()

    entries = await scene.store.entries(None)
    assert first_break(entries) is None
    assert [entry.kind for entry in entries] == [
        BLOCK,
        "moved",
        BLOCK,
        LEFT_OUT,
        "moved",
        LEFT_OUT,
        "moved",
        "moved",
        "moved",
    ]
    gaps = [entry for entry in entries if entry.kind == LEFT_OUT]
    told = [(gap.service, json.loads(gap.body or b"")) for gap in gaps]
    assert told == [("chat", {"blocks": 4}), ("code", {"blocks": 4})]
    assert journal.left_out == 8


async def test_blocks_find_room_again_once_others_are_written(scene: _Scene) -> None:
    """Also when one attempt to write them failed."""
    scene.durable.journal = journal = Journal(most_waiting=2 * len(block(0).body))
    await scene.attach()
    for number in range(3):
        journal.write(block(number))
    _stored(scene).is_broken = True
    with pytest.raises(StoreUnavailable):
        await scene.durable.flush()
    journal.write(block(3))
    _stored(scene).is_broken = False
    await scene.reopen()

    journal.write(block(4))
    await scene.durable.flush()

    entries = await scene.store.entries(None)
    kinds = [entry.kind for entry in entries]
    assert first_break(entries) is None
    assert kinds == [BLOCK, BLOCK, LEFT_OUT, LEFT_OUT, BLOCK]
    assert journal.left_out == 2


async def test_blocks_of_old_attempts_are_pruned_bit_by_bit(scene: _Scene) -> None:
    """However many there are; the chain holds."""
    begun = replace(decision(0), kind=BEGUN)
    drafts = [begun, *(block(number) for number in range(700))]
    scene.durable.journal.write(drafts[0])
    for draft in [*drafts[1:], begun, block(1)]:
        scene.durable.journal.write(draft)
    await scene.durable.flush()

    assert await scene.durable.prune("chat", attempts=1) == 700
    assert (await scene.bodies()).count(None) == 700


async def test_a_disk_that_is_still_full_is_not_said_to_be_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be opened; told once, not at each try."""
    pages = [24]
    store = SqliteStore(
        str(tmp_path / "state.db"), connect=lambda name: _bounded(name, pages[0])
    )
    durable = Durable(lambda _address: store)
    await durable.attach(StateAddress(kind=StateKind.SQLITE))
    durable.journal.write(replace(decision(1), body=b"1" * 100_000))
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await durable.flush()

    assert await durable._reopen() is None
    assert await durable._reopen() is None
    assert durable.trouble is not None
    pages[0] = 1000
    assert await durable._reopen() is not None

    entries = await durable.entries(None)
    await durable.close()
    assert [len(entry.body or b"") for entry in entries] == [100_000]
    assert caplog.text.count("cannot grow") == 1


async def test_what_is_in_trouble_reads_nothing(scene: _Scene) -> None:
    """It says why, at once."""
    _stored(scene).is_broken = True
    scene.durable.journal.write(decision(1))
    with pytest.raises(StoreUnavailable):
        await scene.durable.flush()

    with pytest.raises(StoreUnavailable, match="Broken"):
        await scene.durable.entries(None)
    with pytest.raises(StoreUnavailable, match="Broken"):
        await scene.durable.evidence("chat")
    with pytest.raises(StoreUnavailable, match="Broken"):
        await scene.durable.prune("chat")


async def test_a_real_file_that_was_away_gets_what_was_decided(tmp_path: Path) -> None:
    """Its folder was not there when the gateway started."""
    folder = tmp_path / "later"
    store = SqliteStore(str(folder / "state.db"))
    durable = Durable(lambda _address: store)
    await durable.attach(StateAddress(kind=StateKind.SQLITE))
    durable.journal.write(decision(1))
    durable.journal.write(decision(2))
    folder.mkdir()

    kept = await durable._reopen()

    entries = await durable.entries(None)
    await durable.close()
    assert kept is not None
    assert [entry.body for entry in entries] == [b"1", b"2"]
    assert first_break(entries) is None


def _bounded(path: str, pages: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return connection
