"""What health checks found: a table in memory that all workers share.

One worker asks, and all of them know. Who asks is decided by a lock on this memory that
the kernel takes back when its holder ends, however it ends: then another worker asks. So
no endpoint is asked by every worker, and nothing here needs the controller.

What was found holds for as long as somebody goes on asking: a place tells when it was
written, and what is too old counts for nothing.
"""

import fcntl
import mmap
from struct import Struct
from typing import Final, NamedTuple

import mmh3

from gateway.handoff import shared_memory

_ROWS: Final = 512
_IN_A_ROW: Final = 8
MOST_CHECKED: Final = _ROWS * _IN_A_ROW
"""Endpoints whose health is known at most, of all services together."""

_PLACE: Final = Struct("QdQ")  # what it is of, when it was found, what was found
_ROW: Final = _PLACE.size * _IN_A_ROW
SIZE: Final = _ROWS * _ROW
"""Bytes."""

_SEED: Final = 0x4EA1
_UNKNOWN, _GOOD, _BAD = 0, 1, 2


class Found(NamedTuple):
    """What is known of an endpoint.

    Attributes:
        is_good: Whether its checks pass; None: that is not known yet.
        at: When it was asked last, by the monotonic clock.

    """

    is_good: bool | None
    at: float


def place_of(what: str) -> int:
    """Give what stands for a check of an endpoint: 64 bits, never 0."""
    return mmh3.hash64(what.encode(), _SEED, signed=False)[0] or 1


def make_shared() -> int:
    """Make the memory, empty; give the open file that stands for it.

    Raises:
        OSError: There is none to be had.

    """
    return shared_memory.make_shared("sluicegate-endpoint-health", SIZE)


class EndpointHealth:
    """The table, as one process sees it.

    Args:
        fd: From make_shared; None: memory of this process alone.

    """

    __slots__ = ("_fd", "_memory", "asks")

    def __init__(self, fd: int | None = None) -> None:
        self._fd = fd
        self._memory = mmap.mmap(-1 if fd is None else fd, SIZE)
        self.asks = fd is None
        """Whether this process asks. No other one writes."""

    def may_ask(self) -> bool:
        """Take the lock if nobody holds it; tell whether it is ours.

        It is of the process and of the file: whoever closes this memory, or another
        mapping of it in the same process, lets go of it (POSIX).
        """
        if not self.asks and self._fd is not None:
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another worker's
                return False
            self.asks = True
        return self.asks

    def find(self, place: int) -> Found | None:
        """Give what is known of *place*; None: nothing. See place_of."""
        at = place % _ROWS * _ROW
        for offset in range(at, at + _ROW, _PLACE.size):
            whose, when, found = _PLACE.unpack_from(self._memory, offset)
            if whose == place:
                return Found(None if found == _UNKNOWN else found == _GOOD, when)
        return None

    def keep(self, place: int, found: Found) -> None:
        """Note what was found, in its own place or in the one that is oldest."""
        at = place % _ROWS * _ROW
        offsets = range(at, at + _ROW, _PLACE.size)
        places = [_PLACE.unpack_from(self._memory, offset) for offset in offsets]
        mine = [number for number, (whose, *_) in enumerate(places) if whose == place]
        ages = [when for _, when, _ in places]
        number = mine[0] if mine else ages.index(min(ages))
        state = _UNKNOWN if found.is_good is None else _BAD - found.is_good
        _PLACE.pack_into(self._memory, offsets[number], place, found.at, state)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
