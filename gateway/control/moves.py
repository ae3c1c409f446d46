"""Moves of rollouts: the machine is asked, its answer put in force and kept with reasons.

The journal has a move behind the block of counts it was decided by: who replays it comes
to the same answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from gateway.analysis.design import Design
from gateway.analysis.shares import designed_for
from gateway.control.designs import design_for
from gateway.control.durable import Durable
from gateway.control.ended import Endings
from gateway.control.examination import Examination
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.held import HeldBlocks
from gateway.control.in_force import Receipt
from gateway.control.live import Live, loaded, stage_of
from gateway.control.rising import demand_unbeaten, is_premature
from gateway.control.ruling import Ruling
from gateway.control.standings import is_running
from gateway.control.telling import anew_told, block_told, move_told
from gateway.control.unharmed import unharmed
from gateway.delivery.events import Event, Moved, Ticked, outdone_by
from gateway.delivery.machine import answer
from gateway.domain.errors import StoreUnavailable
from gateway.domain.rollout import TERMINAL, Phase, Standing
from gateway.handoff.routing_table import RoutedService
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
        lives: By service: what is examined.
        endings: What was known of attempts when they ended.
        held: What came before its rollout's evidence was taken up.
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
        self.endings = Endings(durable, clock, now)
        self.held = HeldBlocks()
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
            NotAllowedNow: The machine says what is possible; or another candidate of
                the service was promoted meanwhile.
            NothingToDo: Nothing but time has passed, or nothing that may come of a tick.
            RevisionConflict: Something was lowered meanwhile; nothing was changed.
            StoreUnavailable: It raises, and cannot be kept; nothing was changed.

        """
        made: list[Moved] = []
        rulings: list[Ruling] = []

        def plan() -> Ruling:
            standing = self._gate.standings.of(service)
            if rulings and rulings[-1].raises:
                demand_unbeaten(self._gate, service, standing)
            is_asked_again = bool(rulings) and rulings[-1].before is standing
            if is_asked_again and not isinstance(event, Ticked):
                return rulings[-1]
            newest = self._newest(service, event)
            moved = answer(standing, newest)
            live = self.lives.get(service)
            if not moved.cause or is_premature(live, event, moved):
                raise NothingToDo(service)
            if moved.raises:
                demand_unbeaten(self._gate, service, standing)
            made.append(moved)
            rulings.append(self._ruling(service, standing, newest, moved, by, reason))
            return rulings[-1]

        _ruling, receipt = await self._gate.rule(plan)
        if made[-1].standing.phase is Phase.PROMOTED:
            won = made[-1].standing.candidate
            receipt = await self._end_beside(service, won, by) or receipt
        await self._settle(service, made[-1].standing)
        return made[-1], receipt

    async def _end_beside(self, name: str, won: str, by: str) -> Receipt | None:
        """End the other candidates' rollouts: who they were compared with serves no more.

        At the same time: none waits for another, nor for what the promotion leaves to be
        kept. What does not succeed here is done at the next start
        (Wishes.of_configuration).
        """
        receipts: list[Receipt] = []

        async def end(other: str) -> None:
            with unharmed(f"Ending the rollout of {other}"):
                receipts.append((await self.make(other, outdone_by(won), by=by))[1])

        beside = self._gate.beside(name)
        on = [other for other in beside if is_running(self._gate.standings.of(other))]
        await asyncio.gather(*(end(other) for other in on))
        return max(receipts, key=lambda one: one.table.epoch, default=None)

    def begin_again(
        self, service: str, why: str, *, is_provisional: bool = False
    ) -> None:
        """Examine an attempt from nothing: its evidence was lost, or cannot be read now.

        What keys were seen where is lost with it, so that they count once more; the
        coins of the weight from now on are those of keys that nobody has seen. It is
        another chance to be wrong, so it has a small part of alpha (decisions/0015).

        Args:
            service: Its name; its rollout is on.
            why: In a sentence, for the journal.
            is_provisional: It can be read later: until then nothing of this is kept.

        Raises:
            BadConfiguration: The service has no more what the plan compares.

        """
        standing = self._gate.standings.of(service)
        number, routed = standing.examinations + 1, self._gate.routed(service)
        design = designed_for(self._design(service, standing), number)
        standing = replace(standing, examinations=number)
        self._gate.note(service, standing)  # before it spends any of its alpha
        live = self._begun(service, standing, design)
        live.number, live.is_provisional = number, is_provisional
        told = anew_told(live, why, at=self._now())
        if is_provisional:
            self._durable.tell([told])
        else:
            live.drafts.append(told)
        self._enter(live, routed, standing)

    def take_up(self, service: str, found: KeptEvidence) -> None:
        """Go on with the evidence that was kept of the attempt that is on.

        Raises:
            ValueError: It cannot be read.
            msgspec.MsgspecError: The same.

        """
        standing = self._gate.standings.of(service)
        segments = self._gate.defined(service).segments
        live, note = loaded(service, found, segments, self._clock())
        if note.stage.number == standing.stage:
            timed = replace(
                standing,
                in_step=note.in_step,
                in_phase=note.in_phase,
                waited=note.waited,
            )
            self._gate.standings.tick(service, timed)
        self._enter(live, self._gate.routed(service), standing)

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
        if not live.is_provisional:
            live.drafts.append(block_told(live, counts, at=self._now()))
        live.block += 1

    async def keep_evidence(self, live: Live) -> None:
        """Keep what is known, in one piece with the blocks it has grown by.

        Raises:
            StoreUnavailable: It is not kept; the next time keeps it all.

        """
        if live.is_provisional:
            return
        async with live.keeping:
            drafts, live.drafts = tuple(live.drafts), []
            if live.is_over:
                self._durable.tell(drafts)
                return
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
        live, after = self._live_of(service, before), moved.standing
        rests_on = None if live is None else live.assessed_in
        is_begun = after.attempt != before.attempt
        design = self._design(service, after) if is_begun else None
        at = self._now()

        async def keep_evidence() -> None:
            if live is None:
                return
            if live.block == rests_on:
                self.close_block(live, is_told=True)
            await self.keep_evidence(live)

        told: dict[str, object] = {
            "by": by,
            "reason": reason,
            "block": rests_on,
            "is_provisional": live is not None and live.is_provisional,
        }
        if design is not None:
            told["design"] = design
        return Ruling(
            service=service,
            before=before,
            standing=after,
            raises=moved.raises,
            change=Change(by=by, reason=reason or moved.cause, at=at),
            drafts=(move_told(service, before, event, moved, told, at=at),),
            keep_evidence=keep_evidence,
            enforced=lambda routed: self._enforced(routed, before, moved, design),
        )

    def _enforced(
        self,
        routed: RoutedService,
        before: Standing,
        moved: Moved,
        design: Design | None,
    ) -> None:
        """Let the examination follow what is in force from now on."""
        name, after = routed.service.name, moved.standing
        if moved.findings and after.phase in _DOWN and before.phase not in _DOWN:
            self.rollbacks[name, moved.findings[0].metric] += 1
        if design is not None:
            self.held.give(name)
            self.endings.forget(name)
            self.lives[name] = self._begun(name, after, design)
        live = self.lives.get(name)
        if live is not None and is_running(after):
            self._follow(live, routed, after)

    def _enter(self, live: Live, routed: RoutedService, standing: Standing) -> None:
        """Examine from now on, and take what came while that was not possible."""
        self.lives[live.service] = live
        self._follow(live, routed, standing)
        if live.is_provisional:
            return  # what is held is for what is taken up later
        live.thin_out(self.held.sampled(live.service))
        for block, worker in self.held.give(live.service):
            with unharmed(f"Counting what came meanwhile for {live.service}"):
                live.newest = self._clock()
                live.examination.take(block, worker=worker)

    def _follow(self, live: Live, routed: RoutedService, standing: Standing) -> None:
        live.examination.use(routed.service.evaluators)
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

    def _design(self, name: str, standing: Standing) -> Design:
        assert standing.plan is not None  # ruff: ignore[assert]: it has begun
        return design_for(self._gate.defined(name), standing.plan)

    def _begun(self, name: str, standing: Standing, design: Design) -> Live:
        now, segments = self._clock(), self._gate.defined(name).segments
        return Live(
            service=name,
            attempt=standing.attempt,
            examination=Examination(design, segments),
            looked_at=now,
            block_since=now,
            saved_at=now,
        )

    async def _settle(self, service: str, after: Standing) -> None:
        """Keep what an attempt begins or ends with; where it cannot be, later.

        An attempt of which nothing is kept could only be examined from nothing.
        """
        live = self._live_of(service, after)
        if live is None:
            return
        what = f"Keeping what the rollout of {service} begins or ends with"
        with unharmed(what), suppress(StoreUnavailable):
            if after.phase in TERMINAL:
                await self._end(live)
            elif not live.is_whole_kept:
                await self.keep_evidence(live)

    async def _end(self, live: Live) -> None:
        """Let go of all that only examining needs, here and in the store."""
        self.endings.end(live)
        del self.lives[live.service]
        self.held.give(live.service)
        async with live.keeping:
            live.is_over = True
            live.examination.forget_keys()
            self._durable.tell(live.drafts)
            live.drafts = []
        await self.endings.keep()
