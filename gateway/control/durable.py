"""The store as the control plane sees it: there, or in trouble and tried again.

It knows what is kept of each service, so that what could not be written while the store
was away is written with the next save. What waits for the journal goes with every save,
in the same transaction.
"""

import asyncio
import logging
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Final

from gateway.control.journal import SENT_AT_ONCE, Journal
from gateway.control.unharmed import unharmed
from gateway.domain.deployment import StateAddress
from gateway.domain.errors import RevisionConflict, StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.state.journal import Draft, Entry
from gateway.state.store import (
    MOST_ENTRIES,
    Kept,
    KeptEvidence,
    KeptRollout,
    Spent,
    Store,
    Weight,
)

_log = logging.getLogger(__name__)
_PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0)
_ATTEMPTS_KEPT: Final = 20  # whose blocks can still be replayed
_PRUNED_AT_ONCE: Final = 500  # blocks: some milliseconds of the store's thread


class Durable:
    """Keeps what must survive in a store that may come and go.

    Args:
        make: Makes the store the configuration names.

    """

    def __init__(self, make: Callable[[StateAddress], Store]) -> None:
        self._make = make
        self._store: Store | None = None
        self._revisions: Mapping[str, int] = {}
        self._versions: Mapping[str, int] = {}
        self._attempts: Mapping[str, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self._lost = asyncio.Event()
        self.spent: Mapping[str, Spent] | None = None
        self.journal = Journal()
        self.trouble: StoreUnavailable | None = None

    async def attach(self, address: StateAddress) -> Kept | None:
        """Open the store for the first time; before anything else, and once.

        Returns:
            What it keeps; None when it cannot be opened (`trouble` says why,
            `keep_open` tries again).

        """
        self._store = self._make(address)
        try:
            kept = await self._opened(self._store)
        except StoreUnavailable as error:
            self._give_up(error)
            return None
        self._have(kept)
        return kept

    async def save(
        self,
        weights: Iterable[Weight],
        *,
        epoch: int,
        rollouts: Iterable[KeptRollout] = (),
        drafts: Iterable[Draft] = (),
    ) -> None:
        """Keep those of *weights* and *rollouts* that are newer than what is kept.

        Args:
            weights: At most one of each service.
            epoch: Of the table in force.
            rollouts: At most one of each service.
            drafts: For the journal: what happens only if all of this is kept. What has
                happened already is told by `journal.write` before.

        Raises:
            StoreUnavailable: They are not known to be kept.

        """
        async with self._using() as store:
            await self._shorten(store)
            seen, met = self._revisions, self._versions
            newer = [w for w in weights if w.revision > seen.get(w.service, 0)]
            moved = [r for r in rollouts if r.version > met.get(r.service, 0)]
            await store.save(
                newer,
                expected=seen,
                epoch=epoch,
                rollouts=moved,
                expected_versions=met,
                entries=self.journal.sent(drafts),
            )
            self.journal.kept()
            self._revisions = {**seen, **{w.service: w.revision for w in newer}}
            self._versions = {**met, **{r.service: r.version for r in moved}}

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these keys and no others.

        Raises:
            StoreUnavailable: They are not known to be kept.

        """
        async with self._using() as store:
            await store.save_ticket_keys(keys)

    async def save_evidence(
        self, evidence: KeptEvidence, *, drafts: Iterable[Draft] = ()
    ) -> bool:
        """Keep evidence, and with it what it says of itself in the journal.

        Args:
            evidence: See KeptEvidence.
            drafts: What has happened; they wait if they cannot be written now.

        Returns:
            False: it is not kept, because what it was changed from is not there, in a
            file that took the place of another. Save it whole, as new.

        Raises:
            StoreUnavailable: It is not known to be kept; what has changed has to come
                again with the next.

        """
        async with self._using(drafts) as store:
            kept = self._attempts.get(evidence.service)
            if not evidence.is_new and kept != evidence.attempt:
                return False
            await self._shorten(store)
            await store.save_evidence(evidence, entries=self.journal.sent())
            self.journal.kept()
            self._attempts = {**self._attempts, evidence.service: evidence.attempt}
            return True

    async def save_spent(self, spent: Spent) -> None:
        """Keep what an evaluator may have used.

        Raises:
            StoreUnavailable: It is not known to be kept.

        """
        async with self._using() as store:
            await store.save_spent(spent)
            self.spent = {**(self.spent or {}), spent.purse: spent}

    def tell(self, drafts: Iterable[Draft]) -> None:
        """Have what has happened written with whatever is kept next."""
        for draft in drafts:
            self.journal.write(draft)

    async def flush(self) -> None:
        """Write what waits for the journal.

        Raises:
            StoreUnavailable: It goes on waiting.

        """
        async with self._using() as store:
            await self._shorten(store)
            if entries := self.journal.sent():
                await store.append(entries)
                self.journal.kept()

    async def entries(
        self, service: str | None, *, after: int = 0, limit: int = MOST_ENTRIES
    ) -> list[Entry]:
        """Read what is written of the journal; see Store.entries.

        Raises:
            StoreUnavailable: It cannot be read now.

        """
        async with self._using() as store:
            return await store.entries(service, after=after, limit=limit)

    async def evidence(self, service: str) -> KeptEvidence | None:
        """Read what is known of a service's candidate; None: nothing was kept.

        Raises:
            StoreUnavailable: It cannot be read now.

        """
        async with self._using() as store:
            return await store.evidence(service)

    async def prune(self, service: str, *, attempts: int = _ATTEMPTS_KEPT) -> int:
        """Take out what blocks of old attempts said; call when an attempt begins.

        Args:
            service: Its name.
            attempts: How many of the last keep theirs.

        Returns:
            How many blocks.

        Raises:
            StoreUnavailable: It will be taken out another time.

        """
        total = 0
        while True:
            async with self._using() as store:
                count = await store.prune(
                    service, attempts=attempts, limit=_PRUNED_AT_ONCE
                )
            total += count
            if count < _PRUNED_AT_ONCE:
                return total

    async def keep_open(
        self,
        on_open: Callable[[Kept], Awaitable[None]],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Reopen the store whenever it was lost, for ever; *on_open* is told.

        By then it has taken what was decided meanwhile: a store that can be read and
        not written, as on a full disk, is not back.
        """
        while True:
            await self._lost.wait()
            for seconds in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
                await pause(seconds)
                if await self._is_back(on_open):
                    break

    async def _is_back(self, on_open: Callable[[Kept], Awaitable[None]]) -> bool:
        with unharmed("Opening the state store again"):
            if (kept := await self._reopen()) is not None:
                await on_open(kept)
                return True
        return False

    async def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            await self._store.close()

    @asynccontextmanager
    async def _using(self, told: Iterable[Draft] = ()) -> AsyncGenerator[Store]:
        """Have the store to oneself; whatever goes wrong, it is opened again."""
        async with self._one_at_a_time:
            self.tell(told)
            if self.trouble is not None:
                raise self.trouble
            try:
                yield self._named()
            except StoreUnavailable as error:
                self._give_up(error)
                raise
            except RevisionConflict as error:
                overtaken = _overtaken(error)
                self._give_up(overtaken)
                raise overtaken from error
            except asyncio.CancelledError:
                self._lose(_cut_short())  # nobody knows what became of it
                raise

    async def _shorten(self, store: Store) -> None:
        """Write the front of a long journal, so that no transaction takes long."""
        while self.journal.is_long:
            await store.append(self.journal.sent(most=SENT_AT_ONCE))
            self.journal.kept()

    async def _reopen(self) -> Kept | None:
        async with self._one_at_a_time:
            store = self._named()
            try:
                kept = await self._opened(store)
                await self._shorten(store)
                entries = self.journal.sent()
                await store.save([], expected={}, epoch=kept.epoch, entries=entries)
            except StoreUnavailable as error:
                self._give_up(error)
                return None
            except RevisionConflict as error:
                self._give_up(_overtaken(error))
                return None
            self.journal.kept()
            self._have(kept)
            return kept

    def _named(self) -> Store:
        if self._store is None:
            raise RuntimeError("The store was not attached.")
        return self._store

    async def _opened(self, store: Store) -> Kept:
        kept = await store.open()
        self._revisions = {name: w.revision for name, w in kept.weights.items()}
        self._versions = {name: r.version for name, r in kept.rollouts.items()}
        self._attempts = kept.attempts
        self.journal.found(kept.last_entry)
        self.spent = kept.spent
        return kept

    def _have(self, kept: Kept) -> None:
        self._lost.clear()
        self.trouble = None
        _log.info("The state store is open, epoch %d.", kept.epoch)

    def _give_up(self, error: StoreUnavailable) -> None:
        if self.trouble is None or self.trouble.what != error.what:
            _log.error("%s", error)
        self._lose(error)

    def _lose(self, error: StoreUnavailable) -> None:
        self.trouble = error
        self._lost.set()


def _overtaken(error: RevisionConflict) -> StoreUnavailable:
    return StoreUnavailable(
        f"Somebody else writes to the state store: {error.what}",
        remedy="Give each gateway a store of its own.",
    )


def _cut_short() -> StoreUnavailable:
    return StoreUnavailable(
        "A call to the state store was cut short.",
        remedy="The gateway opens it again by itself.",
    )
