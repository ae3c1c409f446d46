"""Budgets: never exceeded, whoever asks at once, and whatever is restarted."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import StoreUnavailable
from gateway.domain.evaluation import Budget
from gateway.domain.price import Price
from gateway.evaluators.evaluator import Used
from gateway.evaluators.purse import Purse
from gateway.state.store import Spent

HOUR = 490_000
PRICE = Price(input=1.0, output=10.0)


class Books:
    """Keeps what is spent, as the store does; may be away."""

    def __init__(self, spent: Mapping[str, Spent] | None = None) -> None:
        self.spent: Mapping[str, Spent] | None = {} if spent is None else spent
        self.is_away = False
        self.writes = 0

    async def save_spent(self, spent: Spent) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("The store is away.", remedy="Wait.")
        self.spent = {**(self.spent or {}), spent.purse: spent}
        self.writes += 1


class Clock:
    def __init__(self) -> None:
        self.hours = float(HOUR)

    def __call__(self) -> float:
        return self.hours * 3600


def purse(
    books: Books, clock: Clock, *, tokens: int | None = 1000, usd: float | None = None
) -> Purse:
    budget = Budget(tokens_per_hour=tokens, usd_per_hour=usd)
    return Purse("chat:judge", budget, PRICE, books, clock)


async def test_what_is_reserved_at_once_is_never_more_than_the_budget() -> None:
    ours = purse(Books(), Clock())

    found = await asyncio.gather(*(ours.reserve(Used(90, 10)) for _ in range(30)))

    assert sum(each is not None for each in found) == 10


async def test_what_was_not_used_can_be_reserved_again() -> None:
    ours = purse(Books(), Clock())
    reserved = await ours.reserve(Used(900, 100))
    assert reserved is not None
    assert await ours.reserve(Used(1, 0)) is None

    ours.settle(reserved, Used(500, 0))

    assert await ours.reserve(Used(400, 100)) is not None
    assert await ours.reserve(Used(1, 0)) is None
    assert ours.used == Used(500, 0)


async def test_what_is_given_back_while_another_is_written_ahead_is_not_lost() -> None:
    ours = purse(Books(), Clock())
    first = await ours.reserve(Used(500, 0))
    assert first is not None

    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(ours.reserve(Used(500, 0)))
        await asyncio.sleep(0)  # its write has begun
        ours.settle(first, Used(100, 0))

    assert second.result() is not None
    assert ours.left == Budget(tokens_per_hour=400)


async def test_an_hour_that_begins_while_one_is_written_ahead_has_a_whole_budget() -> (
    None
):
    books, clock = Books(), Clock()
    ours = purse(books, clock)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ours.reserve(Used(600, 0)))
        await asyncio.sleep(0)
        clock.hours += 1
        assert ours.left == Budget(tokens_per_hour=1000)

    assert waiting.result() is not None
    assert ours.left == Budget(tokens_per_hour=400)
    assert await purse(books, clock).reserve(Used(600, 0)) is None, "it is kept"


async def test_money_is_counted_by_the_price() -> None:
    ours = purse(Books(), Clock(), tokens=None, usd=0.001)

    first = await ours.reserve(Used(500, 49))  # 0.00099 USD

    assert first is not None
    assert await ours.reserve(Used(0, 2)) is None
    ours.settle(first, Used(100, 0))
    assert ours.usd == pytest.approx(0.0001)
    assert await ours.reserve(Used(0, 2)) is not None


async def test_a_restart_does_not_spend_the_hour_twice() -> None:
    books, clock = Books(), Clock()
    before = purse(books, clock)
    for _ in range(7):
        reserved = await before.reserve(Used(100, 0))
        assert reserved is not None
        before.settle(reserved, Used(100, 0))

    after = purse(books, clock)
    found = [await after.reserve(Used(100, 0)) for _ in range(4)]

    assert [each is not None for each in found] == [True, True, False, False]


async def test_an_hour_begins_with_a_whole_budget() -> None:
    books, clock = Books(), Clock()
    ours = purse(books, clock)
    late = await ours.reserve(Used(1000, 0))
    clock.hours += 1

    assert await ours.reserve(Used(1000, 0)) is not None
    assert late is not None
    ours.settle(late, Used(10, 0))  # of the hour before: gives nothing back to this one
    assert await ours.reserve(Used(1, 0)) is None
    assert await purse(books, clock).reserve(Used(1, 0)) is None


async def test_a_clock_that_is_set_back_begins_no_new_hour() -> None:
    books, clock = Books(), Clock()
    ours = purse(books, clock)
    await ours.reserve(Used(1000, 0))
    clock.hours -= 2

    assert await ours.reserve(Used(1, 0)) is None
    assert await purse(books, clock).reserve(Used(1, 0)) is None


async def test_nothing_is_spent_that_cannot_be_written_down() -> None:
    books = Books()
    ours = purse(books, Clock())
    books.is_away = True

    with pytest.raises(StoreUnavailable):
        await ours.reserve(Used(1, 0))

    books.is_away = False
    assert await ours.reserve(Used(1000, 0)) is not None


async def test_nothing_is_spent_while_nobody_knows_what_was() -> None:
    books = Books()
    books.spent = None
    ours = purse(books, Clock())

    assert await ours.reserve(Used(1, 0)) is None

    books.spent = {
        "chat:judge": Spent(purse="chat:judge", hour=HOUR, tokens=999, usd=0)
    }
    assert await ours.reserve(Used(2, 0)) is None
    assert await ours.reserve(Used(1, 0)) is not None


async def test_few_reservations_cost_a_write() -> None:
    books = Books()
    ours = purse(books, Clock(), tokens=1_000_000)

    for _ in range(1000):
        await ours.reserve(Used(100, 0))

    assert books.writes < 10


async def test_without_a_budget_nothing_is_written() -> None:
    books = Books()
    ours = purse(books, Clock(), tokens=None)

    reserved = await ours.reserve(Used(10**9, 0))

    assert reserved is not None
    assert books.writes == 0
    assert ours.left == Budget()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400), st.floats(0, 1), st.sampled_from(["go", "die", "hour"])
        ),
        max_size=40,
    )
)
def test_no_sequence_of_restarts_uses_more_than_an_hours_budget(
    steps: list[tuple[int, float, str]],
) -> None:
    """Dying at any moment: between reserving, asking and booking."""

    async def story() -> None:
        books, clock = Books(), Clock()
        ours = purse(books, clock)
        used: dict[float, int] = {}
        for tokens, part, then in steps:
            reserved = await ours.reserve(Used(tokens, 0))
            if reserved is not None:
                took = int(tokens * part)
                used[clock.hours] = used.get(clock.hours, 0) + took
                if then == "die":  # used, and not booked
                    ours = purse(books, clock)
                else:
                    ours.settle(reserved, Used(took, 0))
            if then == "hour":
                clock.hours += 1
        assert all(total <= 1000 for total in used.values())

    asyncio.run(story())


async def test_a_server_that_takes_more_than_it_could_leaves_less_for_others() -> None:
    ours = purse(Books(), Clock())
    reserved = await ours.reserve(Used(100, 0))
    assert reserved is not None

    ours.settle(reserved, Used(950, 0))

    assert await ours.reserve(Used(51, 0)) is None
    assert ours.left == replace(Budget(), tokens_per_hour=50)
