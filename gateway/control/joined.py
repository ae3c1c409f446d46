"""Which feedback has been counted, in bounded memory.

The newest are known with their values, so that one may be replaced. Older ones are
sealed: eight bytes each, enough to know that they were counted. What can be known of
the oldest of all is given up; see gateway/README.md for how many that is.
"""

from array import array
from bisect import bisect_left
from enum import Enum
from itertools import islice
from typing import Final

RECENT: Final = 100_000
_BLOCK: Final = 25_000  # sealed in 6 ms (measured)
_BLOCKS: Final = 36


class Sealed(Enum):
    """It was counted, and its value is not known any more."""

    VALUE = "sealed"


class Joined:
    """What was counted, by a 64-bit key, with its value.

    Args:
        lasts_s: Seconds for which it must be known.
        recent: How many are known with their values.

    """

    def __init__(self, *, lasts_s: float, recent: int = RECENT) -> None:
        self._lasts_s = lasts_s
        self._limit = recent
        self._block = min(_BLOCK, recent)
        self._recent: dict[int, float] = {}
        self._sealed: list[tuple[float, array[int]]] = []

    def find(self, key: int) -> float | Sealed | None:
        """Give what was counted; None when nothing is known."""
        value = self._recent.get(key)
        if value is not None:
            return value
        for _until, block in reversed(self._sealed):
            place = bisect_left(block, key)
            if place < len(block) and block[place] == key:
                return Sealed.VALUE
        return None

    def write(self, key: int, value: float, now: float) -> None:
        """Note what is counted now.

        Args:
            key: Not sealed.
            value: In the place of one before it, if there is one.
            now: Seconds of any clock that does not go back.

        """
        self._recent[key] = value
        if len(self._recent) > self._limit:
            self._seal(now)

    def _seal(self, now: float) -> None:
        keys = sorted(islice(self._recent, self._block))
        for key in keys:
            del self._recent[key]
        useful = [sealed for sealed in self._sealed if sealed[0] > now]
        self._sealed = [*useful, (now + self._lasts_s, array("Q", keys))][-_BLOCKS:]
