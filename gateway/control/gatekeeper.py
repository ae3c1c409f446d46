"""The gatekeeper: everything that changes which table is in force goes through here.

It decides what is to be in force, and lets one raise a weight at a time; in_force.py puts
it there, in the order that is safe.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gateway.control.durable import Durable
from gateway.control.handing_down import Inherited, handed_down
from gateway.control.in_force import InForce, Receipt
from gateway.control.publish import Publisher
from gateway.control.recover import as_run, highest_epoch, newest_table, newest_weights
from gateway.control.reload import Arranged, in_effect, nothing_arranged
from gateway.control.ruling import Ruling, taken_back
from gateway.control.standings import StandingBook, effective, is_ruled
from gateway.control.ticket_keys import KeyRing
from gateway.control.unread import Unread
from gateway.control.weight_book import WeightBook
from gateway.control.weights import by_hand, is_held, ruled
from gateway.domain.deployment import Deployment, Token
from gateway.domain.errors import GatewayError, StoreUnavailable
from gateway.domain.lane import service_of
from gateway.domain.rollout import Standing
from gateway.domain.service import Service
from gateway.domain.units import percent_from_share
from gateway.handoff.last_table import Last
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.ticket import TicketKeys
from gateway.state.store import Change, Kept, Weight
from gateway.tls.expiry import demand_valid

_log = logging.getLogger(__name__)


class Gatekeeper:
    """Decides which table is in force.

    Args:
        publisher: Sends tables to the workers.
        durable: Keeps weights and keys.
        read: Reads the configuration; raises BadConfiguration. Has its own deadline.
        now: Unix time in seconds, for display.
        arranged: See supervised.Supervised.

    """

    def __init__(
        self,
        publisher: Publisher,
        durable: Durable,
        read: Callable[[], Awaitable[Deployment]],
        now: Callable[[], float],
        arranged: Arranged = nothing_arranged,
    ) -> None:
        self._publisher = publisher
        self._durable = durable
        self._read = read
        self._now = now
        self._arranged = arranged
        self._book = WeightBook(now)
        self._ring = KeyRing(durable, now)
        self._reloading = asyncio.Lock()
        self._raising = asyncio.Lock()
        self._unread = Unread(read)
        self.standings = StandingBook()
        self._in_force = InForce(
            publisher, durable, self._book, self.standings, self._ring
        )

    @property
    def table(self) -> RoutingTable:
        """The table in force. Only after `start`."""
        return self._in_force.table

    @property
    def deployment(self) -> Deployment:
        """The configuration that was accepted last. Only after `start`."""
        return self._in_force.deployment

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
        told = [] if self._unread.trouble is None else [self._unread.trouble]
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
        return self._in_force.routed(name)

    def lanes(self, name: str) -> tuple[RoutedService, ...]:
        """Give all lanes of a service, as they are routed; of a lane, or alone: itself.

        Raises:
            NotFound: There is no such service.

        """
        return self._in_force.lanes(name)

    def beside(self, name: str) -> list[str]:
        """Give the names of the other lanes of a lane's service."""
        whole = service_of(name)
        return [
            service.name
            for service in self.deployment.services
            if service.known_as == whole and service.name != name
        ]

    def defined(self, name: str) -> Service:
        """Give a service as the configuration has it.

        Raises:
            NotFound: There is no such service.

        """
        return self._in_force.defined(name)

    def change(self, name: str) -> Change | None:
        """Give the last change of a service's weight; None when it is not known."""
        weight = self._book.get(name)
        return weight.change if weight is not None else None

    async def start(self, *, last: Last | None, hello_within_s: float) -> None:
        """Find what was in force, and put the first table in force.

        The configuration is read only when no controller before this one has left
        the one it had accepted: an edited file waits for a reload.

        Args:
            last: What the controller before this one left.
            hello_within_s: How long hellos are waited for; 0 when there cannot be any.

        Raises:
            BadConfiguration: There is nothing to begin with.

        """
        accepted = last.deployment if last is not None else await self._read()
        kept = await self._durable.attach(accepted.state)
        await self._publisher.seated(accepted.workers, deadline_s=hello_within_s)
        tables = [*self._publisher.seen, *([last.table] if last is not None else [])]
        self._book.write(newest_weights(kept, tables, at=self._now()))
        if kept is not None:
            self.standings.adopt(kept.rollouts.values())
        if last is not None:
            self.standings.adopt_left(last.standings)
        self._publisher.skip_to(highest_epoch(kept, tables))
        await self._start_keys(kept, last, tables)
        newest = newest_table(tables) if last is not None else None
        await self._begin(as_run(accepted, newest, self.standings), kept)

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
            service: Its name; one whose weight no rollout rules.
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

        def plan() -> Weight:
            return by_hand(
                self.routed(service),
                percents,
                seen=revision,
                revision=self._book.next_revision(service),
                change=change,
            )

        if plan().share < self.routed(service).share:
            return await self._set(plan())
        async with self._raising:
            return await self._set(plan())

    async def set_configured_weight(self, service: str, *, by: str) -> None:
        """Set the weight that the configuration has, where no rollout rules it.

        Raises:
            RevisionConflict: It was lowered meanwhile; nothing was changed.
            StoreUnavailable: It would raise it, and cannot be kept.

        """
        found = self.routed(service).service
        if found.candidate is None or is_ruled(found, self.standings.of(service)):
            return
        percents = {found.candidate: percent_from_share(found.configured_share)}
        await self.set_weights(
            service, percents, revision=None, by=by, reason="configured weight"
        )

    async def rule(self, plan: Callable[[], Ruling]) -> tuple[Ruling, Receipt]:
        """Put a move of a rollout in force.

        What lowers does not wait for anything, not even for a change in progress.

        Args:
            plan: Decides the move, from what is in force when it is asked.

        Raises:
            RevisionConflict: It was lowered while this was stored; nothing was changed.
            StoreUnavailable: It raises, and cannot be kept; nothing was changed.

        """
        ruling = plan()
        if not ruling.raises:
            return await self._rule(ruling)
        async with self._raising:
            return await self._rule(plan())

    def note(self, name: str, standing: Standing) -> None:
        """Note of a rollout what changes nothing in force; for whoever starts next too."""
        self.standings.write(name, standing)
        self._publisher.keep()

    async def keep_noted(self) -> None:
        """Keep what was noted; where it cannot be, the next change keeps it."""
        await self._in_force.keep()

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
            before = self.deployment
            async with self._raising, self._arranged(before, deployment):
                demand_valid(deployment, self._now(), before=before)
                receipt = await self._install(deployment)
                self._unread.trouble = None
            return await self._in_force.joined(receipt, before.workers)

    async def turn_keys(self) -> None:
        """Make new request ids with a new key, if it is time; call once an hour."""
        async with self._raising:
            is_new = self._ring.turn()
            await self._ring.keep()
            if is_new:
                self._in_force.enforce(self.deployment, {})
                await self._in_force.keep()  # the epoch

    def leave_word(self) -> None:
        """Write down where rollouts stand, in time too, for the next controller."""
        self._publisher.keep()

    async def compare(self) -> None:
        """Say in `troubles` when the file is not what was accepted last."""
        await self._unread.compare(lambda: self.deployment)

    async def store_returned(self, kept: Kept) -> None:
        """Bring a store that was lost up to date; what changed since then wins."""
        try:
            async with self._raising:
                self._publisher.skip_to(kept.epoch)
                self._ring.adopt(kept.ticket_keys, kept=True)
                for service, standing in self.standings.adopt(
                    kept.rollouts.values()
                ).items():
                    why = "Nobody knew whether it was kept."
                    self._durable.journal.write(
                        taken_back(service, standing, why, at=self._now())
                    )
                self._book.learn(kept.weights)
                inherit = self._heirs(self.deployment, self._book.cut(kept.weights))
                services = in_effect(self.deployment, self.standings)
                changed = self._book.reconciled(kept, services)
                await self._in_force.commit(self.deployment, changed, inherit=inherit)
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
        inherit = self._heirs(deployment, self._book.cut())
        services = in_effect(deployment, self.standings)
        changed = self._book.settled(services, before={}, hold=kept is None)
        if kept is not None:
            changed |= self._book.reconciled(kept, services)
        try:
            await self._in_force.commit(deployment, changed, inherit=inherit)
        except StoreUnavailable as error:
            _log.error("Starting without the store. %s", error)
            safe = self._book.instead(changed, services)
            self._in_force.enforce(deployment, safe, inherit=inherit)

    async def _install(self, deployment: Deployment) -> Receipt:
        was = in_effect(self.deployment, self.standings)
        changed = self._book.settled(
            in_effect(deployment, self.standings),
            before={service.name: service for service in was},
        )
        inherit = self._heirs(deployment, self._book.cut())
        return await self._in_force.commit(deployment, changed, inherit=inherit)

    def _heirs(
        self, deployment: Deployment, was: Mapping[str, Iterable[Weight]]
    ) -> Callable[[], Sequence[Inherited]]:
        services, standings = deployment.services, self.standings
        return lambda: handed_down(services, was, standings, at=self._now())

    async def _set(self, weight: Weight) -> Receipt:
        before = self.routed(weight.service)
        is_said = is_held(self._book.get(weight.service))  # what was held is now meant
        if weight.share == before.share and not is_said:
            return await self._in_force.commit(self.deployment, {})
        receipt = await self._in_force.commit(self.deployment, {weight.service: weight})
        _log.info(
            "Weight of %s in %s: %g %% -> %g %%, revision %d, epoch %d, by %s: %r.",
            weight.candidate,
            weight.service,
            percent_from_share(before.of_service()),
            percent_from_share(replace(before, share=weight.share).of_service()),
            weight.revision,
            receipt.table.epoch,
            weight.change.by,
            weight.change.reason,
        )
        return receipt

    async def _rule(self, ruling: Ruling) -> tuple[Ruling, Receipt]:
        changed = self._changed_by(ruling) if self._in_force.has(ruling.service) else {}
        receipt = await self._in_force.commit(self.deployment, changed, ruling)
        _log.info(
            "%s: %s (by %s)", ruling.service, ruling.standing.cause, ruling.change.by
        )
        return ruling, receipt

    def _changed_by(self, ruling: Ruling) -> dict[str, Weight]:
        name, known = ruling.service, self._book.get(ruling.service)
        serving = self.standings.serving(name, ruling.standing)
        weight = ruled(
            effective(self._in_force.defined(name), serving),
            ruling.standing,
            known,
            revision=self._book.next_revision(name),
            change=ruling.change,
        )
        if weight is known:
            return self._book.disowned(name, ruling.change)
        return {name: weight}
