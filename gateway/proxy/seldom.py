"""Says the same thing at most once in a while: a flood of log lines is a fault too."""

import math


class Seldom:
    """Allows something at most once in so many seconds.

    Args:
        seconds: Between two times; monotonic clock.

    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = -math.inf

    def allow(self, now: float) -> bool:
        """Tell whether it is time again, and if so, that this was the time."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
