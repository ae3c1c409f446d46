"""A rollout on trial: counts come in, wealth moves, and verdicts come out.

    trial = Trial(design)
    trial.step_begins(rung)            # with each new weight; proofs afresh
    trial.add(delta); trial.look()     # every quarter of a second
    trial.close_block()                # every five; what was counted is learnt only now

Close the open block before an epoch, a step or a window begins, so that the journal, which
has a block's counts in one entry, can be played again. Nothing here is a decision:
delivery/ makes them.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Self
from zlib import crc32

import msgspec

from gateway.analysis.assessing import Evidence, assess, findings, highest
from gateway.analysis.attribution import discoveries
from gateway.analysis.counts import (
    FRESH,
    LOST,
    PAIRS,
    PROOF,
    Counts,
    KeptCounts,
    Pair,
    Place,
    add_bins,
)
from gateway.analysis.design import Design
from gateway.analysis.limits import KeptLimit, Limits
from gateway.analysis.lost_halves import KeptLost, LostHalves
from gateway.analysis.mirrored import KeptPairs, Mirrored
from gateway.analysis.past import Past
from gateway.analysis.proofs import KeptProof, Proofs
from gateway.analysis.regressions import KeptRegressions, Regressions
from gateway.analysis.sample_ratio import Dumped, SampleRatio
from gateway.analysis.step import VISITS, Step
from gateway.analysis.trial_process import Key
from gateway.domain.verdict import Assessment, Finding

_FORMAT: Final = 3
_READ: Final = (2, _FORMAT)
"""What can be read: the format of the release before knows nothing of units that came."""

_SLICE: Final = 10_000
"""Bins that are gone through at once: about 2 ms."""


class _KeptStep(msgspec.Struct, array_like=True, frozen=True):
    rung: int | None
    is_mirrored: bool
    units: tuple[int, int]
    in_cells: dict[int, int]
    counted: dict[int, int]
    measured: dict[int, int]
    sent: dict[int, int]
    came: dict[int, int] = {}
    new: int = 0
    is_dry: bool = False


class _KeptTrial(msgspec.Struct, array_like=True, frozen=True):
    format: int
    design: int
    block: KeptCounts
    regressions: KeptRegressions
    proofs: list[KeptProof]
    pairs: list[KeptPairs]
    limits: list[KeptLimit]
    ratio: Dumped
    step: _KeptStep
    lost: KeptLost = KeptLost()
    came: Dumped = (0.0, [])


class Trial:
    """The analysis of one attempt of a rollout.

    Args:
        design: Frozen when the attempt began.

    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self._regressions = Regressions(design)
        self._proofs = Proofs(design)
        self._mirrored = Mirrored(design)
        self._limits = Limits(design)
        self._ratio, self._came = SampleRatio(), SampleRatio()
        self._lost = LostHalves(design)
        self._step = Step()
        self._block = Counts()
        self._unmerged: deque[tuple[Place, Pair]] = deque()
        self._closing: Iterator[int] | None = None

    def epoch_begins(self) -> None:
        """Note that the weight changed: part of the fresh wealth is split by the prior anew.

        No process begins anew: over all weights one fresh process runs.
        """
        self._close()
        self._regressions.share()
        self._mirrored.share()
        self._limits.share()

    def step_begins(self, rung: int | None, *, is_mirrored: bool = False) -> None:
        """Begin all proofs afresh.

        Args:
            rung: Of the ladder (ladder.rung_of); None: nothing is to be proven, as in the
                bake.
            is_mirrored: Mirrored pairs are to prove it: the candidate has no weight.

        """
        self._close()
        self._step = Step(rung=rung, is_mirrored=is_mirrored)
        self._proofs.step_begins(None if is_mirrored else rung, self._pasts())
        self._mirrored.step_begins(rung if is_mirrored else None)

    def window_begins(self, number: int) -> None:
        """Begin a window, and drop those that are over.

        Args:
            number: The highest that a key can be in by now (floor(now / window) + 1).
                Counts of a higher one begin it too; one far below the open ones means
                that the clock began anew.

        """
        self._close()
        if self._regressions.window_begins(number):
            self._mirrored.share()
            self._limits.share()

    def add(self, delta: Counts) -> None:
        """Count units into the open block, and settle the bets on them.

        The bets were made from what was there before the block.
        """
        self._close()
        for place, pair in delta.bins.items():
            if place.process == PROOF:
                self._proofs.add(place, pair)
            elif place.process == PAIRS:
                self._mirrored.add(place, pair)
            elif place.process == LOST:
                self._mirrored.add_lost(place, pair)
            else:
                self._regressions.add(place, pair)
            self._step.count(place, self.design.metrics[place.metric], pair)
            if not place.cell and place.process == FRESH:
                self._limits.add_losses(place.metric, pair[1])
        self._ratio.add_all(delta.units)
        self._came.add_all(delta.came)
        self._limits.add(delta.ceilings)
        self._step.count_in_step(delta.in_step, delta.visits)
        self._lost.add(delta.pairs)
        add_bins(self._step.in_cells, delta.in_cells)
        self._unmerged.extend(delta.bins.items())
        self._block.merge_sums(delta)

    def rest(self) -> Iterator[None]:
        """Do what counting and closing a block leave to be done, a slice for each yield.

        Everything else does first what it needs of it: so slices change nothing but when
        the work is done.
        """
        while self.has_rest:
            done = 0
            while done < _SLICE and self._closing is not None:
                done += self._go_on_closing()
            while done < _SLICE and self._unmerged:
                done += self._merge()
            yield

    @property
    def has_rest(self) -> bool:
        """Whether there is something for `rest` to do."""
        return self._closing is not None or bool(self._unmerged)

    def look(self) -> Assessment:
        """Say what is known now."""
        self._close()
        return assess(self._evidence())

    def findings(self, *, intervals: bool = True) -> list[Finding]:
        """Say what is known of each metric, segment and ceiling, for people.

        Args:
            intervals: Compute intervals too: some milliseconds.

        """
        return list(self.each_finding(intervals=intervals))

    def each_finding(self, *, intervals: bool = True) -> Iterator[Finding]:
        """Give the findings one by one; what is counted meanwhile, later ones know."""
        self._close()
        return findings(self._evidence(), intervals=intervals)

    def log_es(self) -> dict[str, float]:
        """Give the highest ln E of each metric that is nearest to its threshold."""
        self._close()
        return highest(self._evidence())

    def attribution(self) -> list[tuple[str, tuple[str, str] | None, int | None]]:
        """Name what is likely to have caused a regression: it explains, and triggers nothing.

        Returns:
            (metric, segment, window) with the largest wealth first; see attribution.py.

        """
        self._close()
        return [self._named(key) for key in discoveries(self._regressions.wealths())]

    def close_block(self) -> Counts:
        """Close the block: learn what it counted, for bets on the next one.

        Returns:
            What was counted in it.

        """
        self._close()
        block = self._whole_block()
        self._block = Counts()
        self._step.block_ends()
        self._closing = self._closed(block)
        return block

    def thresholds(self) -> Mapping[tuple[int, int], tuple[float, float]]:
        """Give the thresholds of quantiles, from which whole keys' losses are counted.

        Returns:
            By metric and place in its quantiles: the baseline's and the candidate's, in
            the metric's unit. A loss is an amount above it (below it where less is worse),
            or a failure. Only those that are fixed; they stay for the step.

        """
        self._close()
        return self._proofs.thresholds()

    def dump(self) -> bytes:
        """Give all that must be kept; the open block too."""
        self._close()
        step = self._step
        kept = _KeptTrial(
            format=_FORMAT,
            design=_code_of(self.design),
            block=self._whole_block().kept(),
            regressions=self._regressions.kept(),
            proofs=self._proofs.kept(),
            pairs=self._mirrored.kept(),
            limits=self._limits.kept(),
            ratio=self._ratio.dump(),
            step=_KeptStep(
                step.rung,
                step.is_mirrored,
                (step.units[0], step.units[1]),
                step.in_cells,
                step.counted,
                step.measured,
                step.sent,
                {VISITS: step.came},
                step.new,
                step.is_dry,
            ),
            lost=self._lost.kept(),
            came=self._came.dump(),
        )
        return msgspec.msgpack.encode(kept)

    @classmethod
    def load(cls, design: Design, dumped: bytes) -> Self:
        """Go on with what `dump` gave.

        Raises:
            ValueError: It cannot be read, or was made for another design.

        """
        try:
            kept = msgspec.msgpack.decode(dumped, type=_KeptTrial)
        except msgspec.DecodeError as error:
            raise ValueError(f"The kept trial cannot be read: {error}") from error
        if kept.format not in _READ or kept.design != _code_of(design):
            raise ValueError("The kept trial was made for another design.")
        trial = cls(design)
        trial._go_on(kept)
        return trial

    def _go_on(self, kept: _KeptTrial) -> None:
        step = kept.step
        self._step = Step(
            rung=step.rung,
            is_mirrored=step.is_mirrored,
            units=[*step.units],
            in_cells=step.in_cells,
            counted=step.counted,
            measured=step.measured,
            sent=step.sent,
            came=step.came.get(VISITS, 0),
            new=step.new,
            is_dry=step.is_dry,
        )
        self._block = Counts.of_kept(kept.block)
        self._regressions.load(kept.regressions)
        self._proofs.load(None if step.is_mirrored else step.rung, kept.proofs)
        self._mirrored.load(step.rung if step.is_mirrored else None, kept.pairs)
        self._limits.load(kept.limits)
        self._ratio = SampleRatio.load(kept.ratio)
        self._lost.load(kept.lost)
        self._came = SampleRatio.load(kept.came)

    def _evidence(self) -> Evidence:
        return Evidence(
            design=self.design,
            regressions=self._regressions,
            proofs=self._proofs,
            mirrored=self._mirrored,
            limits=self._limits,
            ratio=self._ratio,
            lost=self._lost,
            came=self._came,
            step=self._step,
            block=self._whole_block,
        )

    def _closed(self, block: Counts) -> Iterator[int]:
        """Learn what a block counted, in slices; see Regressions.closing."""
        yield from self._regressions.closing(block)
        for place, pair in block.bins.items():
            if place.process == PROOF:
                self._proofs.learn(place, pair)
        self._proofs.block_ends(self._pasts())
        self._mirrored.block_ends()
        self._limits.block_ends()
        self._lost.block_ends()

    def _close(self) -> None:
        """Do all that closing the last block left to be done."""
        while self._closing is not None:
            self._go_on_closing()

    def _go_on_closing(self) -> int:
        done = next(self._closing, None) if self._closing is not None else None
        if done is None:
            self._closing = None
        return done or 0

    def _whole_block(self) -> Counts:
        """Give the open block, with all that was counted in it."""
        while self._unmerged:
            self._merge()
        return self._block

    def _merge(self) -> int:
        place, pair = self._unmerged.popleft()
        self._block.merge_pair(place, pair)
        return len(pair[0]) + len(pair[1])

    def _pasts(self) -> dict[int, Past]:
        return {
            number: self._regressions.lessons_of(number, 0).past
            for number in range(len(self.design.metrics))
        }

    def _named(self, key: Key) -> tuple[str, tuple[str, str] | None, int | None]:
        return (
            self.design.metrics[key.metric].name,
            self.design.cells[key.cell - 1] if key.cell else None,
            key.process if key.process >= 0 else None,
        )


def _code_of(design: Design) -> int:
    return crc32(msgspec.json.encode(design))
