"""What an answer turned out to be.

One with gaps: nothing is concluded from what was not read.
"""

import pytest

from gateway.answers.answer import Answer, Finish
from gateway.answers.outcome import Ending, judge
from gateway.domain.outcome import Outcome
from tests.unit.answers.exchanges import said


def with_gaps() -> Answer:
    answer = Answer()
    answer.has_gaps = True
    answer.is_terminated = True
    answer.finish(0, Finish.STOP)
    return answer


def test_an_answer_whose_only_content_was_too_long_to_be_read_is_not_empty() -> None:
    assert judge(with_gaps(), Ending.WHOLE, (), False, 1) is Outcome.COMPLETE
    answer = with_gaps()
    answer.has_gaps = False
    assert judge(answer, Ending.WHOLE, (), False, 1) is Outcome.EMPTY


def test_an_error_is_an_error_beside_whatever_was_not_read() -> None:
    answer = with_gaps()
    answer.has_error = True
    assert judge(answer, Ending.WHOLE, (), False, 1) is Outcome.STREAM_ERROR


def test_a_cut_is_a_cut_beside_whatever_was_not_read() -> None:
    assert judge(with_gaps(), Ending.CUT, (), False, 1) is Outcome.TRUNCATED


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("finishes", "choices", "expected"),
    [
        ((Finish.STOP,), 1, Outcome.COMPLETE),
        ((Finish.STOP,), 2, Outcome.TRUNCATED),
        ((Finish.STOP, Finish.STOP), 2, Outcome.COMPLETE),
        ((Finish.STOP, Finish.STOP), 3, Outcome.TRUNCATED),
        ((Finish.STOP, Finish.STOP), 1, Outcome.COMPLETE),
        ((Finish.STOP, Finish.LENGTH), 2, Outcome.LENGTH),
    ],
)
def test_an_answer_lacks_no_choice_that_was_asked_for(
    finishes: tuple[Finish, ...], choices: int, expected: Outcome, is_stream: bool
) -> None:
    answer = said("Hi", *finishes)
    answer.is_terminated = True

    assert judge(answer, Ending.WHOLE, (), is_stream, choices) is expected


def test_a_client_that_leaves_before_the_last_choice_has_left() -> None:
    answer = said("Hi")
    answer.is_terminated = True

    assert judge(answer, Ending.LEFT, (), True, 2) is Outcome.CLIENT_CANCELLED
    assert judge(answer, Ending.LEFT, (), True, 1) is Outcome.COMPLETE


def test_an_answer_without_any_choice_is_empty_however_many_were_asked_for() -> None:
    answer = Answer()
    answer.is_terminated = True

    assert judge(answer, Ending.WHOLE, (), False, 2) is Outcome.EMPTY


def test_a_choice_may_be_in_what_was_not_read() -> None:
    assert judge(with_gaps(), Ending.WHOLE, (), False, 2) is Outcome.COMPLETE
