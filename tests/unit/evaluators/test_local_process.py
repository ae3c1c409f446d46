"""Somebody else's function may hang, grow, print, die: the gateway goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from gateway.evaluators.evaluator import JudgeFailed, Why
from gateway.evaluators.local_process import LocalProcess

ROOT = Path(__file__).parents[3]
BY_WORD = "tests.unit.evaluators.scorers:by_word"
FINE = {"hallucination": 0.25}


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes find this package, as if it were the user's."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
async def process(clock: Clock) -> AsyncIterator[LocalProcess]:
    """Give a process that does what it is told to."""
    made = LocalProcess(BY_WORD, seconds=5.0, most_bytes=2**31, monotonic=clock)
    yield made
    await made.close()


def told(word: str) -> dict[str, object]:
    return {"answer": word, "prompt": "a secret"}


async def failing(process: LocalProcess, word: str) -> JudgeFailed:
    with pytest.raises(JudgeFailed) as caught:
        await process.call(told(word))
    return caught.value


async def test_what_a_function_prints_is_no_answer(process: LocalProcess) -> None:
    assert await process.call(told("print")) == FINE
    assert await process.call(told("fine")) == FINE


async def test_a_function_cannot_read_what_is_meant_for_others(
    process: LocalProcess,
) -> None:
    assert await process.call(told("read")) == {"hallucination": 0.0}


async def test_an_error_is_told_without_the_texts_it_may_quote(
    process: LocalProcess,
) -> None:
    error = await failing(process, "raise")

    assert error.why is Why.GARBAGE
    assert "RuntimeError at scorers.py" in error.what
    assert "secret" not in str(error)
    assert await process.call(told("fine")) == FINE


@pytest.mark.parametrize("word", ["nan", "missing"])
async def test_what_json_cannot_write_is_an_error(
    process: LocalProcess, word: str
) -> None:
    assert (await failing(process, word)).why is Why.GARBAGE


async def test_one_that_takes_too_long_is_killed_and_started_again() -> None:
    loop = asyncio.get_running_loop()
    process = LocalProcess(BY_WORD, seconds=0.8, most_bytes=2**31, monotonic=loop.time)

    assert (await failing(process, "hang")).why is Why.DEADLINE
    assert await process.call(told("fine")) == FINE
    await process.close()


@pytest.mark.parametrize("word", ["die", "grow", "flood"])
async def test_one_that_dies_is_started_again_after_a_pause_that_grows(
    process: LocalProcess, clock: Clock, word: str
) -> None:
    assert (await failing(process, word)).why is Why.DIED
    error = await failing(process, "fine")
    assert error.why is Why.DIED
    assert "0.5 s" in error.what

    clock.now += 0.5
    assert (await failing(process, word)).why is Why.DIED
    assert "1.0 s" in (await failing(process, "fine")).what

    clock.now += 1.0
    assert await process.call(told("fine")) == FINE
    assert (await failing(process, word)).why is Why.DIED
    assert "0.5 s" in (await failing(process, "fine")).what


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("no_such_module_here:f", "ModuleNotFoundError no_such_module_here"),
        ("tests.unit.evaluators.scorers:missing", "AttributeError"),
        ("nothing", "ModuleNotFoundError"),
    ],
)
async def test_one_that_cannot_be_loaded_says_why(
    clock: Clock, entry: str, expected: str
) -> None:
    process = LocalProcess(entry, seconds=5.0, most_bytes=2**31, monotonic=clock)

    error = await failing(process, "fine")

    assert error.why is Why.DIED
    assert expected in error.what
    await process.close()


async def test_a_caller_that_gives_up_leaves_no_answer_to_the_next(
    process: LocalProcess,
) -> None:
    assert await process.call(told("fine")) == FINE
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await process.call(told("slow"))

    assert await process.call(told("fine")) == FINE


async def test_closing_ends_a_call_and_lets_no_other_begin(
    process: LocalProcess,
) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        await process.call(told("fine"))
        calls = [tasks.create_task(failing(process, word)) for word in ("hang", "fine")]
        await asyncio.sleep(0.05)
        await process.close()

    assert {call.result().why for call in calls} == {Why.DIED}
    assert process._running is None


async def test_closing_while_it_starts_leaves_no_process(process: LocalProcess) -> None:
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(failing(process, "fine"))
        await asyncio.sleep(0)
        await process.close()

    assert call.result().why is Why.DIED
    assert process._running is None


def test_it_runs_in_the_controllers_loop_too(clock: Clock) -> None:
    async def run() -> object:
        process = LocalProcess(BY_WORD, seconds=5.0, most_bytes=2**31, monotonic=clock)
        try:
            return await process.call(told("print"))
        finally:
            await process.close()

    assert uvloop.run(run()) == FINE


async def test_callers_take_turns(process: LocalProcess) -> None:
    words = ["fine", "slow", "fine", "print"]

    answers = await asyncio.gather(*(process.call(told(word)) for word in words))

    assert answers == [FINE, {"hallucination": 1.0}, FINE, FINE]


async def test_it_ends_when_nobody_is_left_to_ask(process: LocalProcess) -> None:
    """Also in the middle of a call: a gateway that was killed leaves nothing behind."""
    await process.call(told("fine"))
    running = process._running
    assert running is not None
    assert running.stdin is not None

    running.stdin.write(b'[9, {"answer": "hang"}]\n')
    running.stdin.close()

    assert await asyncio.wait_for(running.wait(), 5) == 0
