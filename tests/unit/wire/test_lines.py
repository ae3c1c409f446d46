"""Header lines are understood once and remembered within bounds."""

from gateway.wire.fields import Lines

LINES = frozenset({b"host"})


def test_a_line_is_understood_the_same_the_first_time_and_later() -> None:
    lines = Lines(LINES)
    known = ((b"x-a", b"1"), b"X-A: 1\r\n")

    assert lines[b"X-A:  1 "] == lines[b"X-A:  1 "] == known
    assert lines.field(b"X-A", b" 1 ") == known


def test_what_stops_here_is_told_apart() -> None:
    lines = Lines(LINES)

    assert [lines[line][1] for line in (b"Host: a", b"X-Sluicegate-A: b")] == [b""] * 2


def test_secrets_and_long_lines_are_not_remembered() -> None:
    lines = Lines(LINES)
    for line in (b"Authorization: Bearer x", b"Cookie: a=b", b"X: " + b"y" * 300):
        assert lines[line][0][1]

    assert not lines


def test_the_memory_is_bounded() -> None:
    lines = Lines(LINES)
    for number in range(10_000):
        assert lines[b"X-User-Id: %d" % number][0][1] == b"%d" % number

    assert len(lines) <= 2048
