"""Exchanges whose first content is awaited: the overdue are told while they still hang.

A candidate that never answers would otherwise say nothing until its clients give up. No
timer for each: those of one version are due in the order in which they came.
"""

from typing import Protocol


class Awaited(Protocol):
    """An exchange; observe.Observation is one."""

    @property
    def has_first_content(self) -> bool:
        """Whether the first content has come."""

    def note_overdue(self) -> None:
        """Count it as late, while it is still running."""


class Awaiting:
    """The running exchanges of one version that has a deadline for the first content.

    Args:
        due: Seconds after arrival.

    """

    __slots__ = ("_due", "_since")

    def __init__(self, due: float) -> None:
        self._due = due
        self._since: dict[Awaited, float] = {}

    def began(self, exchange: Awaited, now: float) -> None:
        """Await one more; they come in order of time (monotonic clock)."""
        self._since[exchange] = now

    def ended(self, exchange: Awaited) -> None:
        """Await it no more."""
        self._since.pop(exchange, None)

    def sweep(self, now: float) -> None:
        """Tell those that are late by now, each once; forget those that were in time."""
        latest = now - self._due
        while self._since:
            exchange, since = next(iter(self._since.items()))
            if since > latest:
                return
            del self._since[exchange]
            if not exchange.has_first_content:
                exchange.note_overdue()
