"""What bets are made from, and when: the one place that keeps them predictable.

Bets stand for a block of units, made from the past before it; what a block counted is
learnt when it closes, never sooner. Tables are a function of the past and the coin alone,
so that a restart, or a replay of the journal, makes the same ones.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Final, TypeAlias

import msgspec

from gateway.analysis.bets import Bets
from gateway.analysis.counts import Bins, add_bins
from gateway.analysis.past import HALF_LIFE, Past

MakeBets: TypeAlias = Callable[[Past, float], Bets]
"""From the past and the coin."""

_WORTH_A_LOOK: Final = 5
"""New units are looked at when they are a fifth of the past."""

_CHANGED: Final = 0.1
"""A part of units has changed when it did so by a tenth of its standard deviation; then,
and when the past has doubled, new tables are made. There are hundreds, of up to 0.2 ms
each, and steady traffic makes the same ones again and again."""

_MOST_WAITING: Final = 8 * HALF_LIFE
_EVENT_OR_NOT: Final = 2
"""Bins of what has tables that cost nothing, and rates so low that a tenth of a deviation
is several times as much: these follow whatever is new by a fifth."""

_A_TABLE: Final = 1_000
_A_ROW: Final = 15
"""What making one takes, in bins gone through."""

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

    __slots__ = ("_make", "_tables", "_waiting", "_written", "past")

    def __init__(self, bin_count: int, make: MakeBets) -> None:
        self.past = Past(bin_count)
        self._make = make
        self._waiting: Bins = {}
        self._tables: dict[float, Bets] = {}
        self._written: msgspec.Raw | None = None

    def load(self, kept: KeptLessons) -> None:
        """Go on with what was kept."""
        self.past = Past.load(kept.past)
        self._waiting = dict(kept.waiting)
        self._written = None

    def kept(self) -> KeptLessons:
        """Give all that must be kept."""
        return KeptLessons(self.past.dump(), self._waiting)

    def written(self) -> msgspec.Raw:
        """Give `kept` as it is written; made once for each time that it changes."""
        if self._written is None:
            self._written = msgspec.Raw(msgspec.msgpack.encode(self.kept()))
        return self._written

    def bets(self, coin: float) -> Bets:
        """Give the bets that stand for units with this coin in the open block."""
        bets = self._tables.get(coin)
        if bets is None:
            if len(self._tables) >= _MOST_TABLES:
                del self._tables[next(iter(self._tables))]
            bets = self._tables[coin] = self._make(self.past, coin)
        return bets

    def prepare(self, coin: float) -> int:
        """Make the bets for a coin, if they are not there.

        Returns:
            How many bins were gone through, or what took as long.

        """
        if coin in self._tables:
            return 1
        seen = [place for place, count in enumerate(self.past.counts) if count]
        self.bets(coin).join(seen)
        return (1 if self.is_cheap else _A_TABLE) + _A_ROW * len(seen)

    def learn(self, baseline: Bins) -> None:
        """Remember units of a block that is closed; `settle` follows."""
        add_bins(self._waiting, baseline)
        self._written = None

    def settle(self) -> None:
        """Take what was learnt into the past, when it is enough to change a bet.

        By what was learnt and the past alone, so that whoever plays the blocks again
        comes to the same.
        """
        if self.is_due():
            self.take()

    def take(self) -> None:
        """Take what was learnt into the past; new tables will be made."""
        self.past.add(self._waiting)
        self._waiting = {}
        self._written = None
        self._tables.clear()

    @property
    def is_cheap(self) -> bool:
        """Whether a table costs next to nothing."""
        return len(self.past.counts) <= _EVENT_OR_NOT

    @property
    def news(self) -> float:
        """How many units were learnt, for each that is in the past."""
        return sum(self._waiting.values()) / (1 + self.past.total)

    def is_due(self) -> bool:
        """Tell whether what was learnt is enough to change a bet."""
        units, total = sum(self._waiting.values()), self.past.total
        if not units or units * _WORTH_A_LOOK < total:
            return False
        if units >= _MOST_WAITING or (units >= total and total < HALF_LIFE):
            return True
        return self.is_cheap or self._has_changed(units)

    def _has_changed(self, units: int) -> bool:
        """Tell whether the part up to any bin changes by much, as new units come in."""
        before, waiting = self.past.total, self._waiting
        new = units / (units + before * 0.5 ** (units / HALF_LIFE))
        reached = list(accumulate(self.past.counts))
        seen = 0
        for bin_number in sorted(waiting):
            for was, now in (
                (reached[bin_number] - self.past.counts[bin_number], seen),
                (reached[bin_number], seen + waiting[bin_number]),
            ):
                change = new * (now / units - was / before)
                part = was / before + change
                if change**2 > _CHANGED**2 * max(part * (1 - part), 1 / before):
                    return True
            seen += waiting[bin_number]
        return False

    def begin_again(self) -> None:
        """Forget the tables: what they are made with has changed."""
        self._tables.clear()
