"""Moves of rollouts: the machine is asked, its answer put in force and kept with reasons.

The journal has a move behind the block of counts it was decided by: who replays it comes
to the same answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from gateway.control import blocks
from gateway.control.designs import design_for
from gateway.control.durable import Durable
from gateway.control.examination import Examination
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.in_force import Receipt
from gateway.control.live import Live, Note, stage_of
from gateway.control.ruling import ANEW, MOVED, Ruling
from gateway.control.standings import is_running
from gateway.control.unharmed import unharmed
from gateway.delivery.events import Event, Moved, Retried, Started, Ticked, outdone_by
from gateway.delivery.machine import answer
from gateway.domain.rollout import Phase, Standing
from gateway.domain.units import percent_from_share
from gateway.domain.verdict import Assessment, Finding
from gateway.handoff.routing_table import RoutedService
from gateway.state.journal import BEGUN, BLOCK, Draft
from gateway.state.store import Change, KeptEvidence

_DOWN: Final = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK})


class NothingToDo(Exception):
    """What was asked for is so already."""


class Moves:
    """Makes moves, and knows the rollouts that are on.

    Args:
        gate: Puts moves in force.
        durable: Keeps evidence and the journal.
        clock: Monotonic, seconds.
        now: Unix time in seconds, for display.

    Attributes:
        lives: By service: what is examined; the last attempt's stays to be looked at.
        rollbacks: By service and the metric that caused them.

    """

    def __init__(
        self,
        gate: Gatekeeper,
        durable: Durable,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._durable = durable
        self._clock = clock
        self._now = now
        self.lives: dict[str, Live] = {}
        self.rollbacks: Counter[tuple[str, str]] = Counter()

    async def make(
        self, service: str, event: Event, *, by: str, reason: str = ""
    ) -> tuple[Moved, Receipt]:
        """Answer an event, and put the answer in force.

        Args:
            service: Its name.
            event: A tick is answered by the newest assessment.
            by: Who.
            reason: In their words.

        Raises:
            NotAllowedNow: The machine says what is possible.
            NothingToDo: Nothing but time has passed.
            RevisionConflict: Something was lowered meanwhile; nothing was changed.
            StoreUnavailable: It raises, and cannot be kept; nothing was changed.

        """
        made: list[Moved] = []

        def plan() -> Ruling:
            standing = self._gate.standings.of(service)
            newest = self._newest(service, event)
            moved = answer(standing, newest)
            if not moved.cause:
                raise NothingToDo(service)
            made.append(moved)
            return self._ruling(service, standing, newest, moved, by, reason)

        _ruling, receipt = await self._gate.rule(plan)
        if made[-1].standing.phase is Phase.PROMOTED:
            won = made[-1].standing.candidate
            receipt = await self._end_beside(service, won, by) or receipt
        return made[-1], receipt

    async def _end_beside(self, name: str, won: str, by: str) -> Receipt | None:
        """End the other candidates' rollouts: who they were compared with serves no more.

        What does not succeed here is done at the next start (Wishes.of_configuration).
        """
        receipt: Receipt | None = None
        for other in self._gate.beside(name):
            if is_running(self._gate.standings.of(other)):
                with unharmed(f"Ending the rollout of {other}"):
                    _moved, receipt = await self.make(other, outdone_by(won), by=by)
        return receipt

    def begin_again(
        self,
        service: str,
        standing: Standing,
        why: str,
        *,
        is_provisional: bool = False,
    ) -> None:
        """Examine an attempt from nothing: its evidence was lost, or cannot be read now.

        What keys were seen where is lost with it, so that they count once more; the
        coins of the weight from now on are those of keys that nobody has seen.

        Args:
            service: Its name.
            standing: Of its rollout.
            why: In a sentence, for the journal.
            is_provisional: It can be read later: until then nothing of this is kept.

        Raises:
            BadConfiguration: The service has no more what the plan compares.

        """
        routed = self._gate.routed(service)
        live = self._begun(service, standing, self._clock())
        live.is_provisional = is_provisional
        if not is_provisional:
            design = live.examination.design
            body = {"said": why, "attempt": live.attempt, "design": design}
            live.drafts.append(self._draft(service, ANEW, body))
        self.lives[service] = live
        self._follow(live, routed, standing)

    def take_up(self, service: str, standing: Standing, found: KeptEvidence) -> None:
        """Go on with the evidence of an attempt that was kept.

        Raises:
            ValueError: It cannot be read.
            msgspec.MsgspecError: The same.

        """
        now, note = self._clock(), msgspec.msgpack.decode(found.book, type=Note)
        segments = self._gate.defined(service).segments
        live = Live(
            service=service,
            attempt=found.attempt,
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
        )
        self.lives[service] = live
        if note.stage.number == standing.stage:
            timed = replace(
                standing,
                in_step=note.in_step,
                in_phase=note.in_phase,
                waited=note.waited,
            )
            self._gate.standings.tick(service, timed)
        self._follow(live, self._gate.routed(service), standing)

    def follow(self, live: Live) -> None:
        """Let the examination follow what is in force, whoever put it there.

        A store that comes back, or a reload, may give the same weight another revision:
        evidence of one that the examination does not know counts for nothing.
        """
        standing = self._gate.standings.of(live.service)
        self._follow(live, self._gate.routed(live.service), standing)

    def close_block(self, live: Live, *, is_told: bool = False) -> None:
        """Close the open block; it is journalled with the evidence that is kept next.

        Every block that is closed is journalled, so that who replays them closes the
        same ones; one in which nothing was counted stays open.

        Args:
            live: The rollout.
            is_told: Close it though nothing was counted.

        """
        if not is_told and not live.examination.has_counts:
            return
        counts = live.examination.close_block()
        number, live.block = live.block, live.block + 1
        if live.is_provisional:
            return
        body = {
            "number": number,
            "attempt": live.attempt,
            "revision": live.revision,
            "stage": live.stage,
            "counts": msgspec.Raw(blocks.written(counts)),
        }
        live.drafts.append(self._draft(live.service, BLOCK, body))

    async def keep_evidence(self, live: Live) -> None:
        """Keep what is known, in one piece with the blocks it has grown by.

        Raises:
            StoreUnavailable: It is not kept; the next time keeps it all.

        """
        if live.is_provisional:
            return
        async with live.keeping:
            drafts, live.drafts = tuple(live.drafts), []
            if self._durable.trouble is not None:
                # All keys of a large rollout take a fifth of a second to write down,
                # in which nothing is decided: not for a store that is away.
                self._durable.tell(drafts)
                raise self._durable.trouble
            is_new, live.is_whole_kept = not live.is_whole_kept, False
            evidence = self._evidence(live, is_new=is_new)
            live.is_whole_kept = await self._durable.save_evidence(
                evidence, drafts=drafts
            )

    def _evidence(self, live: Live, *, is_new: bool) -> KeptEvidence:
        trial, kept, keys = live.examination.dump(whole=is_new)
        standing = self._gate.standings.of(live.service)
        return KeptEvidence(
            service=live.service,
            attempt=live.attempt,
            trial=trial,
            book=live.written(kept, standing),
            keys=keys,
            is_new=is_new,
        )

    def _live_of(self, service: str, standing: Standing) -> Live | None:
        live = self.lives.get(service)
        return live if live is not None and live.attempt == standing.attempt else None

    def _newest(self, service: str, event: Event) -> Event:
        live = self.lives.get(service)
        if live is None or not isinstance(event, Ticked):
            return event
        return replace(event, assessment=live.assessment)

    def _ruling(
        self,
        service: str,
        before: Standing,
        event: Event,
        moved: Moved,
        by: str,
        reason: str,
    ) -> Ruling:
        live = self._live_of(service, before)
        rests_on = None if live is None else live.assessed_in

        async def keep_evidence() -> None:
            if live is None:
                return
            if live.block == rests_on:
                self.close_block(live, is_told=True)
            await self.keep_evidence(live)

        told = {
            "by": by,
            "reason": reason,
            "block": rests_on,
            "is_provisional": live is not None and live.is_provisional,
        }
        return Ruling(
            service=service,
            before=before,
            standing=moved.standing,
            raises=moved.raises,
            change=Change(by=by, reason=reason or moved.cause, at=self._now()),
            drafts=(self._said(service, before, event, moved, told),),
            keep_evidence=keep_evidence,
            enforced=lambda routed: self._enforced(
                routed, before, moved.standing, moved.findings
            ),
        )

    def _enforced(
        self,
        routed: RoutedService,
        before: Standing,
        after: Standing,
        findings: tuple[Finding, ...],
    ) -> None:
        """Let the examination follow what is in force from now on."""
        name = routed.service.name
        if findings and after.phase in _DOWN and before.phase not in _DOWN:
            self.rollbacks[name, findings[0].metric] += 1
        if after.attempt != before.attempt:
            self.lives[name] = self._begun(name, after, self._clock())
        live = self.lives.get(name)
        if live is not None and is_running(after):
            self._follow(live, routed, after)

    def _follow(self, live: Live, routed: RoutedService, standing: Standing) -> None:
        stage = stage_of(standing)
        is_new = stage.begins_after(live.stage)
        if not is_new and live.revision == routed.revision:
            return
        self.close_block(live, is_told=True)
        live.revision = routed.revision
        live.stage = stage if is_new else live.stage
        live.examination.epoch_begins(
            routed.revision,
            routed.share,
            self._clock(),
            step=stage if is_new else None,
        )

    def _begun(self, name: str, standing: Standing, now: float) -> Live:
        service = self._gate.defined(name)
        assert standing.plan is not None  # ruff: ignore[assert]: it has begun
        return Live(
            service=name,
            attempt=standing.attempt,
            examination=Examination(
                design_for(service, standing.plan), service.segments
            ),
            looked_at=now,
            block_since=now,
            saved_at=now,
        )

    def _said(
        self,
        service: str,
        before: Standing,
        event: Event,
        moved: Moved,
        told: Mapping[str, object],
    ) -> Draft:
        after = moved.standing
        body: dict[str, object] = {
            "said": moved.cause,
            **told,
            "event": _event(event),
            "phase": [before.phase, after.phase],
            "weight": [
                percent_from_share(before.share),
                percent_from_share(after.share),
            ],
            "before": before,
            "after": after,
            "findings": moved.findings,
        }
        kind = MOVED
        if isinstance(event, Started | Retried):
            kind = BEGUN
            body["design"] = design_for(self._gate.defined(service), event.plan)
        return self._draft(service, kind, body)

    def _draft(self, service: str, kind: str, body: object) -> Draft:
        return Draft(
            at=self._now(), service=service, kind=kind, body=msgspec.json.encode(body)
        )


def _event(event: Event) -> dict[str, object]:
    """Write what replaying needs of an event; what was known follows from the blocks."""
    if isinstance(event, Ticked):
        event = replace(event, assessment=Assessment())
    return {"kind": type(event).__name__, **msgspec.to_builtins(event)}
