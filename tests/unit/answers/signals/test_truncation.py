"""An answer that ends in the middle."""

import pytest

from gateway.answers.answer import Answer, Finish
from tests.unit.answers.exchanges import measured, said


@pytest.mark.parametrize(
    "finishes", [(Finish.LENGTH,), (None,), (Finish.STOP, None), (Finish.LENGTH, None)]
)
def test_a_limit_or_a_missing_reason_is_a_truncation(
    finishes: tuple[Finish | None, ...],
) -> None:
    assert measured("truncation", said("The answer is", *finishes)) == 1


@pytest.mark.parametrize(
    "finish",
    [
        Finish.STOP,
        Finish.TOOL_CALLS,
        Finish.CONTENT_FILTER,
        Finish.PAUSED,
        Finish.OTHER,
    ],
)
def test_any_other_reason_is_none(finish: Finish) -> None:
    assert measured("truncation", said("The answer is 5.", finish)) == 0


def test_content_without_a_choice_is_a_truncation() -> None:
    answer = Answer()
    answer.content_events = 1

    assert measured("truncation", answer) == 1


def test_what_never_began_has_no_middle() -> None:
    assert measured("truncation", Answer()) is None
