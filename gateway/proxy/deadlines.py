"""Deadlines for thousands of connections without a timer for each.

Setting one is two attribute writes; a wheel swept every 100 ms looks at each watched
connection at most every five seconds, or when its deadline comes. Monotonic clock.
"""

import logging
import math
from time import monotonic
from typing import Final

from gateway.proxy.watched import Abortable, Watched

_logger: Final = logging.getLogger("sluicegate.deadlines")

NEVER: Final = math.inf
SWEEP: Final = 0.1
"""Seconds between two sweeps: how late a deadline may be noticed."""

_FARTHEST: Final = 5.0  # so that what is placed twice is let go of this soon
_AGAIN: Final = 1.0  # seconds until what failed and cannot be aborted is told again


class Wheel:
    """Holds what is watched by the tick at which to look at it."""

    def __init__(self) -> None:
        self._ticks: dict[int, dict[Watched, None]] = {}
        self._swept = 0
        self.now = monotonic()
        """The time at which the running callback began: read the clock once for it."""

    def read_clock(self) -> float:
        """Note, and give, the time at the beginning of a callback."""
        self.now = now = monotonic()
        return now

    def set(self, watched: Watched, deadline: float) -> None:
        """Give *watched* a new deadline, earlier or later than before.

        Where every call counts, the callers do these two lines themselves.
        """
        watched.deadline = deadline
        if deadline < watched.looked_at:
            self._place(watched, deadline, self.now)

    def forget(self, watched: Watched) -> None:
        """Let go of something that is gone, rather than hold it until it is looked at.

        Where it was placed before it was placed earlier, the sweep lets go of it.
        """
        looked_at, watched.looked_at = watched.looked_at, NEVER
        watched.deadline = NEVER
        if looked_at != NEVER:
            self._ticks.get(round(looked_at / SWEEP), {}).pop(watched, None)

    def sweep(self, now: float) -> None:
        """Tell everything whose deadline has passed. Call every SWEEP seconds."""
        self.now = now
        tick = int(now / SWEEP)
        for due in [due for due in self._ticks if due <= tick]:
            for watched in self._ticks.pop(due):
                self._look(watched, due, now)
        self._swept = tick

    def _look(self, watched: Watched, due: int, now: float) -> None:
        if watched.looked_at != due * SWEEP:
            return  # it was placed again, earlier
        watched.looked_at = NEVER
        if watched.deadline <= now:
            watched.deadline = NEVER
            self._tell(watched, now)
        elif watched.deadline != NEVER:
            self._place(watched, watched.deadline, now)

    def _tell(self, watched: Watched, now: float) -> None:
        """Tell one; should its code fail, it alone is given up."""
        try:
            watched.on_deadline(now)
        except Exception:
            _logger.exception("A deadline of a %s failed.", type(watched).__name__)
            if isinstance(watched, Abortable):
                watched.abort()
            else:
                self.set(watched, now + _AGAIN)

    def _place(self, watched: Watched, deadline: float, now: float) -> None:
        when = min(deadline, now + _FARTHEST)
        tick = max(int(when / SWEEP) + 1, self._swept + 1)
        watched.looked_at = tick * SWEEP
        self._ticks.setdefault(tick, {})[watched] = None
