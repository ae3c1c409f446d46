"""Makes every request a step of a trace: the client's, or a new one."""

from random import Random
from typing import Final

from gateway.wire.request_head import RequestHead
from gateway.wire.trace import (
    ID_BITS,
    begun,
    begun_recorded,
    continued,
    is_recorded,
    limit_of,
)

_PARENT: Final = b"traceparent"


class Tracing:
    """How the requests of one routing table are traced.

    Args:
        dice: Where ids come from. They are unique, and no secret.
        share: Which part of the traces that begin here is recorded, 0.0 to 1.0.

    """

    __slots__ = ("_limit", "_number", "_prefix", "dice")

    def __init__(self, dice: Random, share: float) -> None:
        self.dice = dice
        self._number = dice.getrandbits
        self._prefix = b"%016x" % dice.getrandbits(ID_BITS)
        self._limit = limit_of(share)

    def lines(self, head: RequestHead) -> bytes:
        """Write the lines that go upstream; note in *head* whether it is recorded."""
        number = self._number(ID_BITS) or 1
        if _PARENT in head.fields:
            found = continued(head.fields, number)
            if found is not None:
                lines, head.trace = found
                return lines
        if self._limit and is_recorded(number, self._limit):
            lines, head.trace = begun_recorded(self._prefix, number)
            return lines
        return begun(self._prefix, number)
