"""What bets are made from, and when: the one place that keeps them predictable.

Bets stand for a block of units, made from the past before it; what a block counted is
learnt when it closes, never sooner. Tables are a function of the past and the coin alone,
so that a restart, or a replay of the journal, makes the same ones.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from gateway.analysis.bets import Bets
from gateway.analysis.counts import Bins, add_bins
from gateway.analysis.past import Past

MakeBets: TypeAlias = Callable[[Past, float], Bets]
"""From the past and the coin."""

_WORTH_IT: Final = 5
"""New units are taken into the past when they are a fifth of it: a table takes up to
0.2 ms, there are hundreds, and one from five sixths of the units bets nearly the same."""

_MOST_TABLES: Final = 16
"""Coins whose tables are held; more are made again when they are needed."""


class KeptLessons(msgspec.Struct, array_like=True, frozen=True):
    """See Lessons.

    Attributes:
        past: Past.dump.
        waiting: Units that are not taken into it yet.

    """

    past: list[float]
    waiting: Bins


class Lessons:
    """The past of the baseline, and the tables of bets that are made from it.

    Args:
        bin_count: Bins of the units.
        make: See MakeBets; must not read anything else that changes.

    Attributes:
        past: What bets are made from.

    """

    __slots__ = ("_make", "_tables", "_waiting", "past")

    def __init__(self, bin_count: int, make: MakeBets) -> None:
        self.past = Past(bin_count)
        self._make = make
        self._waiting: Bins = {}
        self._tables: dict[float, Bets] = {}

    def load(self, kept: KeptLessons) -> None:
        """Go on with what was kept."""
        self.past = Past.load(kept.past)
        self._waiting = dict(kept.waiting)

    def kept(self) -> KeptLessons:
        """Give all that must be kept."""
        return KeptLessons(self.past.dump(), self._waiting)

    def bets(self, coin: float) -> Bets:
        """Give the bets that stand for units with this coin in the open block."""
        bets = self._tables.get(coin)
        if bets is None:
            if len(self._tables) >= _MOST_TABLES:
                del self._tables[next(iter(self._tables))]
            bets = self._tables[coin] = self._make(self.past, coin)
        return bets

    def learn(self, baseline: Bins) -> None:
        """Remember units of a block that is closed; `settle` follows."""
        add_bins(self._waiting, baseline)

    def settle(self) -> None:
        """Take what was learnt into the past, when it is enough to change a bet."""
        units = sum(self._waiting.values())
        if units and units * _WORTH_IT >= self.past.total:
            self.past.add(self._waiting)
            self._waiting = {}
            self._tables.clear()

    def begin_again(self) -> None:
        """Forget the tables: what they are made with has changed."""
        self._tables.clear()
