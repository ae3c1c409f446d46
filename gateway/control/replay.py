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
from gateway.analysis.shares import designed_for
from gateway.analysis.trial import Trial
from gateway.control import blocks
from gateway.control.examination import Stage, newest_window
from gateway.control.ruling import ANEW, MOVED
from gateway.delivery import events
from gateway.delivery.machine import answer
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import Standing
from gateway.domain.verdict import Assessment
from gateway.state.journal import BEGUN, BLOCK, LEFT_OUT, Entry

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
    block: int | None = None
    is_provisional: bool = False


class _Anew(msgspec.Struct):
    said: str
    attempt: int
    design: Design
    examination: int | None = None
    is_provisional: bool = False


class _Block(msgspec.Struct):
    number: int
    attempt: int
    revision: int
    stage: Stage
    counts: msgspec.Raw


_MOVES: Final = msgspec.json.Decoder(_Move)
_ANEW: Final = msgspec.json.Decoder(_Anew)
_BLOCKS: Final = msgspec.json.Decoder(_Block)
_REMEMBERED: Final = 16  # assessments: a move waits for the store while blocks go on


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One decision, made again.

    Attributes:
        seq: Of its entry.
        service: Its name.
        said: What the journal says.
        again: What came of it this time, in words; None: the same.
        is_open: Counts that it rests on were left out or taken out, or could not be read
            when it was made: it cannot be made again, which is no contradiction.

    """

    seq: int
    service: str
    said: str
    again: str | None = None
    is_open: bool = False


@dataclass(slots=True)
class _Attempt:
    """What is known of the attempt of one service, as far as it was read.

    Attributes:
        trial: None: it began before the first entry that was read.
        attempt: Its number.
        block: The last block's number.
        revision: Of the last block.
        stage: Of the last block.
        window: The newest.
        design: That the attempt began with; None as for trial.
        examination: Number of the last one that was begun.
        assessments: At the last blocks' ends, by their numbers.
        has_gap: Counts are missing, so that nothing after them can be decided again.

    """

    trial: Trial | None = None
    attempt: int = 0
    block: int = 0
    revision: int = 0
    stage: Stage = Stage()
    window: int = -1
    design: Design | None = None
    examination: int = 1
    assessments: dict[int, Assessment] = field(default_factory=dict)
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
        """Take the next entry; give the decision it is, if it is one.

        An entry that was changed may say anything: what cannot be made sense of is no
        decision that comes out the same.
        """
        service = entry.service
        if service is None:
            return None
        known = self._attempts.setdefault(service, _Attempt())
        try:
            return self._take(service, known, entry)
        except Exception as error:  # ruff: ignore[blind-except]: whatever it says
            known.has_gap = True
            again = f"It cannot be read or made again: {error!r}"
            return Replayed(seq=entry.seq, service=service, said="?", again=again)

    def _take(self, service: str, known: _Attempt, entry: Entry) -> Replayed | None:
        if entry.body is None and entry.kind == BLOCK:
            known.has_gap = True
            return None
        if entry.body is None:
            raise ValueError("its text is missing")
        match entry.kind:
            case kind if kind == LEFT_OUT:
                known.has_gap = True
            case kind if kind == BLOCK:
                _take_block(known, _BLOCKS.decode(entry.body))
            case kind if kind == ANEW:
                return self._take_anew(known, _ANEW.decode(entry.body), entry, service)
            case kind if kind in {BEGUN, MOVED}:
                move = _MOVES.decode(entry.body)
                made = _again(known, move, entry.seq, service)
                if move.design is not None:
                    attempt = move.after.attempt
                    self._attempts[service] = _begun(attempt, move.design)
                return made
        return None

    def _take_anew(
        self, known: _Attempt, anew: _Anew, entry: Entry, service: str
    ) -> Replayed | None:
        """Begin from nothing, with the part of alpha that this examination has."""
        again = _contradiction(known, anew)
        number = known.examination + 1 if anew.examination is None else anew.examination
        if anew.is_provisional:  # what was known before is gone on with
            known.examination = max(known.examination, number)
        else:
            begun = _begun(anew.attempt, anew.design)
            is_its = anew.attempt == known.attempt
            begun.design, begun.examination = known.design if is_its else None, number
            self._attempts[service] = begun
        if again is None:
            return None
        return Replayed(seq=entry.seq, service=service, said=anew.said, again=again)


def _begun(attempt: int, design: Design) -> _Attempt:
    return _Attempt(trial=Trial(design), attempt=attempt, design=design)


def _contradiction(known: _Attempt, anew: _Anew) -> str | None:
    """Say what an examination from nothing may not be; None: it is as it should be.

    Earlier releases did not count them, and gave each the whole alpha. Of those that no
    store knew of, because it and everything else was lost, there is no entry: numbers
    may be left out.
    """
    if anew.examination is None or known.design is None:
        return None
    if anew.attempt != known.attempt:
        return None
    if anew.examination <= known.examination:
        return f"Examination {known.examination} was begun already."
    due = designed_for(known.design, anew.examination)
    if (anew.design.alpha, anew.design.sample_ratio_alpha) == (
        due.alpha,
        due.sample_ratio_alpha,
    ):
        return None
    return f"Examination {anew.examination} has an alpha of {due.alpha:.3g}."


def _take_block(known: _Attempt, block: _Block) -> None:
    """Do with a block's counts what was done with them."""
    if known.trial is None or block.attempt != known.attempt:
        return
    if block.number != known.block + 1:
        known.has_gap = True  # one is missing, or was counted and then lost in a crash
    trial, counts = known.trial, blocks.read(block.counts)
    if block.revision != known.revision:
        trial.epoch_begins()
    if block.stage.begins_after(known.stage):
        trial.step_begins(block.stage.rung, is_mirrored=block.stage.is_mirrored)
    newest = newest_window(counts)
    if newest > known.window:
        known.window = newest
        trial.window_begins(newest)
    trial.add(counts)
    known.block, known.revision, known.stage = block.number, block.revision, block.stage
    known.assessments[block.number] = trial.look()
    known.assessments.pop(block.number - _REMEMBERED, None)
    trial.close_block()


def _again(known: _Attempt, move: _Move, seq: int, service: str) -> Replayed:
    """Make a decision again, from where it stood and what was known then."""
    told = Replayed(seq=seq, service=service, said=move.said)
    event = _event(move.event)
    if isinstance(event, events.Ticked):
        assessment = None
        if not (known.has_gap or move.is_provisional or move.block is None):
            assessment = known.assessments.get(move.block)
        if assessment is None:
            return replace(told, is_open=True)
        event = replace(event, assessment=assessment)
    try:
        moved = answer(move.before, event)
    except NotAllowedNow as error:
        return replace(told, again=str(error))
    if msgspec.to_builtins(moved.standing) == msgspec.to_builtins(move.after):
        return told
    return replace(told, again=moved.cause or "nothing happened")


def _event(written: dict[str, object]) -> events.Event:
    fields = dict(written)
    kind = _KINDS[str(fields.pop("kind"))]
    return msgspec.convert(fields, kind)
