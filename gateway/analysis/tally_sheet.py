"""Units noted down as they come, added up when somebody looks.

Noting is a list that grows by a few whole numbers; the counting itself is done in C.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.analysis.counts import Counts, Place
from gateway.analysis.observe import BIN_BITS

_BIN: Final = (1 << BIN_BITS) - 1


class TallySheet:
    """What was counted since the last time."""

    __slots__ = ("_counts", "_noted")

    def __init__(self) -> None:
        self._counts = Counts()
        self._noted = self._empty()

    @staticmethod
    def _empty() -> defaultdict[tuple[int, float, int, bool], list[int]]:
        return defaultdict(list)

    def note(
        self,
        process: int,
        coin: float,
        cells: Iterable[int],
        codes: list[int],
        *,
        is_candidate: bool,
    ) -> None:
        """Note a unit: a code (see Observer) for each metric, in each of these cells."""
        noted = self._noted
        for cell in cells:
            noted[process, coin, cell, is_candidate] += codes

    def units(self, coin: float, more: Sequence[int]) -> None:
        """Count units of both versions for the sample ratio of what has ended."""
        _add(self._counts.units, coin, more)

    def came(self, coin: float, more: Sequence[int]) -> None:
        """Count units of both versions for the sample ratio of what has come."""
        _add(self._counts.came, coin, more)

    def in_step(self, *, is_candidate: bool) -> None:
        """Count a unit of the current step."""
        self._counts.in_step[is_candidate] += 1

    def visit(self) -> None:
        """Count a unit of the current step in a window."""
        self._counts.visits += 1

    def in_cell(self, cell: int) -> None:
        """Count a unit of the candidate, of the current step, in a required cell."""
        in_cells = self._counts.in_cells
        in_cells[cell] = in_cells.get(cell, 0) + 1

    def ceiling(self, metric: int, event: bool) -> None:
        """Count a unit of the candidate, and whether it was an event over a ceiling."""
        pair = self._counts.ceilings.setdefault(metric, [0, 0])
        pair[0] += 1
        pair[1] += event

    def pair(self, kind: int) -> None:
        """Count a mirrored pair: 0 a whole one, 1 a lost half, 2 a stopped one."""
        self._counts.pairs[kind] += 1

    def forget_step(self) -> None:
        """Drop what was counted for a step that is over."""
        self._counts.in_step = [0, 0]
        self._counts.in_cells = {}
        self._counts.visits = 0

    def forget(self, process: int) -> None:
        """Drop what was noted for a process that begins afresh."""
        for place in [place for place in self._noted if place[0] == process]:
            del self._noted[place]

    def drain(self) -> Counts:
        """Give the counts since the last time."""
        counts, self._counts = self._counts, Counts()
        noted, self._noted = self._noted, self._empty()
        for (process, coin, cell, is_candidate), codes in noted.items():
            for code, units in Counter(codes).items():
                place = Place(process, coin, code >> BIN_BITS, cell)
                pair = counts.bins.setdefault(place, ({}, {}))
                pair[is_candidate][code & _BIN] = units
        return counts


def _add(sums: dict[float, list[int]], coin: float, more: Sequence[int]) -> None:
    units = sums.setdefault(coin, [0, 0])
    units[0] += more[0]
    units[1] += more[1]
