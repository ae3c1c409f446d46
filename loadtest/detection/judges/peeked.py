"""The test of two proportions from the textbook, looked at again and again.

One-sided, pooled variance (for example Wasserman, All of Statistics, 10.2). Its level
holds for one look at a number of units that was chosen before. Dashboards invite more:
Johari, Koomen, Pekelis and Walsh, Peeking at A/B Tests (KDD 2017, doi
10.1145/3097983.3097992). Requests of all weights are pooled, as totals on a dashboard are.
"""

from math import sqrt
from statistics import NormalDist
from typing import Final

from loadtest.detection.judge import Tally
from loadtest.detection.traffic import Slice

_LEAST_UNITS: Final = 30


class PeekedZ:
    """Looks every few seconds, once the candidate has had 30 requests.

    Args:
        level: Of a look by itself.
        every: Seconds between two looks.

    """

    def __init__(self, *, level: float = 0.01, every: int = 6) -> None:
        self._critical = NormalDist().inv_cdf(1 - level)
        self._every = every
        self._total = Tally()

    def condemns(self, second: Slice) -> bool:
        """See one more second."""
        self._total.add(second)
        return not self._total.seconds % self._every and self._is_significant()

    def _is_significant(self) -> bool:
        seen = self._total
        failed = seen.baseline_failed + seen.candidate_failed
        units = seen.baseline + seen.candidate
        if seen.candidate < _LEAST_UNITS or not 0 < failed < units:
            return False
        pooled = failed / units
        rise = seen.candidate_failed / seen.candidate - (
            seen.baseline_failed / seen.baseline
        )
        error = sqrt(pooled * (1 - pooled) * (1 / seen.candidate + 1 / seen.baseline))
        return rise > self._critical * error
