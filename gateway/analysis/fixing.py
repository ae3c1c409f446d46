"""When thresholds of quantiles were fixed inside a step, and which losses come too early.

The first step of an attempt has no past, so its thresholds are made of its own first
units. Those keys have shown on which side they are, and go on: bets on them would rest on
a threshold that was made of them. So a key that came before a threshold was fixed proves
nothing of it, whatever it does later, and on whichever side it is.
"""

from collections.abc import Iterable
from math import inf

import msgspec

from gateway.analysis.key_table import Key
from gateway.analysis.observe import EARLY


class Fixing(msgspec.Struct, array_like=True):
    """Kept with the units of an attempt.

    Attributes:
        newest: The latest arrival of what was heard of; monotonic clock, seconds.
        since: By column of losses whose threshold is fixed: `newest` at that time.

    """

    newest: float = 0.0
    since: dict[int, float] = {}

    def hears(self, arrived: float) -> None:
        """Hear of an exchange, by its arrival."""
        if arrived > self.newest:
            self.newest = arrived

    def fix(self, columns: Iterable[int]) -> None:
        """Know which thresholds are fixed; of those that were, nothing changes."""
        for column in columns:
            self.since.setdefault(column, self.newest)

    def step_begins(self) -> None:
        """Know that none is fixed any more."""
        self.since = {}

    def after_restart(self) -> "Fixing":
        """Go on after a reboot, when no time of before compares with one of now."""
        return Fixing(0.0, dict.fromkeys(self.since, 0.0))

    def of(self, losses: bytes, arrived: float) -> bytes:
        """Mark the losses that come too early.

        By arrival: of what was running when a threshold was fixed, failures end sooner.
        """
        if arrived > max(self.since.values(), default=-inf):
            return losses
        marked = bytearray(losses)
        for column, newest in self.since.items():
            if arrived <= newest:
                marked[column] = EARLY
        return bytes(marked)


def came(key: Key, arrived: float, step: int, mask: int) -> float:
    """Give when a key came that adds an exchange in a step, before it is marked there.

    Long ago, where its rows were lost, in a reboot or by a weight set by hand.

    Args:
        key: Whose exchange it is.
        arrived: When the exchange did.
        step: The current one.
        mask: Of the cell that every exchange is in.

    """
    has_lost_rows = not key.rows and key.step == step and key.in_step & mask
    return -inf if has_lost_rows else arrived
