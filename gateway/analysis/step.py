"""What was counted in the current step, and whether there is more to come.

A sticky service has as many keys as it has. When all of those that come have been seen, a
step that needs more of them waits for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.analysis.counts import FRESH, PAIRS, Pair, Place
from gateway.analysis.design import Kind, Metric
from gateway.analysis.geometric import FAILED_BIN

VISITS: Final = -1
"""Under which Step.came is kept; the release before kept that of each metric, with what was
of other steps."""

_LEAST_ROUND: Final = 100
"""Keys that come."""

_HARDLY_ANY: Final = 0.02
"""Part of those that come: at this pace fifty rounds would double what is known."""


@dataclass(slots=True, kw_only=True)
class Step:
    """What was counted in the current step.

    Attributes:
        rung: Of the ladder; None: nothing has to be proven.
        is_mirrored: Mirrored pairs decide, and not the coin.
        units: See Counts.in_step.
        in_cells: See Counts.in_cells.
        counted: By metric: units over all, of both versions.
        measured: The same, but for amounts of exchanges that failed: they say nothing of
            whether there is such an amount.
        sent: By metric: units over all, of the candidate.
        came: Units of the step in this round, each key once in a window. What was sent
            under the weight before ends within this step and is none of it.
        new: Units of the step in this round.
        is_dry: In the last round hardly any key was new to the step.

    """

    rung: int | None = None
    is_mirrored: bool = False
    units: list[int] = field(default_factory=lambda: [0, 0])
    in_cells: dict[int, int] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)
    measured: dict[int, int] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    came: int = 0
    new: int = 0
    is_dry: bool = False

    def count(self, place: Place, metric: Metric, pair: Pair) -> None:
        """Count units of a metric, of those over all."""
        if place.cell:
            return
        if place.process in {FRESH, PAIRS}:
            self._count(place.metric, metric, pair)

    def _count(self, number: int, metric: Metric, pair: Pair) -> None:
        for bins in pair:
            units = sum(bins.values())
            _add(self.counted, number, units)
            if metric.kind is Kind.DISTRIBUTION:
                units -= bins.get(FAILED_BIN, 0)
            _add(self.measured, number, units)
        _add(self.sent, number, sum(pair[1].values()))

    def count_in_step(self, units: Sequence[int], visits: int) -> None:
        """Count units that are new to the step, by version, and all of it in windows."""
        self.came += visits
        for side in (0, 1):
            self.units[side] += units[side]
            self.new += units[side]

    def block_ends(self) -> None:
        """End a round when as many keys have come as were seen in the step.

        Each key counts once in a window, so a round lasts for one at least, unless most of
        those that come are new.
        """
        if self.came >= max(sum(self.units), _LEAST_ROUND):
            self.is_dry = self.new <= _HARDLY_ANY * self.came
            self.came, self.new = 0, 0


def _add(sums: dict[int, int], number: int, units: int) -> None:
    sums[number] = sums.get(number, 0) + units
