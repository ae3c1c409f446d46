"""An expression that may take long is refused before it meets a text."""

import pytest

from gateway.answers.patterns import MOST_STEPS, compile_all
from gateway.domain.errors import BadConfiguration


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|aa)*$",
        r"a*a*a*b",
        r".+",
        r"\w{3,}",
        r"(?:a|a){0,30}b",
        r"\w{0,200}\w{0,200}z",
        r"(?:\w{0,9}){0,9}z",
        r"(?:){0,99999999}",
        r"(a)\1",
        r"(?=a)a",
        r"a++",
        r"((((((a?){9}){9}){9}){9}){9}){9}",
    ],
)
def test_what_may_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(BadConfiguration, match="'code'"):
        compile_all([("code", pattern)])


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)\b(?:code|function|python)\b", "My Python is slow"),
        (r"^(?:write|fix) .{0,40}\btest", "fix the first test"),
        (r"\d{4}-\d\d?", "on 2026-1"),
        (r"[^a-z]{2,3}$", "end 42"),
    ],
)
def test_words_classes_and_bounded_repetitions_are_allowed(
    pattern: str, text: str
) -> None:
    (compiled,) = compile_all([("code", pattern)])

    assert compiled.search(text)
    assert not compiled.search("nothing of it here")


@pytest.mark.parametrize(
    "pattern",
    ["(", "[z-a]", "a{2,1}", "(?L)a", "a{99999999999}", "(" * 5000 + ")" * 5000],
)
def test_what_does_not_compile_says_why(pattern: str) -> None:
    with pytest.raises(BadConfiguration, match="cannot be compiled"):
        compile_all([("code", pattern)])


def test_the_steps_of_all_patterns_are_added_up() -> None:
    pattern = "a" * (MOST_STEPS // 2)

    compile_all([("one", pattern), ("two", pattern)])
    with pytest.raises(BadConfiguration, match="'three'"):
        compile_all([("one", pattern), ("two", pattern), ("three", "a")])
