"""A rollout that is on: what is kept of it between two looks."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.analysis.design import Design
from gateway.analysis.ladder import rung_of
from gateway.control.examination import Examination, Kept, Stage
from gateway.delivery.steps import is_baking, is_compared, steps_of
from gateway.domain.rollout import RolloutPlan, SetWeight, Standing, Step
from gateway.domain.segment import Segment
from gateway.domain.units import BUCKETS, Seconds
from gateway.domain.verdict import Assessment
from gateway.state.journal import Draft
from gateway.state.store import KeptEvidence

_log = logging.getLogger(__name__)


class Note(msgspec.Struct, kw_only=True):
    """What is kept of a live rollout beside its wealth and its keys."""

    design: Design
    kept: Kept
    revision: int
    block: int
    stage: Stage
    in_step: Seconds
    in_phase: Seconds
    waited: Seconds
    examination: int = 1
    judges: dict[str, str] = {}


def stage_of(standing: Standing) -> Stage:
    """Give what has to be proven where a rollout stands; in the bake that is nothing."""
    plan = standing.plan
    is_mirrored = not standing.share and bool(standing.mirror_routes)
    if plan is None or is_baking(standing):
        is_reversed = standing.share == BUCKETS and standing.reverse_mirror > 0
        return Stage(number=standing.stage, is_mirrored=is_reversed)
    if not standing.share and not is_mirrored:
        return Stage(number=standing.stage)
    later = steps_of(plan)[standing.step + 1 :]
    is_last = not any(_compares(plan, step) for step in later)
    rung = rung_of(
        standing.share,
        is_last_comparative=is_last,
        strict=plan.analysis.strict,
    )
    return Stage(number=standing.stage, rung=rung, is_mirrored=is_mirrored)


def _compares(plan: RolloutPlan, step: Step) -> bool:
    return isinstance(step, SetWeight) and is_compared(plan, step.share)


@dataclass(slots=True, kw_only=True)
class Live:
    """One service's rollout, while there is something to examine.

    Attributes:
        service: Its name.
        attempt: Of its rollout.
        number: Of the examination, in its attempt: 1 the first, others began from nothing.
        examination: Of this attempt's evidence.
        looked_at: When it was looked at last; monotonic clock, as the others.
        block_since: When the open block began.
        saved_at: When its evidence was kept last.
        revision: Of the weight that is examined; 0 before the first.
        block: Number of the open block in the journal, 1 the first.
        assessed_in: The block that was open at the last look.
        stage: Whose proofs are going on.
        newest: When the last unit of evidence was heard of; None: none yet.
        assessment: At the last look.
        drafts: Blocks that were closed and are not journalled yet.
        is_whole_kept: Whether what is kept is whole, so that changes can be added.
        is_provisional: What was known before cannot be read now: this catches what is
            bad, and nothing of it is kept.
        is_over: The attempt has ended: nothing of this is kept any more.
        is_raising: A move upwards waits for the store.
        is_saving: Evidence is kept every now and then, and is just now.
        is_resting: What a look left to be done is being done.
        keeping: Held by whoever keeps evidence: what changes is added in order.
        trouble: Why its last move could not be put in force; "": it could.
        judges: Identities of the evaluators that have judged it so far, by name.

    """

    service: str
    attempt: int
    examination: Examination
    number: int = 1
    looked_at: float
    block_since: float
    saved_at: float
    revision: int = 0
    block: int = 1
    assessed_in: int = 1
    stage: Stage = Stage()
    newest: float | None = None
    assessment: Assessment = field(default_factory=Assessment)
    drafts: list[Draft] = field(default_factory=list)
    is_whole_kept: bool = False
    is_provisional: bool = False
    is_over: bool = False
    is_raising: bool = False
    is_saving: bool = False
    is_resting: bool = False
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    trouble: str = ""
    judges: dict[str, str] = field(default_factory=dict)

    def thin_out(self, sampled: float) -> None:
        """Know that a part of the keys only was told of, 0 to 1; warn where it is none."""
        was_checked = self.examination.split_checked > 0
        self.examination.thin_out(sampled)
        if was_checked and not self.examination.split_checked:
            _log.warning(
                "%s: records were dropped, of any keys. For the rest of this attempt no"
                " key shows whether the split is as tossed.",
                self.service,
            )

    def written(self, kept: Kept, standing: Standing) -> bytes:
        """Write what is kept beside the wealth and the keys."""
        return msgspec.msgpack.encode(
            Note(
                design=self.examination.design,
                kept=kept,
                revision=self.revision,
                block=self.block,
                stage=self.stage,
                in_step=standing.in_step,
                in_phase=standing.in_phase,
                waited=standing.waited,
                examination=self.number,
                judges=self.judges,
            )
        )


def loaded(
    service: str, found: KeptEvidence, segments: Sequence[Segment], now: float
) -> tuple[Live, Note]:
    """Read back what was kept of a live rollout.

    Args:
        service: Its name.
        found: What was kept.
        segments: Of the service, as they are defined now.
        now: Monotonic clock.

    Raises:
        ValueError: It cannot be read.
        msgspec.MsgspecError: The same.

    """
    note = msgspec.msgpack.decode(found.book, type=Note)
    live = Live(
        service=service,
        attempt=found.attempt,
        number=note.examination,
        examination=Examination.load(
            note.design, segments, found.trial, note.kept, found.keys
        ),
        looked_at=now,
        block_since=now,
        saved_at=now,
        revision=note.revision,
        block=note.block,
        assessed_in=note.block,
        stage=note.stage,
        is_whole_kept=True,
        judges=note.judges,
    )
    return live, note
