"""Counts of units: what a look at the evidence adds up, and all that it needs.

Sums of whole numbers, so that they merge exactly, in any order.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias, TypeVar

import msgspec

FRESH: Final = -1
"""The process of each key's first countable exchange in an epoch."""

PROOF: Final = -2
"""Whole keys of the current step, by their mean loss: what promotion goes by.

Its cell is not a cell but the place in Metric.quantiles; 0 of what has none."""

PAIRS: Final = -3
"""Mirrored pairs, by the difference of their losses; its coin is 0."""

LOST: Final = -4
"""Pairs with a half that the gateway lost, by what the difference may have been.

On the baseline's side is the least that it can have been, on the candidate's the most; its
coin is 0. See lost_halves."""

JUDGING: Final = -5
"""Units that were sampled for an evaluator, by what came of judging them; see Came.

Over all only. Of mirrored pairs the coin is 0."""

CONTROL: Final = -6
"""Judged pairs of two answers of the baseline, by the difference of their losses: noise.

On the grid of differences; its coin is 0. On the candidate's side that of the copy less the
client's, of the answer that was made second; on the baseline's, where a judge saw both side by
side, that of the answer it was shown second less the first."""


class Came(IntEnum):
    """What came of judging a unit, in one score: the bins of JUDGING."""

    VALUE = 0
    FAILED = 1  # the judge did
    LACKING = 2  # nobody judged it: no budget, no room, no time, or no answer
    UNSAID = 3  # the verdict is that nothing can be said


class Place(NamedTuple):
    """Where units are counted.

    Attributes:
        process: FRESH, PROOF, PAIRS, LOST, JUDGING, CONTROL, or the number of a
            window (0 or more).
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

_Key = TypeVar("_Key", int, float)

Pair: TypeAlias = tuple[Bins, Bins]
"""Of the baseline, and of the candidate."""


def add_bins(sums: Bins, more: Bins) -> None:
    """Add units by bin to *sums*."""
    for bin_number, count in more.items():
        sums[bin_number] = sums.get(bin_number, 0) + count


class KeptCounts(msgspec.Struct, array_like=True, frozen=True):
    """Counts as they are journalled and kept: see Counts.

    Attributes:
        bins: Process, coin, metric, cell, the baseline's units, the candidate's.
        units: Coin, baseline's, candidate's.
        in_step: Baseline's, candidate's.
        in_cells: By cell.
        ceilings: Metric, units, events.
        pairs: Whole ones, with a lost half, with a stopped one.
        came: As units.
        visits: See Counts.

    """

    bins: list[tuple[int, float, int, int, Bins, Bins]] = []
    units: list[tuple[float, int, int]] = []
    in_step: tuple[int, int] = (0, 0)
    in_cells: dict[int, int] = {}
    ceilings: list[tuple[int, int, int]] = []
    pairs: tuple[int, int, int] = (0, 0, 0)
    came: list[tuple[float, int, int]] = []
    visits: int = 0


@dataclass(slots=True)
class Counts:
    """What was counted since the last time.

    Attributes:
        bins: See Place. PROOF counts are on the grid of losses (design.LOSS_BINS).
            PAIRS have on the candidate's side a grid of 2 * LOSS_BINS - 1 differences
            from -1 to 1, and on the baseline's the grid of losses of its half, from
            which the slack is made.
        units: Units that have ended, by coin: [baseline, candidate]; for the sample ratio.
        came: The same of units that have come, whatever becomes of them.
        in_step: Units of the current step: [baseline, candidate]. In a step that pairs
            decide (weight 0), each pair is one of both.
        in_cells: The candidate's units of the current step, by cell number; only of
            required cells.
        ceilings: By metric number: [units, events over the ceiling], the candidate's.
        pairs: Mirrored: [whole, with a half that was lost in the gateway, with one that
            the end of a worker cut off].
        visits: Units of the current step in windows, each key once in a window, whether
            or not it was seen in the step before.

    """

    bins: dict[Place, Pair] = field(default_factory=dict)
    units: dict[float, list[int]] = field(default_factory=dict)
    came: dict[float, list[int]] = field(default_factory=dict)
    in_step: list[int] = field(default_factory=lambda: [0, 0])
    in_cells: dict[int, int] = field(default_factory=dict)
    ceilings: dict[int, list[int]] = field(default_factory=dict)
    pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    visits: int = 0

    def count(self, place: Place, bin_number: int, *, is_candidate: bool) -> None:
        """Count one unit."""
        pair = self.bins.get(place)
        if pair is None:
            self.bins[place] = pair = ({}, {})
        mine = pair[is_candidate]
        mine[bin_number] = mine.get(bin_number, 0) + 1

    def merge(self, other: "Counts") -> None:
        """Add what was counted elsewhere, or later."""
        for place, pair in other.bins.items():
            self.merge_pair(place, pair)
        self.merge_sums(other)

    def merge_pair(self, place: Place, more: Pair) -> None:
        """Add units of one place."""
        pair = self.bins.get(place)
        if pair is None:
            self.bins[place] = dict(more[0]), dict(more[1])
            return
        add_bins(pair[0], more[0])
        add_bins(pair[1], more[1])

    def merge_sums(self, other: "Counts") -> None:
        """Add all but the bins."""
        _add_lists(self.units, other.units)
        _add_lists(self.came, other.came)
        _add_lists(self.ceilings, other.ceilings)
        for side in (0, 1):
            self.in_step[side] += other.in_step[side]
        for kind in (0, 1, 2):
            self.pairs[kind] += other.pairs[kind]
        add_bins(self.in_cells, other.in_cells)
        self.visits += other.visits

    def kept(self) -> KeptCounts:
        """Give it as it is kept."""
        return KeptCounts(
            [(*place, *pair) for place, pair in self.bins.items()],
            [(coin, units[0], units[1]) for coin, units in self.units.items()],
            (self.in_step[0], self.in_step[1]),
            self.in_cells,
            [(number, sums[0], sums[1]) for number, sums in self.ceilings.items()],
            (self.pairs[0], self.pairs[1], self.pairs[2]),
            [(coin, units[0], units[1]) for coin, units in self.came.items()],
            self.visits,
        )

    @classmethod
    def of_kept(cls, kept: KeptCounts) -> "Counts":
        """Make it from what was kept."""
        return cls(
            bins={
                Place(process, coin, metric, cell): (dict(baseline), dict(candidate))
                for process, coin, metric, cell, baseline, candidate in kept.bins
            },
            units={
                coin: [baseline, candidate] for coin, baseline, candidate in kept.units
            },
            came={
                coin: [baseline, candidate] for coin, baseline, candidate in kept.came
            },
            in_step=list(kept.in_step),
            in_cells=dict(kept.in_cells),
            ceilings={
                number: [units, events] for number, units, events in kept.ceilings
            },
            pairs=list(kept.pairs),
            visits=kept.visits,
        )


def _add_lists(sums: dict[_Key, list[int]], more: dict[_Key, list[int]]) -> None:
    for key, (first, second) in more.items():
        pair = sums.setdefault(key, [0, 0])
        pair[0] += first
        pair[1] += second
