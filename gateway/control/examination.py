"""The examination of one attempt: its units and its trial, and what was done to them.

A unit book says who counts and with which coin; a trial says what the counts prove. Both
are pure, so that the same operations in the same order come to the same verdicts:
`replay` does them again from the journal.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Self

import msgspec

from gateway.analysis.counts import Counts
from gateway.analysis.design import Design
from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.analysis.late import Said
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.answers.segments import code_of
from gateway.control import blocks
from gateway.control.arrivals import Coming, Split, Waiting, split_of
from gateway.domain.evaluation import Evaluator
from gateway.domain.segment import Segment
from gateway.domain.units import Share
from gateway.domain.verdict import Assessment, Finding
from gateway.handoff.evidence import Arrival, Block, Record

_MOST_SAID: Final = 10_000
_MOST_KEYLESS: Final = 1_000
"""Blocks whose requests without a key wait for the next look."""

_NO_CELLS: Final[Mapping[tuple[int, int], int]] = MappingProxyType({})


class Kept(msgspec.Struct, kw_only=True):
    """What of an examination is kept, but for its trial and its keys."""

    book: bytes
    window: int
    waiting: bytes
    segments: int
    has_counts: bool
    is_cut: bool = False


class Stage(msgspec.Struct, kw_only=True, frozen=True):
    """What has to be proven in a step.

    Attributes:
        number: Standing.stage.
        rung: Of the ladder of margins; None: nothing.
        is_mirrored: Mirrored pairs count: one of the versions has no weight.

    """

    number: int = 0
    rung: int | None = None
    is_mirrored: bool = False

    def begins_after(self, before: Self) -> bool:
        """Whether proofs begin afresh: after another stage, or by another kind of unit.

        A mirror may begin within a stage, behind a step that set a header route.
        """
        was = (before.number, before.is_mirrored)
        return (self.number, self.is_mirrored) != was


class Examination:
    """Everything that is known of one attempt's evidence.

    Args:
        design: Frozen at its start.
        segments: Of the service, as they were defined then.

    Attributes:
        segments_code: Tells these segments from others of their names.
        has_counts: Whether anything was counted in the open block.

    """

    def __init__(self, design: Design, segments: Sequence[Segment]) -> None:
        self.design = design
        self.book = UnitBook(design)
        self.trial = Trial(design)
        self._waiting = Waiting(self._take, self._is_ahead)
        self._coming = Coming(self._take_keys)
        self._keyless: deque[tuple[Split, tuple[int, int]]] = deque(
            maxlen=_MOST_KEYLESS
        )
        self._said: deque[tuple[float, Said, int]] = deque(maxlen=_MOST_SAID)
        self._window = -1
        self.has_counts = False
        self.segments_code = code_of(segments)
        self._cells = cells_of(design, segments)

    @property
    def sampled(self) -> float:
        """Part of the keys that is looked at, 0 to 1."""
        return self.book.sampled

    @property
    def split_checked(self) -> float:
        """Part of the keys that the split is checked on, 0 to 1."""
        return self.book.assigned.checked

    def take(self, block: Block, *, worker: int = 0) -> int:
        """Take what a worker, by its process id, recorded; give how many that were.

        Who came waits for the next look: a worker may be the first to know of a weight.
        """
        self._coming.add(block, worker)
        if any(block.keyless):
            self._keyless.append((split_of(block, worker), block.keyless))
        self._waiting.add(block, worker)
        cells = self._cells_of(block.segments)
        for pair in block.pairs:
            self.book.take_pair(
                pair,
                names=block.names,
                revision=block.revision,
                cells=cells,
            )
        return len(block.records) + len(block.pairs)

    def thin_out(self, sampled: float) -> None:
        """Know that a worker told of a part of the keys only, 0 to 1."""
        self.book.assigned.thin_out(sampled)

    def _take(self, split: Split, record: Record) -> None:
        self.book.listen_to(split.worker)
        self.book.take(
            record,
            revision=split.revision,
            share=split.share,
            names=split.names,
            cells=self._cells_of(split.segments),
        )

    def _is_ahead(self, split: Split, record: Record) -> bool:
        return self.design.by_request or self.book.assigned.is_ahead(
            record, revision=split.revision, worker=split.worker
        )

    def _take_keys(self, split: Split, arrivals: Sequence[Arrival]) -> None:
        self.book.assigned.come(
            arrivals,
            revision=split.revision,
            share=split.share,
            worker=split.worker,
        )

    def _take_all_that_came(self, until: float) -> None:
        """Count units that came; of keys those before a moment."""
        self._coming.settle(until)
        while self._keyless:
            split, units = self._keyless.popleft()
            self.book.assigned.come_without_key(
                units, revision=split.revision, share=split.share
            )

    def _cells_of(self, segments: int) -> Mapping[tuple[int, int], int]:
        """Give the cells of a definition; of another than ours only the whole counts."""
        return self._cells if segments == self.segments_code else _NO_CELLS

    def _hear_up_to(self, settled: float) -> None:
        """Take feedback when the exchange that it is about has been taken."""
        while self._said and self._said[0][0] <= settled:
            at, said, segments = self._said.popleft()
            self.book.hear(said, cells=self._cells_of(segments), at=at)

    def hear(self, said: Said, segments: int, now: float) -> None:
        """Take feedback on an exchange that was evidence.

        Args:
            said: See Said; what is of no epoch of this attempt says nothing.
            segments: Code of the definitions that its cell was made by.
            now: Monotonic clock.

        """
        self._said.append((now, said, segments))

    def use(self, evaluators: Sequence[Evaluator]) -> None:
        """Know who judges from now on, and for which part of the keys."""
        self.book.later.use({each.name: each.sample for each in evaluators})

    def will_judge(self, sampled: Sampled) -> None:
        """Hear that an exchange will be judged; of another attempt it says nothing."""
        self.book.later.sample(sampled)

    def judged(self, judged: Judged) -> None:
        """Take a score of an exchange that was evidence."""
        self.book.later.judge(judged)

    def judged_pair(self, pair: JudgedPair, segments: int) -> None:
        """Take scores of a mirrored pair.

        Args:
            pair: See JudgedPair.
            segments: Code of the definitions that its cell was made by.

        """
        self.book.take_judged_pair(pair, cells=self._cells_of(segments))

    def look(
        self, settled: float | None, until: float, close_block: Callable[[], None]
    ) -> Assessment:
        """Count what is new, and say what is known.

        Args:
            settled: All that arrived before this is known; monotonic clock. None: not
                known yet.
            until: That all that arrived before this did arrive, is known; the same clock.
            close_block: Closes the open block: a window begins with a block.

        """
        self._take_all_that_came(until)
        if settled is not None:
            self._waiting.settle(settled, until)
            self._hear_up_to(settled)
            self.book.close(settled)
        counts = self.book.drain()
        newest = newest_window(counts)
        if newest > self._window:
            close_block()
            self._window = newest
            self.trial.window_begins(newest)
        self.trial.add(counts)
        self.book.set_thresholds(self.trial.thresholds())
        self.has_counts |= not blocks.is_empty(counts)
        return self.trial.look()

    def epoch_begins(
        self, revision: int, share: Share, now: float, *, step: Stage | None
    ) -> None:
        """Begin another weight, and with *step* another step, whose proofs begin afresh.

        Args:
            revision: Of the service's split from now on.
            share: The candidate's weight.
            now: Monotonic clock.
            step: What has to be proven in it; None: it is the same step.

        """
        self.book.epoch_begins(revision, share, now, is_new_step=step is not None)
        self.trial.epoch_begins()
        if step is not None:
            self.trial.step_begins(step.rung, is_mirrored=step.is_mirrored)
            self.book.set_thresholds(self.trial.thresholds())

    def close_block(self) -> Counts:
        """Close the open block; give its counts. What that leaves to be done is rest."""
        self.has_counts = False
        return self.trial.close_block()

    @property
    def has_rest(self) -> bool:
        """Whether there is something for `rest` to do."""
        return self.trial.has_rest

    def rest(self) -> Iterator[None]:
        """Do what a look and a close leave to be done, in slices; see Trial.rest."""
        return self.trial.rest()

    def findings(self) -> Iterator[Finding]:
        """Give what is known of each metric and segment, one by one: some milliseconds."""
        return self.trial.each_finding()

    def log_es(self) -> dict[str, float]:
        """Give the highest ln E of each metric."""
        return self.trial.log_es()

    def forget_keys(self) -> None:
        """Let go of what only counting needs; what is known of metrics stays.

        At once, and not when the garbage collector comes by: it is by far the most.
        """
        self.book.attempt_begins()
        self._waiting = Waiting(self._take, self._is_ahead)
        self._coming = Coming(self._take_keys)
        self._keyless.clear()
        self._said.clear()

    def dump(self, *, whole: bool) -> tuple[bytes, Kept, dict[int, bytes]]:
        """Give what must be kept.

        Args:
            whole: All keys, and not only those that have changed since the last time.

        Returns:
            The trial, the rest, and the keys.

        """
        book, keys = self.book.dump(whole=whole)
        kept = Kept(
            book=book,
            window=self._window,
            waiting=self._waiting.dump(),
            segments=self.segments_code,
            has_counts=self.has_counts,
            is_cut=self._waiting.is_cut,
        )
        return self.trial.dump(), kept, keys

    @classmethod
    def load(
        cls,
        design: Design,
        segments: Sequence[Segment],
        trial: bytes,
        kept: Kept,
        keys: Mapping[int, bytes],
    ) -> Self:
        """Take up what was kept; slices that are others now are looked at no more.

        Raises:
            ValueError: It cannot be read, or is of another design.
            msgspec.ValidationError: The same.

        """
        made = cls(design, segments if code_of(segments) == kept.segments else ())
        made.segments_code = kept.segments
        made.has_counts = kept.has_counts
        made.trial = Trial.load(design, trial)
        made.book.load(kept.book, keys)
        made.book.set_thresholds(made.trial.thresholds())
        made._window = kept.window
        made._waiting.load(kept.waiting)
        if kept.is_cut:
            made.thin_out(0.0)
        return made


def newest_window(counts: Counts) -> int:
    """Give the highest number of a window that was counted in; -1: in none."""
    return max((place.process for place in counts.bins), default=-1)


def cells_of(design: Design, segments: Sequence[Segment]) -> dict[tuple[int, int], int]:
    """Give the numbers of a design's cells, by place of a segment and number of a value."""
    numbers = {pair: number for number, pair in enumerate(design.cells, 1)}
    return {
        (place, value): numbers[segment.name, label]
        for place, segment in enumerate(segments)
        for value, label in enumerate(segment.labels)
        if (segment.name, label) in numbers
    }
