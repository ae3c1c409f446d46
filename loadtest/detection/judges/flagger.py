"""Flagger: checks of the candidate's success rate, and a counter that only rises.

Read in fluxcd/flagger v1.44.0 (15bd6ad5): docs/gitbook/usage/metrics.md
(`request-success-rate`, interval 1m, `thresholdRange: {min: 99}`;
https://docs.flagger.app/usage/metrics) and how-it-works.md (`threshold`: max number of
failed metric checks before rollback; the documents have 5 and 10 about equally often).
pkg/controller/scheduler.go, advanceCanary: a failed analysis sets FailedChecks + 1; where
FailedChecks >= threshold at the beginning of a later run, it rolls back. Only a new
revision sets the counter back. scheduler_metrics.go: no values found is a failed check.
"""

from typing import Final

from loadtest.detection.judge import Minutes
from loadtest.detection.traffic import Slice

_SUCCESS: Final = 0.99
_THRESHOLD: Final = 5


class Flagger:
    """Checks once a minute; a check that finds no requests fails as well."""

    def __init__(self) -> None:
        self._minutes = Minutes()
        self._failed_checks = 0

    def condemns(self, second: Slice) -> bool:
        """See one more second.

        The rollback is counted at the check that reaches the threshold; Flagger acts at
        the beginning of the next one.
        """
        minute = self._minutes.add(second)
        if minute is None:
            return False
        succeeded = minute.candidate - minute.candidate_failed
        has_passed = minute.candidate and succeeded >= _SUCCESS * minute.candidate
        self._failed_checks += not has_passed
        return self._failed_checks >= _THRESHOLD
