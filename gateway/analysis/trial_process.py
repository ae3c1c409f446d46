"""One process of wealth against "not worse", and the units it was made of.

The fresh process of a metric in a cell runs for the whole rollout, a window's for its
window. They are never multiplied.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.analysis.bets import Mixture
from gateway.analysis.counts import Bins, Pair, add_bins

MOST_COINS: Final = 16
"""Coins whose units are told apart, for display; those seen first are let go."""


_TICK: Final = 2_500
"""Units of both versions."""


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


class Restarts:
    """When wealth is split by the prior again, and how much of it.

    Bets that a healthy candidate has made worthless must be there when it fails: so after
    every 2,500 units, at each window and at each change of the weight. By units, because
    wealth decays by units: ten minutes of heavy traffic would bury it. The n-th part is
    J / (1 + J n), so that the price of having been healthy grows as ln n, and so does what
    the splitting costs. With J = 0.01 and ticks of 500 to 10,000 units, delays after
    500,000 healthy units were within 15 % of each other.

    Args:
        first: J.

    """

    __slots__ = ("_first", "_since", "_times")

    def __init__(self, first: float) -> None:
        self._first = first
        self._since = 0
        self._times = 0

    def counts(self, units: int) -> bool:
        """Count units; tell whether it is time: at the end of a block, as replay does it."""
        self._since += units
        return self._since >= _TICK

    def part(self) -> float:
        """Give the part that is split now."""
        part = self._first / (1 + self._first * self._times)
        self._times += 1
        self._since = 0
        return part

    def kept(self) -> tuple[int, int]:
        """Give all that must be kept besides J."""
        return self._times, self._since

    def load(self, kept: tuple[int, int]) -> None:
        """Go on with what was kept."""
        self._times, self._since = kept


class Tally:
    """Units by coin and bin: for people, no decision is made from them.

    Attributes:
        by_coin: The latest coins.
        units: Of the baseline and of the candidate, with all coins.

    """

    __slots__ = ("_written", "by_coin", "units")

    def __init__(
        self, by_coin: dict[float, Pair] | None = None, units: Sequence[int] = (0, 0)
    ) -> None:
        self.by_coin = by_coin if by_coin is not None else {}
        self.units = [*units]
        self._written: msgspec.Raw | None = None

    def add(self, coin: float, pair: Pair) -> int:
        """Count units, and tell how many."""
        self._written = None
        sums = self.by_coin.get(coin)
        if sums is None:
            if len(self.by_coin) >= MOST_COINS:
                del self.by_coin[next(iter(self.by_coin))]
            self.by_coin[coin] = sums = ({}, {})
        added = 0
        for side in (0, 1):
            add_bins(sums[side], pair[side])
            units = sum(pair[side].values())
            self.units[side] += units
            added += units
        return added

    def with_open(self, pairs: Collection[tuple[float, Pair]]) -> "Tally":
        """Give it with units, by coin, that are not in it yet."""
        sums = self.kept().tally() if pairs else self
        for coin, pair in pairs:
            sums.add(coin, pair)
        return sums

    def kept(self) -> "KeptTally":
        """Give all that must be kept."""
        rows = [(coin, *pair) for coin, pair in self.by_coin.items()]
        return KeptTally(rows, (self.units[0], self.units[1]))

    def written(self) -> msgspec.Raw:
        """Give `kept` as it is written; made once for each time that it changes."""
        if self._written is None:
            self._written = msgspec.Raw(msgspec.msgpack.encode(self.kept()))
        return self._written


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
        return Tally({coin: ({**b}, {**c}) for coin, b, c in self.by_coin}, self.units)


_KEPT_TALLIES: Final = msgspec.msgpack.Decoder(KeptTally)


class KeptProcess(msgspec.Struct, array_like=True, frozen=True):
    """See Process.

    Attributes:
        key: See Key.
        wealths: Mixture.dump.
        restarts: Restarts.kept.
        tally: KeptTally, written.

    """

    key: tuple[int, int, int]
    wealths: list[float]
    restarts: tuple[int, int]
    tally: msgspec.Raw


class Process:
    """A wealth, and the units of closed blocks.

    Args:
        prior: What each alternative begins with.
        log_threshold: Reached, the candidate is worse.
        restarts: See Restarts; new.

    Attributes:
        mixture: The wealth.
        tally: The units of blocks that are closed.
        log_threshold: See Args.

    """

    __slots__ = ("_restarts", "log_threshold", "mixture", "tally")

    def __init__(
        self, prior: Sequence[float], log_threshold: float, restarts: Restarts
    ) -> None:
        self._restarts = restarts
        self.mixture = Mixture(prior)
        self.tally = Tally()
        self.log_threshold = log_threshold

    def close(self, coin: float, pair: Pair) -> None:
        """Count units of a block that closes, on which bets were settled."""
        if self._restarts.counts(self.tally.add(coin, pair)):
            self.share()

    def share(self) -> None:
        """Split part of the wealth by the prior again; see Restarts."""
        self.mixture.share(self._restarts.part())

    def kept(self, key: Key) -> KeptProcess:
        """Give all that must be kept."""
        wealths, restarts = self.mixture.dump(), self._restarts.kept()
        return KeptProcess(key, wealths, restarts, self.tally.written())

    def load(self, prior: Sequence[float], kept: KeptProcess) -> None:
        """Go on with what was kept."""
        self.mixture = Mixture.load(prior, kept.wealths)
        self._restarts.load(kept.restarts)
        self.tally = _KEPT_TALLIES.decode(kept.tally).tally()
