"""Another script than the prompt's."""

import pytest

from tests.unit.answers.exchanges import given, measured, said


@pytest.mark.parametrize(
    ("prompt", "text", "value"),
    [
        ("What is the capital of France?", "Paris is the capital.", 0.0),
        ("What is the capital of France?", "法国的首都是巴黎。", 1.0),
        ("Какая столица Франции?", "The capital is Paris.", 1.0),
        ("Какая столица Франции?", "Столица Франции - Париж (Paris).", 0.0),
        ("フランスの首都はどこですか。", "法国的首都是巴黎。", 1.0),
        ("フランスの首都はどこですか。", "首都はパリです。", 0.0),
        ("프랑스의 수도는?", "フランスの首都はパリです。", 1.0),
        ("Hello there", "Guten Tag, wie geht es?", 0.0),  # a script is no language
        ("仏国首都", "首都はパリです。", None),  # Han alone may be Japanese
        ("1 + 1 = ?", "two", None),
        ("What is 1 + 1?", "2", None),
        (None, "Paris", None),
        ("What?", "", None),
    ],
)
def test_scripts_are_compared(
    prompt: str | None, text: str, value: float | None
) -> None:
    assert measured("language_mismatch", said(text), given(prompt=prompt)) == value
