"""Budgets of judges: whatever is asked at once, dies or turns, an hour has no more than its own."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import StoreUnavailable
from gateway.domain.evaluation import Budget
from gateway.domain.price import Price
from gateway.evaluators.evaluator import Used
from gateway.evaluators.purse import Purse, Tab
from gateway.state.store import Spent

BUDGET = 1_000
USD = 0.0015
PRICE = Price(input=1.0, output=10.0)
HOUR = 490_000


@dataclass(frozen=True, slots=True)
class Call:
    """A judgement: what it may take, what it takes of that, and whether it asks again."""

    most: Used
    part: float
    again: bool
    patience: int

    def took(self) -> Used:
        return Used(int(self.most.input * self.part), int(self.most.output * self.part))


class World:
    """A store, a clock, and the judgements of one controller after another."""

    def __init__(self) -> None:
        self.spent: Mapping[str, Spent] | None = {}
        self.is_away = False
        self.hour = HOUR
        self.loop = asyncio.get_running_loop()
        self.used: Counter[int] = Counter()
        self.usd: Counter[int] = Counter()
        self.running: list[asyncio.Future[None]] = []
        self.begin()

    def begin(self) -> None:
        budget = Budget(tokens_per_hour=BUDGET, usd_per_hour=USD)
        self.purse = Purse("p", budget, PRICE, self, lambda: self.hour * 3600.0)

    async def save_spent(self, spent: Spent) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("It is away.", remedy="Wait.")
        await asyncio.sleep(0)
        self.spent = {**(self.spent or {}), spent.purse: spent}

    async def happens(self, event: Call | str | int) -> None:
        match event:
            case Call():
                self.running.append(self.loop.create_task(self.judge(event)))
                for _ in range(event.patience):  # or they all begin at once
                    await asyncio.sleep(0)
            case "die":
                await self.die()
            case "hour":
                self.hour += 1
            case "away" | "back":
                self.is_away = event == "away"
            case int(steps):
                for _ in range(steps):
                    await asyncio.sleep(0)
            case other:
                raise AssertionError(other)

    async def judge(self, call: Call) -> None:
        try:
            reserved = await self.purse.reserve(call.most)
        except StoreUnavailable:
            return
        if reserved is None:
            return
        tab, total = Tab(self.purse, reserved, call.most), Used()
        used: Used | None = None
        try:
            total = await self._ask(call)
            if call.again and await tab.more(call.most):
                total += await self._ask(call)
            used = total
        finally:
            tab.settle(tab.most if used is None else used)

    async def _ask(self, call: Call) -> Used:
        """Take it at once, in the hour in which it was reserved."""
        took = call.took()
        self.used[self.hour] += took.input + took.output
        self.usd[self.hour] += took.input + 10 * took.output  # millionths
        for _ in range(call.patience):
            await asyncio.sleep(0)
        return took

    async def die(self) -> None:
        """Lose what ran, and what it would have given back."""
        for task in self.running:
            task.cancel()
        self.purse = Purse("dead", Budget(), None, self, lambda: 0.0)
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()
        self.begin()


TOKENS = st.builds(Used, st.integers(50, 500), st.integers(0, 10))
CALLS = st.builds(
    Call,
    TOKENS,
    st.sampled_from([0.0, 0.5, 1.0, 1.0]),
    st.booleans(),
    st.integers(min_value=0, max_value=5),
)
OTHERS = st.sampled_from(["die", "die", "die", "hour", "away", "back"])
EVENTS = st.one_of(CALLS, CALLS, CALLS, OTHERS, st.integers(0, 6))


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, min_size=8, max_size=50))
def test_no_hour_takes_more_than_its_budget(events: list[Call | str | int]) -> None:
    async def story() -> None:
        world = World()
        for event in events:
            await world.happens(event)
        await asyncio.gather(*world.running)
        assert all(tokens <= BUDGET for tokens in world.used.values())
        assert all(usd <= USD * 1e6 + 1e-6 for usd in world.usd.values())

    asyncio.run(story())


@settings(max_examples=50, deadline=None)
@given(st.lists(CALLS, min_size=1, max_size=30))
def test_what_is_over_takes_no_more_room_than_it_took(calls: list[Call]) -> None:
    async def story() -> None:
        world = World()
        await asyncio.gather(*(world.judge(call) for call in calls))
        left = world.purse.left
        assert left.tokens_per_hour == BUDGET - world.used[HOUR]

    asyncio.run(story())
