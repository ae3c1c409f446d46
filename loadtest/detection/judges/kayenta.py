"""Kayenta (Spinnaker): the Mann-Whitney judge, NetflixACAJudge-v1.0.

Read in spinnaker/kayenta v2.46.0 (a69573be): kayenta-judge/.../NetflixACAJudge.scala and
NetflixJudgeConfigurationProperties (tolerance 0.25, confidence 0.98, outliers kept),
classifiers/metric/MannWhitneyClassifier.scala (High where the lower confidence bound of
the shift exceeds tolerance * |Hodges-Lehmann estimate| and the ratio of the means is at
least allowedIncrease, 1 unless set), kayenta-mannwhitney/.../MannWhitney.scala (the
bounds, as in R's wilcox.test, with corrections for continuity and for ties),
docs/canary-config.md (direction `increase`). How judgment works:
https://spinnaker.io/docs/guides/user/canary/judge/.

One metric in one group scores 0 or 100, so any threshold between says the same. It is
judged anew at the end of each interval, over everything since the beginning (lookback
type `growing`). The documents ask for 50 points a run (canary/best-practices,
"Run the canary for enough time"); with 10 it may act within the hour, in its favour.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import copysign, sqrt
from statistics import NormalDist, fmean
from typing import Final

from loadtest.detection.judge import Minutes
from loadtest.detection.traffic import Slice

_INTERVAL: Final = 10
"""Minutes between two judgments; a point is a minute."""

_CONFIDENCE: Final = 0.98
_TOLERANCE: Final = 0.25
_ALLOWED_INCREASE: Final = 1.0
_CRITICAL: Final = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
_HALVINGS: Final = 24


class Kayenta:
    """Judges the two versions' error rates by the minute."""

    def __init__(self) -> None:
        self._minutes = Minutes()
        self._baseline: list[float] = []
        self._candidate: list[float] = []

    def condemns(self, second: Slice) -> bool:
        """See one more second."""
        minute = self._minutes.add(second)
        if minute is None:
            return False
        # A count metric's gaps are zeros: nanStrategy `replace`.
        self._baseline.append(minute.baseline_failed / max(minute.baseline, 1))
        self._candidate.append(minute.candidate_failed / max(minute.candidate, 1))
        if len(self._candidate) % _INTERVAL:
            return False
        return is_high(self._candidate, self._baseline)


def is_high(experiment: Sequence[float], control: Sequence[float]) -> bool:
    """Say whether the judge would classify a metric as High."""
    if len({*experiment, *control}) == 1 or sorted(experiment) == sorted(control):
        return False
    if rank_score(experiment, control, 0.0) <= _CRITICAL:
        return False  # the lower bound is not above 0, so not above the tolerance
    least, most = min(experiment) - max(control), max(experiment) - min(control)

    def shift(score: float) -> float:
        return _root(
            lambda moved: rank_score(experiment, control, moved) - score, least, most
        )

    is_far = shift(_CRITICAL) > _TOLERANCE * abs(shift(0.0))
    return is_far and fmean(experiment) >= _ALLOWED_INCREASE * fmean(control)


def rank_score(
    experiment: Sequence[float], control: Sequence[float], moved: float
) -> float:
    """Give the Mann-Whitney statistic, standardised, of a shift by *moved* taken back."""
    shifted = [value - moved for value in experiment]
    many, few = len(shifted), len(control)
    ranks, ties = _ranks([*shifted, *control])
    excess = sum(ranks[value] for value in shifted) - many * (many + few + 1) / 2
    variance = (many * few / 12) * (
        many + few + 1 - ties / ((many + few) * (many + few - 1))
    )
    correction = copysign(0.5, excess) if excess else 0.0
    return (excess - correction) / sqrt(variance) if variance > 0 else 0.0


def _ranks(values: Iterable[float]) -> tuple[dict[float, float], int]:
    """Give the mean rank of each value, and the sum of t^3 - t over what is tied."""
    ranks: dict[float, float] = {}
    below = ties = 0
    for value, count in sorted(Counter(values).items()):
        ranks[value] = below + (count + 1) / 2
        below += count
        ties += count**3 - count
    return ranks, ties


def _root(falls: Callable[[float], float], least: float, most: float) -> float:
    """Find where a falling function crosses 0, by halving."""
    if falls(least) <= 0:
        return least
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        if falls(middle) > 0:
            least = middle
        else:
            most = middle
    return (least + most) / 2
