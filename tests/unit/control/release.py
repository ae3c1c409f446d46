"""A service under release: the real control plane, a fake clock, a worker that is played.

`Release` has a store that tells in which order things are kept and published, and that
can be slow, full or gone. `SqliteRelease` keeps everything in a file.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from gateway.answers.segments import code_of
from gateway.control.durable import Durable
from gateway.control.ended import Ended
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.judges import Judges
from gateway.control.life_of_a_decision import LOOK_EVERY_S, Decisions
from gateway.control.live import Live
from gateway.control.moves import Moves
from gateway.control.publish import Publisher
from gateway.control.replay import Replay, Replayed
from gateway.control.rollouts import Acted, Rollouts
from gateway.domain.deployment import (
    Address,
    Admin,
    Deployment,
    StateAddress,
    StateKind,
)
from gateway.domain.errors import StoreUnavailable
from gateway.domain.rollout import (
    Advance,
    AnalysisPlan,
    MetricRule,
    Phase,
    RolloutPlan,
    SetWeight,
    Standing,
)
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.handoff.evidence import Block, PairRecord, Record
from gateway.handoff.last_table import Last
from gateway.handoff.link import Hello, Publish
from gateway.handoff.observations import Counted
from gateway.handoff.routing_table import RoutedService
from gateway.state.journal import Entry
from gateway.state.store import (
    NO_VERSIONS,
    Kept,
    KeptEvidence,
    KeptRollout,
    Store,
    Weight,
)
from gateway.state.stores.memory import MemoryStore
from gateway.state.stores.sqlite import SqliteStore
from tests.unit.proxy.test_units import record

LOOPBACK = Address(host="127.0.0.1", port=1)


def version(name: str, **more: Any) -> Version:
    endpoint = Endpoint(url="http://h:1", host="h", port=1)
    return Version(name=name, endpoints=(endpoint,), **more)


def plan(*percents: float, **analysis: Any) -> RolloutPlan:
    """Make a plan that goes on by time, as soon as there are a few units."""
    asked: dict[str, Any] = {
        "dwell": Seconds(1.0),
        "minimum_units": 5,
        "bake": Seconds(5.0),
        "metrics": (MetricRule(signal="error_rate"),),
        "window": Seconds(600.0),
        **analysis,
    }
    return RolloutPlan(
        advance=Advance.TIME,
        steps=tuple(
            SetWeight(share=Share(round(p * 1000))) for p in percents or (20, 50)
        ),
        analysis=AnalysisPlan(**asked),
    )


CHAT = Service(
    name="chat",
    versions=(version("v1"), version("v2"), version("v3")),
    baseline="v1",
    candidate="v2",
    rollout=plan(),
)


class TellingStore(MemoryStore):
    """Tells when it keeps something; can be gone, or slow."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self.told = told
        self.is_gone = False
        self.keeps_and_fails = False
        self.may_keep = asyncio.Event()
        self.may_keep.set()
        self.may_save = asyncio.Event()
        self.may_save.set()
        self.saving = asyncio.Event()

    async def open(self) -> Kept:
        self._demand_there()
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
        self.saving.set()
        await self.may_save.wait()
        await self._wait()
        await super().save(
            weights,
            expected=expected,
            epoch=epoch,
            rollouts=rollouts,
            expected_versions=expected_versions,
            entries=entries,
        )
        for kept in rollouts:
            standing = msgspec.json.decode(kept.standing, type=Standing)
            self.told.append(f"kept {standing.phase} {standing.share}")
        if self.keeps_and_fails:
            self.keeps_and_fails = False
            raise StoreUnavailable("Cut.", remedy="Nobody knows.")

    async def save_evidence(
        self, evidence: KeptEvidence, *, entries: Sequence[Entry] = ()
    ) -> None:
        await self._wait()
        await super().save_evidence(evidence, entries=entries)
        self.told.append("kept evidence")

    async def evidence(self, service: str) -> KeptEvidence | None:
        self._demand_there()
        return await super().evidence(service)

    async def _wait(self) -> None:
        await self.may_keep.wait()
        self._demand_there()

    def _demand_there(self) -> None:
        if self.is_gone:
            raise StoreUnavailable("Gone.", remedy="Bring it back.")


class _Worker:
    """Applies at once, and tells of it."""

    def __init__(self, publisher: Publisher, told: list[str]) -> None:
        self._publisher = publisher
        self._told = told

    def send(self, message: Publish) -> None:
        self._told.append(f"published {message.table.services[0].share}")
        self._publisher.applied(self, message.table.epoch)

    def close(self) -> None:
        self._told.append("closed")


class Release:
    """One service, and everything that leads its release.

    Attributes:
        told: What was kept and published, in order.
        now: The clock.
        file: What the configuration says when it is read.
        is_up: Whether the candidate can be reached.

    """

    def __init__(self, service: Service = CHAT) -> None:
        self.told: list[str] = []
        self.now = 1000.0
        self.is_up = True
        self.file = Deployment(
            listen=(LOOPBACK,), admin=Admin(listen=LOOPBACK), services=(service,)
        )
        self.last: Last | None = None
        self.keys = 0
        self._make = self._made_once(TellingStore(self.told))

    def _made_once(self, store: TellingStore) -> Callable[[StateAddress], Store]:
        self.store = store
        return lambda _address: store

    async def begins(self, *, with_last: bool = False) -> None:
        """Start a controller; the one before is gone, and left what it wrote down."""
        self.tasks: list[asyncio.Task[None]] = []
        self.publisher = Publisher(lambda _table: self._keep())
        self.durable = Durable(self._make)
        self.gate = Gatekeeper(self.publisher, self.durable, self._read, self._unix)
        self.moves = Moves(self.gate, self.durable, self._clock, self._unix)
        self.rollouts = Rollouts(
            self.gate,
            self.moves,
            self.durable,
            self.is_healthy,
            lambda _service, _action: (),
            self._clock,
        )
        self.judges = Judges(self._unix)
        self.decisions = Decisions(
            self.gate, self.moves, self, self._clock, self._spawn, self.judges
        )
        worker = _Worker(self.publisher, self.told)
        self.publisher.welcome(worker, Hello(worker=0, pid=1, table=None))
        last = self.last if with_last else None
        await self.gate.start(last=last, hello_within_s=0)
        await self.rollouts.restored()
        await self.rollouts.configured()

    def is_healthy(self, _service: str, _version: str) -> bool:
        return self.is_up

    async def store_returns(self) -> None:
        self.store.is_gone = self.store.keeps_and_fails = False
        kept = await self.durable._reopen()
        assert kept is not None
        await self.gate.store_returned(kept)
        await self.rollouts.restored()
        await self.rollouts.configured()

    async def does(self, action: str, *, full: bool = False) -> Acted:
        """Let an operator do something."""
        return await self.rollouts.act("chat", action, by="ann", reason="", full=full)

    async def sets(self, percent: float, name: str = "v2") -> None:
        """Let an operator set a weight."""
        await self.rollouts.set_weights(
            "chat", {name: percent}, revision=None, by="ann", reason=""
        )

    async def passes(self, seconds: float = LOOK_EVERY_S) -> None:
        """Let time pass, look by look, and let everything that follows happen."""
        for _ in range(round(seconds / LOOK_EVERY_S)):
            self.look()
            await self.settles()

    def look(self) -> None:
        self.now += LOOK_EVERY_S
        self.decisions.tell(0, self.now, self.now)
        self.decisions.look()

    async def settles(self) -> None:
        """Wait for everything that was begun; nothing waits for a store that is slow."""
        for task in self.tasks:
            await task
        self.tasks = []

    async def starts(self) -> None:
        """Start, and enter the first step."""
        await self.does("start")
        await self.passes()

    def sees(
        self,
        keys: int,
        *,
        errors: Iterable[str] = (),
        routed: RoutedService | None = None,
    ) -> None:
        """Let keys come that nobody has seen, each once; *errors*: versions that fail."""
        split = routed or self.routed
        records = [self._record(split, set(errors)) for _ in range(keys)]
        self.hears(records, routed=split)

    def hears(
        self,
        records: Sequence[Record],
        *,
        routed: RoutedService | None = None,
        pairs: Sequence[PairRecord] = (),
        **more: Any,
    ) -> None:
        split = routed or self.routed
        said: dict[str, Any] = {
            "service": "chat",
            "revision": split.revision,
            "versions": (split.service.baseline, str(split.service.candidate)),
            "share": split.share,
            "names": (),
            "segments": code_of(split.service.segments),
            **more,
        }
        self.decisions.take(Block(records=list(records), pairs=list(pairs), **said))

    def _record(self, split: RoutedService, errors: set[str]) -> Record:
        self.keys += 1
        made = record(self.keys)
        made.bucket = self.keys * 7919 % BUCKETS
        made.is_candidate = made.bucket < split.share
        made.arrived = self.now
        side = split.service.candidate if made.is_candidate else split.service.baseline
        made.outcome = "upstream_error" if side in errors else "complete"
        return made

    @property
    def routed(self) -> RoutedService:
        return self.gate.routed("chat")

    @property
    def share(self) -> int:
        return self.routed.share

    @property
    def standing(self) -> Standing:
        return self.gate.standings.of("chat")

    def phase(self) -> Phase:
        """Give the phase; a call, because mypy takes an attribute to stay as it was."""
        return self.standing.phase

    @property
    def live(self) -> Live:
        return self.moves.lives["chat"]

    @property
    def ending(self) -> Ended:
        """How the last attempt ended."""
        last = self.moves.endings.of("chat")
        assert last is not None
        return last

    def is_provisional(self) -> bool:
        """Whether nothing of what is examined now is kept; a call, as `phase`."""
        return self.live.is_provisional

    async def entries(self) -> list[Entry]:
        await self.durable.flush()
        return await self.durable.entries(None)

    async def replayed(self) -> list[Replayed]:
        return list(Replay().all_of(await self.entries()))

    def reloads_with(self, **changed: Any) -> Coroutine[Any, Any, object]:
        """Edit the service in the file, and reload."""
        service = replace(self.file.services[0], **changed)
        self.file = replace(self.file, services=(service,))
        return self.rollouts.reload()

    def _keep(self) -> None:
        self.last = Last(
            table=self.gate.table,
            deployment=self.gate.deployment,
            counted=Counted(),
            standings=self.gate.standings.left(),
        )

    async def _read(self) -> Deployment:
        return self.file

    def _clock(self) -> float:
        return self.now

    def _unix(self) -> float:
        return self.now + 1.7e9

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.append(asyncio.create_task(work))  # ruff: ignore[banned-api]: settles() waits for it


class SqliteRelease(Release):
    """The same, with everything in a file that outlives a controller."""

    def __init__(self, folder: Path, service: Service = CHAT) -> None:
        super().__init__(service)
        path = str(folder / "state.db")
        state = StateAddress(kind=StateKind.SQLITE, path=path)
        self.file = replace(self.file, state=state)
        self._make = lambda _address: SqliteStore(path)

    async def is_killed_and_begins(self, *, with_last: bool = False) -> None:
        """Lose the controller as it stands, and start another one."""
        await self.settles()
        await self.durable.close()
        await self.begins(with_last=with_last)
