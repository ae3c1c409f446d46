"""Units of the sample ratio, held until those that arrived with them have ended too.

A unit is heard of when its exchange ends. Of the units that have ended by now, the faster
version has more than its coin says, though each got its share: with 50 new units a second
under a fair coin, 20 seconds an answer against 15, the alarm rang after 15 seconds in ten
runs of ten. So units are compared by when they arrived, and not before the last of them
are likely to have ended. What lasts longer still is counted when it ends.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

_SLICE_S: Final = 5.0
"""Units that arrived within one are counted together."""


class Settling(msgspec.Struct, array_like=True):
    """Units by when they arrived.

    Attributes:
        slices: By number of a slice of time: by coin, the baseline's units and the
            candidate's.

    """

    slices: dict[int, dict[float, list[int]]] = {}

    def note(self, arrived: float, coin: float, *, is_candidate: bool) -> None:
        """Note a unit that was heard of."""
        coins = self.slices.setdefault(int(arrived // _SLICE_S), {})
        coins.setdefault(coin, [0, 0])[is_candidate] += 1

    def settled(self, until: float) -> Iterator[tuple[float, list[int]]]:
        """Give and forget what arrived before *until*: coin, and units of both versions."""
        ended = int(until // _SLICE_S)
        for number in sorted(each for each in self.slices if each < ended):
            yield from self.slices.pop(number).items()
