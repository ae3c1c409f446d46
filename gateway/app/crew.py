"""The workers there should be, and what each of them is told while it runs."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from gateway.app.bound import Bound
from gateway.app.orders import Setup
from gateway.app.start import WorkerStart

_log: Final = logging.getLogger("sluicegate.supervisor")

_AGAIN: Final = 0.25  # seconds until a worker that does not read is told again


class Member:
    """One worker, whichever process it is at the moment.

    Args:
        number: No other worker that runs has it.
        crew: What it is one of.

    Attributes:
        is_wanted: Whether it is started again when it ends.

    """

    def __init__(self, number: int, crew: "Crew") -> None:
        self.number = number
        self.name = f"worker {number}"
        self.is_wanted = True
        self._crew = crew
        self._line: socket.socket | None = None
        self._theirs: socket.socket | None = None
        self._again: asyncio.TimerHandle | None = None

    def start(self) -> tuple[bytes, tuple[int, ...]]:
        """Give what its next process is started with: the argument, and descriptors."""
        self.ended()
        self._line, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.setblocking(False)
        start = self._crew.start_of(self.number, self._theirs.fileno())
        fds = (
            *(fd for _number, _name, fd in start.listening),
            start.setup_fd,
            start.table_fd,
            start.lifeline_fd,
            start.states_fd,
            start.health_fd,
        )
        return msgspec.json.encode(start), fds

    def begun(self) -> None:
        """Let go of what its process has now."""
        if self._theirs is not None:
            self._theirs.close()
            self._theirs = None

    def ended(self) -> None:
        """Let go of what led to its process."""
        self.begun()
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._line is not None:
            self._line.close()
            self._line = None

    def tell(self) -> None:
        """Tell its process how things are now; one that does not read is told later."""
        if self._line is None:
            return  # the next one is started with it
        if self._again is not None:
            self._again.cancel()
            self._again = None
        setup = self._crew.setup_of(self)
        fds = [each.socket.fileno() for each in self._crew.bound.listening]
        try:
            socket.send_fds(self._line, [msgspec.json.encode(setup)], fds)
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            self._again = loop.call_later(_AGAIN, self.tell)
        except OSError as error:  # it has died meanwhile
            _log.info("%s was not told: %s.", self.name, error)


class Crew:
    """All workers.

    Args:
        bound: The sockets they accept from.
        start: What is the same for all of them.

    Attributes:
        bound: See the arguments.
        size: How many there should be.

    """

    def __init__(self, bound: Bound, start: WorkerStart) -> None:
        self.bound = bound
        self.size = start.workers
        self._start = start
        self._members = [Member(number, self) for number in range(self.size)]

    @property
    def members(self) -> Sequence[Member]:
        """Those there should be."""
        return [each for each in self._members if each.is_wanted]

    def start_of(self, number: int, setup_fd: int) -> WorkerStart:
        """Give what a worker is started with now."""
        return msgspec.structs.replace(
            self._start,
            number=number,
            listening=[
                (each.number, name, each.socket.fileno())
                for each, name in self.bound.named()
            ],
            workers=self.size,
            setup_fd=setup_fd,
        )

    def setup_of(self, member: Member) -> Setup:
        """Give what a worker is told now."""
        return Setup(
            listening=tuple((each.number, name) for each, name in self.bound.named()),
            workers=self.size,
            is_retired=not member.is_wanted,
        )

    def resize(self, size: int) -> list[Member]:
        """Let there be so many; give those that are new, to be started.

        Those that are too many finish what they have begun, however long it takes, and
        keep their numbers until they have ended.
        """
        self.size = size
        for member in self.members[size:]:
            member.is_wanted = False
        taken = {each.number for each in self._members}
        free = (number for number in range(size + len(taken)) if number not in taken)
        missing = size - len(self.members)
        new = [Member(next(free), self) for _ in range(missing)]
        self._members += new
        return new

    def left(self, member: Member) -> None:
        """Note that a worker has ended for good."""
        member.ended()
        with suppress(ValueError):
            self._members.remove(member)

    def tell(self) -> None:
        """Tell all that run how things are now."""
        for member in self._members:
            member.tell()
