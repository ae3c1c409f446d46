"""Request ids: UUIDs, of which a worker draws the greater part once, and counts the rest.

There are servers that refuse any other `x-request-id`: starlette-context does, and with
it llama-cpp-python's, with an empty 400 to whatever is asked.
"""

from random import Random
from typing import Final
from uuid import UUID

_COUNTED: Final = 8
"""Hexadecimal digits at the end."""

_COUNT_BITS: Final = 0xFFFFFFFF


class RequestIds:
    """Makes ids that no other request has.

    Args:
        dice: No other worker has the same.

    """

    def __init__(self, dice: Random) -> None:
        drawn = UUID(int=dice.getrandbits(128), version=4)
        self._prefix = str(drawn)[:-_COUNTED].encode()
        self._count = 0

    def new(self) -> bytes:
        """Make one, with hyphens."""
        self._count += 1
        return b"%b%08x" % (self._prefix, self._count & _COUNT_BITS)
