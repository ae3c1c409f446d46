"""Ends what takes longer than limits.stream: answers that do not stop, old tunnels.

Nothing is noted when an answer begins: who has a limit is looked after now and then.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from gateway.proxy.seldom import Seldom

_LOOK: Final = 1.0  # seconds: how late the end may come


class Lasting(Protocol):
    """A client connection, or a tunnel."""

    def outlast(self, since: float) -> None:
        """End what runs on it if it began before *since* (monotonic clock)."""


class Patience:
    """Looks who has run too long."""

    def __init__(self) -> None:
        self._looks = Seldom(_LOOK)

    def end_what_lasts(
        self, running: Iterable[Lasting], longest: float | None, now: float
    ) -> None:
        """End what takes longer than *longest* seconds; None ends nothing."""
        if longest is not None and self._looks.allow(now):
            for each in tuple(running):
                each.outlast(now - longest)
