"""Appends lines to a file or to stdout, in a thread of its own.

Whoever writes never waits: lines gather in a bounded buffer, and what finds no room there,
or cannot be written, is dropped and counted. The file is looked up by its name before
each write, so that one which was renamed (log rotation) is left and made anew; its lines
are appended in single writes, so that those of several processes do not mix.
"""

import logging
import os
import stat
from collections import deque
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import Final

from gateway.proxy.seldom import Seldom

_log: Final = logging.getLogger("sluicegate.access_log")

MOST_LINES: Final = 10_000
MOST_BYTES: Final = 4 * 1024 * 1024
"""What waits to be written at most; the newest lines are dropped."""

_STDOUT: Final = 1
_GATHER_S: Final = 0.05  # waking the thread for each line would cost the loop more
_SELDOM_S: Final = 60.0
_BATCH: Final = (
    64 * 1024
)  # bytes joined and written at once: 10 microseconds of the GIL
_PIPE_BATCH: Final = 4096  # POSIX write(): PIPE_BUF bytes are not mixed with others'
_MODE: Final = 0o640
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class LineWriter:
    """See the module. Its thread begins at once.

    Args:
        path: Of the file; None is stdout.

    Raises:
        RuntimeError: The system has no thread left.

    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._fd: int | None = _STDOUT if path is None else None
        self._inode: tuple[int, int] | None = None
        self._batch = _BATCH
        # Each number is changed by one thread only: `taken` and `refused` by the loop's.
        self._waiting: deque[bytes] = deque()
        self._taken = self._refused = self._done = self._lost = self._told = 0
        self._seldom = Seldom(_SELDOM_S)
        self._wake, self._stop = Event(), Event()
        self._writing = Thread(target=self._run, name="access log", daemon=True)
        self._writing.start()

    @property
    def dropped(self) -> int:
        """How many lines were not written."""
        return self._refused + self._lost

    def write(self, line: bytes) -> None:
        """Queue a line, which ends in a line feed."""
        waiting = self._taken - self._done
        if len(self._waiting) >= MOST_LINES or waiting + len(line) > MOST_BYTES:
            self._refused += 1
            return
        self._taken += len(line)
        self._waiting.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self, within_s: float = 0.0) -> None:
        """Write what waits, and end.

        Args:
            within_s: How long to wait for that; the thread ends by itself.

        """
        self._stop.set()
        self._wake.set()
        self._writing.join(within_s)

    # In the thread.

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait()
            self._stop.wait(_GATHER_S)
            self._wake.clear()
            is_last = self._stop.is_set()  # after clear(): close() sets both
            self._write_all()
            self._complain()
        if self._fd is not None and self._path is not None:
            os.close(self._fd)

    def _write_all(self) -> None:
        problem = self._look_up()
        while self._waiting:
            lines = self._take()
            data = b"".join(lines)
            problem = self._append(data) if problem is None else problem
            self._done += len(data)
            if problem is not None:
                self._lost += len(lines)
        if problem is not None:
            self._complain(problem)

    def _take(self) -> list[bytes]:
        lines = [self._waiting.popleft()]
        size = len(lines[0])
        while self._waiting and size + len(self._waiting[0]) <= self._batch:
            lines.append(self._waiting.popleft())
            size += len(lines[-1])
        return lines

    def _append(self, data: bytes) -> OSError | None:
        assert self._fd is not None  # ruff: ignore[assert]
        try:
            while data:  # a second write, after a part, says what is wrong
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            return error
        return None

    def _look_up(self) -> OSError | None:
        """Open the file that has the name now, if it is not open already."""
        try:
            if self._path is not None and self._is_another(self._path):
                self._open(self._path)
            if self._fd is not None:
                is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)
                self._batch = _BATCH if is_file else _PIPE_BATCH
        except OSError as error:
            return error
        return None

    def _is_another(self, path: str) -> bool:
        try:
            found = os.stat(path)  # ruff: ignore[os-stat]
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._inode

    def _open(self, path: str) -> None:
        opened = os.open(path, _FLAGS, _MODE)
        if self._fd is not None:
            with suppress(OSError):
                os.close(self._fd)
        self._fd, found = opened, os.fstat(opened)
        self._inode = found.st_dev, found.st_ino

    def _complain(self, problem: OSError | None = None) -> None:
        """Say once in a while that lines are missing."""
        dropped = self.dropped
        if dropped == self._told or not self._seldom.allow(monotonic()):
            return
        self._told = dropped
        why = "it is written too slowly" if problem is None else problem.strerror
        _log.error(
            "%d lines of the access log %s were dropped: %s. Traffic goes on; make room,"
            " or let it be written.",
            dropped,
            self._path or "on stdout",
            why,
        )
