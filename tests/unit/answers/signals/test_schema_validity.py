"""A text that fits the request's schema."""

import pytest

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.json_schema import LARGEST
from gateway.answers.signals import SIGNALS
from tests.unit.answers.exchanges import given, measured, said

PERSON = given(
    schema=b"""{"type": "object", "required": ["name"], "additionalProperties": false,
    "properties": {"name": {"type": "string"}, "age": {"$ref": "#/$defs/age"}},
    "$defs": {"age": {"type": "integer", "minimum": 0}}}"""
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"name": "Ann", "age": 3}', 1.0),
        ('{"name": "Ann"}', 1.0),
        ('{"name": "Ann", "age": -1}', 0.0),
        ('{"name": "Ann", "age": "3"}', 0.0),
        ('{"age": 3}', 0.0),
        ('{"name": "Ann", "sex": "f"}', 0.0),
        ("[]", 0.0),
        ("Ann, aged 3", 0.0),
    ],
)
def test_a_text_fits_or_does_not(text: str, value: float) -> None:
    assert measured("schema_validity", said(text), PERSON) == value


def test_what_was_cut_or_had_no_schema_is_not_judged() -> None:
    assert measured("schema_validity", said('{"na', Finish.LENGTH), PERSON) is None
    assert measured("schema_validity", said("{}"), Asked(wants_json=True)) is None


def test_a_schema_that_cannot_be_checked_is_told_from_none() -> None:
    """Then the plan counts it as skipped."""
    can_measure = SIGNALS["schema_validity"].can_measure
    huge = given(schema=b'{"title": "' + b"x" * LARGEST + b'"}')

    assert can_measure is not None
    assert measured("schema_validity", said("{}"), huge) is None
    assert not can_measure(huge, said("{}"))
    assert can_measure(Asked(), said("{}"))
    assert can_measure(PERSON, said("{}"))
    assert can_measure(huge, said("{", Finish.LENGTH))
    assert not can_measure(PERSON, said("1" * 30_000))
