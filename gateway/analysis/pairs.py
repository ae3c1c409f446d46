"""Mirrored pairs: both versions answered the same request, so there is no coin.

What is bet on is the difference of their losses, X of the candidate less X of the baseline,
which lies in [-1, 1]. While its mean, given the past, is within the slack, no product of
(1 + lambda * (D - d)) with lambda fixed beforehand gains: the betting martingale of
Waudby-Smith and Ramdas (JRSSB 2024, arXiv 2010.09686, section 4). Keys may come as often as
they like. No alpha is shared with the coin's tests; latency is no difference to judge,
for mirroring doubles the load.
"""

from collections.abc import Sequence
from math import log1p
from typing import Final, Self

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS

PAIR_BINS: Final = 2 * LOSS_BINS - 1
"""Points of the grid of differences: point b is b / (LOSS_BINS - 1) - 1."""

_MOST_STAKE: Final = 0.95
"""Times 1 / (1 + slack): the worst pair leaves a twentieth."""

_STAKES: Final = (1.0, 0.6, 0.3, 0.12, 0.05, 0.02)
"""Parts of that; the best one is about the mean difference over its variance."""

PRIOR: Final = (1 / len(_STAKES),) * len(_STAKES)

_DIFFERENCES: Final = tuple(place / (LOSS_BINS - 1) - 1 for place in range(PAIR_BINS))

_NOTHING: Final[Bins] = {}


class PairWealth:
    """An e-process over pairs.

    Args:
        slack: d, by how much the candidate's loss may be higher on average; from 0 to
            below 1.
        is_proof: False: against "higher by the slack at most" (it grows when the candidate
            is worse). True: against "higher by the slack or more" (it proves that the
            margin is kept).

    """

    __slots__ = ("_bets", "_mixture")

    def __init__(self, slack: float, *, is_proof: bool) -> None:
        self._bets = bets_of(slack, is_proof=is_proof)
        self._mixture = Mixture(PRIOR)

    @classmethod
    def load(cls, slack: float, dumped: Sequence[float], *, is_proof: bool) -> Self:
        """Make it from its slack and what `dump` gave."""
        wealth = cls(slack, is_proof=is_proof)
        wealth._mixture = Mixture.load(PRIOR, dumped)
        return wealth

    def dump(self) -> list[float]:
        """Give all that must be kept besides the slack."""
        return self._mixture.dump()

    def add(self, bins: Bins) -> None:
        """Count pairs, by the point of the grid that their difference is."""
        self._mixture.add(self._bets, _NOTHING, bins)

    @property
    def log_e(self) -> float:
        """The log of the wealth."""
        return self._mixture.total()

    def share(self, part: float) -> None:
        """See Mixture.share."""
        self._mixture.share(part)


def bets_of(slack: float, *, is_proof: bool) -> Bets:
    """Make the tables of PairWealth, by stake and difference; PRIOR is theirs."""
    sign = -1 if is_proof else 1
    most = _MOST_STAKE / (1 + slack)
    tables = tuple(
        tuple(
            log1p(sign * most * stake * (difference - slack))
            for difference in _DIFFERENCES
        )
        for stake in _STAKES
    )
    return Bets(candidate=tables, baseline=((),) * len(tables))
