"""Control pairs: what a judge makes of two answers of one version, which is noise.

Both answers to such a request are the baseline's, one given to a client and one to a copy,
so whatever the judge prefers is no version's doing. How often it prefers one at all is the
floor above which a difference begins to say something. And two things must be balanced,
or pairs of two versions say less than they seem to:

- The answer that was served first (the client's) against the one served second (the
  copy's). If copies are answered otherwise than clients, so are the candidate's. Tolerated
  is as much as of lost halves: the narrowest margin of a rate.
- The answer that was shown to the judge first against the one shown second. The order is
  tossed, so a judge that goes by it favours no version; it is blind. If it does so in a
  part b of the comparisons, it sees 1 - b of any difference, and a proof of "not worse"
  is of so much more than its margin says. That is the danger: a judge who always takes the
  first one would prove any candidate. Beyond BLIND it cannot tell.

Each is an e-process of its own against "balanced but for what is tolerated", a mixture of
products of 1 + stake * (1, 0 or -1, less what is tolerated), both ways. It depends on the
totals alone. They share an alpha that is besides that of other tests of integrity
(judging.Judging).
"""

from collections.abc import Iterator
from math import log, log1p
from typing import Final, NamedTuple

from gateway.analysis.bets import log_sum
from gateway.analysis.counts import Bins, Pair, add_bins
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.lost_halves import TOLERATED

BLIND: Final = 1 / 3
"""Of a judge's comparisons of equals, how much more may go to one place than to the other.

Of a strong model's verdicts 35 % were others when the two answers were turned round (Zheng et
al., Judging LLM-as-a-judge, 2023, arXiv 2306.05685): it is to pass, and what goes by the order
more often is not. Beyond it, a proof is of more than one and a half times its margin.
"""

_TESTS: Final = 2
_STAKES: Final = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 9 / 10)
"""Of all that a bet may lose."""

_TOP: Final = LOSS_BINS - 1


class Preferred(NamedTuple):
    """Which of two answers was preferred, in how many pairs."""

    first: int
    second: int
    neither: int

    @property
    def total(self) -> int:
        """How many pairs there were."""
        return sum(self)


class ControlPairs:
    """The control pairs of one score.

    Attributes:
        served: Losses of the copy's answer less those of the client's, on their grid.
        shown: The same of the answer that was shown second less the first.

    """

    __slots__ = ("served", "shown")

    def __init__(self) -> None:
        self.served: Bins = {}
        self.shown: Bins = {}

    def add(self, pair: Pair) -> None:
        """Count what CONTROL counts."""
        add_bins(self.shown, pair[0])
        add_bins(self.served, pair[1])

    @property
    def noise(self) -> float | None:
        """Mean distance of two scores; None: there are none."""
        controls = sum(self.served.values())
        distance = sum(abs(at - _TOP) * n for at, n in self.served.items())
        return distance / controls / _TOP if controls else None

    @property
    def log_e(self) -> float:
        """Ln E of whichever test is furthest."""
        return max(log_e for log_e, _said in self._tests())

    def integrity(self, alpha: float) -> str | None:
        """Say why pairs that were judged say nothing, in a sentence; None: they do."""
        threshold = log_threshold(alpha)
        for log_e, said in self._tests():
            if log_e >= threshold:
                return f"{said} (odds of more than {_TESTS / alpha:.0f} : 1)"
        return None

    def _tests(self) -> Iterator[tuple[float, str]]:
        shown, served = preferred(self.shown), preferred(self.served)
        yield (
            log_e_of(shown, BLIND),
            f"of {shown.total} pairs of answers of the same version it preferred the one it"
            f" was shown first in {shown.first} and the second in {shown.second}: the judge"
            " cannot tell answers apart, it goes by their order",
        )
        yield (
            log_e_of(served, TOLERATED),
            f"of {served.total} pairs of answers of the same version it preferred the"
            f" client's in {served.first} and the copy's in {served.second}: copies are not"
            " answered as clients are",
        )


def log_threshold(alpha: float) -> float:
    """Give ln E from which one of the tests has failed."""
    return -log(alpha / _TESTS)


def preferred(differences: Bins) -> Preferred:
    """Tell which was preferred: a second answer that loses more makes the first better."""
    first = sum(n for at, n in differences.items() if at > _TOP)
    second = sum(n for at, n in differences.items() if at < _TOP)
    return Preferred(first, second, sum(differences.values()) - first - second)


def log_e_of(found: Preferred, tolerated: float) -> float:
    """Give ln E against "neither is ahead by more than this part of the pairs"."""
    logs = [
        _log_of(stake / (1 + tolerated), *sides, found.neither, tolerated)
        for stake in _STAKES
        for sides in ((found.first, found.second), (found.second, found.first))
    ]
    return log_sum(logs) - log(len(logs))


def _log_of(bet: float, won: int, lost: int, neither: int, tolerated: float) -> float:
    """Bet that one place is ahead; without pairs 0."""
    return (
        won * log1p(bet * (1 - tolerated))
        + neither * log1p(-bet * tolerated)
        + lost * log1p(-bet * (1 + tolerated))
    )
