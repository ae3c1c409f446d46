"""The most a call can take: never less than it takes, and soon not much more."""

import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evaluators.bounds import Bounds
from gateway.evaluators.rubrics import RUBRICS
from gateway.evaluators.sheet import Sheet, write_pair, write_sheet
from tests.unit.evaluators.exchanges import exchange

HALLUCINATION = [RUBRICS["hallucination"]]
TEXTS = st.text(max_size=300)
EXCHANGES = st.tuples(TEXTS, st.lists(TEXTS, max_size=4), TEXTS, st.booleans())


def tokens(text: str, longest: int) -> int:
    """Count as a tokenizer does that knows all words of so many bytes."""
    words = re.findall(r" ?\w+|[^\w]", text)
    return sum(-(-len(word.encode()) // longest) for word in words)


def read(sheet: Sheet, longest: int) -> int:
    schema = orjson.dumps(sheet.schema).decode()
    return sum(tokens(text, longest) for text in (sheet.system, sheet.user, schema))


def sheet_of(prompt: str, context: list[str], answer: str, *, is_pair: bool) -> Sheet:
    texts = exchange(answer or "x", prompt=prompt, context=tuple(context))
    rubrics = [r for r in RUBRICS.values() if r.can_judge(texts)]
    if is_pair:
        comparing = [rubric for rubric in rubrics if rubric.compares is not None]
        return write_pair(comparing, texts, (answer, prompt))
    return write_sheet(rubrics, texts)


@settings(max_examples=60, deadline=None)
@given(st.lists(EXCHANGES, min_size=1, max_size=8), st.integers(1, 12))
def test_no_call_takes_more_than_was_foretold(
    asked: list[tuple[str, list[str], str, bool]], longest: int
) -> None:
    """Whatever was asked before, by whatever tokenizer."""
    bounds = Bounds()
    for prompt, context, answer, is_pair in asked:
        sheet = sheet_of(prompt, context, answer, is_pair=is_pair)
        took = read(sheet, longest)

        assert took <= bounds.of(sheet)

        bounds.learn(sheet, took)


def test_the_second_call_is_foretold_far_better() -> None:
    sheet = write_sheet(HALLUCINATION, exchange())
    bounds, took = Bounds(), read(sheet, 6)
    first = bounds.of(sheet)

    bounds.learn(sheet, took)

    assert took <= bounds.of(write_sheet(HALLUCINATION, exchange())) < 0.6 * first


def test_what_one_sheet_took_says_nothing_of_other_tasks() -> None:
    bounds, other = Bounds(), write_sheet([RUBRICS["relevance"]], exchange())
    before = bounds.of(other)

    bounds.learn(write_sheet(HALLUCINATION, exchange()), 400)

    assert bounds.of(other) == before


@pytest.mark.parametrize("took", [0, 1, 7])
def test_a_server_that_says_it_took_next_to_nothing_is_not_believed(took: int) -> None:
    sheet, bounds = write_sheet(HALLUCINATION, exchange()), Bounds()

    bounds.learn(sheet, took)

    assert bounds.of(sheet) > len(sheet.system) // 8


def test_a_server_that_takes_more_than_could_be_is_counted_by_bytes_again() -> None:
    sheet, bounds = write_sheet(HALLUCINATION, exchange()), Bounds()
    first = bounds.of(sheet)
    bounds.learn(sheet, 400)
    bounds.learn(sheet, first)

    assert bounds.of(sheet) == first
