"""Streams are cut as the standard says, wherever the network cut them before."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.events import LONGEST_EVENT, Events, JsonLines, ServerSentEvents

PIECE = 64 * 1024


def cut(cutter: Events, *pieces: bytes) -> list[bytes]:
    found = [event for piece in pieces for event in cutter.feed(piece)]
    return found + cutter.rest()


def in_pieces(data: bytes, size: int = PIECE) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a \n\n", [b" a "]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\n: comment\nid: 1\ndata: b\nretry: 2\n\n", [b"a\nb"]),
        (b"event: x\ndata: a\n\n", [b"a"]),
        (b"event:x\ndata: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\nevent: x\n\n", [b"a"]),
        (b"event: x\n\n", []),
        (b"event: data: x\n\n", []),
        (b"event: x\n: data: y\n\n", []),
        (b": comment\n\n", []),
        (b":\n\n:\n\ndata: a\n\n", [b"a"]),
        (b"data\n\n", [b""]),
        (b"data:\n\n", [b""]),
        (b"data: \n\n", [b""]),
        (b"data:\ndata:\n\n", [b"\n"]),
        (b"database: a\n\n", []),
        (b" data: a\n\n", []),
        (b"Data: a\n\n", []),
        (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b"\n\n\xef\xbb\xbfdata: b\n\n", []),
        (b"\xef\xbb\xbfdata: a\n", [b"a"]),
        (b"\xef\xbbdata: a\n\n", []),
        (b"data: a\n\ndata: b", [b"a"]),
        (b"data: a\n\ndata: b\n", [b"a", b"b"]),
        (b"data: a\n\ndata: b\r\n", [b"a", b"b"]),
        (b"data: a\n\ndata: b\ndata: c", [b"a"]),
        (b"", []),
        (b"\r", []),
    ],
)
def test_server_sent_events_are_cut_as_the_standard_says(
    stream: bytes, expected: list[bytes]
) -> None:
    assert cut(ServerSentEvents(), stream) == expected
    assert cut(ServerSentEvents(), *in_pieces(stream, 1)) == expected


@given(
    stream=st.lists(
        st.sampled_from([b"data: ", b"data:", b"data", b"event: x", b":", b"a", b"\n"])
        | st.sampled_from([b"\r\n", b"\r", b"\n", b"\n\n", b"\xef\xbb\xbf", b"\xc3"])
    ).map(b"".join),
    cuts=st.sets(st.integers(min_value=0, max_value=60)),
)
def test_pieces_do_not_matter(stream: bytes, cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(ends)]

    assert cut(ServerSentEvents(), *pieces) == read_slowly(stream)


def read_slowly(stream: bytes) -> list[bytes]:
    """Read a stream line by line, as the standard describes it, and give the last event."""
    found: list[bytes] = []
    data: list[bytes] = []
    stream = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, unfinished = stream.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for line in lines if unfinished else [*lines, b""]:
        name, _colon, value = line.partition(b":")
        if not line and data:
            found.append(b"\n".join(data))
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return found


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    """Also where lines end in CR, and an LF may or may not follow."""
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        assert ServerSentEvents().feed(b"data: a" + end) == [b"a"]
    assert ServerSentEvents().feed(b"data: a\r\n\r") == [b"a"]


@pytest.mark.parametrize("size", [PIECE, 1000, LONGEST_EVENT * 9])
def test_an_event_that_is_too_long_is_skipped_and_counted(size: int) -> None:
    long = b"data: " + b"x" * LONGEST_EVENT + b"\n\n"
    stream = b"data: a\n\n" + long + b"data: b\n\n" + long + long + b"data: c\n\n"
    cutter = ServerSentEvents()

    assert cut(cutter, *in_pieces(stream, size)) == [b"a", b"b", b"c"]
    assert cutter.skipped == 3


@pytest.mark.parametrize("size", [PIECE, 999, LONGEST_EVENT * 9])
def test_an_event_of_the_greatest_length_is_read(size: int) -> None:
    data = b"x" * (LONGEST_EVENT - len(b"data: "))
    cutter = ServerSentEvents()

    assert cut(cutter, *in_pieces(b"data: " + data + b"\n\n", size)) == [data]
    assert cutter.skipped == 0


def test_the_end_of_a_long_event_is_found_across_two_pieces() -> None:
    cutter = ServerSentEvents()
    cutter.feed(b"data: " + b"x" * (LONGEST_EVENT + 2))
    cutter.feed(b"y\n")

    assert cutter.feed(b"\ndata: a\n\n") == [b"a"]
    assert cutter.skipped == 1


def test_a_long_event_that_never_ends_leaves_no_rest() -> None:
    cutter = ServerSentEvents()

    assert cut(cutter, b"data: " + b"x" * LONGEST_EVENT, b"\ndata: a\n") == []
    assert cutter.skipped == 1


@pytest.mark.parametrize("cutter_of", [ServerSentEvents, JsonLines])
def test_a_long_event_takes_no_more_memory_than_the_longest_that_is_read(
    cutter_of: type[ServerSentEvents] | type[JsonLines],
) -> None:
    cutter = cutter_of()
    piece = b"x" * PIECE
    tracemalloc.start()
    try:
        for _ in range(10 * LONGEST_EVENT // PIECE):
            assert cutter.feed(piece) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * LONGEST_EVENT  # a growing bytearray is moved, and has slack
    assert cutter.skipped == 1


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n\n  \n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b"", []),
        (b"\n", []),
    ],
)
def test_each_line_that_is_not_blank_is_an_event(
    stream: bytes, expected: list[bytes]
) -> None:
    assert cut(JsonLines(), stream) == expected
    assert cut(JsonLines(), *in_pieces(stream, 1)) == expected


@pytest.mark.parametrize("size", [PIECE, LONGEST_EVENT * 9])
def test_a_line_that_is_too_long_is_skipped_and_counted(size: int) -> None:
    stream = b"a\n" + b"x" * (LONGEST_EVENT + 1) + b"\nb\n" + b"y" * 2 * LONGEST_EVENT
    cutter = JsonLines()

    assert cut(cutter, *in_pieces(stream, size)) == [b"a", b"b"]
    assert cutter.skipped == 2
