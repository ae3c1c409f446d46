"""Content words of the prompt that the answer takes up."""

import pytest

from tests.unit.answers.exchanges import given, measured, said

ASKED = given(prompt="What is the capital of France?")


def test_it_is_a_share_of_the_prompts_words() -> None:
    full = measured("relevance_proxy", said("The capital of France: Paris"), ASKED)

    assert full == 1
    assert measured(
        "relevance_proxy", said("France is large."), ASKED
    ) == pytest.approx(0.5)


def test_a_right_answer_in_other_words_scores_zero() -> None:
    """Which is why it is called a proxy."""
    assert measured("relevance_proxy", said("Paris."), ASKED) == 0


def test_nothing_to_compare_says_nothing() -> None:
    assert measured("relevance_proxy", said("Paris."), given()) is None
    assert measured("relevance_proxy", said("Paris."), given(prompt="What is?")) is None
    assert measured("relevance_proxy", said(""), ASKED) is None
