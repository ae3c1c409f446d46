"""Content words of the answer that the context has."""

import pytest

from tests.unit.answers.exchanges import given, measured, said

CONTEXT = given("The tower was finished in 1889.", "Эйфелева башня в Париже")


def test_it_is_a_share_of_the_answers_words() -> None:
    assert measured("context_use_proxy", said("The tower: 1889."), CONTEXT) == 1
    assert measured(
        "context_use_proxy", said("1889 was cold."), CONTEXT
    ) == pytest.approx(0.5)
    assert measured("context_use_proxy", said("Nobody knows."), CONTEXT) == 0
    assert measured("context_use_proxy", said("БАШНЯ"), CONTEXT) == 1


def test_nothing_to_compare_is_not_zero() -> None:
    assert measured("context_use_proxy", said("The tower"), given()) is None
    assert measured("context_use_proxy", said("It was the."), CONTEXT) is None
