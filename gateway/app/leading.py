"""What leads rollouts, joined: units and trials, the machine, probes, and their loops."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from gateway.app.probes import Probes
from gateway.control.aggregate import Aggregate
from gateway.control.drains import Drains
from gateway.control.durable import Durable
from gateway.control.evidence import EvidenceBook
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.judges import Judges
from gateway.control.life_of_a_decision import LOOK_EVERY_S, Decisions
from gateway.control.moves import Moves
from gateway.control.notes import baseline_health, guard_notes, outlook_of
from gateway.control.rollouts import Rollouts
from gateway.control.standings import is_running
from gateway.domain.service import Version
from gateway.handoff.evidence import Evidence
from gateway.handoff.ticket import Ticket
from gateway.state.store import Kept

_BEGINNINGS: Final = frozenset({"start", "retry"})


class Leading:
    """Everything that leads rollouts in one controller.

    Args:
        gate: Puts moves in force.
        durable: Keeps evidence and the journal.
        aggregate: What the workers saw.
        now: Unix time in seconds, for display.
        since: When the workers' counts began, in the same.

    Attributes:
        evidence: Counts units, for screens, whether a rollout is on or not.
        rollouts: For operators and the configuration.
        decisions: Hears what judges say.
        judges: Knows who they are.

    """

    def __init__(
        self,
        gate: Gatekeeper,
        durable: Durable,
        aggregate: Aggregate,
        now: Callable[[], float],
        since: float,
    ) -> None:
        self._now, self._since = now, since
        self._gate = gate
        self._aggregate = aggregate
        self._tasks: asyncio.TaskGroup | None = None
        self._probes = Probes(self._candidates, aggregate.endpoints)
        moves = Moves(gate, durable, time.monotonic, now)
        self.evidence = EvidenceBook(time.monotonic)
        self.rollouts = Rollouts(
            gate,
            moves,
            durable,
            self._probes.is_healthy,
            self._notes,
            time.monotonic,
        )
        self.judges = Judges(now)
        self.decisions = Decisions(
            gate, moves, self._probes, time.monotonic, self._spawn, self.judges
        )
        self._drains = Drains(gate, moves, time.monotonic, self._spawn)

    async def run(self) -> None:
        """Take up what was going on, and lead for ever what has been taken up."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._probes.run())
            tasks.create_task(self._take_up())
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                self.decisions.look()
                self._drains.look()

    def hear(self, message: Evidence) -> None:
        """Count evidence once, and give it to the rollouts that are on."""
        if self.evidence.take(message):
            self.decisions.tell(
                message.worker,
                message.since,
                message.until,
                sampled=message.sampled,
            )
            for block in message.blocks:
                self.decisions.take(block, worker=message.pid)

    def hear_feedback(
        self, service: str, ticket: Ticket, signal: str, value: float
    ) -> None:
        """Give feedback that was taken to the rollout that its exchange was part of."""
        self.decisions.hear(service, ticket, signal, value)

    async def store_returned(self, kept: Kept) -> None:
        """Bring a store that was lost up to date, and take up what it knows."""
        await self._gate.store_returned(kept)
        await self._take_up()

    async def _take_up(self) -> None:
        await self.rollouts.restored()
        await self.rollouts.configured()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        if self._tasks is None:
            raise RuntimeError("Nothing is decided before the start.")
        self._tasks.create_task(work)

    def _notes(self, service: str, action: str) -> Sequence[str]:
        """Say what an operator should know before an action."""
        routed = self._gate.routed(service).service
        seen = self._aggregate.traffic()
        traffic = seen.of(routed.known_as, routed.baseline)
        if action == "kill":
            health = baseline_health(routed.baseline, traffic)
            return (*guard_notes(routed, seen), health)
        if action in _BEGINNINGS:
            return tuple(outlook_of(routed, traffic, self._now() - self._since))
        return ()

    def _candidates(self) -> list[tuple[str, Version]]:
        """Give the candidates of rollouts that are on, to be probed."""
        return [
            (service.name, version)
            for service in self._gate.deployment.services
            if is_running(standing := self._gate.standings.of(service.name))
            for version in service.versions
            if version.name == standing.candidate
        ]
