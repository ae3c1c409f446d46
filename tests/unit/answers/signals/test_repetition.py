"""Loops at the end, of any unit, and nothing that merely has a pattern."""

import pytest

from gateway.answers.text import HEAD
from tests.unit.answers.exchanges import measured, said

PROSE = (
    "A gateway that splits traffic by a hash of the user's key sends each user to one"
    " version for as long as the weight stands. When the weight rises, some users move"
    " to the candidate, and none moves back. This is what makes a conversation whole."
)
UNIT_OF_200 = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 60,
        "ab" * 50,
        "I am. " * 20,
        "And then. " + "The same sentence, over and over again. " * 5,
        '{"a": 1}' + "\n" * 200,
        "好的，" * 30,
        PROSE + UNIT_OF_200 * 4,
        "intro " + ("abc " * 3 + "a" * 60 + "-") * 5,  # a short loop in a long one
        "x" * HEAD + PROSE + "and so on, " * 10,
        "x" * (HEAD - 30) + "and so on, " * 10,  # across the end of the head
    ],
)
def test_a_unit_that_stands_four_times_at_the_end_is_a_loop(text: str) -> None:
    assert measured("repetition", said(text)) == 1


def test_words_that_come_back_with_small_changes_are_a_loop() -> None:
    text = "".join(
        f"{place} and so on we go with the very same words once again "
        for place in range(60)
    )

    assert measured("repetition", said(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "a" * 59,
        PROSE,
        PROSE + UNIT_OF_200 * 3,
        "ha " * 30 + PROSE,  # a loop that ended
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n",
        "".join(f"{place}. item number {place * 7}\n" for place in range(40)),
        "".join(
            f"def test_{n}() -> None:\n    assert f({n}) == {n * n}\n" for n in range(9)
        ),
    ],
)
def test_text_with_a_pattern_is_no_loop(text: str) -> None:
    assert measured("repetition", said(text)) == 0


def test_without_a_text_nothing_is_said() -> None:
    assert measured("repetition", said("")) is None
