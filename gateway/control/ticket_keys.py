"""The keys of request ids: made, turned every week, kept, and forgotten in time.

A key signs for a week and reads for as long as an id made with it is accepted. They lie
in the store; while that cannot be read a temporary one is used, and kept as soon as it
can be. Nothing here is ever shown: not in an answer, a log line or a message.
"""

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from gateway.control.durable import Durable
from gateway.domain.errors import StoreUnavailable
from gateway.domain.ticket_key import KEY_BYTES, TICKET_LASTS_S, TicketKey
from gateway.handoff.ticket import TicketKeys

TURNED_AFTER_S: Final = 7 * 86_400
_KEPT_FOR_S: Final = TURNED_AFTER_S + TICKET_LASTS_S + 86_400  # clocks differ
_NUMBERS: Final = 1 << 16
_MOST: Final = 64
"""Keys there are at most: starts without a store make one each."""


class KeyRing:
    """All keys that may still read an id.

    Args:
        durable: Keeps them.
        now: Unix time in seconds.

    """

    def __init__(self, durable: Durable, now: Callable[[], float]) -> None:
        self._durable = durable
        self._now = now
        self._keys: dict[int, TicketKey] = {}
        self._kept: set[int] = set()

    @property
    def keys(self) -> TicketKeys:
        """The keys by number, the newest last."""
        return self._keys

    @property
    def current(self) -> TicketKey:
        """The key new ids are made with. Only after `turn`."""
        return next(reversed(self._keys.values()))

    def adopt(self, found: Iterable[TicketKey], *, kept: bool = False) -> None:
        """Add keys that somebody else knows; ours stays where two have one number.

        Args:
            found: From the store, from workers or from the controller before this.
            kept: Whether they are what lies in the store.

        """
        now = self._now()
        past = [replace(key, made_at=min(key.made_at, now)) for key in found]
        self._order({key.number: key for key in past} | self._keys)
        if kept:
            self._kept = {key.number for key in past if self._has(key)}

    def turn(self) -> bool:
        """Make a new key if it is time, and forget old ones; tell whether it was."""
        now = self._now()
        newest = max((key.made_at for key in self._keys.values()), default=None)
        is_due = newest is None or now - newest >= TURNED_AFTER_S
        if is_due:
            secret = secrets.token_bytes(KEY_BYTES)
            made = TicketKey(number=self._free_number(), secret=secret, made_at=now)
            self._order(self._keys | {made.number: made})
        return is_due

    async def keep(self) -> None:
        """Write what is not kept yet; while the store is away, the next call will."""
        if self._kept == self._keys.keys():
            return
        keys = tuple(self._keys.values())
        with suppress(StoreUnavailable):  # the gateway says so already, as degraded
            await self._durable.save_ticket_keys(keys)
            self._kept = {key.number for key in keys}

    def _order(self, keys: TicketKeys) -> None:
        """Put the newest last; drop what reads no id any more."""
        oldest = self._now() - _KEPT_FOR_S
        ordered = sorted(keys.values(), key=lambda key: key.made_at)
        useful = [key for key in ordered if key.made_at >= oldest]
        self._keys = {key.number: key for key in useful[-_MOST:]}

    def _has(self, key: TicketKey) -> bool:
        return self._keys.get(key.number) == key

    def _free_number(self) -> int:
        while (number := secrets.randbelow(_NUMBERS)) in self._keys:
            pass
        return number
