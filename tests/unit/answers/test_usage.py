"""Tokens: what is a count, and whose word is the last."""

import math

import pytest

from gateway.answers.usage import Usage, count, count_in


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (10**30, None),
        (-1, None),
        (-0.5, None),
        (7.5, None),
        (True, None),
        (math.inf, None),
        (math.nan, None),
        ("7", None),
        (None, None),
        ([7], None),
    ],
)
def test_only_a_number_of_tokens_is_a_count(said: object, expected: int | None) -> None:
    found = count(said)

    assert found == expected
    assert type(found) is type(expected)


def test_the_last_word_counts_and_what_it_does_not_say_stays() -> None:
    before = Usage(input=10, cached=2, output=1, reasoning=0)

    assert Usage(output=9).or_else(before) == Usage(
        input=10, cached=2, output=9, reasoning=0
    )
    assert Usage(input=0, cached=0, output=0).or_else(before) == Usage(
        input=0, cached=0, output=0, reasoning=0
    )


def test_the_first_word_stands_alone() -> None:
    assert Usage(output=9).or_else(None) == Usage(output=9)


def test_what_is_reported_replaces_an_estimate() -> None:
    estimated = Usage(input=3, output=5, is_estimated=True)

    assert Usage(output=7).or_else(estimated) == Usage(input=3, output=7)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"0", 0),
        (b"17", 17),
        (b"9007199254740991", 2**53 - 1),
        (b"9007199254740992", None),
        (b"9" * 10_000, None),
        (b"-1", None),
        (b"1.5", None),
        (b"1_0", None),
        (b"\xb2", None),
        (b"", None),
        (None, None),
    ],
)
def test_only_digits_are_a_count_in_a_header(
    said: bytes | None, expected: int | None
) -> None:
    assert count_in(said) == expected
