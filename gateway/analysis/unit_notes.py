"""What is written down of a unit, once it is known that it counts, and where.

unit_book decides who counts; here each of a unit's values goes to its process, coin and
cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.analysis.counts import (
    CONTROL,
    FRESH,
    JUDGING,
    LOST,
    PAIRS,
    PROOF,
    Came,
    Counts,
)
from gateway.analysis.design import Design, Kind
from gateway.analysis.exchange import ALL_PLACES, Exchange, MirroredPair
from gateway.analysis.judged import JudgedPair
from gateway.analysis.late import Closed
from gateway.analysis.observe import (
    BIN_BITS,
    UNKNOWN,
    WORST,
    Observer,
    Thresholds,
    columns_of,
    has_counted_ceiling,
)
from gateway.analysis.scored import Scored, bin_of_score
from gateway.analysis.tally_sheet import TallySheet

Cells: TypeAlias = Mapping[tuple[int, int], int]
"""Number of a cell of the design, by place of a segment and number of its value."""

EVERYTHING: Final = 1
"""Mask of the cell that every exchange is in."""

_MOST_CACHED: Final = 4096
_MOST_OBSERVERS: Final = 16


@lru_cache(maxsize=_MOST_CACHED)
def _cells_in(mask: int) -> tuple[int, ...]:
    return tuple(cell for cell in range(mask.bit_length()) if mask >> cell & 1)


class UnitNotes:
    """Notes of the units of one attempt.

    Args:
        design: Of the analysis.

    """

    def __init__(self, design: Design) -> None:
        metrics = design.metrics
        self._metrics = metrics
        self._columns = columns_of(metrics)
        self._judged = {
            metric.signal: number
            for number, metric in enumerate(metrics)
            if metric.evaluator is not None
        }
        self._required = sum(1 << cell for cell in set(design.required_cells))
        self._sheet = TallySheet()
        self._thresholds: Thresholds = {}
        self._observers: dict[Sequence[str], Observer] = {}
        self._cells: Cells = {}
        self._masks: dict[tuple[bytes, int], int] = {}
        self.has_timing = any(metric.is_timing for metric in metrics)
        self.has_ceilings = any(has_counted_ceiling(metric) for metric in metrics)

    def use(self, cells: Cells) -> None:
        """Know what the cells of exchanges to come mean."""
        if cells is not self._cells:
            self._cells, self._masks = cells, {}

    def set_thresholds(self, thresholds: Thresholds) -> list[int]:
        """Know beyond which amounts an exchange is an event, for proofs of quantiles.

        Returns:
            The columns of losses that have a threshold.

        """
        if thresholds != self._thresholds:
            self._thresholds = dict(thresholds)
            self._observers = {}
        columns = enumerate(self._columns)
        return [place for place, column in columns if column in thresholds]

    def mask(self, cell: bytes, places: int = ALL_PLACES) -> int:
        """Give the design's cells that an exchange is in, but EVERYTHING, as a mask.

        Args:
            cell: Of the exchange.
            places: Of segments, as a set of bits: the others' cells are left out.

        """
        mask = self._masks.get((cell, places))
        if mask is None:
            if len(self._masks) >= _MOST_CACHED:
                self._masks = {}
            asked = [each for each in enumerate(cell) if places >> each[0] & 1]
            numbers = {self._cells.get(place, 0) for place in asked}
            mask = sum(1 << number for number in numbers if number)
            self._masks[cell, places] = mask
        return mask

    def observer(self, names: Sequence[str]) -> Observer:
        """Give the one that knows these names of signals."""
        observer = self._observers.get(names)
        if observer is None:
            if len(self._observers) >= _MOST_OBSERVERS:
                self._observers = {}
            observer = Observer(self._metrics, names, self._thresholds)
            self._observers[names] = observer
        return observer

    def count(
        self,
        exchange: Exchange,
        codes: list[int],
        coin: float,
        places: Iterable[tuple[int, int]],
    ) -> None:
        """Count an exchange's values.

        Args:
            exchange: It tells the side.
            codes: See Observer.
            coin: With which its unit was tossed.
            places: Processes, and the mask of the cells in each.

        """
        for process, mask in places:
            if mask:
                self._sheet.note(
                    process,
                    coin,
                    _cells_in(mask),
                    codes,
                    is_candidate=exchange.is_candidate,
                )

    def units(self, coin: float, units: Sequence[int]) -> None:
        """Count units of both versions for the sample ratio of what has ended."""
        self._sheet.units(coin, units)

    def came(self, coin: float, units: Sequence[int]) -> None:
        """Count units of both versions for the sample ratio of what has come."""
        self._sheet.came(coin, units)

    def in_step(self, mask: int, *, is_candidate: bool) -> None:
        """Count a unit of the current step, in cells where it is the first time."""
        if mask & EVERYTHING:
            self._sheet.in_step(is_candidate=is_candidate)
        if is_candidate:
            for cell in _cells_in(mask & self._required):
                self._sheet.in_cell(cell)

    def visit(self, mask: int) -> None:
        """Count a unit of the current step in a window, in cells where it is the first."""
        if mask & EVERYTHING:
            self._sheet.visit()

    def step_begins(self) -> None:
        """Drop what was counted for the last step and nobody has drained.

        The last step's thresholds had another margin inside: none are known now.
        """
        self.set_thresholds({})
        self._sheet.forget_step()
        self._sheet.forget(PROOF)

    def over_ceilings(
        self, exchange: Exchange, observer: Observer, *, is_timing: bool
    ) -> None:
        """Count a unit against absolute limits."""
        for metric, event in observer.over_ceilings(exchange, is_timing=is_timing):
            self._sheet.ceiling(metric, event)

    def prove(
        self, coin: float, losses: Sequence[int | None], *, is_candidate: bool
    ) -> None:
        """Count a whole key, by its mean losses in the order of `columns_of`."""
        for (metric, place), loss in zip(self._columns, losses, strict=True):
            if loss is not None:
                code = metric << BIN_BITS | loss
                self._sheet.note(
                    PROOF, coin, (place,), [code], is_candidate=is_candidate
                )

    def late(self, closed: Closed, *, is_in_step: bool) -> None:
        """Count a unit whose time for feedback is up.

        Args:
            closed: See Closed.
            is_in_step: Whether it was assigned in the current step, and proves for it.

        """
        metric, coin = closed.metric, closed.coin
        is_candidate, base = closed.is_candidate, metric << BIN_BITS
        for event, mask in ((0, closed.good), (1, closed.bad)):
            if coin and mask:
                cells, codes = _cells_in(mask), [base | event]
                self._sheet.note(FRESH, coin, cells, codes, is_candidate=is_candidate)
            if not mask & EVERYTHING:
                continue
            if coin and is_in_step:
                codes = [base | event * WORST]
                self._sheet.note(PROOF, coin, (0,), codes, is_candidate=is_candidate)
            if is_candidate and has_counted_ceiling(self._metrics[metric]):
                self._sheet.ceiling(metric, bool(event))

    def scored(self, scored: Scored, *, is_in_step: bool) -> None:
        """Count what became of a unit that was sampled for an evaluator.

        Args:
            scored: See Scored.
            is_in_step: Whether it was assigned in the current step, and proves for it.

        """
        metric, coin, is_candidate = scored.metric, scored.coin, scored.is_candidate
        base, note = metric << BIN_BITS, self._sheet.note
        is_fresh = scored.fresh & EVERYTHING
        if coin and is_fresh:
            note(JUDGING, coin, (0,), [base | scored.came], is_candidate=is_candidate)
        if scored.came is not Came.VALUE:
            return
        scale = WORST if self._metrics[metric].kind is Kind.RATE else 1
        codes = [base | scored.bin]
        places = fresh_and(scored.fresh, scored.window, scored.in_window)
        for process, mask in places if coin else ():
            if mask:
                cells = _cells_in(mask)
                note(process, coin, cells, codes, is_candidate=is_candidate)
        if coin and is_fresh and is_in_step:
            codes = [base | scored.bin * scale]
            note(PROOF, coin, (0,), codes, is_candidate=is_candidate)
        is_whole = (scored.fresh | scored.in_window) & EVERYTHING
        if is_whole and is_candidate and has_counted_ceiling(self._metrics[metric]):
            self._sheet.ceiling(metric, bool(scored.bin))

    def judged_pair(self, pair: JudgedPair) -> None:
        """Count the scores of a mirrored pair; of a control pair they are noise."""
        number = self._judged.get(pair.signal)
        if number is None:
            return
        base, note = number << BIN_BITS, self._sheet.note
        if pair.baseline is None or pair.candidate is None:
            if not pair.is_control:
                came = Came.FAILED if pair.has_failed else Came.LACKING
                note(JUDGING, 0.0, (0,), [base | came], is_candidate=True)
            return
        metric = self._metrics[number]
        scale = WORST if metric.kind is Kind.RATE else 1
        ours = bin_of_score(metric, pair.baseline) * scale
        theirs = bin_of_score(metric, pair.candidate) * scale
        difference = [base | WORST + theirs - ours]
        if pair.is_control:
            note(CONTROL, 0.0, (0,), difference, is_candidate=True)
            if pair.is_swapped is not None:
                ahead = ours - theirs if pair.is_swapped else theirs - ours
                shown = [base | WORST + ahead]
                note(CONTROL, 0.0, (0,), shown, is_candidate=False)
            return
        note(JUDGING, 0.0, (0,), [base | Came.VALUE], is_candidate=True)
        cells = _cells_in(self.mask(pair.cell) | EVERYTHING)
        note(PAIRS, 0.0, cells, [base | ours], is_candidate=False)
        note(PAIRS, 0.0, cells, difference, is_candidate=True)

    def pair(self, pair: MirroredPair, names: Sequence[str]) -> int:
        """Count a mirrored pair.

        Returns:
            Its cells as a mask; 0 where a half is missing.

        """
        baseline, candidate = pair.baseline, pair.candidate
        if pair.is_stopped:
            self._sheet.pair(2)
            return 0
        if baseline is None or candidate is None:
            self._sheet.pair(1)
            self._half(baseline or candidate, names, is_candidate=baseline is None)
            return 0
        mask = self.mask(baseline.cell) | EVERYTHING
        self._sheet.pair(0)
        self._both(baseline, candidate, names, mask)
        return mask

    def _both(
        self,
        baseline: Exchange,
        candidate: Exchange,
        names: Sequence[str],
        mask: int,
    ) -> None:
        """Count a whole pair, in these cells.

        The candidate's side has the difference of the losses, the baseline's its own.
        """
        read = self.observer(names).losses
        losses = zip(self._columns, read(baseline), read(candidate), strict=True)
        ours, differences = [], []
        for (metric, _place), our_loss, their_loss in losses:
            is_known = UNKNOWN not in {our_loss, their_loss}
            if is_known and self._metrics[metric].has_pairs:
                code = metric << BIN_BITS
                ours.append(code | our_loss)
                differences.append(code | WORST + their_loss - our_loss)
        cells = _cells_in(mask)
        self._sheet.note(PAIRS, 0.0, cells, ours, is_candidate=False)
        self._sheet.note(PAIRS, 0.0, cells, differences, is_candidate=True)

    def _half(
        self, half: Exchange | None, names: Sequence[str], *, is_candidate: bool
    ) -> None:
        """Count the half that is there, by the least and the most it leaves open.

        Of what was not measured on it nothing is known.
        """
        if half is None:
            return
        least, most = [], []
        losses = self.observer(names).losses(half)
        for (metric, _place), loss in zip(self._columns, losses, strict=True):
            if loss != UNKNOWN and self._metrics[metric].has_pairs:
                lowest = metric << BIN_BITS | (loss if is_candidate else WORST - loss)
                least.append(lowest)
                most.append(lowest + WORST)
        cells = _cells_in(self.mask(half.cell) | EVERYTHING)
        self._sheet.note(LOST, 0.0, cells, least, is_candidate=False)
        self._sheet.note(LOST, 0.0, cells, most, is_candidate=True)

    def drain(self) -> Counts:
        """Give what was counted since the last time."""
        return self._sheet.drain()


def fresh_and(
    fresh: int, window: int | None, in_window: int
) -> tuple[tuple[int, int], ...]:
    """Name the processes that a unit counts in: the fresh one, and a window's."""
    if window is None:
        return ((FRESH, fresh),)
    return ((FRESH, fresh), (window, in_window))
