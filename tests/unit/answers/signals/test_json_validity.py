"""JSON where JSON was wanted, and nothing where it was not to be had."""

import pytest

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.signals import SIGNALS
from tests.unit.answers.exchanges import JSON_WANTED, called, measured, said


@pytest.mark.parametrize("text", ['{"a": [1, 2.5e3, null]}', '"x"', " 1\n", "[]"])
def test_json_is_valid(text: str) -> None:
    assert measured("json_validity", said(text), JSON_WANTED) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} and that is all',
        '```json\n{"a": 1}\n```',
        "NaN",
        '"\\ud800"',
        '"\ud800"',
        "   ",
        "",
        "[" * 20_000,
    ],
)
def test_what_does_not_parse_is_not(text: str) -> None:
    assert measured("json_validity", said(text), JSON_WANTED) == 0


@pytest.mark.parametrize(
    "finish", [Finish.LENGTH, Finish.CONTENT_FILTER, Finish.PAUSED, None]
)
def test_what_was_cut_is_not_judged(finish: Finish | None) -> None:
    assert measured("json_validity", said('{"a": ', finish), JSON_WANTED) is None


def test_what_was_not_wanted_refused_called_or_not_kept_is_not_judged() -> None:
    refused = said("")
    refused.has_refusal = True

    assert measured("json_validity", said("{}"), Asked()) is None
    assert measured("json_validity", refused, JSON_WANTED) is None
    assert measured("json_validity", called(("find", "{}")), JSON_WANTED) is None
    assert measured("json_validity", said("1" * 30_000), JSON_WANTED) is None


def test_a_text_that_is_not_kept_whole_is_counted() -> None:
    """Where it would have been judged."""
    can_measure = SIGNALS["json_validity"].can_measure
    long = "1" * 30_000

    assert can_measure is not None
    assert not can_measure(JSON_WANTED, said(long))
    assert can_measure(JSON_WANTED, said(long, Finish.LENGTH))
    assert can_measure(Asked(), said(long))
