"""The life of a decision, told in phases: aggregate, assess, decide, publish.

Workers record; `take` gives each record to its rollout's examination. Four times a second
`look` counts what is new, says what is known, asks the machine what follows, and has it
put in force. Every few seconds a block closes: only then does the past that bets are made
from grow, and only then are counts journalled.

A look never waits for what it decides: going up waits for the store in a task of its own,
and a regression found meanwhile is answered all the same, at once.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final, Protocol

from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.analysis.late import Said
from gateway.answers.segments import code_of
from gateway.control.arrivals import Settled
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.judges import Judges
from gateway.control.live import Live
from gateway.control.moves import Moves, NothingToDo
from gateway.control.rising import is_premature
from gateway.control.standings import is_running
from gateway.control.unharmed import unharmed
from gateway.delivery.events import JudgeChanged, Ticked
from gateway.delivery.machine import answer
from gateway.domain.errors import GatewayError
from gateway.domain.lane import service_of
from gateway.domain.units import Seconds
from gateway.handoff.evidence import Block
from gateway.handoff.ticket import Ticket

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25
BLOCK_S: Final = 5.0
_KEEP_EVERY_S: Final = 1.0
_BY: Final = "analyzer"


class Probes(Protocol):
    """Whoever knows whether endpoints can be reached; app.probes fills it."""

    def is_healthy(self, service: str, version: str) -> bool:
        """Whether one endpoint of a version takes connections; False: not known yet."""


class Decisions:
    """Looks at the evidence of every rollout that is on.

    Args:
        gate: Puts moves in force.
        moves: Makes them, and keeps what they were decided by.
        probes: See Probes.
        clock: Monotonic, seconds.
        spawn: Runs a task that somebody owns.
        judges: Knows who judges.

    """

    def __init__(
        self,
        gate: Gatekeeper,
        moves: Moves,
        probes: Probes,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[None, None, None]], object],
        judges: Judges,
    ) -> None:
        self._gate = gate
        self._moves = moves
        self._probes = probes
        self._clock = clock
        self._spawn = spawn
        self._judges = judges
        self._settled = Settled(clock)
        self._said_of_judges: dict[tuple[str, str], str] = {}

    def tell(
        self, worker: int, since: float, until: float, *, sampled: float = 1.0
    ) -> None:
        """Hear what a worker says of all services.

        Args:
            worker: Its number.
            since: When the oldest exchange arrived that runs; monotonic clock.
            until: All arrivals before have been told; the same clock.
            sampled: Part of the keys that is recorded, 0 to 1.

        """
        self._settled.tell(worker, since, until)
        for live in self._moves.lives.values():
            live.thin_out(sampled)
        for name, _standing in self._gate.standings.items() if sampled < 1 else ():
            if self._is_held(name):
                self._moves.held.thin_out(name, sampled)

    def take(self, block: Block, *, worker: int = 0) -> None:
        """Aggregate: give a block of records to the rollout it is about.

        Where what is known of it is not taken up yet, that waits for it.

        Args:
            block: See Block.
            worker: Process id of who recorded them.

        """
        live = self._moves.lives.get(block.service)
        if self._is_held(block.service):
            self._moves.held.add(block, worker)
        if live is not None and live.examination.take(block, worker=worker):
            live.newest = self._clock()

    def _is_held(self, service: str) -> bool:
        """Whether a rollout is on, and what is known of it is not taken up yet."""
        live = self._moves.lives.get(service)
        is_on = is_running(self._gate.standings.of(service))
        return is_on and (live is None or live.is_provisional)

    def hear(self, service: str, ticket: Ticket, signal: str, value: float) -> None:
        """Aggregate: give feedback on an exchange to its rollout, if that was evidence.

        Args:
            service: Whose exchange it was.
            ticket: What its id says.
            signal: What was noticed.
            value: Above 0 it is so; else it is not, or not any more.

        """
        live = self._moves.lives.get(service)
        if live is None or not ticket.is_evidence:
            return
        said = Said(
            fingerprint=ticket.fingerprint,
            epoch=ticket.epoch,
            exchange=ticket.unique,
            name=signal,
            is_event=value > 0,
            cell=ticket.cell,
        )
        live.examination.hear(said, ticket.segments, self._clock())

    def sampled(self, service: str, sampled: Sampled) -> None:
        """Aggregate: hear that an exchange will be judged; before any score of it."""
        if (live := self._moves.lives.get(service)) is not None:
            live.examination.will_judge(sampled)

    def judged(self, service: str, judged: Judged) -> None:
        """Aggregate: give a score of an exchange to the rollout of its service."""
        if (live := self._moves.lives.get(service)) is not None:
            live.examination.judged(judged)

    def judged_pair(self, service: str, pair: JudgedPair) -> None:
        """Aggregate: give scores of the answers to a mirrored request to its rollout."""
        if (live := self._moves.lives.get(service)) is not None:
            segments = code_of(self._gate.defined(service).segments)
            live.examination.judged_pair(pair, segments)

    def judge_changed(self, service: str, signal: str, said: str) -> None:
        """Hear that what gives a score is not what it was; where it guards, that counts.

        It may be said again and again, for rollouts that begin; the log has it once.
        """
        if self._said_of_judges.get((service, signal)) != said:
            self._said_of_judges[service, signal] = said
            _log.warning("%s: %s", service, said)
        for live in self._moves.lives.values():
            is_guarded = live.examination.design.is_guarded_by(signal)
            if service_of(live.service) == service and is_guarded:
                self._spawn(self._void(live, JudgeChanged(said=said)))

    async def _void(self, live: Live, event: JudgeChanged) -> None:
        with unharmed(f"Pausing the rollout of {live.service}"), suppress(NothingToDo):
            await self._moves.make(live.service, event, by=_BY)

    def look(self) -> None:
        """Look at every rollout that is on; one that fails harms no other."""
        defined = {service.name for service in self._gate.deployment.services}
        for live in list(self._moves.lives.values()):
            standing = self._gate.standings.of(live.service)
            is_on = is_running(standing) and standing.attempt == live.attempt
            if is_on and live.service in defined:
                with unharmed(f"Looking at the rollout of {live.service}"):
                    self._look_at(live)

    def _look_at(self, live: Live) -> None:
        now = self._clock()
        self._moves.follow(live)
        if (changed := self._judges.look(live)) is not None:
            self._spawn(self._void(live, changed))
        live.assessment = live.examination.look(
            self._settled.before(),
            self._settled.until(),
            lambda: self._moves.close_block(live),
        )
        live.assessed_in = live.block
        elapsed, live.looked_at = Seconds(now - live.looked_at), now
        ticked = Ticked(
            elapsed=elapsed,
            attempt=live.attempt,
            stage=live.stage.number,
            assessment=live.assessment,
            is_healthy=self._is_healthy(live),
        )
        moved = answer(self._gate.standings.of(live.service), ticked)
        if not moved.cause:
            self._gate.standings.tick(live.service, moved.standing)
        elif is_premature(live, ticked, moved):
            pass  # nor does its time pass: it is asked again with all that is known
        elif not (moved.raises and live.is_raising):
            live.is_raising |= moved.raises
            self._spawn(self._publish(live, ticked, is_raising=moved.raises))
        is_over = now - live.block_since >= BLOCK_S
        if (is_over or live.examination.has_rest) and not live.is_resting:
            live.block_since = now if is_over else live.block_since
            live.is_resting = True
            self._spawn(self._rest(live, closes=is_over))
        if now - live.saved_at >= _KEEP_EVERY_S and not live.is_saving:
            live.saved_at, live.is_saving = now, True
            self._spawn(self._keep(live))

    async def _rest(self, live: Live, *, closes: bool) -> None:
        """Do what a look left to be done, a few milliseconds at a time.

        Tables, tallies and what is kept of them take a tenth of a second together where
        there are many metrics, segments and units. Who needs any of it sooner does it.
        """
        with unharmed(f"What is left of a look at the rollout of {live.service}"):
            await asyncio.sleep(0)
            for _ in live.examination.rest():
                await asyncio.sleep(0)
            if closes:
                self._moves.close_block(live)
            for _ in live.examination.rest():
                await asyncio.sleep(0)
        live.is_resting = False

    async def _publish(self, live: Live, ticked: Ticked, *, is_raising: bool) -> None:
        """Put a move in force; where it cannot be, the next look tries again."""
        with unharmed(f"A move of the rollout of {live.service}"):
            try:
                await self._moves.make(live.service, ticked, by=_BY)
                live.trouble = ""
            except NothingToDo:
                pass
            except GatewayError as error:
                if live.trouble != error.what:  # it is tried again with each look
                    _log.warning("%s: %s", live.service, error)
                live.trouble = error.what
            finally:
                if is_raising:
                    live.is_raising = False

    async def _keep(self, live: Live) -> None:
        with unharmed(f"Keeping the evidence of {live.service}"):
            try:
                await self._moves.keep_evidence(live)
            except GatewayError as error:  # the gateway says so already, as degraded
                _log.debug("%s", error)
            finally:
                live.is_saving = False

    def _is_healthy(self, live: Live) -> bool:
        candidate = self._gate.standings.of(live.service).candidate
        return self._probes.is_healthy(live.service, candidate)
