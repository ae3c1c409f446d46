"""One evaluator at work: a bounded queue, so many judgements at once, so many a minute.

Nothing here delays anybody: what finds no room, no budget or no time is let go, counted,
and told of as a sample without a verdict. What decides that knows nothing of the version.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

from gateway.domain.errors import StoreUnavailable
from gateway.domain.evaluation import Evaluator
from gateway.evaluators.asking import ask, most_of
from gateway.evaluators.evaluator import Judge, JudgeFailed, Used, Verdict, Why
from gateway.evaluators.purse import Purse, Tab
from gateway.handoff.samples import Sample, Texts

_log = logging.getLogger(__name__)

MOST_QUEUED: Final = 2_000
"""Samples that wait for one evaluator; and how large their texts may be together."""

MOST_CHARACTERS: Final = 16 * 1024 * 1024

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_MINUTE_S: Final = 60.0
_MOST_NEEDED: Final = 0.5
"""Part of a deadline that a judgement is thought to need, however long others took."""

_NEWEST: Final = 0.25
"""Weight of the newest in what a judgement is thought to take."""


class Result(StrEnum):
    """What became of a sample at one evaluator."""

    JUDGED = "judged"
    FAILED = "failed"  # the judge did
    LATE = "late"  # nobody was asked: its deadline is over, or too near for a verdict
    NO_ROOM = "no_room"
    NO_BUDGET = "no_budget"
    NOT_SHOWN = "not_shown"  # there is no answer to judge


@dataclass(slots=True, kw_only=True)
class BenchFigures:
    """What one evaluator has done since this controller started.

    Attributes:
        results: Samples by what became of them.
        failures: Of those that failed, why.
        seconds: Spent waiting for verdicts, together.
        queued: Samples that wait now.
        cut: Those judged of which a judge was shown less than there was.

    """

    results: Counter[Result] = field(default_factory=Counter)
    failures: Counter[Why] = field(default_factory=Counter)
    seconds: float = 0.0
    queued: int = 0
    cut: int = 0


Told = Callable[[Sample, Result, list[Verdict], Why | None], None]
"""The last says why a judge failed; None where none did, or nobody knows."""


class Bench:
    """Has one evaluator judge what it is given, in the order it came.

    Args:
        evaluator: Its configuration.
        judge: Who is asked.
        purse: Its budget.
        told: Told what became of each sample, once.
        dice: Says which answer of a pair is shown first.
        clock: Monotonic, seconds.

    Attributes:
        evaluator, judge, purse: See above.
        figures: See BenchFigures.

    """

    def __init__(
        self,
        evaluator: Evaluator,
        judge: Judge,
        purse: Purse,
        told: Told,
        dice: Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.evaluator = evaluator
        self.judge = judge
        self.purse = purse
        self.figures = BenchFigures()
        self._dice = dice
        self._told = told
        self._clock = clock
        self._queue: deque[Sample] = deque()
        self._characters = 0
        self._has_work = asyncio.Event()
        self._next_start = 0.0
        self._pause = 0.0
        self._paused_until = 0.0
        self._usual = 0.0  # seconds a judgement takes, of late

    def offer(self, sample: Sample) -> None:
        """Have a sample judged, if there is room."""
        # However long it is: or who is judged would be chosen by what was said.
        is_full = len(self._queue) >= MOST_QUEUED
        if is_full or self._characters >= MOST_CHARACTERS:
            self._end(sample, Result.NO_ROOM)
            return
        self._queue.append(sample)
        self._characters += _size(sample)
        self.figures.queued = len(self._queue)
        self._has_work.set()

    async def run(self) -> None:
        """Judge for ever; on the way out let go of the judge."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self.evaluator.concurrency):
                    tasks.create_task(self._work())
        finally:
            await self.judge.close()

    async def try_on(self, texts: Texts) -> Mapping[str, float | None]:
        """Ask about texts that are nobody's answer; nothing where there is no verdict.

        Within the budget and the deadline of the others, and before them.
        """
        tab = await self._tab(self.judge.most(texts))
        if tab is None:
            return {}
        used: Used | None = None
        try:
            async with asyncio.timeout(self.evaluator.deadline):
                verdict = await self.judge.judge(texts, tab)
            used = verdict.used
        except TimeoutError:
            return {}
        except JudgeFailed as error:
            used = error.used
            return {}
        finally:
            tab.settle(tab.most if used is None else used)
        return verdict.scores

    async def _tab(self, most: Used) -> Tab | None:
        """Reserve what asking may take; None: it cannot be had, or not be kept."""
        try:
            reserved = await self.purse.reserve(most)
        except StoreUnavailable:
            return None
        return None if reserved is None else Tab(self.purse, reserved, most)

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._has_work.clear()
                await self._has_work.wait()
            await self._wait_for_turn()
            self._drop_late()
            if not self._queue:
                continue
            try:
                await self._take(self._next())
            except Exception:  # ruff: ignore[blind-except]: a bug; the next may fare well
                _log.exception("Judging a sample failed; it goes on. Report it.")

    def _next(self) -> Sample:
        sample = self._queue.popleft()
        self._characters -= _size(sample)
        self.figures.queued = len(self._queue)
        return sample

    async def _wait_for_turn(self) -> None:
        """Keep to the rate, and to the pause after failures."""
        now = self._clock()
        start = max(now, self._paused_until)
        if self.evaluator.per_minute is not None:
            start = max(start, self._next_start)
            self._next_start = start + _MINUTE_S / self.evaluator.per_minute
        if start > now:
            await asyncio.sleep(start - now)

    def _drop_late(self) -> None:
        """Tell of those that nobody can be asked about in time; they take nobody's turn.

        What cannot end in time is not begun: it would be cut, and paid for. A fresh one
        always is, however slow judgements were of late: or nobody would see them mend.
        """
        needed = min(self._usual, self.evaluator.deadline * _MOST_NEEDED)
        soon = self._clock() + needed
        while self._queue and self._due(self._queue[0]) <= soon:
            self._end(self._next(), Result.LATE)

    async def _take(self, sample: Sample) -> None:
        left = self._due(sample) - self._clock()
        tab = await self._tab(most_of(self.judge, sample))
        if tab is None:
            self._end(sample, Result.NO_BUDGET)
            return
        await self._judge(sample, tab, left)

    async def _judge(self, sample: Sample, tab: Tab, left: float) -> None:
        since = self._clock()
        used: Used | None = None  # what is cut short may have taken it all
        verdicts: list[Verdict] | None = None
        why: Why | None = None
        try:
            async with asyncio.timeout(left):
                verdicts = await ask(self.judge, sample, self._dice, tab)
            used = sum((verdict.used for verdict in verdicts), Used())
        except TimeoutError:
            why = Why.DEADLINE
        except JudgeFailed as error:
            used, why = error.used, error.why
            self._rest(why)
        except Exception:  # ruff: ignore[blind-except]: of ours, or of the judge's
            _log.exception("%s failed; it goes on. Report it.", self.evaluator.name)
        finally:
            tab.settle(tab.most if used is None else used)
            took = self._clock() - since
            self.figures.seconds += took
            if verdicts is not None or why is Why.DEADLINE:
                self._usual += _NEWEST * (took - self._usual)
        if verdicts is None:
            self._fail(sample, why)
            return
        self._pause = 0.0
        if sample.texts.is_cut or any(verdict.is_cut for verdict in verdicts):
            self.figures.cut += 1
        self._end(sample, Result.JUDGED, verdicts)

    def _rest(self, why: Why) -> None:
        """Leave a server alone for a while that cannot be reached, longer each time.

        What ran at once, and fails at once, is one time.
        """
        is_away = why in {Why.UNREACHABLE, Why.DIED}
        if is_away and self._clock() >= self._paused_until:
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            self._paused_until = self._clock() + self._pause

    def _due(self, sample: Sample) -> float:
        return sample.ended + self.evaluator.deadline

    def _fail(self, sample: Sample, why: Why | None) -> None:
        if why is not None:
            self.figures.failures[why] += 1
        self._end(sample, Result.FAILED, why=why)

    def _end(
        self,
        sample: Sample,
        result: Result,
        verdicts: list[Verdict] | None = None,
        why: Why | None = None,
    ) -> None:
        self.figures.results[result] += 1
        self._told(sample, result, verdicts or [], why)


def _size(sample: Sample) -> int:
    texts = sample.texts
    parts = (texts.prompt, texts.reference, texts.answer, sample.other, *texts.context)
    return sum(len(part) for part in parts if part)
