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

from collections.abc import Sequence
from math import exp, inf, log, log1p
from operator import itemgetter, mul
from typing import Final, NamedTuple, Self

from gateway.analysis.counts import Bins

_ROUNDING: Final = 1e-12
"""Parts that add up to 1 but for this much leave no cash."""


_FEW: Final = 8
"""Bins."""


class Bets(NamedTuple):
    """What each alternative multiplies its wealth with, for a unit in a bin.

    Fixed before the units are counted, from earlier ones only.

    Attributes:
        candidate: ln A by alternative and bin, for a unit that went to the candidate.
        baseline: ln B likewise, for one that went to the baseline.

    """

    candidate: tuple[tuple[float, ...], ...]
    baseline: tuple[tuple[float, ...], ...]


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
        log_wealths: By alternative.
        log_cash: -inf when there is none.

    """

    __slots__ = ("_log_prior", "_log_prior_cash", "log_cash", "log_wealths")

    def __init__(self, prior: Sequence[float]) -> None:
        cash = 1.0 - sum(prior)
        if cash < -_ROUNDING:
            raise ValueError(f"The prior adds up to {1 - cash}. Give at most 1 away.")
        self._log_prior = [log(part) for part in prior]
        self._log_prior_cash = log(cash) if cash > _ROUNDING else -inf
        self.log_wealths = self._log_prior[:]
        self.log_cash = self._log_prior_cash

    @classmethod
    def load(cls, prior: Sequence[float], dumped: Sequence[float]) -> Self:
        """Make it from its prior and what `dump` gave."""
        mixture = cls(prior)
        *mixture.log_wealths, mixture.log_cash = dumped
        return mixture

    def dump(self) -> list[float]:
        """Give all that must be kept besides the prior: the wealths, then the cash."""
        return [*self.log_wealths, self.log_cash]

    def add(self, bets: Bets, baseline: Bins, candidate: Bins) -> None:
        """Settle bets.

        Args:
            bets: One for each alternative, made before any of these units was counted.
            baseline: Units that went to the baseline since the last time.
            candidate: Those that went to the candidate.

        """
        for tables, bins in ((bets.candidate, candidate), (bets.baseline, baseline)):
            if bins:
                self._settle(tables, bins)

    def _settle(self, tables: tuple[tuple[float, ...], ...], bins: Bins) -> None:
        """Pay all alternatives: by bins where these are few, by tables where many; speed."""
        wealths = self.log_wealths
        if len(bins) <= _FEW:
            for place, count in bins.items():
                wealths = [
                    wealth + count * table[place]
                    for wealth, table in zip(wealths, tables, strict=True)
                ]
        else:
            look_up, counts = itemgetter(*bins), bins.values()
            wealths = [
                wealth + sum(map(mul, counts, look_up(table)))
                for wealth, table in zip(wealths, tables, strict=True)
            ]
        self.log_wealths = wealths

    def total(self) -> float:
        """Give ln E: the log of everything."""
        return log_sum([*self.log_wealths, self.log_cash])

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
        self.log_wealths = [
            log_sum((wealth + stays, given + prior))
            for wealth, prior in zip(self.log_wealths, self._log_prior, strict=True)
        ]
        self.log_cash = log_sum((self.log_cash + stays, given + self._log_prior_cash))
