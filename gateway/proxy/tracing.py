"""Makes requests steps of traces: the client's, or new ones where we record some.

Where nothing is recorded here, no trace is begun: one that says "not recorded" (flags 00)
would silence a model server that samples as its parent does, which is OpenTelemetry's
default; without a parent it goes by its own settings.
"""

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
        share: Which part of the traces that begin here is recorded, 0.0 to 1.0; None:
            none begins here.

    """

    __slots__ = ("_begins", "_limit", "_number", "_prefix", "dice")

    def __init__(self, dice: Random, share: float | None) -> None:
        self.dice = dice
        self._number = dice.getrandbits
        self._prefix = b"%016x" % dice.getrandbits(ID_BITS)
        self._begins = share is not None
        self._limit = limit_of(share or 0.0)

    def lines(self, head: RequestHead) -> bytes:
        """Write the lines that go upstream; note in *head* whether it is recorded."""
        has_parent = _PARENT in head.fields
        if not has_parent and not self._begins:
            return b""
        number = self._number(ID_BITS) or 1
        if has_parent:
            found = continued(head.fields, number)
            if found is not None:
                lines, head.trace = found
                return lines
            if not self._begins:
                return b""
        if self._limit and is_recorded(number, self._limit):
            lines, head.trace = begun_recorded(self._prefix, number)
            return lines
        return begun(self._prefix, number)
