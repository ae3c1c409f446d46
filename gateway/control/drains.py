"""Counts down drains: what began on a candidate that was taken back ends there in time.

The machine says when; here is the clock. With the last tick a table is published in which
nothing goes to the candidate any more. A controller that is restarted goes on with what its
predecessor wrote down, once a second: so much longer a drain may last for each restart.
"""

from collections.abc import Callable, Coroutine
from typing import Final

from gateway.control.gatekeeper import Gatekeeper
from gateway.control.moves import Moves, NothingToDo
from gateway.control.unharmed import unharmed
from gateway.delivery.events import Ticked
from gateway.delivery.machine import answer
from gateway.domain.rollout import Standing
from gateway.domain.units import Seconds

_KEEP_EVERY_S: Final = 1.0
_BY: Final = "drain"


class Drains:
    """Counts down for every service.

    Args:
        gate: Knows where rollouts stand.
        moves: Puts their ends in force.
        clock: Monotonic, seconds.
        spawn: Runs a task that somebody owns.

    """

    def __init__(
        self,
        gate: Gatekeeper,
        moves: Moves,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[None, None, None]], object],
    ) -> None:
        self._gate = gate
        self._moves = moves
        self._clock = clock
        self._spawn = spawn
        self._looked_at: dict[str, float] = {}
        self._ending: set[str] = set()
        self._kept_at = 0.0

    def look(self) -> None:
        """Let time pass for all that drain; one that fails harms no other."""
        now = self._clock()
        draining = {
            service: standing
            for service, standing in self._gate.standings.items()
            if standing.drain_left
        }
        before, self._looked_at = self._looked_at, dict.fromkeys(draining, now)
        for service, standing in draining.items():
            with unharmed(f"Draining the candidate of {service}"):
                elapsed = Seconds(now - before.get(service, now))
                self._pass(service, standing, elapsed)
        if draining and now - self._kept_at >= _KEEP_EVERY_S:
            self._kept_at = now
            with unharmed("Writing down how long drains go on"):
                self._gate.leave_word()

    def _pass(self, service: str, standing: Standing, elapsed: Seconds) -> None:
        ticked = Ticked(elapsed=elapsed, attempt=standing.attempt, stage=standing.stage)
        moved = answer(standing, ticked)
        defined = {each.name for each in self._gate.deployment.services}
        if not moved.cause or service not in defined:  # then nobody has to be told
            self._gate.standings.tick(service, moved.standing)
        elif service not in self._ending:
            self._ending.add(service)
            self._spawn(self._end(service, ticked))

    async def _end(self, service: str, ticked: Ticked) -> None:
        with unharmed(f"Ending the drain of {service}"):
            try:
                await self._moves.make(service, ticked, by=_BY)
            except NothingToDo:
                pass
            finally:
                self._ending.discard(service)
