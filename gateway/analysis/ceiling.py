"""An absolute limit for a rate of events: what is left when there is no baseline.

Nobody tossed a coin here, and a limit says nothing of what the old version would have done.
So a ceiling has no part of alpha, and its wealth speaks only of "the rate, given the past,
is at most the ceiling", which a shared outage breaks too. Products of
(1 + lambda * (X - ceiling)) as in pairs.py, for X of 0 or 1; lambda is written as the rate
that it is best for, and the factors are then those of a likelihood ratio.
"""

from collections.abc import Sequence
from math import log
from typing import Final, Self

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparison import at_stake
from gateway.analysis.payoffs import clamped, times_odds

_ODDS: Final = (1.3, 2.0, 5.0, 20.0)
"""How many times as high the odds might be as at the ceiling."""

_PRIOR: Final = at_stake((1.0, 1.0, 1.0, 1.0))


class CeilingWealth:
    """An e-process against "events are no more frequent than this".

    Args:
        ceiling: A rate; 0 is taken as 1e-9, and one of 1 is never passed.

    """

    __slots__ = ("_bets", "_mixture")

    def __init__(self, ceiling: float) -> None:
        self._bets = _bets(clamped(ceiling))
        self._mixture = Mixture(_PRIOR)

    @classmethod
    def load(cls, ceiling: float, dumped: Sequence[float]) -> Self:
        """Make it from its ceiling and what `dump` gave."""
        wealth = cls(ceiling)
        wealth._mixture = Mixture.load(_PRIOR, dumped)
        return wealth

    def dump(self) -> list[float]:
        """Give all that must be kept besides the ceiling."""
        return self._mixture.dump()

    def add(self, units: int, events: int) -> None:
        """Count units, and how many of them were events."""
        self._mixture.add(self._bets, {}, {0: units - events, 1: events})

    @property
    def log_e(self) -> float:
        """The log of the wealth."""
        return self._mixture.total()

    def share(self, part: float) -> None:
        """See Mixture.share."""
        self._mixture.share(part)


def _bets(ceiling: float) -> Bets:
    guesses = [times_odds(ceiling, factor) for factor in _ODDS]
    tables = tuple(
        (log((1 - guess) / (1 - ceiling)), log(guess / ceiling)) for guess in guesses
    )
    return Bets(candidate=tables, baseline=((),) * len(tables))
