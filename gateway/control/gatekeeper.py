"""The gatekeeper: everything that changes which table is in force goes through here.

One rule above all (delivery, rollback 1): what lowers a candidate's weight is
published first and kept after; what raises it is kept first and published after.
So a lost store can hold a promotion, never a rollback.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gateway.control.durable import Durable
from gateway.control.nearest import suggest
from gateway.control.publish import APPLIED_WITHIN_S, Publisher
from gateway.control.recover import highest_epoch, newest_table, newest_weights
from gateway.control.reload import demand_no_restart, table_of
from gateway.control.weights import raises, settle, share_wanted, with_weights
from gateway.domain.deployment import Deployment, Token
from gateway.domain.errors import (
    BadConfiguration,
    GatewayError,
    NotFound,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.service import Service
from gateway.domain.units import percent_from_share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.state.store import Change, Kept, Weight

_log = logging.getLogger(__name__)

_Shape = Callable[[Mapping[str, Weight]], RoutingTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a change came to.

    Attributes:
        table: In force now.
        connected: Workers linked.
        in_force: How many of them have it in force.
        durable: Whether it survives a restart; False while the store is in trouble.

    """

    table: RoutingTable
    connected: int
    in_force: int
    durable: bool


class Gatekeeper:
    """Decides which table is in force.

    Args:
        publisher: Sends tables to the workers.
        durable: Keeps weights.
        read: Reads the configuration; raises BadConfiguration.
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
        self._weights: dict[str, Weight] = {}
        self._revisions: dict[str, int] = {}
        self._provisional: frozenset[str] = frozenset()
        self._raising = asyncio.Lock()
        self._deployment: Deployment | None = None
        self.tokens: tuple[Token, ...] | None = None
        self.trouble: str | None = None

    @property
    def table(self) -> RoutingTable:
        """The table in force. Only after `start`."""
        if self._publisher.table is None:
            raise RuntimeError("The gatekeeper has not started.")
        return self._publisher.table

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
        weight = self._weights.get(name)
        return weight.change if weight is not None else None

    async def start(
        self, *, workers: int, last: RoutingTable | None, hello_within_s: float
    ) -> None:
        """Find what was in force, and put the first table in force.

        Where workers have a table already, nothing may stop us: a bad file or a lost
        store leaves their table as it is, and `trouble` says so.

        Args:
            workers: How many hellos to wait for.
            last: The last table published, from the file the processes share.
            hello_within_s: For how long; 0 when there cannot be any.

        Raises:
            BadConfiguration: There is neither a configuration nor a table.

        """
        deployment = await self._read_first()
        kept = await self._durable.attach(deployment.state) if deployment else None
        await self._publisher.seated(workers, deadline_s=hello_within_s)
        tables = [*self._publisher.seen, *([last] if last is not None else [])]
        self._weights = newest_weights(kept, tables, at=self._now())
        self._publisher.skip_to(highest_epoch(kept, tables))
        newest = newest_table(tables)
        if newest is not None:
            await self._start_warm(newest, deployment)
        elif deployment is not None:
            await self._start_cold(deployment, kept)
        else:
            raise BadConfiguration(
                "There is no usable configuration, and no worker that runs on one.",
                remedy="Mend the file, then start again; the log says what is wrong.",
            )

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
        async with self._raising:
            deployment = await self._read()
            if self._deployment is not None:
                demand_no_restart(self._deployment, deployment)
            kept = await self._durable.attach(deployment.state)
            if kept is not None:
                await self._reconcile(kept)
            return await self._install(deployment)

    async def store_returned(self, kept: Kept) -> None:
        """Bring a store that was lost up to date; what changed since then wins."""
        try:
            async with self._raising:
                await self._reconcile(kept)
                if self._deployment is None:
                    await self._install(await self._read())
        except GatewayError as error:
            _log.error("%s", error)

    async def _read_first(self) -> Deployment | None:
        try:
            deployment = await self._read()
        except BadConfiguration as error:
            _log.error("%s", error)
            return None
        self.tokens = deployment.admin.tokens
        return deployment

    async def _start_cold(self, deployment: Deployment, kept: Kept | None) -> None:
        try:
            await self._install(deployment)
        except StoreUnavailable as error:
            _log.error("Starting without the store. %s", error)
            changed = self._settled(deployment.services)
            self._enforce(partial(table_of, deployment), changed)
            self._provisional = frozenset(changed if kept is None else ())
            self._deployment = deployment

    async def _start_warm(
        self, newest: RoutingTable, deployment: Deployment | None
    ) -> None:
        if deployment is not None:
            try:
                await self._install(deployment)
            except StoreUnavailable as error:
                self.trouble = f"The configuration is not in force. {error}"
        else:
            self.trouble = (
                "The configuration cannot be used; the workers' table is kept and"
                " weights cannot be set. Mend the file (the log says what is"
                " wrong), then send SIGHUP."
            )
        if self.trouble is not None:
            _log.error("%s", self.trouble)
            self._enforce(partial(with_weights, newest), {})

    async def _install(self, deployment: Deployment) -> Receipt:
        changed = self._settled(deployment.services)
        receipt = await self._commit(partial(table_of, deployment), changed)
        self._deployment = deployment
        self.tokens = deployment.admin.tokens
        self.trouble = None
        return receipt

    def _settled(self, services: Sequence[Service]) -> dict[str, Weight]:
        change = Change(by="configuration", reason="configured weight", at=self._now())
        changed = {}
        for service in services:
            known = self._weights.get(service.name)
            revision = self._next_revision(service.name)
            weight = settle(service, known, revision=revision, change=change)
            if weight is not known:
                changed[service.name] = weight
        return changed

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
            revision=self._next_revision(name),
            change=change,
        )

    async def _set(self, weight: Weight) -> Receipt:
        share = self.routed(weight.service).share
        changed = {weight.service: weight} if weight.share != share else {}
        receipt = await self._commit(self._with_weights, changed)
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

    async def _reconcile(self, kept: Kept) -> None:
        changed = {}
        for name, stored in kept.weights.items():
            ours = self._weights.get(name)
            if ours is None or name in self._provisional:
                changed[name] = self._settled_from(stored)
            elif stored.revision >= ours.revision and stored != ours:
                changed[name] = replace(ours, revision=stored.revision + 1)
        self._publisher.skip_to(kept.epoch)
        self._provisional = frozenset()
        await self._commit(self._with_weights, changed)

    def _settled_from(self, stored: Weight) -> Weight:
        for routed in self.table.services:
            if routed.service.name == stored.service:
                return settle(
                    routed.service,
                    stored,
                    revision=stored.revision + 1,
                    change=Change(
                        by="configuration", reason="configured weight", at=self._now()
                    ),
                )
        return stored

    async def _commit(self, shape: _Shape, changed: Mapping[str, Weight]) -> Receipt:
        before = {name: self._weights.get(name) for name in changed}
        self._revisions |= {name: w.revision for name, w in changed.items()}
        if any(raises(weight, before[name]) for name, weight in changed.items()):
            await self._durable.save(
                {**self._weights, **changed}.values(), epoch=self._publisher.epoch + 1
            )
            self._demand_unmoved(before)
            table = self._enforce(shape, changed)
            durable = True
        else:
            table = self._enforce(shape, changed)
            durable = await self._keep()
        await self._publisher.everywhere(table.epoch, deadline_s=APPLIED_WITHIN_S)
        return Receipt(
            table=table,
            connected=self._publisher.connected,
            in_force=self._publisher.in_force(table.epoch),
            durable=durable,
        )

    def _enforce(self, shape: _Shape, changed: Mapping[str, Weight]) -> RoutingTable:
        self._weights |= changed
        self._provisional -= changed.keys()
        table, current = shape(self._weights), self._publisher.table
        if current is not None and replace(table, epoch=current.epoch) == current:
            return current
        return self._publisher.publish(table)

    async def _keep(self) -> bool:
        try:
            await self._durable.save(
                self._weights.values(), epoch=self._publisher.epoch
            )
        except StoreUnavailable:
            return False
        return True

    def _demand_unmoved(self, before: Mapping[str, Weight | None]) -> None:
        for name, weight in before.items():
            if self._weights.get(name) is not weight:
                raise RevisionConflict(
                    f"The weight of {name} was lowered while this change was stored.",
                    remedy="Look at why it was lowered; if you still want it, repeat.",
                )

    def _with_weights(self, weights: Mapping[str, Weight]) -> RoutingTable:
        return with_weights(self.table, weights)

    def _next_revision(self, name: str) -> int:
        weight = self._weights.get(name)
        in_force = weight.revision if weight is not None else 0
        return max(in_force, self._revisions.get(name, 0)) + 1
