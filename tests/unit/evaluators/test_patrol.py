"""Judges on their rounds: a changed one is told of, and one that cannot be tried is not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from gateway.domain.evaluation import Budget, Evaluator, EvaluatorKind, Score
from gateway.evaluators import patrol as patrol_module
from gateway.evaluators.bench import Bench
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.evaluators.patrol import Patrol
from gateway.evaluators.purse import Purse
from gateway.handoff.samples import Texts
from gateway.state.store import Spent

SET = '{"prompt": "?", "answer": "a", "labels": {"relevance": 1}}\n' * 10


class Moody:
    """Judges by its mood, which others set."""

    identity = "moody"

    def __init__(self) -> None:
        self.mood: float | None = 0.9
        self.asked = 0

    def most(self, texts: Texts, other: str | None = None) -> Used:
        return Used(10, 0)

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        await asyncio.sleep(0)
        self.asked += 1
        if self.mood is None:
            raise JudgeFailed(Why.UNREACHABLE, "Nobody there.")
        return Verdict(scores={"relevance": self.mood}, used=Used(10, 0))

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class _Books:
    def __init__(self) -> None:
        self.spent: Mapping[str, Spent] | None = None

    async def save_spent(self, spent: Spent) -> None:
        raise AssertionError


def bench_of(judge: Moody, canaries: Path, budget: Budget) -> Bench:
    evaluator = Evaluator(
        name="judge",
        kind=EvaluatorKind.LLM_JUDGE,
        scores=(Score(name="relevance"),),
        canaries=str(canaries),
        budget=budget,
    )
    purse = Purse("chat:judge", budget, None, _Books(), lambda: 0.0)
    return Bench(evaluator, judge, purse, lambda *_told: None, Random(1))


async def walk(
    bench: Bench, seconds: float = 0.3, change: float | None = None
) -> list[str]:
    told: list[str] = []
    patrol = Patrol(
        lambda: [("chat", bench)],
        lambda service, signal, said: told.append(f"{service} {signal}: {said}"),
    )
    async with asyncio.TaskGroup() as tasks:
        walking = tasks.create_task(patrol.run())
        await asyncio.sleep(seconds / 2)
        judge = bench.judge
        assert isinstance(judge, Moody)
        judge.mood = change
        await asyncio.sleep(seconds / 2)
        walking.cancel()
    return told


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds follow each other at once."""
    monkeypatch.setattr(patrol_module, "EVERY_S", 0.0)
    monkeypatch.setattr(patrol_module, "FIRST_EVERY_S", 0.0)
    monkeypatch.setattr(patrol_module, "_LOOK_AGAIN_S", 0.001)


async def test_a_judge_that_changes_is_told_of_with_its_means(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(SET)

    told = await walk(bench_of(Moody(), path, Budget()), change=0.3)

    assert len(told) == 1  # and is then held to what it is now
    assert told[0].startswith("chat judge:relevance: ")
    assert "was 0.90 and is 0.30" in told[0]


async def test_a_judge_that_tells_nothing_apart_is_told_of_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a rollout may have begun since."""
    monkeypatch.setattr(patrol_module, "USELESS_EVERY_S", 0.05)
    path = tmp_path / "set.jsonl"
    path.write_text(SET + SET.replace('"relevance": 1', '"relevance": 0'))

    told = await walk(bench_of(Moody(), path, Budget()), change=0.9)

    assert 2 <= len(told) <= 7
    assert "found 0 of 10 bad ones, and left 10 of 10 good ones alone" in told[0]


async def test_a_judge_that_told_nothing_apart_is_tried_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody mends it, and waits; one that is of use has time."""
    monkeypatch.setattr(patrol_module, "EVERY_S", 900.0)
    monkeypatch.setattr(patrol_module, "AGAIN_S", 0.0)
    useless, useful = Moody(), Moody()
    both, good = tmp_path / "both.jsonl", tmp_path / "good.jsonl"
    both.write_text(SET + SET.replace('"relevance": 1', '"relevance": 0'))
    good.write_text(SET)

    await walk(bench_of(useless, both, Budget()), change=0.9)
    await walk(bench_of(useful, good, Budget()), change=0.9)

    assert useless.asked > 100
    assert useful.asked == 30  # three rounds


async def test_a_judge_that_is_away_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(SET)
    judge = Moody()

    assert await walk(bench_of(judge, path, Budget()), change=None) == []
    assert judge.asked > 100


async def test_a_set_that_cannot_be_read_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = bench_of(Moody(), tmp_path / "none.jsonl", Budget())

    assert await walk(bench, 0.1) == []
    assert caplog.text.count("judge is not watched") == 1


async def test_canaries_are_paid_from_the_same_purse(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(SET)
    judge = Moody()
    bench = bench_of(judge, path, Budget(tokens_per_hour=100))  # nobody knows the rest

    assert await walk(bench, 0.1) == []
    assert judge.asked == 0


class _Hangs(Moody):
    def __init__(self) -> None:
        super().__init__()
        self.left_alone = 0

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        self.asked += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.left_alone += 1
        return Verdict(scores={})


async def test_a_judge_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """And is left alone as soon as it is at work no more."""
    path = tmp_path / "set.jsonl"
    path.write_text(SET)
    hanging, other = _Hangs(), Moody()
    benches = [
        ("chat", bench_of(hanging, path, Budget())),
        ("mail", bench_of(other, path, Budget())),
    ]
    patrol = Patrol(lambda: benches, lambda *_told: None)
    async with asyncio.TaskGroup() as tasks:
        walking = tasks.create_task(patrol.run())
        await asyncio.sleep(0.1)
        assert hanging.asked == 1
        assert other.asked > 10
        assert hanging.left_alone == 0
        del benches[0]
        await asyncio.sleep(0.1)
        assert hanging.left_alone == 1
        walking.cancel()


def test_without_canaries_nobody_is_watched(tmp_path: Path) -> None:
    bench = bench_of(Moody(), tmp_path, Budget())
    bench.evaluator = replace(bench.evaluator, canaries=None)

    assert asyncio.run(walk(bench, 0.05)) == []
