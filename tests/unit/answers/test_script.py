"""Scripts by name, in bounded time, whatever the characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.script import NONE, SCRIPTS, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", NONE),
        ("123 !? \n", NONE),
        ("😀😀 …", NONE),
        ("，。！", NONE),
        ("\ud800", NONE),
        ("hello", "latin"),
        ("café naïve", "latin"),
        ("Tiếng Việt", "latin"),
        ("Привет, World", "cyrillic"),
        ("Ελληνικά με English", "greek"),
        ("שלום", "hebrew"),
        ("مرحبا", "arabic"),
        ("Բարեւ", "armenian"),
        ("გამარჯობა", "georgian"),
        ("አማርኛ", "ethiopic"),
        ("नमस्ते", "devanagari"),
        ("தமிழ்", "tamil"),
        ("สวัสดี", "thai"),
        ("ខ្មែរ", "khmer"),
        ("你好，世界。", "han"),
        ("我喜欢用 Python 写程序", "han"),
        ("𠀀𠀁", "han"),
        ("こんにちは、東京", "kana"),
        ("東京都の天気は晴れです", "kana"),
        ("안녕하세요, world", "hangul"),
    ],
)
def test_most_of_a_text_decides(text: str, script: str) -> None:
    assert script_of(text) == script


def test_a_long_text_is_sampled_all_over() -> None:
    """Not only its beginning."""
    assert script_of("# code\n" * 100 + "Привет " * 10_000) == "cyrillic"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_the_names_are_a_bounded_set(text: str) -> None:
    assert script_of(text) in {NONE, *SCRIPTS}
