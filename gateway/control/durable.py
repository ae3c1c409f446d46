"""The store as the control plane sees it: there, or in trouble and tried again.

It knows which revision of each service is kept, so that what could not be written
while the store was away is written with the next save.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import Final

from gateway.control.unharmed import unharmed
from gateway.domain.deployment import StateAddress
from gateway.domain.errors import RevisionConflict, StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.state.store import Kept, Store, Weight

_log = logging.getLogger(__name__)
_PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0)


class Durable:
    """Keeps weights and keys in a store that may come and go.

    Args:
        make: Makes the store the configuration names.

    """

    def __init__(self, make: Callable[[StateAddress], Store]) -> None:
        self._make = make
        self._store: Store | None = None
        self._revisions: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self._lost = asyncio.Event()
        self.trouble: StoreUnavailable | None = None

    async def attach(self, address: StateAddress) -> Kept | None:
        """Open the store for the first time; before anything else, and once.

        Returns:
            What it keeps; None when it cannot be opened (`trouble` says why,
            `keep_open` tries again).

        """
        self._store = self._make(address)
        return await self._try_open(self._store)

    async def save(self, weights: Iterable[Weight], *, epoch: int) -> None:
        """Keep those of *weights* that are newer than what is kept.

        Raises:
            StoreUnavailable: They are not known to be kept.

        """
        async with self._one_at_a_time:
            if self.trouble is not None:
                raise self.trouble
            kept = self._revisions
            newer = [w for w in weights if w.revision > kept.get(w.service, 0)]
            try:
                await self._named().save(newer, expected=kept, epoch=epoch)
            except StoreUnavailable as error:
                self._give_up(error)
                raise
            except RevisionConflict as error:
                overtaken = _overtaken(error)
                self._give_up(overtaken)
                raise overtaken from error
            self._revisions |= {weight.service: weight.revision for weight in newer}

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these keys and no others.

        Raises:
            StoreUnavailable: They are not known to be kept.

        """
        async with self._one_at_a_time:
            if self.trouble is not None:
                raise self.trouble
            try:
                await self._named().save_ticket_keys(keys)
            except StoreUnavailable as error:
                self._give_up(error)
                raise

    async def keep_open(
        self,
        on_open: Callable[[Kept], Awaitable[None]],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Reopen the store whenever it was lost, for ever; *on_open* is told."""
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

    async def _reopen(self) -> Kept | None:
        async with self._one_at_a_time:
            return await self._try_open(self._named())

    def _named(self) -> Store:
        if self._store is None:
            raise RuntimeError("The store was not attached.")
        return self._store

    async def _try_open(self, store: Store) -> Kept | None:
        try:
            kept = await store.open()
        except StoreUnavailable as error:
            self._give_up(error)
            return None
        self._revisions = {name: w.revision for name, w in kept.weights.items()}
        self._lost.clear()
        self.trouble = None
        _log.info("The state store is open, epoch %d.", kept.epoch)
        return kept

    def _give_up(self, error: StoreUnavailable) -> None:
        if self.trouble is None or self.trouble.what != error.what:
            _log.error("%s", error)
        self.trouble = error
        self._lost.set()


def _overtaken(error: RevisionConflict) -> StoreUnavailable:
    return StoreUnavailable(
        f"Somebody else writes to the state store: {error.what}",
        remedy="Give each gateway a store of its own.",
    )
