"""After a restart: the evidence of rollouts that were on is read, and gone on with.

Each rollout is looked at as soon as its own evidence is here. Where the store is slow or
away, what comes is examined all the same, so that a bad candidate is taken back; nothing
rises by it (rising.is_premature), for it is a part of what is known.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.moves import Moves
from gateway.control.standings import is_running
from gateway.control.unharmed import unharmed
from gateway.domain.errors import StoreUnavailable
from gateway.domain.rollout import TERMINAL
from gateway.state.store import KeptEvidence

_log = logging.getLogger(__name__)

_PATIENT_S: Final = 1.0
"""For so long nothing is examined while what was known is being read."""


class TakingUp:
    """Takes up what was known, at a start and when a store returns.

    Args:
        gate: Knows what is in force.
        moves: Knows what is examined.
        durable: Reads evidence.

    Attributes:
        awaited: Services whose evidence is being read.

    """

    def __init__(self, gate: Gatekeeper, moves: Moves, durable: Durable) -> None:
        self._gate = gate
        self._moves = moves
        self._durable = durable
        self.awaited: set[str] = set()

    async def all(self) -> None:
        """Take up all that is not here yet: what is on first, then how others ended."""
        named = {service.name for service in self._gate.deployment.services}
        standings = [each for each in self._gate.standings.items() if each[0] in named]
        wanted = [
            name for name, at in standings if is_running(at) and self._lacks(name)
        ]
        self.awaited |= {*wanted}
        for name in wanted:
            is_known = False
            with unharmed(f"Taking up the rollout of {name}"):
                is_known = await self._take_up(name)
            self.awaited.discard(name)
            if is_known:  # what was noted of it may have to wait for the store
                await self._gate.keep_noted()
        for name, at in standings:
            if at.phase in TERMINAL and self._moves.endings.of(name) is None:
                with unharmed(f"Taking up how the rollout of {name} ended"):
                    await self._recall(name)
        with suppress(StoreUnavailable):  # its return calls again
            await self._moves.endings.keep()

    def _lacks(self, name: str) -> bool:
        """Whether what was known of the attempt is not here."""
        live = self._moves.lives.get(name)
        if live is None or live.attempt != self._gate.standings.of(name).attempt:
            return True
        return live.is_provisional

    async def _take_up(self, name: str) -> bool:
        """Take up the evidence of one rollout; False: it could not be read."""
        attempt = self._gate.standings.of(name).attempt
        slow = asyncio.get_running_loop().call_later(
            _PATIENT_S, self._examine_for_now, name, "The state store is slow."
        )
        try:
            kept = await self._durable.evidence(name)
        except StoreUnavailable as error:
            self._examine_for_now(name, str(error))
            return False
        finally:
            slow.cancel()
        standing = self._gate.standings.of(name)  # a hand may have been quicker
        if is_running(standing) and standing.attempt == attempt and self._lacks(name):
            self._go_on_with(name, kept)
        return True

    def _examine_for_now(self, name: str, why: str) -> None:
        is_on = is_running(self._gate.standings.of(name))
        if name not in self._moves.lives and is_on:
            _log.error("%s is examined from nothing for now: %s", name, why)
            with unharmed(f"Examining {name} from nothing"):
                self._moves.begin_again(name, why, is_provisional=True)

    def _go_on_with(self, name: str, kept: KeptEvidence | None) -> None:
        why = "No evidence of this attempt was kept."
        if kept is not None and kept.attempt == self._gate.standings.of(name).attempt:
            try:
                self._moves.take_up(name, kept)
            except Exception as error:  # ruff: ignore[blind-except]: or nobody looks
                why = f"The evidence that was kept cannot be read: {error!r}"
            else:
                return
        _log.error("%s is examined from nothing. %s", name, why)
        self._moves.begin_again(name, why)

    async def _recall(self, name: str) -> None:
        """Know again how an attempt ended."""
        with suppress(StoreUnavailable):  # its return calls again
            kept = await self._durable.evidence(name)
            standing = self._gate.standings.of(name)
            is_its = kept is not None and kept.attempt == standing.attempt
            if kept is not None and is_its and standing.phase in TERMINAL:
                segments = self._gate.defined(name).segments
                self._moves.endings.take_up(name, kept, segments)
