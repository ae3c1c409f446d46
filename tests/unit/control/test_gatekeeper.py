"""Down: published first, kept after. Up: kept first, published after."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.publish import Publisher
from gateway.control.ticket_keys import TURNED_AFTER_S
from gateway.domain.deployment import (
    Address,
    Admin,
    Deployment,
    Role,
    StateAddress,
    StateKind,
    Token,
)
from gateway.domain.errors import (
    BadConfiguration,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.last_table import Last
from gateway.handoff.link import Hello, Publish
from gateway.handoff.observations import Counted
from gateway.handoff.routing_table import RoutingTable
from gateway.state.journal import Entry
from gateway.state.store import NO_VERSIONS, Kept, KeptRollout, Store, Weight
from gateway.state.stores.memory import MemoryStore

VERSIONS = tuple(
    Version(name=name, endpoints=(Endpoint(url="http://h:1", host="h", port=1),))
    for name in ("v1", "v2")
)
CHAT = Service(
    name="chat",
    versions=VERSIONS,
    baseline="v1",
    candidate="v2",
    configured_share=Share(10_000),
)
LOOPBACK = Address(host="127.0.0.1", port=1)
DEPLOYMENT = Deployment(
    listen=(LOOPBACK,), admin=Admin(listen=LOOPBACK), services=(CHAT,)
)


class _TellingStore(MemoryStore):
    """Tells when it saves; can be broken, full or slow."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self.told = told
        self.is_broken = False
        self.is_full = False
        self.may_save = asyncio.Event()
        self.may_save.set()

    async def open(self) -> Kept:
        self._demand_sound()
        return await super().open()

    async def save(
        self,
        weights: Sequence[Weight],
        *,
        expected: Mapping[str, int],
        epoch: int,
        rollouts: Sequence[KeptRollout] = (),
        expected_versions: Mapping[str, int] = NO_VERSIONS,
        entries: Sequence[Entry] = (),
    ) -> None:
        await self.may_save.wait()
        self._demand_sound()
        if self.is_full:
            raise StoreUnavailable("Full.", remedy="Free some space.")
        await super().save(
            weights,
            expected=expected,
            epoch=epoch,
            rollouts=rollouts,
            expected_versions=expected_versions,
            entries=entries,
        )
        self.told += [f"kept {weight.share}" for weight in weights]

    def _demand_sound(self) -> None:
        if self.is_broken:
            raise StoreUnavailable("Broken.", remedy="Mend it.")


class _TellingWorker:
    """A worker that applies at once."""

    def __init__(
        self, publisher: Publisher, told: list[str], published: asyncio.Event
    ) -> None:
        self._publisher = publisher
        self._told = told
        self._published = published

    def send(self, message: Publish) -> None:
        self._told.append(f"published {message.table.services[0].share}")
        self._published.set()
        self._publisher.applied(self, message.table.epoch)

    def close(self) -> None:
        self._told.append("closed")


class _Scene:
    """A gatekeeper with everything around it played."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.published = asyncio.Event()
        self.store = _TellingStore(self.told)
        self.file: Deployment | BadConfiguration = DEPLOYMENT
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.last: Last | None = None
        self.now = 1.0
        self.restart()

    def restart(self, table: RoutingTable | None = None) -> None:
        """Begin anew; what the controller before left stays unless it is dropped."""
        self.publisher = Publisher(self._keep)
        self.durable = Durable(self._make)
        self.gate = Gatekeeper(
            self.publisher, self.durable, self._read, lambda: self.now
        )
        self.worker = _TellingWorker(self.publisher, self.told, self.published)
        self.publisher.welcome(self.worker, Hello(worker=0, pid=1, table=table))

    async def start(self) -> None:
        await self.gate.start(last=self.last, hello_within_s=0)

    async def store_returns(self) -> None:
        self.store.is_broken = False
        kept = await self.durable._reopen()
        assert kept is not None
        await self.gate.store_returned(kept)

    def _keep(self, table: RoutingTable) -> None:
        deployment = self.gate.deployment
        self.last = Last(table=table, deployment=deployment, counted=Counted())

    async def put(self, percent: float, revision: int | None = None) -> bool:
        receipt = await self.gate.set_weights(
            "chat", {"v2": percent}, revision=revision, by="ci", reason=""
        )
        return receipt.durable

    @property
    def share(self) -> int:
        return self.gate.routed("chat").share

    def _make(self, _address: StateAddress) -> Store:
        return self.store

    async def _read(self) -> Deployment:
        await self.may_read.wait()
        if isinstance(self.file, BadConfiguration):
            raise self.file
        return self.file


async def test_a_raise_is_kept_before_it_is_published() -> None:
    """Else a crash in between would lose a promise."""
    scene = _Scene()
    await scene.start()
    scene.told.clear()

    await scene.put(50)

    assert scene.told == ["kept 50000", "published 50000"]


async def test_a_fall_is_published_before_it_is_kept() -> None:
    """A rollback waits for no disk."""
    scene = _Scene()
    await scene.start()
    scene.told.clear()

    await scene.put(1)

    assert scene.told == ["published 1000", "kept 1000"]


async def test_without_a_store_weights_fall_but_do_not_rise() -> None:
    """A lost store can hold a promotion, never a rollback."""
    scene = _Scene()
    await scene.start()
    scene.store.is_broken = True

    with pytest.raises(StoreUnavailable):
        await scene.put(50)
    assert scene.share == 10_000
    assert not await scene.put(3)
    assert scene.share == 3_000


async def test_a_fall_overtakes_a_raise_that_waits_for_the_store() -> None:
    """The raise is refused when its turn comes."""
    scene = _Scene()
    await scene.start()
    scene.store.may_save.clear()
    scene.published.clear()
    async with asyncio.TaskGroup() as tasks:
        rise = tasks.create_task(_refused(scene, 50))
        await asyncio.sleep(0)
        fall = tasks.create_task(scene.put(0))
        await scene.published.wait()
        scene.store.may_save.set()

    assert rise.result()
    assert fall.result()
    assert scene.share == 0
    assert (await scene.store.open()).weights["chat"].share == 0


async def _refused(scene: _Scene, percent: float) -> bool:
    try:
        await scene.put(percent)
    except RevisionConflict:
        return True
    return False


async def test_a_stale_revision_is_a_conflict() -> None:
    """Two operators at once."""
    scene = _Scene()
    await scene.start()
    await scene.put(20, revision=1)

    with pytest.raises(RevisionConflict):
        await scene.put(30, revision=1)


async def test_the_same_weight_again_is_no_change() -> None:
    """No revision, no epoch."""
    scene = _Scene()
    await scene.start()
    before = scene.gate.table

    await scene.put(10)

    assert scene.gate.table is before


async def test_workers_who_know_more_than_the_store_are_believed() -> None:
    """A fall that was published and not kept yet."""
    scene = _Scene()
    await scene.start()
    await scene.put(40)
    table = scene.gate.table
    scene.store = _TellingStore(scene.told)
    scene.last = None
    scene.restart(table)

    await scene.start()

    assert scene.share == 40_000
    assert scene.gate.table.epoch == table.epoch + 1
    assert (await scene.store.open()).weights["chat"].revision == 2


async def test_a_store_that_knows_more_than_the_workers_is_believed() -> None:
    """A raise that was kept and not published yet."""
    scene = _Scene()
    await scene.start()
    stale = scene.gate.table
    await scene.put(40)
    scene.restart(stale)

    await scene.start()

    assert scene.share == 40_000
    assert scene.gate.table.epoch == 3


async def test_a_cold_start_without_its_store_keeps_every_candidate_at_nothing() -> (
    None
):
    """It may have been taken out, and the store alone knows."""
    scene = _Scene()
    scene.store.is_broken = True

    await scene.start()

    assert scene.share == 0
    assert scene.durable.trouble is not None
    assert "chat is held down" in " ".join(scene.gate.troubles)


async def test_a_candidate_that_was_taken_out_stays_out_when_the_store_comes_late() -> (
    None
):
    """At no moment does it get traffic."""
    scene = _Scene()
    await scene.start()
    await scene.put(0)
    await _start_cold_without_the_store(scene)

    await scene.store_returns()

    assert scene.told == ["published 0", "published 0"]
    assert scene.gate.routed("chat").revision == 2
    assert scene.gate.troubles == []


async def test_what_the_late_store_keeps_is_put_in_force() -> None:
    """A weight that was set live counts as ever."""
    scene = _Scene()
    await scene.start()
    await scene.put(60)
    await _start_cold_without_the_store(scene)

    await scene.store_returns()

    assert scene.told == ["published 0", "published 60000"]


async def test_a_configured_nothing_is_no_word_against_what_the_late_store_keeps() -> (
    None
):
    """Nobody has said it since the weight was set."""
    scene = _Scene()
    scene.file = _configured(0)
    await scene.start()
    await scene.put(60)
    await _start_cold_without_the_store(scene)

    await scene.store_returns()

    assert scene.share == 60_000


async def test_a_start_with_a_full_store_raises_nothing_until_there_is_room() -> None:
    """Not even for a file that was edited meanwhile."""
    scene = _Scene()
    await scene.start()
    await scene.put(5)
    scene.last = None
    scene.restart()
    scene.file = _configured(77_000)
    scene.store.is_full = True
    await scene.start()
    assert scene.share == 5_000
    assert "chat is held down" in " ".join(scene.gate.troubles)
    scene.store.is_full = False

    await scene.store_returns()

    assert scene.share == 77_000


async def test_a_late_store_that_keeps_nothing_lets_the_configured_weight_in() -> None:
    """It is kept first, as every raise."""
    scene = _Scene()
    await _start_cold_without_the_store(scene)

    await scene.store_returns()

    assert scene.told == ["published 0", "kept 10000", "published 10000"]
    assert scene.gate.troubles == []


async def test_nothing_said_at_a_restart_is_taken_for_the_word_of_an_operator() -> None:
    """The controller may die while it waits for the store."""
    scene = _Scene()
    await scene.start()
    await scene.put(60)
    await _start_cold_without_the_store(scene)
    scene.restart(scene.gate.table)
    await scene.start()
    assert scene.share == 0

    await scene.store_returns()

    assert scene.share == 60_000


async def test_nothing_set_by_hand_while_the_store_was_away_is_meant() -> None:
    """Although it was nothing already."""
    scene = _Scene()
    await scene.start()
    await scene.put(60)
    await _start_cold_without_the_store(scene)
    assert not await scene.put(0)
    assert scene.gate.troubles == []

    await scene.store_returns()

    assert scene.share == 0
    assert (await scene.store.open()).weights["chat"].share == 0


async def _start_cold_without_the_store(scene: _Scene) -> None:
    scene.last = None
    scene.restart()
    scene.told.clear()
    scene.store.is_broken = True
    await scene.start()


async def test_what_somebody_did_without_the_store_stays_when_it_returns() -> None:
    """The newest word counts, whatever the store's revision."""
    scene = _Scene()
    await scene.start()
    await scene.put(60)
    await scene.put(70)
    scene.store.is_broken = True
    await scene.put(1)
    scene.restart(scene.gate.table)
    await scene.start()

    await scene.store_returns()

    assert scene.share == 1_000
    assert (await scene.store.open()).weights["chat"].share == 1_000
    assert scene.gate.routed("chat").revision > 3


async def test_a_reload_cannot_change_what_needs_a_restart() -> None:
    """The message names the key."""
    scene = _Scene()
    await scene.start()
    scene.file = replace(DEPLOYMENT, state=StateAddress(kind=StateKind.MEMORY))

    with pytest.raises(BadConfiguration, match="state"):
        await scene.gate.reload()


async def test_a_reload_that_changes_nothing_publishes_nothing() -> None:
    """Workers keep their connections."""
    scene = _Scene()
    await scene.start()
    before = scene.gate.table

    await scene.gate.reload()

    assert scene.gate.table is before


async def test_a_restart_begins_with_what_was_accepted_last() -> None:
    """An edited file waits for its reload: weights, tokens and all."""
    scene = _Scene()
    await scene.start()
    await scene.put(3)
    memory = StateAddress(kind=StateKind.MEMORY)
    scene.file = replace(_configured(77_000), state=memory)
    scene.restart(scene.gate.table)

    await scene.start()
    before = scene.gate.troubles
    await scene.gate.compare()

    assert (scene.share, before) == (3_000, [])
    assert scene.gate.deployment == DEPLOYMENT
    assert "not reloaded" in " ".join(scene.gate.troubles)
    with pytest.raises(BadConfiguration, match="state"):
        await scene.gate.reload()
    scene.file = _configured(77_000)
    await scene.gate.reload()
    assert (scene.share, scene.gate.troubles) == (77_000, [])


def _configured(share: int) -> Deployment:
    return replace(DEPLOYMENT, services=(replace(CHAT, configured_share=Share(share)),))


async def test_a_restart_on_a_bad_file_changes_nothing_and_stays_operable() -> None:
    """What was accepted last is enough to work with."""
    scene = _Scene()
    await scene.start()
    await scene.put(40)
    scene.restart(scene.gate.table)
    scene.file = BadConfiguration("Nonsense.", remedy="Mend it.")

    await scene.start()
    await scene.gate.compare()

    assert scene.share == 40_000
    assert "cannot be used" in " ".join(scene.gate.troubles)
    assert await scene.put(0)
    assert scene.share == 0


async def test_a_reload_of_tokens_alone_is_there_after_a_restart() -> None:
    """They are in no table."""
    scene = _Scene()
    await scene.start()
    token = Token(name="ci", role=Role.OPERATOR, secret="do")
    scene.file = replace(DEPLOYMENT, admin=Admin(listen=LOOPBACK, tokens=(token,)))
    await scene.gate.reload()
    scene.restart(scene.gate.table)

    await scene.start()

    assert scene.gate.tokens == (token,)


async def test_workers_who_have_a_newer_table_than_was_written_are_believed() -> None:
    """A controller can die between publishing a table and writing it down."""
    scene = _Scene()
    await scene.start()
    written = scene.last
    scene.file = _configured(20_000)
    await scene.gate.reload()
    scene.last = written
    scene.restart(scene.gate.table)

    await scene.start()

    assert scene.share == 20_000
    assert scene.gate.deployment == scene.file


async def test_a_reload_waits_for_its_file_alone() -> None:
    """No weight waits for a disk that hangs."""
    scene = _Scene()
    await scene.start()
    scene.may_read.clear()
    async with asyncio.TaskGroup() as tasks:
        reload = tasks.create_task(scene.gate.reload())
        await asyncio.sleep(0)
        async with asyncio.timeout(4):
            await scene.put(50)
        assert not reload.done()
        scene.may_read.set()

    assert scene.share == 50_000


async def test_another_baseline_makes_what_was_seen_stale() -> None:
    """25 % against v1 is not 25 % against v3."""
    scene = _Scene()
    await scene.start()
    v3 = Version(name="v3", endpoints=VERSIONS[0].endpoints)
    other = replace(CHAT, versions=(*VERSIONS, v3), baseline="v3")
    scene.file = replace(DEPLOYMENT, services=(other,))

    await scene.gate.reload()

    assert scene.share == 10_000
    with pytest.raises(RevisionConflict):
        await scene.put(20, revision=1)
    await scene.put(20, revision=2)


async def test_only_what_changes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """With the revision it really has."""
    caplog.set_level(logging.INFO, "gateway.control.gatekeeper")
    scene = _Scene()
    await scene.start()

    await scene.put(10)
    await scene.put(5)

    assert len(caplog.records) == 1
    assert "10 % -> 5 %, revision 2" in caplog.text


async def test_a_fault_nobody_expected_does_not_end_the_watch_over_the_store(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, and tried again."""
    scene = _Scene()
    scene.store.is_broken = True
    await scene.start()
    scene.store.is_broken = False
    heard = asyncio.Semaphore(0)

    async def hear(_kept: Kept) -> None:
        await asyncio.sleep(0)
        heard.release()
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(
            scene.durable.keep_open(hear, pause=lambda _seconds: asyncio.sleep(0))
        )
        async with asyncio.timeout(4):
            await heard.acquire()
            await heard.acquire()
        assert not watch.done()
        watch.cancel()

    assert "ZeroDivisionError" in caplog.text


async def test_a_bad_file_at_a_cold_start_is_refused() -> None:
    """There is nothing to fall back on."""
    scene = _Scene()
    scene.file = BadConfiguration("Nonsense.", remedy="Mend it.")

    with pytest.raises(BadConfiguration):
        await scene.start()


async def test_a_worker_that_is_ahead_makes_the_epoch_rise_above_it() -> None:
    """A worker never goes back to a lower epoch."""
    scene = _Scene()
    await scene.start()
    ahead = replace(scene.gate.table, epoch=90)

    scene.publisher.welcome(scene.worker, Hello(worker=0, pid=1, table=ahead))

    assert scene.gate.table.epoch == 91


async def test_every_table_carries_the_key_that_is_kept() -> None:
    """A new controller with the same store reads the ids of the one before."""
    scene = _Scene()
    await scene.start()
    await scene.put(20)
    first = scene.gate.table.ticket_key
    scene.last = None
    scene.restart()

    await scene.start()

    assert first is not None
    assert scene.gate.table.ticket_key == first
    assert (await scene.store.open()).ticket_keys == (first,)


async def test_a_lost_store_is_no_reason_to_give_up_the_key_the_workers_have() -> None:
    """Their ids are in the hands of clients already."""
    scene = _Scene()
    await scene.start()
    table = scene.gate.table
    scene.last = None
    scene.store = _TellingStore(scene.told)
    scene.store.is_broken = True
    scene.restart(table)

    await scene.start()
    await scene.store_returns()

    assert scene.gate.table.ticket_key == table.ticket_key
    assert (await scene.store.open()).ticket_keys == (table.ticket_key,)


async def test_a_temporary_key_joins_those_of_a_store_that_comes_back() -> None:
    """Ids made before, and ids made meanwhile."""
    scene = _Scene()
    await scene.start()
    first = scene.gate.table.ticket_key
    scene.last = None
    scene.store.is_broken = True
    scene.restart()

    await scene.start()
    temporary = scene.gate.table.ticket_key
    await scene.store_returns()

    assert first is not None
    assert temporary is not None
    assert temporary != first
    assert set(scene.gate.ticket_keys.values()) == {first, temporary}
    assert set((await scene.store.open()).ticket_keys) == {first, temporary}


async def test_a_key_is_turned_when_it_is_time_and_only_then() -> None:
    """The new one is in force at once; nothing else changes."""
    scene = _Scene()
    await scene.start()
    before = scene.gate.table

    await scene.gate.turn_keys()
    assert scene.gate.table is before
    scene.now += TURNED_AFTER_S
    await scene.gate.turn_keys()

    after = scene.gate.table
    assert after.ticket_key != before.ticket_key
    assert after.services == before.services
    assert len((await scene.store.open()).ticket_keys) == 2
