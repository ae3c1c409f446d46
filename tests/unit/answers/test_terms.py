"""Content words."""

from gateway.answers.terms import MOST_CONTEXT, joined_context, terms_of


def test_function_words_and_case_are_left_out() -> None:
    assert terms_of("The Price of GOLD is 12.") == ("price", "gold", "12")


def test_scripts_without_spaces_give_pairs_of_characters() -> None:
    assert terms_of("用Python写程序") == ("用", "python", "写程", "程序")


def test_the_context_is_bounded() -> None:
    passages = ("a" * 20_000, "b" * 20_000, "c" * 20_000)

    assert len(joined_context(passages)) <= MOST_CONTEXT + len(passages)
    assert joined_context(("x" * 50_000,)) == "x" * MOST_CONTEXT
    assert joined_context(("ab", "cd")) == "ab\ncd"
