"""Down: published first, kept after. Up: kept first, published after."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.publish import Publisher
from gateway.domain.deployment import Address, Admin, Deployment, StateAddress
from gateway.domain.errors import (
    BadConfiguration,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.link import Hello, Publish
from gateway.handoff.routing_table import RoutingTable
from gateway.state.store import Kept, Store, Weight
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
    """Tells when it saves; can be broken or slow."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self.told = told
        self.is_broken = False
        self.may_save = asyncio.Event()
        self.may_save.set()

    async def open(self) -> Kept:
        self._demand_sound()
        return await super().open()

    async def save(
        self, weights: Sequence[Weight], *, expected: Mapping[str, int], epoch: int
    ) -> None:
        await self.may_save.wait()
        self._demand_sound()
        await super().save(weights, expected=expected, epoch=epoch)
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
        self.restart()

    def restart(self, table: RoutingTable | None = None) -> None:
        self.publisher = Publisher(lambda _table: None)
        self.durable = Durable(self._make)
        self.gate = Gatekeeper(self.publisher, self.durable, self._read, lambda: 1.0)
        self.worker = _TellingWorker(self.publisher, self.told, self.published)
        self.publisher.welcome(self.worker, Hello(worker=0, pid=1, table=table))

    async def start(self) -> None:
        await self.gate.start(workers=1, last=None, hello_within_s=0)

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


async def test_a_cold_start_without_a_store_takes_the_configured_weights() -> None:
    """Traffic first."""
    scene = _Scene()
    scene.store.is_broken = True

    await scene.start()

    assert scene.share == 10_000
    assert scene.durable.trouble is not None


async def test_a_store_that_comes_late_is_believed_unless_somebody_acted() -> None:
    """A version that was taken out stays out."""
    scene = _Scene()
    await scene.start()
    await scene.put(0)
    scene.restart()
    scene.store.is_broken = True
    await scene.start()
    assert scene.share == 10_000
    scene.store.is_broken = False

    kept = await scene.durable._reopen()
    assert kept is not None
    await scene.gate.store_returned(kept)

    assert scene.share == 0


async def test_what_somebody_did_without_the_store_stays_when_it_returns() -> None:
    """The newest word counts, whatever the store's revision."""
    scene = _Scene()
    await scene.start()
    await scene.put(60)
    await scene.put(70)
    scene.restart()
    scene.store.is_broken = True
    await scene.start()
    await scene.put(1)
    scene.store.is_broken = False

    kept = await scene.durable._reopen()
    assert kept is not None
    await scene.gate.store_returned(kept)

    assert scene.share == 1_000
    assert (await scene.store.open()).weights["chat"].share == 1_000
    assert scene.gate.routed("chat").revision > 3


async def test_a_reload_cannot_change_what_needs_a_restart() -> None:
    """The message names the key."""
    scene = _Scene()
    await scene.start()
    scene.file = replace(DEPLOYMENT, workers=4)

    with pytest.raises(BadConfiguration, match="workers"):
        await scene.gate.reload()


async def test_a_reload_that_changes_nothing_publishes_nothing() -> None:
    """Workers keep their connections."""
    scene = _Scene()
    await scene.start()
    before = scene.gate.table

    await scene.gate.reload()

    assert scene.gate.table is before


async def test_a_bad_file_at_a_restart_leaves_the_workers_table() -> None:
    """Until it is mended and read again."""
    scene = _Scene()
    await scene.start()
    await scene.put(40)
    table = scene.gate.table
    scene.restart(table)
    scene.file = BadConfiguration("Nonsense.", remedy="Mend it.")

    await scene.start()

    assert scene.share == 40_000
    assert scene.gate.tokens is None
    assert "SIGHUP" in str(scene.gate.trouble)
    scene.file = DEPLOYMENT
    await scene.gate.reload()
    assert not _is_in_trouble(scene.gate)
    assert scene.share == 40_000


def _is_in_trouble(gate: Gatekeeper) -> bool:
    return gate.trouble is not None


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
