"""Cheap signals always, costly ones within their sample and their time."""

from collections.abc import Callable

import pytest

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal_plan import SignalPlan
from gateway.answers.signals import SIGNALS
from gateway.domain.outcome import Outcome
from tests.unit.answers.exchanges import JSON_WANTED, called, given, said

NAMES = ("relevance_proxy", "output_length", "compression_ratio", "context_use_proxy")
ASKED = given("gold", prompt="the price of gold")
ANSWER = said("gold price")


def ticking(step: float) -> Callable[[], float]:
    """Give a clock that is *step* seconds further each time it is asked."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def never() -> float:
    pytest.fail("the clock was asked")


def test_values_carry_the_place_of_their_name() -> None:
    values, skipped, _found = SignalPlan(NAMES, 1.0, 1.0).measure(
        ASKED, ANSWER, True, ticking(0.0)
    )

    assert skipped == 0
    assert sorted(place for place, _value in values) == [0, 1, 2, 3]
    assert dict(values)[0] == 1
    assert dict(values)[1] == len("gold price")


def test_cheap_signals_come_first() -> None:
    values, _skipped, _found = SignalPlan(NAMES, 1.0, 1.0).measure(
        ASKED, ANSWER, True, ticking(0.0)
    )

    assert values[0] == (1, 10.0)


def test_outside_the_sample_only_cheap_ones_are_measured() -> None:
    """And the clock is left alone."""
    plan = SignalPlan(NAMES, 0.1, 1.0)

    assert plan.measure(ASKED, ANSWER, False, never)[:2] == ([(1, 10.0)], 0)


def test_cheap_signals_need_no_clock() -> None:
    plan = SignalPlan(("output_length", "refusal"), 1.0, 0.0)

    assert plan.measure(ASKED, ANSWER, True, never)[:2] == ([(0, 10.0), (1, 0.0)], 0)


def test_what_there_is_no_time_for_is_counted() -> None:
    """The first costly one is begun whatever the budget; each takes a second."""
    two = SignalPlan(NAMES, 1.0, 1.5).measure(ASKED, ANSWER, True, ticking(1.0))
    one = SignalPlan(NAMES, 1.0, 0.0).measure(ASKED, ANSWER, True, ticking(1.0))

    assert ([place for place, _value in two[0]], two[1])[:2] == ([1, 0, 2], 1)
    assert ([place for place, _value in one[0]], one[1])[:2] == ([1, 0], 2)


def test_none_is_neither_a_value_nor_skipped() -> None:
    plan = SignalPlan(("json_validity", "unsupported_numbers"), 1.0, 1.0)

    assert plan.measure(ASKED, ANSWER, True, ticking(0.0))[:2] == ([], 0)


def test_a_schema_beyond_the_bounds_is_skipped() -> None:
    plan = SignalPlan(("schema_validity", "refusal"), 1.0, 1.0)
    asked = given(schema=b'{"$ref": "http://127.0.0.1:9/x"}')

    assert plan.measure(asked, said("{}"), True, never)[:2] == ([(1, 0.0)], 1)


@pytest.mark.parametrize("names", [(), ("output_length",), tuple(SIGNALS)])
@pytest.mark.parametrize(
    ("asked", "answer", "expected"),
    [
        (JSON_WANTED, said("Sure! {}"), Outcome.INVALID),
        (given(schema=b'{"type": "array"}'), said("{}"), Outcome.INVALID),
        (Asked(tools={"f": b""}), called(("g", "{}")), Outcome.INVALID),
        (Asked(), said("I'm sorry, but I can't help with that."), Outcome.REFUSED),
        (Asked(), said("and so on " * 40), Outcome.DEGENERATE),
    ],
    ids=["JSON", "schema", "tools", "refusal", "loop"],
)
def test_what_an_answer_turned_out_to_be_does_not_depend_on_what_is_shown(
    names: tuple[str, ...], asked: Asked, answer: Answer, expected: Outcome
) -> None:
    values, _skipped, found = SignalPlan(names, 0.0, 0.0).measure(
        asked, answer, False, ticking(0.0)
    )

    assert set(found) == {expected}
    assert {place for place, _value in values} <= set(range(len(names)))


def test_it_says_whether_the_prompt_is_needed() -> None:
    assert SignalPlan(("refusal", "context_size"), 1.0, 1.0).needs_prompt
    assert not SignalPlan(("refusal", "compression_ratio"), 1.0, 1.0).needs_prompt


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        SignalPlan(("refusals",), 1.0, 1.0)


def test_nothing_is_measured_where_a_part_was_not_read() -> None:
    """Half a JSON text is invalid, and half an answer short: neither was said."""
    answer = said("gold price")
    answer.has_gaps = True

    measured = SignalPlan(NAMES, 1.0, 1.0).measure(ASKED, answer, True, never)

    assert measured == ([], len(NAMES), [])
