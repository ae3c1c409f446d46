"""Start processes on chosen cores, read what /proc says of them, stop them by pid.

CPU time comes from /proc/PID/stat in ticks of 10 ms: a run of seconds is needed for a
figure of one percent.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STOP_DEADLINE_S = 10.0
_POLL_S = 0.02
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class StartError(Exception):
    """A process did not start; the message holds the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process of ours and all that it started."""

    name: str
    pid: int
    output: Path

    def tree(self) -> list[int]:
        """Give the pids of the process and its descendants, parents first."""
        return tree(self.pid)

    def last_words(self) -> str:
        """Give the end of what the process printed."""
        return self.output.read_text(errors="replace")[-800:].strip()


def free_ports(count: int) -> list[int]:
    """Find `count` free loopback ports; they stay free unless someone is quick."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def find_program(name: str, given: str | None, variable: str) -> str | None:
    """Look at the given path, the environment variable, beside Python, on PATH."""
    wished = given or os.environ.get(variable)
    if wished:
        return shutil.which(wished)
    beside = str(Path(sys.executable).parent)
    folders = [beside, os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS]
    return shutil.which(name, path=os.pathsep.join(folders))


def on_core(core: int | None, command: Sequence[str]) -> list[str]:
    """Prefix a command so that it and its children stay on one core."""
    return list(command) if core is None else ["taskset", "-c", str(core), *command]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make an environment in which `python -m loadtest...` works from any folder."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **(extra or {})}


@contextmanager
def running(
    name: str, command: Sequence[str], core: int | None, folder: Path
) -> Generator[Started]:
    """Run a process in `folder` for the length of the block, then stop it."""
    output = folder / f"{name}.log"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            on_core(core, command),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(),
        )
    try:
        yield Started(name, process.pid, output)
    finally:
        _stop(process)


def run_to_end(command: Sequence[str], deadline_s: float) -> str:
    """Run a process to its end and give what it printed; raise StartError."""
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=deadline_s,
            env=environment(),
        )
    except subprocess.CalledProcessError as failure:
        message = f"{command[0]} failed. It said: {failure.stderr[-800:].strip()}"
        raise StartError(message) from failure
    except subprocess.TimeoutExpired as failure:
        message = f"{command[0]} took longer than {deadline_s} s and was ended."
        raise StartError(message) from failure
    return ran.stdout


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; kill by pid what is left of its tree after a while."""
    family = {pid: _birth(pid) for pid in tree(process.pid)}
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_DEADLINE_S)
    for pid, birth in family.items():
        # The birth time tells an orphan of ours from a stranger with a reused pid.
        if birth is not None and _birth(pid) == birth:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
    process.wait()


def wait_until_answering(started: Started, port: int, deadline_s: float) -> None:
    """Wait for a 200 to a small chat request; raise StartError."""
    give_up = time.monotonic() + deadline_s
    while time.monotonic() < give_up:
        if _fields(started.pid) is None:
            break
        if _answers(port):
            return
        time.sleep(_POLL_S)
    message = f"{started.name} does not answer. It said: {started.last_words()}"
    raise StartError(message)


def _answers(port: int) -> bool:
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        b"content-type: application/json\r\nconnection: close\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
            probe.sendall(head + body)
            return probe.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _fields(pid: int) -> list[str] | None:
    """Read /proc/PID/stat from the state on; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else fields


def _birth(pid: int) -> str | None:
    fields = _fields(pid)
    return None if fields is None else fields[19]


def tree(root: int) -> list[int]:
    """Give the pids of `root` and its living descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        fields = _fields(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, generation = [], [root]
    while generation:
        found += generation
        generation = [child for pid in generation for child in children.get(pid, [])]
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Sum user and system time of the processes, in seconds.

    Children that ended and were waited for count with their parent.
    """
    ticks = 0
    for pid in pids:
        fields = _fields(pid)
        if fields is not None:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS_PER_S


def rss_bytes(pids: Iterable[int]) -> int:
    """Sum the resident memory of the processes; shared pages count in each."""
    pages = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def command_line(pid: int) -> str:
    """Give the words a process was started with, or "" when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def those_marked(pids: Iterable[int], mark: str) -> list[int]:
    """Keep the processes whose command line contains `mark`."""
    return [pid for pid in pids if mark in command_line(pid)]
