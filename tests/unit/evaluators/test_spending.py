"""What a model judge really takes of a budget: never more than that, and nearly all of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from gateway.domain.evaluation import Budget
from gateway.evaluators.asking import ask, most_of
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.evaluator import JudgeFailed
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.purse import Purse, Tab
from gateway.handoff.samples import Sample
from gateway.state.store import Spent
from loadtest.judge_server import Behaviour, JudgeServer, judging
from tests.unit.evaluators.exchanges import exchange, llm
from tests.unit.evaluators.sampled import sampled

BUDGET = 20_000
ONE = 600  # tokens of one verdict, about
EACH = 8  # samples that come at once
ROUNDS = 12
DEATHS = 6


class Books:
    """Keeps what is spent, as the store does."""

    def __init__(self) -> None:
        self.spent: Mapping[str, Spent] | None = {}

    async def save_spent(self, spent: Spent) -> None:
        await asyncio.sleep(0)
        self.spent = {**(self.spent or {}), spent.purse: spent}


@pytest.fixture
async def server() -> AsyncIterator[JudgeServer]:
    async with judging() as made:
        yield made


def bench(server: JudgeServer, books: Books, concurrency: int) -> Bench:
    """Start anew, as a controller does."""
    evaluator = llm(
        server.url,
        "hallucination",
        concurrency=concurrency,
        budget=Budget(tokens_per_hour=BUDGET),
        max_tokens=256,
    )
    purse = Purse("chat:judge", evaluator.budget, None, books, lambda: 0.0)

    def told(*_told: object) -> None:
        """Nobody listens."""

    return Bench(evaluator, judge_of(evaluator), purse, told, Random(1), lambda: 1000.0)


def sample(number: int) -> Sample:
    found = sampled(exchange=number)
    found.texts = exchange()
    return found


async def work(made: Bench, rounds: int, until: int = EACH) -> None:
    """Offer samples, time after time; stop in the middle when so many of one are done."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        for already in range(0, rounds * EACH, EACH):
            for number in range(EACH):
                made.offer(sample(number))
            enough = already + until
            while made.figures.results.total() < enough:  # ruff: ignore[async-busy-wait]: nobody tells
                await asyncio.sleep(0.001)
        running.cancel()


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_the_end_of_a_small_budget_is_used(
    server: JudgeServer, concurrency: int
) -> None:
    made = bench(server, Books(), concurrency)

    await work(made, ROUNDS)

    judged = made.figures.results[Result.JUDGED]
    assert server.tokens <= BUDGET
    assert server.tokens == made.purse.used.input + made.purse.used.output
    assert made.figures.results[Result.NO_BUDGET] == ROUNDS * EACH - judged
    assert BUDGET - server.tokens < 3 * ONE, f"{judged} judged"


@pytest.mark.parametrize(
    "how", [Behaviour(), Behaviour(garbage=0.3), Behaviour(usage=False)], ids=str
)
async def test_no_budget_is_exceeded_by_any_server_however_often_it_is_begun_anew(
    server: JudgeServer, how: Behaviour
) -> None:
    """In the middle of calls that were asked at once."""
    server.how = replace(how, delay=0.002)
    books = Books()
    for death in range(DEATHS):
        await work(bench(server, books, 8), 1, until=1 + death % 4)
    await work(bench(server, books, 8), ROUNDS)

    assert 0 < server.tokens <= BUDGET


@pytest.mark.parametrize("scores", [("hallucination",), ("context_relevance",), ()])
async def test_a_pair_takes_no_more_than_was_foretold(
    server: JudgeServer, scores: tuple[str, ...]
) -> None:
    """Compared, or judged one by one, or both in the words of different scores."""
    server.how = Behaviour(garbage=0.4)
    judge = judge_of(llm(server.url, *scores))
    pair = sample(1)
    pair.other, pair.other_outcome = "At ten.", "complete"
    for _ in range(20):
        before, purse = server.tokens, Purse("p", Budget(), None, Books(), lambda: 0.0)
        reserved = await purse.reserve(most_of(judge, pair))
        assert reserved is not None
        tab = Tab(purse, reserved, most_of(judge, pair))
        with suppress(JudgeFailed):
            await ask(judge, pair, Random(1), tab)
        assert 0 < server.tokens - before <= tab.most.input + tab.most.output
    await judge.close()
