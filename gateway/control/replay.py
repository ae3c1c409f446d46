"""Decisions made again from the journal alone, and compared with what was decided.

The machine and the analysis are pure: the same counts in the same order, given to the same
design, come to the same verdicts, and the same events to the same standings. What differs
was changed, lost, or decided by another release.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from gateway.analysis.design import Design
from gateway.analysis.trial import Trial
from gateway.control import blocks
from gateway.control.examination import Stage, newest_window
from gateway.delivery import events
from gateway.delivery.machine import answer
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import Standing
from gateway.domain.verdict import Assessment
from gateway.state.journal import BEGUN, BLOCK, LEFT_OUT, Entry

MOVED: Final = "moved"
_KINDS: Final[Mapping[str, type[events.Event]]] = {
    kind.__name__: kind
    for kind in (
        events.Started, events.Retried, events.Ticked, events.Paused, events.Resumed,
        events.Promoted, events.Aborted, events.Killed, events.Unkilled,
        events.WeightSet, events.Redefined, events.CandidateGone,
    )
}  # fmt: skip


class _Move(msgspec.Struct):
    said: str
    event: dict[str, object]
    before: Standing
    after: Standing
    design: Design | None = None


class _Block(msgspec.Struct):
    attempt: int
    revision: int
    stage: Stage
    counts: msgspec.Raw


_MOVES: Final = msgspec.json.Decoder(_Move)
_BLOCKS: Final = msgspec.json.Decoder(_Block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One decision, made again.

    Attributes:
        seq: Of its entry.
        service: Its name.
        said: What the journal says.
        again: What came of it this time, in words; None: the same.
        is_open: Counts that it rests on were left out or taken out: it cannot be made
            again, which is no contradiction.

    """

    seq: int
    service: str
    said: str
    again: str | None = None
    is_open: bool = False


@dataclass(slots=True)
class _Attempt:
    """What is known of the attempt of one service, as far as it was read."""

    trial: Trial | None = None
    attempt: int = 0
    revision: int = 0
    stage: Stage = Stage()
    window: int = -1
    assessment: Assessment = field(default_factory=Assessment)
    has_gap: bool = False


class Replay:
    """Takes a journal's entries in order."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    def all_of(self, entries: Iterable[Entry]) -> Iterable[Replayed]:
        """Make every decision in *entries* again."""
        for entry in entries:
            made = self.take(entry)
            if made is not None:
                yield made

    def take(self, entry: Entry) -> Replayed | None:
        """Take the next entry; give the decision it is, if it is one."""
        if entry.service is None:
            return None
        known = self._attempts.setdefault(entry.service, _Attempt())
        match entry.kind:
            case kind if kind == LEFT_OUT:
                known.has_gap = True
            case kind if kind == BLOCK:
                _take_block(known, entry)
            case kind if kind in {BEGUN, MOVED}:
                return _take_move(known, entry)
        return None


def _take_block(known: _Attempt, entry: Entry) -> None:
    if entry.body is None:
        known.has_gap = True
        return
    block = _BLOCKS.decode(entry.body)
    if known.trial is None or block.attempt != known.attempt:
        return
    trial, counts = known.trial, blocks.read(block.counts)
    if block.revision != known.revision:
        trial.epoch_begins()
    if block.stage.number != known.stage.number:
        trial.step_begins(block.stage.rung, is_mirrored=block.stage.is_mirrored)
    known.revision, known.stage = block.revision, block.stage
    newest = newest_window(counts)
    if newest > known.window:
        known.window = newest
        trial.window_begins(newest)
    trial.add(counts)
    known.assessment = trial.look()
    trial.close_block()


def _take_move(known: _Attempt, entry: Entry) -> Replayed:
    assert entry.body is not None  # ruff: ignore[assert]: only blocks lose their bodies
    move = _MOVES.decode(entry.body)
    made = _again(known, move, entry)
    if move.design is not None:
        known.trial = Trial(move.design)
        known.attempt, known.revision = move.after.attempt, 0
        known.stage, known.window = Stage(), -1
        known.assessment, known.has_gap = Assessment(), False
    return made


def _again(known: _Attempt, move: _Move, entry: Entry) -> Replayed:
    service = str(entry.service)
    told = Replayed(seq=entry.seq, service=service, said=move.said)
    event = _event(move.event, known.assessment)
    is_evidence = isinstance(event, events.Ticked)
    if is_evidence and (known.has_gap or known.trial is None):
        return _with(told, is_open=True)
    try:
        moved = answer(move.before, event)
    except NotAllowedNow as error:
        return _with(told, again=str(error))
    if msgspec.to_builtins(moved.standing) == msgspec.to_builtins(move.after):
        return told
    return _with(told, again=moved.cause or "nothing happened")


def _with(
    told: Replayed, *, again: str | None = None, is_open: bool = False
) -> Replayed:
    return Replayed(
        seq=told.seq,
        service=told.service,
        said=told.said,
        again=again,
        is_open=is_open,
    )


def _event(written: dict[str, object], assessment: Assessment) -> events.Event:
    fields = dict(written)
    kind = _KINDS[str(fields.pop("kind"))]
    event = msgspec.convert(fields, kind)
    if isinstance(event, events.Ticked):
        return replace(event, assessment=assessment)
    return event
