"""The supervisor's end of a reload that concerns sockets and workers; see orders."""

import logging
import socket
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.app.crew import Crew, Member
from gateway.app.orders import LONGEST, Answered, Step, Wanted
from gateway.domain.errors import CannotListen

_log: Final = logging.getLogger("sluicegate.supervisor")


class Obeying:
    """Does what the controller asks for.

    Args:
        line: To the controller, whichever process it is.
        crew: The workers, and the sockets.
        keep: Keeps a new worker running.

    """

    def __init__(
        self, line: socket.socket, crew: Crew, keep: Callable[[Member], object]
    ) -> None:
        self._line = line
        self._crew = crew
        self._keep = keep

    def hear(self) -> None:
        """Read what is asked, do it, and say whether that was possible."""
        try:
            asked = msgspec.json.decode(self._line.recv(LONGEST), type=Wanted)
            answer = self._answer(asked)
            self._line.send(msgspec.json.encode(answer))
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("The controller was not answered: %s.", error)

    def _answer(self, asked: Wanted) -> Answered:
        try:
            self._do(asked)
        except CannotListen as error:
            return Answered(
                number=asked.number, refused=error.what, remedy=error.remedy
            )
        return Answered(number=asked.number)

    def _do(self, asked: Wanted) -> None:
        bound = self._crew.bound
        match asked.step:
            case Step.PREPARE:
                bound.prepare(asked.listen)
            case Step.DROP:
                bound.drop()
            case Step.TAKE:
                self._take(asked.workers)

    def _take(self, workers: int) -> None:
        before, size = list(self._crew.bound.listening), self._crew.size
        gone = self._crew.bound.take()
        new = self._crew.resize(workers)
        if (before, size) == (self._crew.bound.listening, workers):
            return
        self._crew.tell()
        for each in gone:
            each.socket.close()
        for member in new:
            self._keep(member)
        listening = ", ".join(str(e.address) for e in self._crew.bound.listening)
        _log.info("Listens on %s now, with %d workers.", listening, workers)
