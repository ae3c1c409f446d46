"""The real command and its model servers as processes, for the end-to-end tests.

Whoever starts something here ends it here, by pid; leaving a gateway's block fails
the test when a process or a temporary file of it is left behind.
"""

import asyncio
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from loadtest.load.traffic import End, Exchange
from loadtest.processes import environment, free_ports, those_marked, tree

PATIENCE_S = 15.0
"""What never takes so long, however busy the machine; not an expectation."""

CHAT = "/v1/chat/completions"
COMMAND = str(Path(sys.executable).with_name("sluicegate"))
BOTH = ("v1", "v2")

_POLL_S = 0.01
_ATTEMPTS = 5  # a free port may be taken by somebody else before it is bound
_FIRST_TIME_S = 30.0
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def until(
    what: str, is_so: Callable[[], bool], *, within_s: float = PATIENCE_S
) -> float:
    """Wait, blocking, until *is_so*; give the seconds it took; fail after *within_s*."""
    began = time.monotonic()
    while not is_so():
        waited = time.monotonic() - began
        assert waited < within_s, f"not within {within_s} s: {what}"
        time.sleep(_POLL_S)
    return time.monotonic() - began


async def until_soon(what: str, is_so: Callable[[], bool]) -> float:
    """Wait as `until` does, beside the event loop's own work."""
    return await asyncio.to_thread(until, what, is_so)


def tell(figure: str) -> None:
    """Say what was measured, for people who run pytest with -rP."""
    sys.stdout.write(f"{figure}\n")


def call(
    port: int, method: str, path: str, document: object = None
) -> tuple[int, dict[str, Any]]:
    """Make one request on a connection of its own; give status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    body = None if document is None else json.dumps(document)
    kind = {} if document is None else {"content-type": "application/json"}
    try:
        connection.request(method, path, body, kind)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    found = json.loads(text) if text else {}
    assert isinstance(found, dict)
    return answer.status, found


def are_gone(pids: Iterable[int]) -> bool:
    """Tell whether none of these processes lives; a zombie does not live."""
    return not any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


class ModelServer:
    """A model server that misbehaves on command (loadtest/README.md)."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.port = port
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    def stats(self) -> dict[str, int]:
        """Give what it counted since `forget`."""
        return call(self.port, "GET", "/_stats")[1]

    def kill(self) -> None:
        """Let it die as a process does that runs out of memory."""
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Start counting, and behave well, from now on."""
        call(self.port, "POST", "/_behave", {"reset": True})
        call(self.port, "DELETE", "/_stats")


@contextmanager
def running_model_server(name: str) -> Generator[ModelServer]:
    """Run a model server for the length of the block."""
    for _ in range(_ATTEMPTS):
        [port] = free_ports(1)
        module = "loadtest.upstreams.model_server"
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(port), "--name", name],
            stdin=subprocess.DEVNULL,
            env=environment(),
        )
        server = ModelServer(name, port, process)
        try:
            if _answers(process, server):
                yield server
                return
        finally:
            process.kill()
            process.wait()
    raise AssertionError(f"no port for the model server {name}")


def _answers(process: subprocess.Popen[bytes], server: ModelServer) -> bool:
    give_up = time.monotonic() + _FIRST_TIME_S
    while process.poll() is None and time.monotonic() < give_up:
        with suppress(OSError, http.client.HTTPException):
            [model] = call(server.port, "GET", "/v1/models")[1]["data"]
            return bool(model["id"] == server.name)
        time.sleep(_POLL_S)
    return False


def configuration(
    urls: Iterable[str],
    *,
    weight: float = 50,
    workers: int = 1,
    drain: str = "5s",
    state: str = "memory:",
    pool_idle: str = "4s",
) -> dict[str, Any]:
    """Make a configuration with one service `chat`; *urls* are v1's and v2's."""
    versions = {
        name: {"endpoints": [url], "timeouts": {"pool_idle": pool_idle}}
        for name, url in zip(BOTH, urls, strict=False)
    }
    chat: dict[str, object] = {"versions": versions, "baseline": "v1"}
    if len(versions) > 1:
        chat |= {"candidate": "v2", "weights": {"v2": weight}}
    return {
        "listen": "127.0.0.1:0",
        "admin": {"listen": "127.0.0.1:0"},
        "workers": workers,
        "drain": drain,
        "state": state,
        "services": {"chat": chat},
    }


class Gateway:
    """One run of `sluicegate serve`.

    Args:
        document: The configuration.
        folder: Where configuration and log go; relative state paths begin here.
        environ: Environment variables on top of ours.

    """

    def __init__(
        self,
        document: Mapping[str, object],
        folder: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.config = folder / "gateway.yaml"
        self.write(document)
        # Not below `folder`: the path of a Unix socket has at most 107 bytes.
        self.temporary = Path(tempfile.mkdtemp(prefix="e2e-"))
        self._said = folder / "stdout.log"
        self._log = folder / "stderr.log"
        with self._said.open("wb") as said, self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                cwd=folder,
                env=os.environ | {"TMPDIR": str(self.temporary)} | dict(environ or {}),
            )
        self.data = self.admin = 0
        self._family: set[int] = {self.process.pid}

    def write(self, document: Mapping[str, object]) -> None:
        """Write the configuration file, which is read at start and at reload."""
        self.config.write_text(yaml.safe_dump(dict(document), sort_keys=False))

    # What it said.

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.data}"

    def log(self) -> str:
        """Give all it wrote to stderr."""
        return self._log.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Wait for the `ready:` line, and read the ports in it."""
        until("ready", self._is_ready_or_dead, within_s=_FIRST_TIME_S)
        assert self.process.poll() is None, self.log()
        line = self._said.read_text()
        self.data, *_others, self.admin = (
            int(word.rstrip(",").rpartition(":")[2])
            for word in line.split()
            if word.startswith(("http://", "https://"))
        )
        self.note_family()

    def _is_ready_or_dead(self) -> bool:
        return "\n" in self._said.read_text() or self.process.poll() is not None

    # The admin API.

    def service(self) -> dict[str, Any]:
        """Show the service."""
        status, shown = call(self.admin, "GET", "/api/v1/services/chat")
        assert status == 200, shown
        return shown

    def candidate_weight(self) -> float:
        """Give the weight of v2 that the admin API shows."""
        return float(self.service()["weights"]["v2"])

    def set_weight(self, percent: float) -> dict[str, Any]:
        """Give v2 its weight; the answer means that it is in force."""
        path = "/api/v1/services/chat/weights"
        status, shown = call(self.admin, "PUT", path, {"v2": percent})
        assert status == 200, shown
        return shown

    def outcomes(self) -> dict[str, Counter[str]]:
        """Give how many exchanges of each version ended how."""
        versions = self.service()["versions"]
        return {n: Counter(v["statistics"]["outcomes"]) for n, v in versions.items()}

    def tokens(self, version: str = "v1") -> Counter[str]:
        """Give the tokens of a version by type, as they are counted for Prometheus."""
        return Counter({
            labels["type"]: int(value)
            for labels, value in self.metric("sluicegate_tokens_total")
            if labels["version"] == version
        })

    def metric(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Give the labels and values of a metric."""
        url = f"http://127.0.0.1:{self.admin}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            lines = answer.read().decode().splitlines()
        found = [line.rpartition(" ") for line in lines if line.startswith(name + "{")]
        return [(dict(_LABEL.findall(left)), float(value)) for left, _, value in found]

    def is_administered(self) -> bool:
        """Tell whether the admin API answers at this moment."""
        with suppress(OSError, http.client.HTTPException):
            return call(self.admin, "GET", "/api/v1/services/chat")[0] == 200
        return False

    # The processes.

    def note_family(self) -> None:
        """Remember all processes there are now, so that orphans are found."""
        self._family.update(tree(self.process.pid))

    def workers(self) -> list[int]:
        """Give the pids of the workers."""
        return self._marked("gateway.app.worker")

    def controller(self) -> int:
        """Give the pid of the controller."""
        [pid] = self._marked("gateway.app.controller")
        return pid

    def _marked(self, mark: str) -> list[int]:
        self.note_family()
        children = [pid for pid in tree(self.process.pid) if pid != self.process.pid]
        return those_marked(children, mark)

    def has_new(self, role: str, than: Iterable[int], *, count: int = 1) -> bool:
        """Tell whether *count* processes of a role run, none of them in *than*."""
        pids = self._marked(f"gateway.app.{role}")
        return len(pids) == count and not set(pids) & set(than)

    def tell(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def has_ended(self) -> bool:
        """Tell whether the supervisor has ended."""
        return self.process.poll() is not None

    def end(self) -> int:
        """Stop it as an operator does; give the exit code."""
        if not self.has_ended():
            self.note_family()
            self.tell(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def clear_away(self) -> list[int]:
        """Kill what is left, remove its files; give the pids that were left."""
        self.note_family()
        left = sorted(pid for pid in self._family if _lives(pid))
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.temporary, ignore_errors=True)
        return left


@contextmanager
def running_gateway(
    document: Mapping[str, object],
    folder: Path,
    environ: Mapping[str, str] | None = None,
) -> Generator[Gateway]:
    """Run a gateway that is ready for the length of the block; demand a clean end."""
    folder.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(document, folder, environ)
    try:
        gateway.wait_until_ready()
        yield gateway
        gateway.end()
        leftovers = [path.name for path in gateway.temporary.iterdir()]
        log = gateway.log()
    except BaseException:
        sys.stderr.write(gateway.log())  # pytest shows it with the failure
        raise
    finally:
        orphans = gateway.clear_away()
    assert not orphans, f"left running: {orphans}"
    assert not leftovers, f"left in the temporary folder: {leftovers}"
    assert "Traceback" not in log, log


def not_ok(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Give the exchanges a client would complain about."""
    return [each for each in exchanges if each.end is not End.OK]
