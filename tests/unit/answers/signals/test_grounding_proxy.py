"""Pairs of content words that the context has."""

import pytest

from tests.unit.answers.exchanges import given, measured, said

CONTEXT = given("The tower was finished in 1889.", "Gustave Eiffel owned the company.")


def test_words_of_the_context_in_its_order_are_grounded() -> None:
    assert measured("grounding_proxy", said("Tower finished 1889!"), CONTEXT) == 1


def test_the_same_words_in_another_order_are_not() -> None:
    assert measured("grounding_proxy", said("1889 finished tower"), CONTEXT) == 0


def test_it_is_a_share_of_the_pairs() -> None:
    """Pairs: gustave-eiffel, eiffel-designed."""
    answer = said("Gustave Eiffel designed it.")

    assert measured("grounding_proxy", answer, CONTEXT) == pytest.approx(0.5)


def test_where_words_are_not_spaced_pairs_of_characters_are_words() -> None:
    context = given("埃菲尔铁塔建于1889年。")

    assert measured("grounding_proxy", said("铁塔建于"), context) == 1
    assert measured("grounding_proxy", said("东京很大很大"), context) == 0


def test_nothing_to_compare_is_not_one() -> None:
    assert measured("grounding_proxy", said("Tower finished"), given()) is None
    assert measured("grounding_proxy", said("Tower"), CONTEXT) is None
    assert measured("grounding_proxy", said(""), CONTEXT) is None
