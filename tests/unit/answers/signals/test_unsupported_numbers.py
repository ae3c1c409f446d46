"""Numbers that nobody gave."""

import pytest

from tests.unit.answers.exchanges import given, measured, said

CONTEXT = given("Revenue was 1,250.50 in 2023, up 12%.", prompt="What of 2022?")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It was 1250.5, up 12 percent.", 0.0),
        ("In 2023 it was 1,250.50.", 0.0),
        ("It was 1250,5 in 2023", 0.0),
        ("It rose from 2022 to 2023.", 0.0),
        ("It was 1,350.50.", 1.0),
        ("It was 12 in 2024.", 0.5),
        ("1. It was 12.\n2. Yes [3].", 0.0),
        ("It rose.", None),
        ("", None),
    ],
)
def test_numbers_are_looked_for_as_numbers(text: str, value: float | None) -> None:
    assert measured("unsupported_numbers", said(text), CONTEXT) == value


def test_without_a_context_nothing_is_said() -> None:
    assert measured("unsupported_numbers", said("12"), given(prompt="12?")) is None
