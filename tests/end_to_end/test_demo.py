"""The demo as a visitor starts it: in a pipe, in a terminal, and broken off."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

import gateway

ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FAST: Final = (sys.executable, "-m", "gateway", "demo", "--fast")
PATIENCE_S: Final = 40.0
MARK: Final = "SLUICEGATE_TEST_OF_THE_DEMO"


def _environment(mark: str) -> dict[str, str]:
    """Give everything that the demo starts a mark by which it can be found."""
    unset = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    clean = {name: value for name, value in os.environ.items() if name not in unset}
    checkout = str(Path(gateway.__file__).parents[1])
    return {**clean, "PYTHONPATH": checkout, "TERM": "xterm-256color", MARK: mark}


def _alive(mark: str) -> list[int]:
    """Find the living processes with this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.fixture
def mark(tmp_path: Path) -> Generator[str]:
    """Give a mark, and see that nothing bearing it is left running."""
    yield str(tmp_path)
    deadline = time.monotonic() + 5
    while (left := _alive(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _assert_it_went_well(text: str) -> None:
    assert "✗" not in text
    assert "Traceback" not in text
    for promise in (
        r"✓ \d\d+ requests, \d+ of them streams: 0 failed, 0 cut on the way\.",
        r"✓ Every answer came from the version in its header",
        r"✓ While the weight rose \d+ users moved from v1 to v2, and 0 moved back\.",
        r"✓ The gateway counted the same requests as the visitors",
        r"✓ It found in the answers just what the model servers say they sent\.",
        r"✓ \d+ answers of v2 were running when its weight went to 0",
        r"\n0 %\s+0\.0 %\s+0 of \d+",
    ):
        assert re.search(promise, text), f"{promise} is not in:\n{text}"
    _assert_it_told_what_no_status_code_tells(" ".join(text.split()))


def _assert_it_told_what_no_status_code_tells(text: str) -> None:
    """See that the flaws add up to the number told, and that the baseline has none."""
    told = re.search(
        r"Every answer was a 200\. The gateway counted (\d+) of (\d+) answers of v2 and "
        r"0 of (\d+) answers of v1 as not complete\. It found in v2's: ([a-z_0-9, ]+)\.",
        text,
    )
    assert told, text
    flawed, candidate, baseline = (int(number) for number in told.groups()[:3])
    found = {name: int(n) for name, n in re.findall(r"([a-z_]+) (\d+)", told[4])}
    assert {"refused", "length"} <= set(found)
    assert {"stream_error", "truncated"} & set(found)  # how many depends on the load
    assert sum(found.values()) == flawed < candidate
    counted = re.search(r"(\d+) requests, \d+ of them streams", text)
    assert counted is not None
    assert int(counted[1]) == candidate + baseline


def test_in_a_pipe_the_demo_prints_lines_and_exits_0(mark: str) -> None:
    """No escape codes; the summary at the end is measured, not promised."""
    done = subprocess.run(
        FAST,
        env=_environment(mark),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    _assert_it_went_well(done.stdout)
    for number in (1, 2, 3):
        assert f"[{number}/3] " in done.stdout


class _Terminal:
    """A demo in a terminal of 80 columns and 24 lines."""

    def __init__(self, mark: str, *more: str) -> None:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._seen = b""
        self.process = subprocess.Popen(
            [*FAST, *more],
            env=_environment(mark),
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)

    def read_until(self, wanted: str = "") -> str:
        """Read until *wanted* was written, or to the end; give all that was read."""
        while not (wanted and wanted in self.text):
            try:
                received = os.read(self._ours, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not received:
                break
            self._seen += received
        assert wanted in self.text
        return self.text

    @property
    def text(self) -> str:
        """What was written so far, without escape codes."""
        plain = ESCAPES.sub("", self._seen.decode(errors="ignore"))
        return plain.replace("\r", "")

    @property
    def escapes(self) -> set[str]:
        """Which escape codes were written."""
        return set(ESCAPES.findall(self._seen.decode(errors="ignore")))

    def close(self) -> None:
        """Close it, which ends whatever still runs in it."""
        os.close(self._ours)
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=20)


@contextmanager
def _terminal(mark: str, *more: str) -> Generator[_Terminal]:
    terminal = _Terminal(mark, *more)
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("when", ["Starting", "moved back"])
def test_ctrl_c_stops_everything_at_any_time(mark: str, when: str) -> None:
    """While it starts, and in the middle; no traceback, nothing left (see `mark`)."""
    with _terminal(mark) as terminal:
        terminal.read_until(when)
        os.killpg(terminal.process.pid, signal.SIGINT)
        text = terminal.read_until()
        assert terminal.process.wait(timeout=10) == 130
    assert "Traceback" not in text
    assert "Nothing of the demo is running any more." in text


@pytest.mark.timeout(PATIENCE_S)
def test_in_a_terminal_the_demo_draws_and_may_stay(mark: str) -> None:
    """On a screen of its own first; then it can be asked, as it says, until Ctrl-C."""
    with _terminal(mark, "--stay") as terminal:
        text = terminal.read_until("Ctrl-C")
        assert {"\x1b[?1049h", "\x1b[?1049l"} <= terminal.escapes
        assert "3 of 3  The gate closes" in text
        assert "in force on 2 workers after" in text
        _assert_it_went_well(text)
        _ask_as_told(text)
        os.killpg(terminal.process.pid, signal.SIGINT)
        terminal.read_until()
        assert terminal.process.wait(timeout=10) == 0


def _ask_as_told(text: str) -> None:
    found = re.search(r"curl -iN (http://\S+)", text)
    assert found is not None
    request = urllib.request.Request(
        found[1], b'{"stream": true}', headers={"x-user-id": "ada"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["x-sluicegate-version"] == "v1"
        assert answer.read().endswith(b"data: [DONE]\n\n")
