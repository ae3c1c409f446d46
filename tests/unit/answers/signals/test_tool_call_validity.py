"""Calls of tools that were offered, with arguments that fit."""

import pytest

from gateway.answers.answer import LONGEST_ARGUMENTS, Finish
from gateway.answers.asked import MOST_TOOLS, Asked
from gateway.answers.json_schema import LARGEST
from gateway.answers.signals import SIGNALS
from tests.unit.answers.exchanges import called, measured, said

CITY = b'{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
OFFERED = Asked(tools={"weather": CITY, "now": b""})


@pytest.mark.parametrize(
    ("calls", "value"),
    [
        ([("weather", '{"city": "Oslo"}')], 1.0),
        ([("weather", '{"city": "Oslo"}'), ("now", "{}")], 1.0),
        ([("now", "")], 1.0),
        ([("now", '{"anything": 1}')], 1.0),
        ([("weather", '{"city": 5}')], 0.0),
        ([("weather", "")], 0.0),
        ([("weather", '{"city": "Oslo"')], 0.0),
        ([("now", '"Oslo"')], 0.0),
        ([("wether", '{"city": "Oslo"}')], 0.0),
        ([("", "{}")], 0.0),
        ([("weather", '{"city": "Oslo"}'), ("now", "[")], 0.0),
    ],
)
def test_every_call_must_fit(calls: list[tuple[str, str]], value: float) -> None:
    assert measured("tool_call_validity", called(*calls), OFFERED) == value


def test_no_calls_no_known_tools_or_a_cut_say_nothing() -> None:
    cut = called(("weather", '{"ci'), finish=Finish.LENGTH)

    assert measured("tool_call_validity", said("Sunny."), OFFERED) is None
    assert measured("tool_call_validity", called(("now", "{}")), Asked()) is None
    assert measured("tool_call_validity", cut, OFFERED) is None


def test_what_cannot_be_checked_is_unknown_and_counted() -> None:
    can_measure = SIGNALS["tool_call_validity"].can_measure
    assert can_measure is not None
    long = called(("now", '"' + "x" * LONGEST_ARGUMENTS))
    huge = Asked(tools={"now": b'{"title": "' + b"x" * LARGEST + b'"}'})
    many = Asked(tools={str(place): b"" for place in range(MOST_TOOLS)})

    for asked, answer in (
        (OFFERED, long),
        (huge, called(("now", "{}"))),
        (many, called(("the 129th", "{}"))),
    ):
        assert measured("tool_call_validity", answer, asked) is None
        assert not can_measure(asked, answer)
    assert can_measure(OFFERED, said("Sunny."))


def test_one_wrong_call_is_enough_beside_an_unknown_one() -> None:
    answer = called(("now", '"' + "x" * LONGEST_ARGUMENTS), ("nothing", "{}"))

    assert measured("tool_call_validity", answer, OFFERED) == 0
