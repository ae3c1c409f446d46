"""What is known of units later than their exchanges: what users say, and what judges do."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.analysis.design import Design
from gateway.analysis.exchange import Exchange
from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.analysis.late import EPOCH, LateUnits, Said, is_unit
from gateway.analysis.scored import ScoredUnits, is_scored
from gateway.analysis.unit_notes import EVERYTHING, Cells, UnitNotes


class Opened(NamedTuple):
    """Where a unit begins to count.

    Attributes:
        revision: Of the split it was assigned under.
        coin: With which it was tossed; 0: it is only measured against a ceiling.
        fresh: Mask of cells of the fresh process.
        window: Number of its window; None: it is older than all that count.
        in_window: Mask of cells there.
        step: In which it was assigned; -1: in none that it could prove something for.

    """

    revision: int
    coin: float
    fresh: int
    window: int | None
    in_window: int
    step: int


class Later:
    """The units of one attempt of which something is awaited.

    Args:
        design: Of the analysis.
        notes: Count what is known of them.

    """

    def __init__(self, design: Design, notes: UnitNotes) -> None:
        self._notes = notes
        self.said = LateUnits(design)
        self.scored = ScoredUnits(design)

    @property
    def is_needed(self) -> bool:
        """Whether any metric is known later."""
        return self.said.is_needed or self.scored.is_needed

    @property
    def sampled(self) -> float:
        """Part of the units that is awaited, 0 to 1."""
        return min(self.said.sampled, self.scored.sampled)

    @property
    def limits(self) -> tuple[int, int]:
        """Limits of the samples of units, to be kept."""
        return self.said.limit, self.scored.limit

    def open(self, exchange: Exchange, opened: Opened) -> None:
        """Await what is said and judged of a unit."""
        self.said.open(
            exchange,
            revision=opened.revision,
            coin=opened.coin,
            cells=opened.fresh,
            step=opened.step,
        )
        self.scored.open(exchange, **opened._asdict())

    def hear(
        self, said: Said, epochs: Collection[int], *, cells: Cells, at: float
    ) -> None:
        """Take feedback on an exchange that was evidence.

        Args:
            said: See Said; of another attempt's epoch it says nothing.
            epochs: Of this attempt.
            cells: See UnitBook.take.
            at: When it came; monotonic clock.

        """
        if self.said.is_needed:
            self._notes.use(cells)
            mask = self._notes.mask(said.cell) | EVERYTHING
            is_known = said.epoch in {revision & EPOCH for revision in epochs}
            self.said.hear(said, mask, at, is_known=is_known)

    def pair(self, pair: JudgedPair, epochs: Collection[int], *, cells: Cells) -> None:
        """Take scores of a mirrored pair; of another attempt's epoch they say nothing."""
        if pair.epoch in epochs:
            self._notes.use(cells)
            self._notes.judged_pair(pair)

    def use(self, shares: Mapping[str, float]) -> None:
        """See ScoredUnits.use."""
        self.scored.use(shares)

    def sample(self, sampled: Sampled) -> None:
        """See ScoredUnits.sample."""
        self.scored.sample(sampled)

    def judge(self, judged: Judged) -> None:
        """See ScoredUnits.judge."""
        self.scored.judge(judged)

    def close(self, now: float, step: int) -> None:
        """Count the units whose values are known by now, in this step."""
        for closed in self.said.close(now):
            self._notes.late(closed, is_in_step=closed.step == step)
        for scored in self.scored.close(now):
            self._notes.scored(scored, is_in_step=scored.step == step)

    def forget(self) -> None:
        """Drop all that is awaited: no time of before compares with one of now."""
        self.said.forget()
        self.scored.forget()

    def dump(self, *, whole: bool) -> dict[int, bytes]:
        """Write units down; see LateUnits.dump."""
        return self.said.dump(whole=whole) | self.scored.dump(whole=whole)

    def load(self, rows: Mapping[int, bytes], limits: tuple[int, int]) -> None:
        """Take up what was written down; rows of keys are left out.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        self.said.load(rows, limits[0])
        self.scored.load(rows, limits[1])


def is_later(row: bytes) -> bool:
    """Tell a row that `Later` has written from one of a key."""
    return is_unit(row) or is_scored(row)
