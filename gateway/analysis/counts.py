"""Counts of units: what a look at the evidence adds up, and all that it needs.

Sums of whole numbers, so that they merge exactly, in any order.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

FRESH: Final = -1
"""The process of each key's first countable exchange in an epoch."""

PROOF: Final = -2
"""Whole keys of the current step, by their mean loss: what promotion goes by.

Its cell is not a cell but the place in Metric.quantiles; 0 of what has none."""

PAIRS: Final = -3
"""Mirrored pairs, by the difference of their losses; its coin is 0."""


class Place(NamedTuple):
    """Where units are counted.

    Attributes:
        process: FRESH, PROOF, PAIRS, or the number of a window (0 or more).
        coin: The probability with which they went to the candidate.
        metric: Its number in the design.
        cell: Its number in the design; 0 is everything.

    """

    process: int
    coin: float
    metric: int
    cell: int


Bins: TypeAlias = dict[int, int]
"""Units by bin; only what is there."""

Pair: TypeAlias = tuple[Bins, Bins]
"""Of the baseline, and of the candidate."""


@dataclass(slots=True)
class Counts:
    """What was counted since the last time.

    Attributes:
        bins: See Place. PROOF counts are on the grid of losses (design.LOSS_BINS);
            PAIRS on a grid of 2 * LOSS_BINS - 1 differences from -1 to 1, and only
            the candidate's side of the pair is used.
        units: Units by coin: [baseline, candidate]; for the sample ratio.
        in_step: Units of the current step: [baseline, candidate].
        in_cells: The candidate's units of the current step, by cell number; only of
            required cells.
        ceilings: By metric number: [units, events over the ceiling], the candidate's.

    """

    bins: dict[Place, Pair] = field(default_factory=dict)
    units: dict[float, list[int]] = field(default_factory=dict)
    in_step: list[int] = field(default_factory=lambda: [0, 0])
    in_cells: dict[int, int] = field(default_factory=dict)
    ceilings: dict[int, list[int]] = field(default_factory=dict)

    def count(self, place: Place, bin_number: int, *, is_candidate: bool) -> None:
        """Count one unit."""
        pair = self.bins.get(place)
        if pair is None:
            self.bins[place] = pair = ({}, {})
        mine = pair[is_candidate]
        mine[bin_number] = mine.get(bin_number, 0) + 1
