"""The gatekeeper: everything that changes which table is in force goes through here.

One rule above all (delivery, rollback 1): what lowers a candidate's weight is
published first and kept after; what raises it is kept first and published after.
So a lost store can hold a promotion, never a rollback.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from gateway.control.durable import Durable
from gateway.control.nearest import suggest
from gateway.control.publish import APPLIED_WITHIN_S, Publisher
from gateway.control.recover import as_run, highest_epoch, newest_table, newest_weights
from gateway.control.reload import demand_no_restart, table_of
from gateway.control.ticket_keys import KeyRing
from gateway.control.weight_book import WeightBook
from gateway.control.weights import is_held, raises, share_wanted
from gateway.domain.deployment import Deployment, Token
from gateway.domain.errors import (
    BadConfiguration,
    GatewayError,
    NotFound,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.units import percent_from_share
from gateway.handoff.last_table import Last
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.ticket import TicketKeys
from gateway.state.store import Change, Kept, Weight

_log = logging.getLogger(__name__)

_UNUSABLE: Final = (
    "The configuration cannot be used; the one accepted last stays in force. Mend it"
    " (the log says what is wrong), then reload."
)
_NOT_RELOADED: Final = (
    "The configuration was changed and not reloaded; the one accepted last stays in"
    " force. Reload it (SIGHUP) when it says what you want."
)


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


class Gatekeeper:
    """Decides which table is in force.

    Args:
        publisher: Sends tables to the workers.
        durable: Keeps weights and keys.
        read: Reads the configuration; raises BadConfiguration. Has its own deadline.
        now: Unix time in seconds, for display.

    """

    def __init__(
        self,
        publisher: Publisher,
        durable: Durable,
        read: Callable[[], Awaitable[Deployment]],
        now: Callable[[], float],
    ) -> None:
        self._publisher = publisher
        self._durable = durable
        self._read = read
        self._now = now
        self._book = WeightBook(now)
        self._ring = KeyRing(durable, now)
        self._reloading = asyncio.Lock()
        self._raising = asyncio.Lock()
        self._deployment: Deployment | None = None
        self._workers = 0
        self._unread: str | None = None

    @property
    def table(self) -> RoutingTable:
        """The table in force. Only after `start`."""
        if self._publisher.table is None:
            raise RuntimeError("The gatekeeper has not started.")
        return self._publisher.table

    @property
    def deployment(self) -> Deployment:
        """The configuration that was accepted last. Only after `start`."""
        if self._deployment is None:
            raise RuntimeError("The gatekeeper has not started.")
        return self._deployment

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Who may operate the gateway. Only after `start`."""
        return self.deployment.admin.tokens

    @property
    def ticket_keys(self) -> TicketKeys:
        """What reads request ids. Secrets: for that and nothing else."""
        return self._ring.keys

    @property
    def troubles(self) -> list[str]:
        """What is not as the configuration says, in sentences."""
        told = [self._unread] if self._unread is not None else []
        if held := self._book.held(self.deployment.services):
            told.append(
                f"The candidate of {', '.join(held)} is held down until the state store"
                " can say which weight counts. Mend the store; what it keeps, or else"
                " the configured weight, is put in force then."
            )
        return told

    def routed(self, name: str) -> RoutedService:
        """Give a service as it is routed now.

        Raises:
            NotFound: There is no such service.

        """
        services = {routed.service.name: routed for routed in self.table.services}
        if name not in services:
            raise NotFound(
                f"There is no service '{name}'.", remedy=suggest(name, services)
            )
        return services[name]

    def change(self, name: str) -> Change | None:
        """Give the last change of a service's weight; None when it is not known."""
        weight = self._book.get(name)
        return weight.change if weight is not None else None

    async def start(
        self, *, workers: int, last: Last | None, hello_within_s: float
    ) -> None:
        """Find what was in force, and put the first table in force.

        The configuration is read only when no controller before this one has left
        the one it had accepted: an edited file waits for a reload.

        Args:
            workers: How many there will be; so many hellos are waited for.
            last: What the controller before this one left.
            hello_within_s: For how long; 0 when there cannot be any.

        Raises:
            BadConfiguration: There is nothing to begin with.

        """
        self._workers = workers
        accepted = last.deployment if last is not None else await self._read()
        kept = await self._durable.attach(accepted.state)
        await self._publisher.seated(workers, deadline_s=hello_within_s)
        tables = [*self._publisher.seen, *([last.table] if last is not None else [])]
        self._book.write(newest_weights(kept, tables, at=self._now()))
        self._publisher.skip_to(highest_epoch(kept, tables))
        await self._start_keys(kept, last, tables)
        newest = newest_table(tables) if last is not None else None
        await self._begin(as_run(accepted, newest), kept)

    async def set_weights(
        self,
        service: str,
        percents: Mapping[str, object],
        *,
        revision: int | None,
        by: str,
        reason: str,
    ) -> Receipt:
        """Set a service's weights by hand.

        Lowering does not wait for anything, not even for a change in progress.

        Args:
            service: Its name.
            percents: Weights by version name; see weights.share_wanted.
            revision: What the caller has seen; None when the caller does not care.
            by: Who.
            reason: Why.

        Raises:
            NotFound: No such service.
            BadWeights: See weights.share_wanted.
            RevisionConflict: Changed since the caller looked.
            StoreUnavailable: It would raise a weight, and cannot be kept.

        """
        change = Change(by=by, reason=reason, at=self._now())
        plan = partial(self._planned, service, percents, revision, change)
        if plan().share < self.routed(service).share:
            return await self._set(plan())
        async with self._raising:
            return await self._set(plan())

    async def reload(self) -> Receipt:
        """Read the configuration again and put it in force.

        Raises:
            BadConfiguration: Nothing was changed.
            RevisionConflict: A weight was lowered meanwhile; nothing was changed.
            StoreUnavailable: It would raise a weight, and cannot be kept; nothing
                was changed.

        """
        async with self._reloading:  # in order; nobody waits for the file who need not
            deployment = await self._read()
            async with self._raising:
                demand_no_restart(self.deployment, deployment)
                receipt = await self._install(deployment)
                self._unread = None
                return receipt

    async def turn_keys(self) -> None:
        """Make new request ids with a new key, if it is time; call once an hour."""
        async with self._raising:
            is_new = self._ring.turn()
            await self._ring.keep()
            if is_new:
                self._enforce(self.deployment, {})
                await self._keep()  # the epoch

    async def compare(self) -> None:
        """Say in `troubles` when the file is not what was accepted last."""
        accepted = self.deployment
        try:
            found: Deployment | None = await self._read()
        except BadConfiguration as error:
            _log.error("%s", error)
            found = None
        if self.deployment is not accepted or found == accepted:
            return
        self._unread = _UNUSABLE if found is None else _NOT_RELOADED
        _log.warning("%s", self._unread)

    async def store_returned(self, kept: Kept) -> None:
        """Bring a store that was lost up to date; what changed since then wins."""
        try:
            async with self._raising:
                self._publisher.skip_to(kept.epoch)
                self._ring.adopt(kept.ticket_keys, kept=True)
                changed = self._book.reconciled(kept, self.deployment.services)
                await self._commit(self.deployment, changed)
            await self._ring.keep()
        except GatewayError as error:
            _log.error("%s", error)

    async def _start_keys(
        self, kept: Kept | None, last: Last | None, tables: Iterable[RoutingTable]
    ) -> None:
        if kept is not None:
            self._ring.adopt(kept.ticket_keys, kept=True)
        if last is not None:
            self._ring.adopt(last.ticket_keys)
        used = [table.ticket_key for table in tables]
        self._ring.adopt(key for key in used if key is not None)
        self._ring.turn()
        await self._ring.keep()

    async def _begin(self, deployment: Deployment, kept: Kept | None) -> None:
        services = deployment.services
        changed = self._book.settled(services, before={}, hold=kept is None)
        if kept is not None:
            changed |= self._book.reconciled(kept, services)
        try:
            await self._commit(deployment, changed)
        except StoreUnavailable as error:
            _log.error("Starting without the store. %s", error)
            self._enforce(deployment, self._book.instead(changed, services))

    async def _install(self, deployment: Deployment) -> Receipt:
        before = {service.name: service for service in self.deployment.services}
        changed = self._book.settled(deployment.services, before=before)
        return await self._commit(deployment, changed)

    def _planned(
        self,
        name: str,
        percents: Mapping[str, object],
        revision: int | None,
        change: Change,
    ) -> Weight:
        current = self.routed(name)
        share = share_wanted(current.service, percents)
        if revision is not None and revision != current.revision:
            raise RevisionConflict(
                f"{name} is at revision {current.revision}, not {revision}.",
                remedy="Look at what changed, then send the new revision.",
            )
        return Weight(
            service=name,
            candidate=current.service.candidate,
            share=share,
            configured_share=current.service.configured_share,
            salt=current.salt,
            revision=self._book.next_revision(name),
            change=change,
        )

    async def _set(self, weight: Weight) -> Receipt:
        share = self.routed(weight.service).share
        is_said = is_held(self._book.get(weight.service))  # what was held is now meant
        if weight.share == share and not is_said:
            return await self._commit(self.deployment, {})
        receipt = await self._commit(self.deployment, {weight.service: weight})
        _log.info(
            "Weight of %s in %s: %g %% -> %g %%, revision %d, epoch %d, by %s: %r.",
            weight.candidate,
            weight.service,
            percent_from_share(share),
            percent_from_share(weight.share),
            weight.revision,
            receipt.table.epoch,
            weight.change.by,
            weight.change.reason,
        )
        return receipt

    async def _commit(
        self, deployment: Deployment, changed: Mapping[str, Weight]
    ) -> Receipt:
        before = {name: self._book.get(name) for name in changed}
        self._book.promise(changed)
        if any(raises(weight, before[name]) for name, weight in changed.items()):
            await self._durable.save(
                {**self._book.weights, **changed}.values(),
                epoch=self._publisher.epoch + 1,
            )
            self._demand_unmoved(before)
            table = self._enforce(deployment, changed)
            durable = True
        else:
            table = self._enforce(deployment, changed)
            durable = await self._keep()
        await self._publisher.everywhere(table.epoch, deadline_s=APPLIED_WITHIN_S)
        return Receipt(
            table=table,
            configured=self._workers,
            connected=self._publisher.connected,
            in_force=self._publisher.in_force(table.epoch),
            durable=durable,
        )

    def _enforce(
        self, deployment: Deployment, changed: Mapping[str, Weight]
    ) -> RoutingTable:
        self._book.write(changed)
        self._deployment = deployment
        table = table_of(deployment, self._book.weights, self._ring.current)
        current = self._publisher.table
        if current is None or replace(table, epoch=current.epoch) != current:
            return self._publisher.publish(table)
        self._publisher.keep()  # tokens are in no table
        return current

    async def _keep(self) -> bool:
        try:
            await self._durable.save(
                self._book.weights.values(), epoch=self._publisher.epoch
            )
        except StoreUnavailable:
            return False
        return True

    def _demand_unmoved(self, before: Mapping[str, Weight | None]) -> None:
        for name, weight in before.items():
            if self._book.get(name) is not weight:
                raise RevisionConflict(
                    f"The weight of {name} was lowered while this change was stored.",
                    remedy="Look at why it was lowered; if you still want it, repeat.",
                )
