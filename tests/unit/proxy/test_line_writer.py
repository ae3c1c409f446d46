"""Lines reach their file whole, or are counted; whoever writes them never waits."""

import errno
import logging
import os
import threading
from pathlib import Path

import pytest

from gateway.proxy.line_writer import MOST_BYTES, MOST_LINES, LineWriter

PATIENCE_S = 10.0


def _written(path: Path, *lines: bytes) -> LineWriter:
    writer = LineWriter(str(path))
    for line in lines:
        writer.write(line)
    writer.close(PATIENCE_S)
    return writer


def test_lines_are_appended_in_order(tmp_path: Path) -> None:
    """After what was there before."""
    path = tmp_path / "log"
    path.write_bytes(b"0\n")

    writer = _written(path, b"1\n", b"2\n")

    assert path.read_bytes() == b"0\n1\n2\n"
    assert writer.dropped == 0


def test_lines_of_several_writers_do_not_mix(tmp_path: Path) -> None:
    """Each as a whole, whatever their order."""
    path = tmp_path / "log"
    writers = [LineWriter(str(path)) for _ in range(4)]
    for number in range(500):
        for writer, letter in zip(writers, b"abcd", strict=True):
            writer.write(bytes([letter]) * (number % 300) + b"\n")
    for writer in writers:
        writer.close(PATIENCE_S)

    lines = path.read_bytes().splitlines()
    assert len(lines) == 2000
    assert all(len(set(line)) <= 1 for line in lines)


def test_a_renamed_file_is_left_and_made_anew(tmp_path: Path) -> None:
    """As log rotation does it."""
    path, old = tmp_path / "log", tmp_path / "log.1"
    writer = LineWriter(str(path))
    writer.write(b"1\n")
    while not (path.exists() and path.stat().st_size):
        threading.Event().wait(0.005)
    path.rename(old)
    writer.write(b"2\n")
    writer.close(PATIENCE_S)

    assert (old.read_bytes(), path.read_bytes()) == (b"1\n", b"2\n")


def test_what_cannot_be_written_is_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the reason; nothing is raised."""
    with caplog.at_level(logging.ERROR):
        writer = _written(tmp_path / "no" / "log", b"1\n", b"2\n")

    assert writer.dropped == 2
    (message,) = caplog.messages
    assert message.startswith("2 lines of the access log")
    assert os.strerror(errno.ENOENT) in message


def test_a_full_disk_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """/dev/full is one."""
    with caplog.at_level(logging.ERROR):
        writer = _written(Path("/dev/full"), b"1\n")

    assert writer.dropped == 1
    assert os.strerror(errno.ENOSPC) in caplog.text


@pytest.mark.parametrize(
    ("line", "most"),
    [(b"x\n", MOST_LINES), (b"x" * 99_999 + b"\n", MOST_BYTES // 100_000)],
)
def test_what_waits_is_bounded(tmp_path: Path, line: bytes, most: int) -> None:
    """In lines and in bytes, while the file takes nothing: a FIFO that nobody reads."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = LineWriter(str(fifo))

    for _ in range(most + 5):
        writer.write(line)

    assert writer.dropped == 5
    reader = os.open(fifo, os.O_RDONLY)
    writer.close()
    read = b"".join(iter(lambda: os.read(reader, 1 << 20), b""))
    os.close(reader)
    writer.close(PATIENCE_S)
    assert read == line * most
