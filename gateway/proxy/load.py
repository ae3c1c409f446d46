"""How much is being done, and how much may be: two numbers that every request reads."""

import math


class Load:
    """Requests in flight, of a service or of a whole worker.

    Attributes:
        running: How many there are.
        room: How many there may be; math.inf where there is no bound.
        whole: Of the worker, in which they run too; of a worker, itself.

    """

    __slots__ = ("room", "running", "whole")

    def __init__(self, whole: "Load | None" = None) -> None:
        self.whole = self if whole is None else whole
        self.running = 0
        self.room: float = math.inf
