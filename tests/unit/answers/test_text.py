"""A text of any length: its beginning, its end, and how long it was."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.text import HEAD, TAIL, Text


def grown(text: str, size: int) -> Text:
    made = Text()
    for at in range(0, len(text), size):
        made.add(text[at : at + size])
    return made


def text_of(length: int) -> str:
    return "".join(chr(0x4E00 + at % 5000) for at in range(length))


@pytest.mark.parametrize("size", [1, 7, 1000, HEAD, 10**6])
@pytest.mark.parametrize(
    "length", [0, 1, HEAD - 1, HEAD, HEAD + 1, HEAD + TAIL, HEAD + TAIL + 1, 60_000]
)
def test_head_and_tail_do_not_depend_on_the_pieces(length: int, size: int) -> None:
    text = text_of(length)
    made = grown(text, size)

    assert made.length == length
    assert made.head == text[:HEAD]
    assert made.tail == text[HEAD:][-TAIL:]
    assert made.is_whole is (length <= HEAD + TAIL)
    assert made.kept == made.head + made.tail


@given(pieces=st.lists(st.integers(min_value=0, max_value=6000), max_size=12))
def test_reading_between_the_pieces_changes_nothing(pieces: list[int]) -> None:
    text = text_of(sum(pieces))
    made, at = Text(), 0
    for size in pieces:
        made.add(text[at : at + size])
        at += size
        assert made.kept == text[:at][:HEAD] + text[HEAD:at][-TAIL:]


def test_a_short_text_is_whole() -> None:
    made = Text("short")

    assert (made.kept, made.tail, made.length, made.is_whole) == ("short", "", 5, True)


def test_memory_stays_bounded_however_much_is_said() -> None:
    made = Text()
    pieces = ["", "a", "b" * 100]
    tracemalloc.start()
    try:
        for _ in range(20_000):
            for piece in pieces:
                made.add(piece)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert kept < 20 * (HEAD + TAIL)  # the head's pieces, until they are joined
    assert made.length == 20_000 * 101
