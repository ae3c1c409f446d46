"""What every signal owes, held against the registry: a new plug is tested by being listed."""

import gc
import math
import re
import time
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal
from gateway.answers.signals import SIGNALS
from gateway.answers.text import HEAD, TAIL

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)`[ ●◇]* \| (flag|score|amount)", re.MULTILINE)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
"""Lone surrogates too."""

SCHEMA = b'{"type": "object", "properties": {"a": {"type": "integer"}}}'
LONGEST = HEAD + TAIL
FEW_TIMES = 40
"""As expensive as this many normal texts is still linear; quadratic is thousands."""

SPARE_S = 0.03

HOSTILE = {
    "one letter": "a" * LONGEST,
    "two letters": "ab" * (LONGEST // 2),
    "almost a loop": ("a" * 199 + "b" + "a" * 200 + "c") * (LONGEST // 400),
    "brackets": "(" * LONGEST,
    "square brackets": "[" * LONGEST,
    "braces": '{"a":' * (LONGEST // 5),
    "quotes": '"' * LONGEST,
    "backslashes": '"' + "\\" * LONGEST,
    "numbers": "1" * LONGEST,
    "numbers with commas": "1,111" * (LONGEST // 5),
    "many numbers": "[" + "1," * (LONGEST // 2),
    "blanks": " " * LONGEST,
    "lines": "\n1. " * (LONGEST // 4),
    "dots": "..." * (LONGEST // 3),
    "I": "I can I'm I " * (LONGEST // 12),
    "apologies": "I'm sorry, but that " * (LONGEST // 20),
    "sources": "text context document " * (LONGEST // 22),
    "not found": "could not find any in the the " * (LONGEST // 30),
    "Han": "字" * LONGEST,
    "all planes": "".join(map(chr, range(0xA0, 0xD000)))[:LONGEST],
    "emoji": "😀" * LONGEST,
    "surrogates": "\ud800" * LONGEST,
    "combining": "e\u0301" * (LONGEST // 2),
}


def answered(
    text: str, finish: Finish | None = Finish.STOP, *calls: tuple[str, str]
) -> Answer:
    answer = Answer()
    answer.text.add(text)
    answer.content_events = bool(text) + len(calls)
    answer.begin(0)
    if finish is not None:
        answer.finish(0, finish)
    for key, (name, arguments) in enumerate(calls):
        answer.call(key, name, arguments)
    return answer


def asking(text: str) -> Asked:
    """Give a request that concerns every signal."""
    return Asked(
        wants_json=True,
        schema=SCHEMA,
        tools={"find": SCHEMA},
        prompt=text,
        context=(text, text),
    )


@pytest.fixture(params=SIGNALS.values(), ids=list(SIGNALS))
def signal(request: pytest.FixtureRequest) -> Signal:
    """Each signal of the registry."""
    found: Signal = request.param
    return found


def hold_to_its_kind(signal: Signal, value: float | None) -> None:
    if value is None:
        return
    assert isinstance(value, float)
    assert math.isfinite(value)
    if signal.kind is Kind.FLAG:
        assert value in {0.0, 1.0}
    if signal.kind is Kind.SCORE:
        assert 0.0 <= value <= 1.0


def test_it_is_listed_under_its_own_name_in_a_module_of_that_name(
    signal: Signal,
) -> None:
    module = import_module(f"gateway.answers.signals.{signal.name}")

    assert SIGNALS[signal.name] is signal
    assert getattr(module, signal.name.upper()) is signal


def test_only_a_cheap_signal_judges() -> None:
    """It is measured of every answer, outside the sample too."""
    judging = [signal for signal in SIGNALS.values() if signal.verdict is not None]

    assert judging
    assert not [signal.name for signal in judging if signal.is_costly]


def test_config_readme_says_what_it_is(signal: Signal) -> None:
    """By name and kind; a lexical score calls itself a proxy or says what it counts."""
    documented = dict(ROW.findall((ROOT / "config" / "README.md").read_text()))

    assert documented[signal.name] == signal.kind.name.lower()


@given(
    text=ANY_TEXT,
    other=ANY_TEXT,
    finish=st.sampled_from([*Finish, None]),
    has_error=st.booleans(),
    has_refusal=st.booleans(),
)
def test_whatever_is_said_it_gives_a_value_of_its_kind_or_none(
    text: str, other: str, finish: Finish | None, has_error: bool, has_refusal: bool
) -> None:
    answers = (answered(text, finish), answered(text, finish, ("find", other)))
    requests = (Asked(), asking(other), Asked(prompt=text, context=("", other)))
    for answer, asked in product(answers, requests):
        answer.has_error = has_error
        answer.has_refusal = has_refusal
        for signal in SIGNALS.values():
            hold_to_its_kind(signal, signal.measure(asked, answer))
            if signal.can_measure is not None:
                assert signal.can_measure(asked, answer) in {True, False}


@given(text=ANY_TEXT, other=ANY_TEXT)
def test_the_same_exchange_gives_the_same_value(text: str, other: str) -> None:
    """Nothing is kept from one exchange to the next."""
    for signal in SIGNALS.values():
        first = signal.measure(asking(other), answered(text))
        signal.measure(asking(text), answered(other))

        assert signal.measure(asking(other), answered(text)) == first


def test_a_signal_that_reads_no_prompt_gives_the_same_without_one(
    signal: Signal,
) -> None:
    """`needs_prompt` says the truth, so that nobody reads prompts in vain or too few."""
    answer = answered("The price of gold is 12.")
    bare, full = Asked(), Asked(prompt="цена", context=("gold",))
    is_changed = signal.measure(bare, answer) != signal.measure(full, answer)

    assert is_changed is signal.needs_prompt


def cpu_s(signal: Signal, text: str) -> float:
    asked = asking(text)
    answer = answered(text, Finish.STOP, ("find", text))
    gc.disable()  # the garbage of other tests is not this one's time
    start = time.thread_time()
    hold_to_its_kind(signal, signal.measure(asked, answer))
    took = time.thread_time() - start
    gc.enable()
    return took


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_text_takes_no_longer_than_some_normal_texts(
    signal: Signal, text: str
) -> None:
    words = (ROOT / "README.md").read_text().split()
    normal = " ".join(words * (LONGEST // len(words) + 1))[:LONGEST]
    cpu_s(signal, "{}")  # what is only loaded once

    usual = cpu_s(signal, normal)

    assert cpu_s(signal, text[:LONGEST]) < FEW_TIMES * usual + SPARE_S
