"""An evaluator at work: bounded, in order, in time, and never anybody's trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from random import Random

import msgspec
import pytest

from gateway.domain.evaluation import Budget, Evaluator, EvaluatorKind, Score
from gateway.domain.units import Seconds
from gateway.evaluators import bench as bench_module
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.evaluators.purse import Purse
from gateway.handoff.samples import Sample, Texts
from gateway.state.store import Spent
from tests.unit.evaluators.sampled import sampled

JUDGE = Evaluator(
    name="judge",
    kind=EvaluatorKind.LLM_JUDGE,
    scores=(Score(name="relevance"),),
    concurrency=2,
)


class Scripted:
    """A judge that does what it is told."""

    identity = "scripted"

    def __init__(self, answer: Callable[[Texts], Awaitable[Verdict]]) -> None:
        self.answer = answer
        self.running = self.most_running = 0
        self.is_closed = False

    def most(self, texts: Texts, other: str | None = None) -> Used:
        return Used(100, 0)

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            return await self.answer(texts)
        finally:
            self.running -= 1

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        return Verdict(scores={})

    async def close(self) -> None:
        self.is_closed = True


class Stage:
    """A bench with a scripted judge, running; and what it has told."""

    def __init__(
        self,
        answer: Callable[[Texts], Awaitable[Verdict]],
        evaluator: Evaluator = JUDGE,
    ) -> None:
        self.told: list[tuple[int, Result, list[Verdict]]] = []
        self._awaited = 0
        self._is_enough = asyncio.Event()
        self.judge = Scripted(answer)
        self.now = 1000.0
        ledger = _NoBooks()
        self.bench = Bench(
            evaluator,
            self.judge,
            Purse("chat:judge", evaluator.budget, None, ledger, lambda: 0.0),
            self._hear,
            Random(1),
            lambda: self.now,
        )

    def _hear(
        self,
        sample: Sample,
        result: Result,
        verdicts: list[Verdict],
        why: Why | None,
    ) -> None:
        assert why is None or result is Result.FAILED
        self.told.append((sample.exchange, result, verdicts))
        if self._awaited and len(self.told) >= self._awaited:
            self._is_enough.set()

    def offer(self, *exchanges: int, ended: float = 1000.0) -> None:
        for exchange in exchanges:
            self.bench.offer(sampled(exchange=exchange, ended=ended))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.bench.run())
            self._awaited = count
            self._is_enough.clear()
            if len(self.told) >= count:
                self._is_enough.set()
            await self._is_enough.wait()
            running.cancel()


class _NoBooks:
    def __init__(self) -> None:
        self.spent: Mapping[str, Spent] | None = {}

    async def save_spent(self, spent: Spent) -> None:
        self.spent = {spent.purse: spent}


async def well(_texts: Texts) -> Verdict:
    await asyncio.sleep(0)
    return Verdict(scores={"relevance": 0.75}, used=Used(60, 5))


async def test_each_sample_is_judged_once_so_many_at_a_time() -> None:
    stage = Stage(well)
    stage.offer(*range(20))

    await stage.until(20)

    assert sorted(exchange for exchange, _, _ in stage.told) == list(range(20))
    assert {result for _, result, _ in stage.told} == {Result.JUDGED}
    assert stage.judge.most_running == 2
    assert stage.judge.is_closed
    assert stage.bench.purse.used == Used(1200, 100)


async def test_what_was_judged_of_a_part_is_counted() -> None:
    async def shortens(texts: Texts) -> Verdict:
        verdict = await well(texts)
        return msgspec.structs.replace(verdict, is_cut=texts.answer == "long")

    stage = Stage(shortens)
    for answer, is_cut in (("long", False), ("short", True), ("short", False)):
        sample = sampled()
        texts = msgspec.structs.replace(sample.texts, answer=answer, is_cut=is_cut)
        stage.bench.offer(msgspec.structs.replace(sample, texts=texts))

    await stage.until(3)

    assert stage.bench.figures.cut == 2


async def test_what_finds_no_room_is_let_go_and_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_module, "MOST_QUEUED", 3)
    stage = Stage(well)

    stage.offer(1, 2, 3, 4)

    assert stage.told == [(4, Result.NO_ROOM, [])]
    await stage.until(4)
    assert stage.bench.figures.queued == 0


def test_large_texts_fill_the_queue_too(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 2 * len("What is asked?What is said.") - 1
    monkeypatch.setattr(bench_module, "MOST_CHARACTERS", size)
    stage = Stage(well)

    stage.offer(1, 2, 3)

    assert [exchange for exchange, _, _ in stage.told] == [3]


async def test_nobody_is_asked_about_what_cannot_be_judged_in_time() -> None:
    """It would be cut, and paid for; what has just come is begun however slow others were."""
    stage = Stage(well, replace(JUDGE, concurrency=1, deadline=Seconds(60.0)))

    async def slowly(_texts: Texts) -> Verdict:
        await asyncio.sleep(0)
        stage.now += 20.0
        return Verdict(scores={"relevance": 0.75}, used=Used(60, 5))

    stage.judge.answer = slowly
    stage.offer(*range(9))
    await stage.until(9)
    stage.offer(9, ended=stage.now)
    await stage.until(10)

    results = [result for _exchange, result, _verdicts in stage.told]
    assert results == [Result.JUDGED] * 3 + [Result.LATE] * 6 + [Result.JUDGED]
    assert stage.bench.figures.failures == {}


async def test_nobody_is_asked_about_what_is_too_late() -> None:
    stage = Stage(well)
    stage.offer(1, ended=1000.0 - JUDGE.deadline)
    stage.offer(2)

    await stage.until(2)

    assert [told[:2] for told in stage.told] == [(1, Result.LATE), (2, Result.JUDGED)]


async def test_a_judge_that_hangs_has_failed_at_the_deadline() -> None:
    async def hang(_texts: Texts) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError

    stage = Stage(hang)
    stage.offer(1, ended=1000.05 - JUDGE.deadline)

    await stage.until(1)

    assert stage.told == [(1, Result.FAILED, [])]
    assert stage.bench.figures.failures == {Why.DEADLINE: 1}
    assert stage.bench.purse.used == Used(100, 0)  # it may have taken it all


async def test_a_judge_that_fails_is_counted_by_its_reason() -> None:
    async def fail(_texts: Texts) -> Verdict:
        await asyncio.sleep(0)
        raise JudgeFailed(Why.GARBAGE, "Twice no verdict.", Used(80, 20))

    stage = Stage(fail)
    stage.offer(1, 2)

    await stage.until(2)

    assert stage.bench.figures.failures == {Why.GARBAGE: 2}
    assert stage.bench.figures.results == {Result.FAILED: 2}
    assert stage.bench.purse.used == Used(160, 40)


async def test_a_bug_in_a_judge_is_logged_and_the_next_sample_is_judged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = 0

    async def once_wrong(texts: Texts) -> Verdict:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError
        return await well(texts)

    stage = Stage(once_wrong)
    stage.offer(1, 2)

    await stage.until(2)

    results = {exchange: result for exchange, result, _ in stage.told}
    assert results == {1: Result.FAILED, 2: Result.JUDGED}
    assert "ZeroDivisionError" in caplog.text


async def test_a_server_that_is_away_is_left_alone_for_a_while() -> None:
    calls = 0

    async def away(_texts: Texts) -> Verdict:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise JudgeFailed(Why.UNREACHABLE, "Nobody there.")

    stage = Stage(away)
    stage.offer(*range(50))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.bench.run())
        await asyncio.sleep(0.2)
        running.cancel()

    assert calls <= 2  # one of each that works at once, and then a pause


async def test_what_fails_at_once_makes_one_pause_and_not_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight at once would be left alone for half a minute after the first failure."""
    monkeypatch.setattr(bench_module, "_FIRST_PAUSE_S", 0.05)
    calls = 0

    async def away(_texts: Texts) -> Verdict:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise JudgeFailed(Why.UNREACHABLE, "Nobody there.")

    stage = Stage(away, replace(JUDGE, concurrency=8))
    stage.offer(*range(50))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.bench.run())
        await asyncio.sleep(0.14)
        running.cancel()

    assert calls >= 16


async def test_no_more_are_begun_than_a_minute_allows() -> None:
    evaluator = Evaluator(
        name="judge",
        kind=EvaluatorKind.LLM_JUDGE,
        scores=JUDGE.scores,
        concurrency=8,
        per_minute=1,
    )
    stage = Stage(well, evaluator)
    stage.offer(*range(8))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.bench.run())
        await asyncio.sleep(0.1)
        running.cancel()

    assert [told[:2] for told in stage.told] == [(0, Result.JUDGED)]


async def test_without_budget_nobody_is_asked() -> None:
    evaluator = Evaluator(
        name="judge",
        kind=EvaluatorKind.LLM_JUDGE,
        scores=JUDGE.scores,
        budget=Budget(tokens_per_hour=99),
    )
    stage = Stage(well, evaluator)
    stage.offer(1)

    await stage.until(1)

    assert stage.told == [(1, Result.NO_BUDGET, [])]
    assert stage.judge.most_running == 0
