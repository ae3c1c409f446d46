"""Characters of the passages."""

from tests.unit.answers.exchanges import given, measured, said


def test_all_passages_are_counted() -> None:
    assert measured("context_size", said("x"), given("four", "five!")) == 9


def test_no_context_is_not_a_context_of_no_size() -> None:
    assert measured("context_size", said("x"), given()) is None
