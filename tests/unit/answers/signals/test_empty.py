"""An answer that brought nothing."""

from tests.unit.answers.exchanges import called, measured, said


def test_no_content_is_empty() -> None:
    assert measured("empty", said("")) == 1


def test_blanks_are_empty() -> None:
    assert measured("empty", said(" \n\u3000\n")) == 1
    assert measured("empty", said("\n" * 30_000)) == 1


def test_a_text_is_not_empty() -> None:
    assert measured("empty", said("0")) == 0
    assert measured("empty", said(" " * 20_000 + "late")) == 0


def test_a_call_or_a_refusal_is_not_empty() -> None:
    refused = said("")
    refused.has_refusal = True

    assert measured("empty", called(("find", "{}"))) == 0
    assert measured("empty", refused) == 0


def test_content_that_is_no_text_is_content() -> None:
    """Reasoning, pictures: events came."""
    answer = said("")
    answer.content_events = 3

    assert measured("empty", answer) == 0


def test_a_reported_error_is_an_error_and_not_empty() -> None:
    answer = said("")
    answer.has_error = True

    assert measured("empty", answer) is None
