"""How many requests the baseline may answer in a candidate's place.

A candidate that fails at everything sends the baseline no more than a part of the
service's requests on top of its own; and a few are always covered, so that a rare failure
is never seen, however little traffic there is. The same two numbers as retry budgets have
in Finagle, Linkerd and Envoy.
"""

import math
from typing import Final

from gateway.domain.failover import Budget

LOOKS_BACK_S: Final = 10.0
"""Seconds, about, for which a request counts: as long as Finagle's."""


class FailoverBudget:
    """The budget of one service in one worker.

    What was counted fades: of a request that came LOOKS_BACK_S ago, a third is left.
    Nothing is done for a request that does not fail: how many have come is asked for
    when one has, and the time between is taken to have been even.

    Args:
        budget: Of the service, over all workers.
        workers: How many there are: each has its part.
        now: Monotonic clock, seconds.

    """

    __slots__ = ("_at", "_come", "_recent", "_spent", "budget", "workers")

    def __init__(self, budget: Budget, workers: int, now: float) -> None:
        self.budget = budget
        self.workers = workers
        self._at = now
        self._come = 0
        self._recent = self._spent = 0.0

    def spend(self, come: int, now: float) -> bool:
        """Take one, if there is one.

        Args:
            come: Requests of the service since the worker started.
            now: Monotonic clock, seconds.

        """
        self._fade(come, now)
        budget = self.budget
        least = budget.min_per_second * LOOKS_BACK_S / self.workers
        if budget.min_per_second:
            least = max(least, 1.0)
        if self._spent + 1.0 > self._recent * budget.ratio + least:
            return False
        self._spent += 1.0
        return True

    def _fade(self, come: int, now: float) -> None:
        seconds, new = now - self._at, come - self._come
        self._at, self._come = now, come
        if seconds <= 0.0:
            self._recent += new
            return
        left = math.exp(-seconds / LOOKS_BACK_S)
        evenly = new * LOOKS_BACK_S * (1.0 - left) / seconds
        self._recent = self._recent * left + evenly
        self._spent *= left
