"""How good a judge is, by examples with labels, and what its mistakes cost in units.

A judge is a detector of bad answers. Of the bad ones it finds a part (sensitivity), of
the good ones it leaves a part alone (specificity). A difference d between two versions
shows as d * J, J = sensitivity + specificity - 1 (Youden 1950), so that about 1 / J^2 as
many units are needed. Where bad answers are rare, false alarms are most of what is seen,
and their variance comes on top: p' (1 - p') / (p (1 - p)) for the part p that is bad, of
which p' is seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.evaluators.labelled import Tried

LEAST_J: Final = 0.3
"""Of a judge that may prove something; at this one it takes eleven times the units."""

_Z: Final = 1.96
"""Of a two-sided interval of 95 %."""


class Part(NamedTuple):
    """A part of some examples; of none it is unknown."""

    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """Give it from 0 to 1."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Give where it lies, at 95 %: Wilson (JASA 1927), good for few examples."""
        if not self.of:
            return None
        rate, n, square = self.hits / self.of, self.of, _Z * _Z
        middle = (rate + square / (2 * n)) / (1 + square / n)
        spread = sqrt(rate * (1 - rate) / n + square / (4 * n * n))
        half = _Z * spread / (1 + square / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well one score tells bad answers from good ones.

    Attributes:
        score: Its name.
        labelled: Examples with a label for it.
        failed: Of these: no verdict, for the judge failed.
        silent: Of these: it had nothing to say of that score.
        sensitivity: Of the bad ones: found.
        specificity: Of the good ones: left alone.
        agreement: Of all: the same as the label.
        kappa: Cohen's (1960): agreement beyond chance, 1 at most; None: one of the two
            says the same of all.

    """

    score: str
    labelled: int
    failed: int
    silent: int
    sensitivity: Part
    specificity: Part
    agreement: Part
    kappa: float | None

    @property
    def has_verdicts(self) -> bool:
        """Whether there is one on any example with a label."""
        return self.failed + self.silent < self.labelled

    @property
    def j(self) -> float | None:
        """Give the part of a difference that shows; None: not known. It may be negative."""
        found, left_alone = self.sensitivity, self.specificity
        whole = found.of * left_alone.of
        if not whole:
            return None
        hits = found.hits * left_alone.of + left_alone.hits * found.of
        return (hits - whole) / whole  # in integers first: nothing is nothing

    @property
    def is_useless(self) -> bool:
        """Whether J is below LEAST_J: no example may say otherwise, within its intervals.

        A judge that tosses coins is the same on both versions, so that all look equal.
        """
        found, left_alone = self.sensitivity.interval, self.specificity.interval
        if found is None or left_alone is None:
            return False
        return found[1] + left_alone[1] - 1 < LEAST_J

    def units_factor(self) -> float | None:
        """Give how many times the units are needed, 1 / J^2; None: none would do."""
        j = self.j
        return None if j is None or j <= 0 else 1 / (j * j)

    def units_factor_at(self, bad: float) -> float | None:
        """Give the same where this part of all answers is bad, inside (0, 1)."""
        j, left_alone = self.j, self.specificity.rate
        if j is None or left_alone is None or j <= 0:
            return None
        seen = bad * j + 1 - left_alone
        return seen * (1 - seen) / (bad * (1 - bad)) / (j * j)


def quality_of(score: Score, tried: Iterable[Tried], threshold: float) -> Quality:
    """Compare what a judge said with the labels.

    Args:
        score: Which one.
        tried: See Tried; examples without a label for it are left out.
        threshold: Where bad begins: from here up, or below where less is worse.

    """
    failed = silent = 0
    pairs = list[tuple[bool, bool]]()
    for one in tried:
        label = one.example.labels.get(score.name)
        if label is None:
            continue
        value = None if one.verdict is None else one.verdict.scores.get(score.name)
        failed += one.verdict is None
        silent += one.verdict is not None and value is None
        if value is not None:
            is_bad = _is_bad(label, score.worse, threshold)
            pairs.append((is_bad, _is_bad(value, score.worse, threshold)))
    bad = [said for is_bad, said in pairs if is_bad]
    good = [said for is_bad, said in pairs if not is_bad]
    return Quality(
        score=score.name,
        labelled=failed + silent + len(pairs),
        failed=failed,
        silent=silent,
        sensitivity=Part(sum(bad), len(bad)),
        specificity=Part(len(good) - sum(good), len(good)),
        agreement=Part(sum(label == said for label, said in pairs), len(pairs)),
        kappa=_kappa(pairs),
    )


def _is_bad(value: float, worse: Worse, threshold: float) -> bool:
    return value >= threshold if worse is Worse.HIGHER else value < threshold


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    n = len(pairs)
    labelled = sum(label for label, _said in pairs)
    told = sum(said for _label, said in pairs)
    by_chance = labelled * told + (n - labelled) * (n - told)  # of n * n
    if by_chance == n * n:
        return None
    agreed = n * sum(label == said for label, said in pairs)
    return (agreed - by_chance) / (n * n - by_chance)
