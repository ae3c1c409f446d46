"""Argo Rollouts: a background analysis of the candidate's success rate.

Read in argoproj/argo-rollouts at 9f8d111d (August 2026, after v1.10.0-rc1):
docs/features/analysis.md, "Background Analysis"
(https://argo-rollouts.readthedocs.io/en/stable/features/analysis/); analysis/analysis.go,
assessMetricFailureInconclusiveOrError: `failureLimit >= 0 && result.Failed > failureLimit`
fails the run, which aborts the rollout. Failures are counted over the run, wherever they
lie; failureLimit is 0 unless set, and 3 in most of the documents' examples. Those have
`successCondition: result[0] >= 0.95`; 0.99 is what Flagger's have, so that the two compare.
"""

from typing import Final

from loadtest.detection.judge import Minutes
from loadtest.detection.traffic import Slice

_SUCCESS: Final = 0.99


class Argo:
    """Measures once a minute; a minute without requests measures nothing.

    Args:
        failure_limit: How many measurements may fail.

    """

    def __init__(self, *, failure_limit: int) -> None:
        self._limit = failure_limit
        self._minutes = Minutes()
        self._failed = 0

    def condemns(self, second: Slice) -> bool:
        """See one more second."""
        minute = self._minutes.add(second)
        if minute is None or not minute.candidate:
            return False
        succeeded = 1 - minute.candidate_failed / minute.candidate
        self._failed += succeeded < _SUCCESS
        return self._failed > self._limit
