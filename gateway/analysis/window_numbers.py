"""Numbers of windows as the analysis has them: from 0 on, and none is given twice."""

from typing import Self

import msgspec


class WindowNumbers(msgspec.Struct, array_like=True):
    """Translates the workers' numbers, which begin anew when the machine does.

    Attributes:
        shift: From the workers' numbers to ours; None before the first.
        least: The first one since the clock began.
        newest: The highest so far.

    """

    shift: int | None = None
    least: int = 0
    newest: int = -1

    def number(self, window: int) -> int | None:
        """Give our number of a window; None: it is older than all that count."""
        if self.shift is None:
            # Each key has windows of its own: one that began before may be running.
            self.shift = self.newest + 2 - window
        number = window + self.shift
        self.newest = max(self.newest, number)
        return number if number >= self.least else None

    def after_restart(self) -> Self:
        """Give those of a clock that began anew: every window is a new one."""
        return type(self)(least=self.newest + 1, newest=self.newest)
