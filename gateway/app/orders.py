"""What a reload that concerns the processes themselves is agreed upon with.

The controller, which reads the configuration, asks the supervisor, which has the sockets
and the processes; the supervisor tells each worker what is its own. Each message is one
datagram of a pair of Unix sockets that the supervisor has made, so that none is read by
half, and one for a process that has died is dropped with it or answers nobody.
"""

from enum import Enum
from typing import Final

import msgspec

from gateway.domain.deployment import Address

LONGEST: Final = 64 * 1024
"""Bytes of a message."""


class Step(Enum):
    """Of a change."""

    PREPARE = "prepare"
    TAKE = "take"
    DROP = "drop"


class Wanted(msgspec.Struct, kw_only=True, frozen=True):
    """Controller to supervisor.

    Attributes:
        number: Of this question; no other controller asks with it.
        step: What to do.
        listen: The addresses of the data listeners.
        workers: How many there should be.

    """

    number: int
    step: Step
    listen: tuple[Address, ...]
    workers: int


class Answered(msgspec.Struct, kw_only=True, frozen=True):
    """Supervisor to controller.

    Attributes:
        number: Of the question.
        refused: Why it was not done; empty: it was.
        remedy: What can be done about that.

    """

    number: int
    refused: str = ""
    remedy: str = ""


class Setup(msgspec.Struct, kw_only=True, frozen=True):
    """Supervisor to worker: all that is its own, whatever it was told before.

    Attributes:
        listening: Number and name of each socket to accept from; they come with it, in
            this order.
        workers: How many there are.
        is_retired: Whether it is to end once all is over that runs in it.

    """

    listening: tuple[tuple[int, str], ...]
    workers: int
    is_retired: bool = False
