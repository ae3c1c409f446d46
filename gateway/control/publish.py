"""Publishing: one table, numbered, on its way to every worker.

The publisher owns the epoch and knows which worker has which table in force. It does
not decide what is in a table.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.handoff.link import Hello, Publish
from gateway.handoff.routing_table import RoutingTable

APPLIED_WITHIN_S: Final = 2.0


class Line(Protocol):
    """The way to one worker; handoff.link.Link is one."""

    def send(self, message: Publish) -> None:
        """Queue a message."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(slots=True)
class Seat:
    """A linked worker.

    Attributes:
        worker: Its number.
        pid: Its process.
        epoch: Of the table in force there; None before its first.

    """

    worker: int
    pid: int
    epoch: int | None


class Publisher:
    """Sends tables to the workers and keeps who has applied what.

    Args:
        keep: Writes the table where restarted workers find it. May raise OSError.

    """

    def __init__(self, keep: Callable[[RoutingTable], None]) -> None:
        self._keep = keep
        self._seats: dict[Line, Seat] = {}
        self._moved = asyncio.Event()
        self._epoch = 0
        self.table: RoutingTable | None = None
        self.seen: list[RoutingTable] = []
        self.trouble: OSError | None = None

    def welcome(self, line: Line, hello: Hello) -> None:
        """Seat a worker and give it the current table.

        Its own table is remembered until the first is published. One that runs on an
        epoch ahead of ours makes us publish again, above it.
        """
        for old in [line for line, seat in self._seats.items() if _same(seat, hello)]:
            del self._seats[old]
            old.close()
        epoch = hello.table.epoch if hello.table is not None else None
        self._seats[line] = Seat(hello.worker, hello.pid, epoch)
        self._notify()
        if self.table is None:
            self.seen += [hello.table] if hello.table is not None else []
        elif hello.table is not None and _is_ahead(hello.table, self.table):
            self.skip_to(hello.table.epoch)
            self.publish(self.table)
        else:
            line.send(Publish(table=self.table))

    def applied(self, line: Line, epoch: int) -> None:
        """Note that the table of *epoch* is in force at the end of *line*."""
        if (seat := self._seats.get(line)) is not None:
            seat.epoch = epoch
            self._notify()

    def lost(self, line: Line) -> Seat | None:
        """Note that a worker's connection is gone; give its seat, if it still had one."""
        seat = self._seats.pop(line, None)
        self._notify()
        return seat

    def seat(self, line: Line) -> Seat | None:
        """Give the seat of the worker at the end of *line*."""
        return self._seats.get(line)

    def skip_to(self, epoch: int) -> None:
        """Make the next epoch higher than *epoch*."""
        self._epoch = max(self._epoch, epoch)

    def publish(self, table: RoutingTable) -> RoutingTable:
        """Put *table* in force under the next epoch, and give it as it was sent."""
        self._epoch += 1
        self.table = replace(table, epoch=self._epoch)
        for line in self._seats:
            line.send(Publish(table=self.table))
        self.keep()
        return self.table

    def keep(self) -> None:
        """Write the table in force, and what goes with it, for whoever starts next."""
        if self.table is None:
            return
        try:
            self._keep(self.table)
        except OSError as error:
            self.trouble = error
        else:
            self.trouble = None

    @property
    def epoch(self) -> int:
        """The epoch of the last table published, or the highest seen before it."""
        return self._epoch

    @property
    def connected(self) -> int:
        """How many workers are linked."""
        return len(self._seats)

    def in_force(self, epoch: int) -> int:
        """How many linked workers have this table, or a later one, in force."""
        return sum(_has(seat, epoch) for seat in self._seats.values())

    async def everywhere(
        self, epoch: int, *, workers: int = 0, deadline_s: float | None = None
    ) -> None:
        """Wait until *epoch* is in force on all linked workers, or the deadline.

        Args:
            epoch: Of a table that was published.
            workers: How many there must be at least.
            deadline_s: None waits for as long as it takes.

        """
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self.in_force(epoch) < max(self.connected, workers):
                    await self._next_move()

    async def seated(self, workers: int, *, deadline_s: float) -> None:
        """Wait until so many workers have said hello, or the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self.connected < workers:
                    await self._next_move()

    def _notify(self) -> None:
        self._moved.set()

    async def _next_move(self) -> None:
        self._moved.clear()
        await self._moved.wait()


def _same(seat: Seat, hello: Hello) -> bool:
    return (seat.worker, seat.pid) == (hello.worker, hello.pid)


def _has(seat: Seat, epoch: int) -> bool:
    return seat.epoch is not None and seat.epoch >= epoch


def _is_ahead(theirs: RoutingTable, ours: RoutingTable) -> bool:
    return theirs.epoch > ours.epoch or (theirs.epoch == ours.epoch and theirs != ours)
