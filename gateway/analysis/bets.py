"""Bets on which version a unit went to, and the wealth they have made.

The gateway tossed the coin that sent a unit to the candidate, so it knows the odds. Each
alternative k bets on the version, given what the unit was like; while the candidate is not
worse, no such bet is favourable, and by Ville's inequality (1939) a wealth that began at 1
ever reaches 1/alpha with probability alpha at most, however often one looks.
Betting on labels: Duan, Ramdas and Wasserman, Interactive rank testing by betting (arXiv
2009.05892); Gruenwald, Henzi and Lardy, Anytime-valid tests of conditional independence
under model-X (arXiv 2209.12637).

All in natural logs: after eight failures in a row at a coin of 1 % a wealth is 3e16.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from math import exp, floor, inf, log, log1p
from operator import mul
from struct import Struct
from typing import Final, NamedTuple, Self

from gateway.analysis.counts import Bins

_ROUNDING: Final = 1e-12
"""Parts that add up to 1 but for this much leave no cash."""

_UNIT: Final = 2.0**40
"""Logs are whole numbers of 1 / _UNIT (9e-13), rounded down: a bet stays fair, and sums of
them are exact, so that a replay which counts a block at once comes to the same bits as
many looks at its parts."""

_MOST: Final = 4e6
"""Nearest to the end of a lane (8e6 nats) that a wealth is left between two looks."""

_BITS: Final = 64


class _Lanes(NamedTuple):
    """How the logs of some alternatives are one whole number: each has 64 bits of it.

    So a bin's payoffs are multiplied with a count, and added, for all alternatives at
    once: with ten of them four times as fast as one by one.

    Attributes:
        signs: The highest bit of each lane.
        size: In bytes.
        pack: From whole numbers to bytes.
        unpack: And back.

    """

    signs: int
    size: int
    pack: Callable[..., bytes]
    unpack: Callable[[bytes], tuple[int, ...]]

    def join(self, logs: Sequence[float]) -> int:
        """Give one number for all; what is beyond a lane's end stays before it."""
        wholes = [floor(each * _UNIT) for each in logs]
        # Of two's complements in a row, each below 0 borrows one of the lane above it.
        return (int.from_bytes(self.pack(*wholes), "little") ^ self.signs) - self.signs

    def split(self, joined: int) -> list[float]:
        """Give the logs."""
        told = ((joined + self.signs) ^ self.signs).to_bytes(self.size, "little")
        return [each / _UNIT for each in self.unpack(told)]


@cache
def _lanes(alternatives: int) -> _Lanes:
    signs = sum(1 << (_BITS * lane + _BITS - 1) for lane in range(alternatives))
    struct = Struct(f"<{alternatives}q")
    return _Lanes(signs, struct.size, struct.pack, struct.unpack)


class _Rows(dict[int, int]):
    """The payoffs of all alternatives by bin, joined when a bin is first needed."""

    __slots__ = ("_lanes", "_tables")

    def __init__(self, tables: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self._tables = tables
        self._lanes = _lanes(len(tables))

    def __missing__(self, place: int) -> int:
        row = self._lanes.join([table[place] for table in self._tables])
        self[place] = row
        return row


class Bets:
    """What each alternative multiplies its wealth with, for a unit in a bin.

    Fixed before the units are counted, from earlier ones only.

    Args:
        candidate: ln A by alternative and bin, for a unit that went to the candidate.
        baseline: ln B likewise, for one that went to the baseline.

    Attributes:
        candidate: See Args.
        baseline: See Args.
        rows: The same by bin, of the baseline and of the candidate; see Mixture.

    """

    __slots__ = ("baseline", "candidate", "rows")

    def __init__(
        self,
        candidate: tuple[tuple[float, ...], ...],
        baseline: tuple[tuple[float, ...], ...],
    ) -> None:
        self.candidate = candidate
        self.baseline = baseline
        self.rows = (_Rows(baseline), _Rows(candidate))

    def join(self, places: Iterable[int]) -> None:
        """Join the rows of bins that are likely to be needed; others are when they are."""
        for place in places:
            for rows in self.rows:
                rows[place]

    def __iter__(self) -> Iterator[tuple[tuple[float, ...], ...]]:
        return iter((self.candidate, self.baseline))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bets) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def log_sum(logs: Sequence[float]) -> float:
    """Give the log of the sum of what these are the logs of; -inf of nothing."""
    top = max(logs, default=-inf)
    if top == -inf:
        return -inf
    return top + log(sum(exp(term - top) for term in logs))


class Mixture:
    """Wealth that was split over alternatives, and some that is never bet.

    An e-process: its total began at 1. It is never begun anew while the alternatives stay
    the same, whatever the coin does: log payoffs of all coins add up.

    Args:
        prior: What each alternative begins with, each more than 0; what is missing to 1
            is kept as cash.

    Raises:
        ValueError: The prior adds up to more than 1.

    Attributes:
        log_cash: -inf when there is none.

    """

    __slots__ = ("_joined", "_lanes", "_log_prior", "_log_prior_cash", "log_cash")

    def __init__(self, prior: Sequence[float]) -> None:
        cash = 1.0 - sum(prior)
        if cash < -_ROUNDING:
            raise ValueError(f"The prior adds up to {1 - cash}. Give at most 1 away.")
        self._log_prior = [log(part) for part in prior]
        self._log_prior_cash = log(cash) if cash > _ROUNDING else -inf
        self._lanes = _lanes(len(prior))
        self._joined = self._lanes.join(self._log_prior)
        self.log_cash = self._log_prior_cash

    @classmethod
    def load(cls, prior: Sequence[float], dumped: Sequence[float]) -> Self:
        """Make it from its prior and what `dump` gave."""
        mixture = cls(prior)
        *wealths, mixture.log_cash = dumped
        mixture._joined = mixture._lanes.join(wealths)
        return mixture

    def dump(self) -> list[float]:
        """Give all that must be kept besides the prior: the wealths, then the cash."""
        return [*self.log_wealths, self.log_cash]

    @property
    def log_wealths(self) -> list[float]:
        """By alternative."""
        return self._lanes.split(self._joined)

    def add(self, bets: Bets, baseline: Bins, candidate: Bins) -> None:
        """Settle bets.

        Args:
            bets: One for each alternative, made before any of these units was counted.
            baseline: Units that went to the baseline since the last time.
            candidate: Those that went to the candidate.

        """
        stayed, sent = bets.rows
        if baseline:
            rows = map(stayed.__getitem__, baseline)
            self._joined += sum(map(mul, rows, baseline.values()))
        if candidate:
            rows = map(sent.__getitem__, candidate)
            self._joined += sum(map(mul, rows, candidate.values()))

    def total(self) -> float:
        """Give ln E: the log of everything."""
        return log_sum(self._parts())

    def has_reached(self, log_threshold: float) -> bool:
        """Tell whether ln E is at least this: most often the largest part says so."""
        parts = self._parts()
        if max(parts) + log(len(parts)) < log_threshold:
            return False
        return log_sum(parts) >= log_threshold

    def _parts(self) -> list[float]:
        wealths = self.log_wealths
        if max(wealths) > _MOST or min(wealths) < -_MOST:
            wealths = [min(max(wealth, -_MOST), _MOST) for wealth in wealths]
            self._joined = self._lanes.join(wealths)
        wealths.append(self.log_cash)
        return wealths

    def share(self, part: float) -> None:
        """Take a part of everything and split it by the prior again; the total stays.

        Without it, a fault after days of health has to climb out of the hole that lost
        bets have dug. Fixed share: Herbster and Warmuth 1998; as a Simple Jumper in Vovk
        et al., Retrain or not retrain (arXiv 2102.10439).

        Args:
            part: J, inside (0, 1); about one by the number of times this will be done.

        """
        stays = log1p(-part)
        given = log(part) + self.total()
        self._joined = self._lanes.join([
            log_sum((wealth + stays, given + prior))
            for wealth, prior in zip(self.log_wealths, self._log_prior, strict=True)
        ])
        self.log_cash = log_sum((self.log_cash + stays, given + self._log_prior_cash))
