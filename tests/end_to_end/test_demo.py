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
PATIENCE_S: Final = 90.0
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
    assert "✗" not in _after_the_show(text)
    assert "Traceback" not in text
    for promise in (
        r"✓ v2 climbed to 100 % by itself in \d+ s: .* at odds of 20 to 1, from [\d,]+ units",
        r"✓ v3 was caught \d+\.\d s after its start by judge:hallucination where prompt is "
        r">=2KiB, "
        r"from \d+ units, and taken back by itself\.",
        r"✓ From the decision to 0 % on 2 workers: of all requests, .* answered by v3\.",
        r"✓ No figure but the judge's gave it away: v3 had errors in 0 % of its answers",
        r"✓ The judge saw it in \d\d.* % of \d+ judged users of v3 with long contexts, and "
        r"in \d.* % of \d+ of v2: odds of [\d,]+ to 1\.",
        r"✓ It read [\d,]+ of [\d,]+ answers, beside the traffic, for \$0\.\d+; serving took"
        r" \$\d\.\d+\. It erred in \d+ of them",
        r"✓ In truth v3 contradicted its documents in \d+ of \d+ answers\. One the judge ",
        r"evaluators: - name: judge kind: llm_judge url: http://127\.0\.0\.1:\d+/v1 ",
        r"✓ No client saw an error: [\d,]+ requests, [\d,]+ of them streams, 0 failed, "
        r"0 cut\.",
        r"✓ Every answer came from the version in its header, and nobody moved back",
        r"✓ The gateway counted what visitors and model servers counted: v1 \d",
        r"✓ sluicegate replay: \d+ entries, the chain holds; \d decisions made again; all",
        r" v3 0 % 0\.0 % 0 of \d+",
    ):
        assert re.search(promise, " ".join(text.split())), f"{promise} not in:\n{text}"


def _after_the_show(text: str) -> str:
    """Give the summary: while it is drawn, what was caught is marked as well."""
    return text.rpartition("What happened")[2]


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
    assert "[1/2] A good candidate" in done.stdout
    assert "[2/2] A candidate that is wrong" in done.stdout
    for decision in (
        r"\n0:\d\d  by hand: Attempt 1 begins: v2 against v1\.\n",
        r"\n0:\d\d  analyzer: Step 1 of 2 passed: every metric is within its margin, ",
        r"\n0:\d\d  analyzer: .*Promoted: v2 serves all\.\n",
        r"\n0:\d\d  by hand: Attempt 2 begins: v3 against v2\.\n",
        r"\n0:\d\d  analyzer: judge:hallucination where prompt is >=2KiB regressed: .* Rolled back: weight"
        r" 25 % to 0 %\.\n",
    ):
        assert re.search(decision, done.stdout), f"{decision} not in:\n{done.stdout}"


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
@pytest.mark.slow
def test_in_a_terminal_the_demo_draws_and_may_stay(mark: str) -> None:
    """On a screen of its own first; then it can be asked, as it says, until Ctrl-C."""
    with _terminal(mark, "--stay") as terminal:
        text = terminal.read_until("Ctrl-C")
        assert {"\x1b[?1049h", "\x1b[?1049l"} <= terminal.escapes
        assert "2 of 2  A candidate that is wrong, and does not look it" in text
        assert "✗ 25 %" in text
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
        assert answer.headers["x-sluicegate-version"] == "v2"
        assert answer.read().endswith(b"data: [DONE]\n\n")
