"""Numbers and flags that servers report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.reported import LONGEST_BODY, Reported

HEADER = Reported("score", header=b"x-score")


def at(*steps: str) -> Reported:
    return Reported("score", steps=steps)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"0.75", 0.75),
        (b" -3 ", -3.0),
        (b"1e3", 1000.0),
        (b"1", 1.0),
        (b"0", 0.0),
        (b"true", 1.0),
        (b"Yes", 1.0),
        (b"FALSE", 0.0),
        (b"no", 0.0),
        (b"", None),
        (b"nan", None),
        (b"inf", None),
        (b"1e999", None),
        (b"1_000", None),
        (b"1,5", None),
        (b"0x10", None),
        (b"maybe", None),
        (b"\xff", None),
        (b"1" * 33, None),
    ],
)
def test_a_header_is_a_finite_number_or_a_flag(
    value: bytes, number: float | None
) -> None:
    assert HEADER.from_header(value) == number


@pytest.mark.parametrize(
    ("steps", "number"),
    [
        (("usage", "score"), 0.5),
        (("flags", "safe"), 1.0),
        (("results", "1", "score"), 7.0),
        (("a/b",), 2.0),
        (("0",), 4.0),
        (("usage",), None),
        (("usage", "missing"), None),
        (("results", "2"), None),
        (("results", "-1"), None),
        (("results", "x"), None),
        (("results", "9" * 40), None),
        (("text",), None),
        (("nothing",), None),
        (("huge",), None),
        (("text", "x"), None),
    ],
)
def test_a_body_is_read_at_the_pointers_place(
    steps: tuple[str, ...], number: float | None
) -> None:
    body = b"""{"usage": {"score": 0.5}, "flags": {"safe": true}, "0": 4, "a/b": 2,
    "results": [{"score": 1}, {"score": 7}], "text": "5", "nothing": null, "huge": 1e999}"""

    assert at(*steps).from_body(body) == number


def test_the_empty_pointer_is_the_whole_body() -> None:
    assert at().from_body(b" 0.25\n") == pytest.approx(0.25)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": 1} x', b"\xff", b"[" * 100_000, b'{"a": ' * 5_000]
)
def test_what_is_no_json_says_nothing(body: bytes) -> None:
    assert at("a").from_body(body) is None


def test_a_body_that_is_too_large_is_not_read() -> None:
    assert at("a").from_body(b'{"a": 1}' + b" " * LONGEST_BODY) is None


def test_a_header_signal_reads_no_body() -> None:
    assert HEADER.from_body(b"1") is None


@given(st.binary(max_size=60))
def test_any_bytes_are_answered(value: bytes) -> None:
    for number in (HEADER.from_header(value), at("a").from_body(value)):
        assert number is None or isinstance(number, float)
