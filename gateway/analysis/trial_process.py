"""One process of wealth against "not worse", and the units it was made of.

The fresh process of a metric in a cell runs for the whole rollout, a window's for its
window. They are never multiplied.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.counts import Bins, Pair, add_bins

MOST_COINS: Final = 16
"""Coins whose units are told apart, for display; those seen first are let go."""


class Key(NamedTuple):
    """Which process: see counts.Place.

    Attributes:
        process: FRESH, or the number of a window.
        metric: Its number.
        cell: Its number.

    """

    process: int
    metric: int
    cell: int


class Tally:
    """Units by coin and bin: for people, no decision is made from them.

    Attributes:
        by_coin: The latest coins.
        units: Of the baseline and of the candidate, with all coins.

    """

    __slots__ = ("by_coin", "units")

    def __init__(
        self, by_coin: dict[float, Pair] | None = None, units: Sequence[int] = (0, 0)
    ) -> None:
        self.by_coin = by_coin if by_coin is not None else {}
        self.units = [*units]

    def add(self, coin: float, pair: Pair) -> None:
        """Count units."""
        sums = self.by_coin.get(coin)
        if sums is None:
            if len(self.by_coin) >= MOST_COINS:
                del self.by_coin[next(iter(self.by_coin))]
            self.by_coin[coin] = sums = ({}, {})
        for side in (0, 1):
            add_bins(sums[side], pair[side])
            self.units[side] += sum(pair[side].values())

    def kept(self) -> "KeptTally":
        """Give all that must be kept."""
        rows = [(coin, *pair) for coin, pair in self.by_coin.items()]
        return KeptTally(rows, (self.units[0], self.units[1]))


class KeptTally(msgspec.Struct, array_like=True, frozen=True):
    """See Tally.

    Attributes:
        by_coin: Coin, the baseline's units, the candidate's.
        units: See Tally.

    """

    by_coin: list[tuple[float, Bins, Bins]]
    units: tuple[int, int]

    def tally(self) -> Tally:
        """Make it from what was kept."""
        return Tally({coin: (b, c) for coin, b, c in self.by_coin}, self.units)


class KeptProcess(msgspec.Struct, array_like=True, frozen=True):
    """See Process.

    Attributes:
        key: See Key.
        wealths: Mixture.dump.
        tally: See Tally.

    """

    key: tuple[int, int, int]
    wealths: list[float]
    tally: KeptTally


class Process:
    """A wealth and its units.

    Args:
        prior: What each alternative begins with.
        log_threshold: Reached, the candidate is worse.

    Attributes:
        mixture: The wealth.
        tally: The units.
        log_threshold: See Args.

    """

    __slots__ = ("log_threshold", "mixture", "tally")

    def __init__(self, prior: Sequence[float], log_threshold: float) -> None:
        self.mixture = Mixture(prior)
        self.tally = Tally()
        self.log_threshold = log_threshold

    def add(self, coin: float, bets: Bets, pair: Pair) -> None:
        """Settle bets on units with one coin."""
        self.mixture.add(bets, *pair)
        self.tally.add(coin, pair)

    def kept(self, key: Key) -> KeptProcess:
        """Give all that must be kept."""
        return KeptProcess(key, self.mixture.dump(), self.tally.kept())

    def load(self, prior: Sequence[float], kept: KeptProcess) -> None:
        """Go on with what was kept."""
        self.mixture = Mixture.load(prior, kept.wealths)
        self.tally = kept.tally.tally()
