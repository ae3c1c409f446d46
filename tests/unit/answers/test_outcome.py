"""What an answer with gaps is: nothing is concluded from what was not read."""

from gateway.answers.answer import Answer, Finish
from gateway.answers.outcome import Ending, judge
from gateway.domain.outcome import Outcome


def with_gaps() -> Answer:
    answer = Answer()
    answer.has_gaps = True
    answer.is_terminated = True
    answer.finish(0, Finish.STOP)
    return answer


def test_an_answer_whose_only_content_was_too_long_to_be_read_is_not_empty() -> None:
    assert judge(with_gaps(), Ending.WHOLE, (), False) is Outcome.COMPLETE
    answer = with_gaps()
    answer.has_gaps = False
    assert judge(answer, Ending.WHOLE, (), False) is Outcome.EMPTY


def test_an_error_is_an_error_beside_whatever_was_not_read() -> None:
    answer = with_gaps()
    answer.has_error = True
    assert judge(answer, Ending.WHOLE, (), False) is Outcome.STREAM_ERROR


def test_a_cut_is_a_cut_beside_whatever_was_not_read() -> None:
    assert judge(with_gaps(), Ending.CUT, (), False) is Outcome.TRUNCATED
