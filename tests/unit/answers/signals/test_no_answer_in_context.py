"""What models say when the passages do not hold the answer."""

import pytest

from tests.unit.answers.exchanges import given, measured, said

CONTEXT = given("The tower was finished in 1889.")


@pytest.mark.parametrize(
    "text",
    [
        "The provided context does not contain information about that.",
        "The documents don't mention a date.",
        "The documents don\u2019t mention a date.",
        "I couldn't find any mention of it in the provided documents.",
        "I could not find the answer in the given passages.",
        "There is no information about prices in the context.",
        "There is not enough information in the given text to answer.",
        "The information provided does not specify the amount.",
        "I'm unable to answer this based on the provided context.",
    ],
)
def test_giving_up_on_the_passages_is_seen(text: str) -> None:
    assert measured("no_answer_in_context", said(text), CONTEXT) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The context says that it was finished in 1889.",
        "It does not contain sugar.",
        "The document states that it does.",
        "I could not find my keys.",
        "x" * 1_000 + " The context does not contain it.",
    ],
)
def test_an_answer_is_not_giving_up(text: str) -> None:
    assert measured("no_answer_in_context", said(text), CONTEXT) == 0


def test_without_a_context_or_a_text_nothing_is_said() -> None:
    giving_up = said("The context does not contain it.")

    assert measured("no_answer_in_context", giving_up, given()) is None
    assert measured("no_answer_in_context", said(""), CONTEXT) is None
