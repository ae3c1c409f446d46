"""Whether a judge still judges as it did: a fixed set of examples, judged again and again.

A provider that changes the model behind a name changes what a score means, for both
versions alike, and everything that was learnt from its scores before. Each round's scores
are compared with the first ones it gave, by the same wealth as mirrored pairs (analysis.
pairs), both ways: however many rounds there are, a judge whose scores differ from those of
its beginning by no more than SLACK on average is taken for another one with a chance of
ALPHA at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import fmean
from typing import Final

from gateway.analysis.design import LOSS_BINS
from gateway.analysis.pairs import PairWealth

SLACK: Final = 0.1
"""By how much a score may differ on average, of 1.0: a judge that is asked at a
temperature above 0 is never quite the same, and neither is what the first rounds said."""

ALPHA: Final = 0.001
"""Of each judge, over all its scores and for as long as it is watched."""

REFERENCE_ROUNDS: Final = 3

MOST_CANARIES: Final = 200

_SHARED: Final = 0.2
"""Of the wealth, shared out anew before each round (Mixture.share)."""

_TOP: Final = LOSS_BINS - 1

Scores = Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A score that is not what it was.

    Attributes:
        score: Its name.
        before: Its mean over the set, in the first rounds.
        now: In the last.

    """

    score: str
    before: float
    now: float


class Watch:
    """Compares rounds over a fixed set.

    Args:
        scores: Names of the scores that are watched.
        size: Examples in the set.

    """

    def __init__(self, scores: Sequence[str], size: int) -> None:
        self._scores = tuple(scores)
        self._first: list[dict[str, list[float]]] = [{} for _ in range(size)]
        self._threshold = log(2 * len(self._scores) / ALPHA)
        self._wealth = {
            (name, sign): PairWealth(SLACK, is_proof=False)
            for name in self._scores
            for sign in (1, -1)
        }

    def take(self, found: Sequence[Scores]) -> Drift | None:
        """Take a round.

        Args:
            found: The scores of each example, in order; None, or nothing, where the judge
                failed: that is left out.

        Returns:
            A score that has drifted; None: none has, or these are first rounds.

        """
        for wealth in self._wealth.values():
            wealth.share(_SHARED)  # a change may come after a thousand quiet rounds
        for name in self._scores:
            for place, scores in enumerate(found):
                if (value := scores.get(name)) is not None:
                    self._compare(name, place, value)
        return self._drifted(found)

    def _compare(self, name: str, place: int, value: float) -> None:
        """Bet against an example's first values; learn them, whenever the judge is up."""
        first = self._first[place].setdefault(name, [])
        if len(first) < REFERENCE_ROUNDS:
            first.append(value)
        else:
            self._bet(name, value, fmean(first))

    def _bet(self, name: str, now: float, before: float) -> None:
        for sign in (1, -1):
            difference = round((sign * (now - before) + 1) * _TOP)
            self._wealth[name, sign].add({difference: 1})

    def _drifted(self, found: Sequence[Scores]) -> Drift | None:
        for (name, _), wealth in self._wealth.items():
            if wealth.log_e >= self._threshold:
                now = [value for each in found if (value := each.get(name)) is not None]
                before = [fmean(each[name]) for each in self._first if name in each]
                return Drift(
                    score=name,
                    before=fmean(before),
                    now=fmean(now) if now else fmean(before),
                )
        return None
