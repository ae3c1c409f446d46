"""What is in force, and how a change gets there: the order of publishing and keeping.

One rule above all (delivery, rollback 1): what lowers a candidate's weight is
published first and kept after; what raises it is kept first and published after.
So a lost store can hold a promotion, never a rollback.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from gateway.control.durable import Durable
from gateway.control.handing_down import Inherited
from gateway.control.nearest import suggest
from gateway.control.publish import APPLIED_WITHIN_S, Publisher
from gateway.control.reload import table_of
from gateway.control.ruling import Ruling, taken_back
from gateway.control.standings import StandingBook, is_same
from gateway.control.ticket_keys import KeyRing
from gateway.control.unharmed import unharmed
from gateway.control.weight_book import WeightBook
from gateway.control.weights import raises
from gateway.domain.deployment import Deployment
from gateway.domain.errors import NotFound, RevisionConflict, StoreUnavailable
from gateway.domain.service import Service
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.state.store import KeptRollout, Weight

_Service = TypeVar("_Service")

JOINED_WITHIN_S: Final = 10.0
"""For a new worker's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a change came to.

    Attributes:
        table: In force now.
        configured: Workers there should be.
        connected: Workers linked.
        in_force: How many of them have it in force.
        durable: Whether it survives a restart; False while the store is in trouble.

    """

    table: RoutingTable
    configured: int
    connected: int
    in_force: int
    durable: bool


class InForce:
    """The configuration, weights and standings in force.

    Args:
        publisher: Sends tables to the workers.
        durable: Keeps weights, standings and keys.
        book: The weights.
        standings: Of the rollouts.
        ring: The keys of request ids.

    """

    def __init__(
        self,
        publisher: Publisher,
        durable: Durable,
        book: WeightBook,
        standings: StandingBook,
        ring: KeyRing,
    ) -> None:
        self._publisher = publisher
        self._durable = durable
        self._book = book
        self._standings = standings
        self._ring = ring
        self._deployment: Deployment | None = None

    @property
    def table(self) -> RoutingTable:
        """The table in force."""
        if self._publisher.table is None:
            raise RuntimeError("The gatekeeper has not started.")
        return self._publisher.table

    @property
    def deployment(self) -> Deployment:
        """The configuration that was accepted last."""
        if self._deployment is None:
            raise RuntimeError("The gatekeeper has not started.")
        return self._deployment

    def routed(self, name: str) -> RoutedService:
        """Give a service as it is routed now.

        Raises:
            NotFound: There is no such service.

        """
        return _named(
            name, {routed.service.name: routed for routed in self.table.services}
        )

    def lanes(self, name: str) -> tuple[RoutedService, ...]:
        """Give all lanes of a service, as they are routed; of a lane, or alone: itself.

        Raises:
            NotFound: There is no such service.

        """
        own = {routed.service.name: (routed,) for routed in self.table.services}
        return _named(name, {**own, **self.table.by_name()})

    def has(self, name: str) -> bool:
        """Whether the configuration has a service or lane of this name."""
        return any(service.name == name for service in self.deployment.services)

    def defined(self, name: str) -> Service:
        """Give a service as the configuration has it.

        Raises:
            NotFound: There is no such service.

        """
        return _named(
            name, {service.name: service for service in self.deployment.services}
        )

    async def commit(
        self,
        deployment: Deployment,
        changed: Mapping[str, Weight],
        ruling: Ruling | None = None,
        *,
        inherit: Callable[[], Sequence[Inherited]] | None = None,
    ) -> Receipt:
        """Put a change in force and keep it, in the order that is safe.

        Args:
            deployment: The configuration.
            changed: Weights.
            ruling: A move of a rollout that goes with them.
            inherit: See `enforce`.

        Raises:
            RevisionConflict: Something was lowered meanwhile; nothing was changed.
            StoreUnavailable: It raises, and cannot be kept; nothing was changed.

        """
        before = {name: self._book.get(name) for name in changed}
        self._book.promise(changed)
        is_up = any(raises(weight, before[name]) for name, weight in changed.items())
        if is_up or (ruling is not None and ruling.raises):
            if ruling is not None:
                await ruling.keep_evidence()
                self._demand_unmoved(before, ruling)
            await self._keep_first(changed, ruling)
            try:
                self._demand_unmoved(before, ruling)
            except RevisionConflict as error:
                await self._take_back(ruling, str(error))
                raise
            table = self.enforce(deployment, changed, ruling, inherit=inherit)
            durable = True if inherit is None else await self.keep()
        else:
            table = self.enforce(deployment, changed, ruling, inherit=inherit)
            durable = await self.keep(ruling)
        await self._publisher.everywhere(table.epoch, deadline_s=APPLIED_WITHIN_S)
        return self._receipt(table, durable=durable)

    async def joined(self, receipt: Receipt, before: int) -> Receipt:
        """Wait for workers that a reload has had started, and count again.

        Args:
            receipt: Of the reload.
            before: How many there were.

        """
        if self.deployment.workers <= before:
            return replace(receipt, configured=self.deployment.workers)
        await self._publisher.everywhere(
            receipt.table.epoch,
            workers=self.deployment.workers,
            deadline_s=JOINED_WITHIN_S,
        )
        return self._receipt(receipt.table, durable=receipt.durable)

    def _receipt(self, table: RoutingTable, *, durable: bool) -> Receipt:
        return Receipt(
            table=table,
            configured=self.deployment.workers,
            connected=self._publisher.connected,
            in_force=self._publisher.in_force(table.epoch),
            durable=durable,
        )

    def enforce(
        self,
        deployment: Deployment,
        changed: Mapping[str, Weight],
        ruling: Ruling | None = None,
        *,
        inherit: Callable[[], Sequence[Inherited]] | None = None,
    ) -> RoutingTable:
        """Put a change in force; keep nothing, wait for nothing.

        Args:
            deployment: The configuration.
            changed: Weights.
            ruling: A move of a rollout that goes with them.
            inherit: Asked in this moment for what new rollouts take over from those whose
                place they take.

        """
        for heir in () if inherit is None else inherit():
            self._standings.write(heir.name, heir.standing)
            self._durable.journal.write(heir.draft)
        self._book.write(changed)
        self._deployment = deployment
        if ruling is not None:
            self._standings.write(ruling.service, ruling.standing)
        key = self._ring.current
        table = table_of(deployment, self._book.weights, self._standings, key)
        current = self._publisher.table
        if current is None or replace(table, epoch=current.epoch) != current:
            current = self._publisher.publish(table)
        else:
            self._publisher.keep()  # tokens and standings are in no table
        if ruling is not None and self.has(ruling.service):
            with unharmed("What follows from a move that is in force"):
                ruling.enforced(self.routed(ruling.service))
        return current

    async def keep(self, ruling: Ruling | None = None) -> bool:
        """Keep what is in force already; whether that worked."""
        try:
            if ruling is not None:
                await self._keep_cause(ruling)
            await self._durable.save(
                self._book.weights.values(),
                epoch=self._publisher.epoch,
                rollouts=self._standings.kept(),
            )
        except StoreUnavailable:
            return False
        return True

    async def _keep_cause(self, ruling: Ruling) -> None:
        """Journal a move that has happened, behind what it was decided by.

        The move is kept whatever becomes of its evidence.
        """
        try:
            what = "Keeping what a move was decided by"
            with unharmed(what), suppress(StoreUnavailable):  # the next save says so
                await ruling.keep_evidence()
        finally:
            for draft in ruling.drafts:
                self._durable.journal.write(draft)

    async def _keep_first(
        self, changed: Mapping[str, Weight], ruling: Ruling | None
    ) -> None:
        rollouts: tuple[KeptRollout, ...] = ()
        if ruling is not None:
            rollouts = self._standings.next_kept(ruling.service, ruling.standing)
        await self._durable.save(
            {**self._book.weights, **changed}.values(),
            epoch=self._publisher.epoch + 1,
            rollouts=rollouts,
            drafts=() if ruling is None else ruling.drafts,
        )

    async def _take_back(self, ruling: Ruling | None, why: str) -> None:
        """Journal that a move which is kept never came into force, and keep what is.

        What overtook it may have been kept before it was.
        """
        if ruling is not None:
            at = ruling.change.at
            draft = taken_back(ruling.service, ruling.standing, why, at=at)
            self._durable.journal.write(draft)
            self._standings.disown(ruling.service)
            self._publisher.keep()
            await self.keep()

    def _demand_unmoved(
        self, before: Mapping[str, Weight | None], ruling: Ruling | None
    ) -> None:
        if ruling is not None and not is_same(
            self._standings.of(ruling.service), ruling.before
        ):
            raise RevisionConflict(
                f"The rollout of {ruling.service} moved while this was stored.",
                remedy="Look at where it stands; if you still want it, repeat.",
            )
        for name, weight in before.items():
            if self._book.get(name) is not weight:
                raise RevisionConflict(
                    f"The weight of {name} was lowered while this change was stored.",
                    remedy="Look at why it was lowered; if you still want it, repeat.",
                )


def _named(name: str, services: Mapping[str, _Service]) -> _Service:
    if name not in services:
        raise NotFound(f"There is no service '{name}'.", remedy=suggest(name, services))
    return services[name]
