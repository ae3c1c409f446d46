"""Exchanges whose first content is awaited: the overdue are told while they still hang.

A candidate that never answers would otherwise say nothing until its clients give up. No
timer for each: those of one version are due in the order in which they came.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from gateway.proxy.units import Units


class Awaited(Protocol):
    """An exchange; observe.Observation is one."""

    @property
    def has_first_content(self) -> bool:
        """Whether the first content has come."""

    def note_overdue(self, now: float, units: Units) -> None:
        """Count it as late, while it is still running; hand over what is evidence."""


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

    def overdue(self, now: float) -> Iterator[Awaited]:
        """Give those that are late by now, each once; forget those that were in time."""
        latest = now - self._due
        while self._since:
            exchange, since = next(iter(self._since.items()))
            if since > latest:
                return
            del self._since[exchange]
            if not exchange.has_first_content:
                yield exchange

    @property
    def is_empty(self) -> bool:
        """Whether no exchange is awaited."""
        return not self._since


class AllAwaiting:
    """The running exchanges of all versions, those of earlier routing tables included."""

    def __init__(self) -> None:
        self._current: tuple[Awaiting, ...] = ()
        self._earlier: list[Awaiting] = []

    def use(self, current: Iterable[Awaiting]) -> None:
        """Know where new exchanges are awaited; what is running stays awaited."""
        self._earlier += self._current
        self._current = tuple(current)

    @property
    def kept(self) -> int:
        """How many are looked through."""
        return len(self._earlier) + len(self._current)

    def overdue(self, now: float) -> Iterator[Awaited]:
        """Give those that are late by now, each once."""
        for awaiting in (*self._earlier, *self._current):
            yield from awaiting.overdue(now)
        if self._earlier:
            self._earlier = [each for each in self._earlier if not each.is_empty]
