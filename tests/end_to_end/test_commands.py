"""The real command against the real gateway, as people and pipelines use it."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import gateway

READY: Final = re.compile(r"ready: data (\S+) · admin (\S+)")
TOKEN: Final = "a-token-of-the-operators"
VIEWER: Final = "a-token-that-may-only-look"
ANY_PORTS: Final = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A gateway that is ready."""

    process: subprocess.Popen[str]
    data: str
    admin: str
    config: Path | None = None


def _environment(**more: str) -> dict[str, str]:
    clean = {name: v for name, v in os.environ.items() if "SLUICEGATE" not in name}
    checkout = str(Path(gateway.__file__).parents[1])
    return {**clean, "PYTHONPATH": checkout, "COLUMNS": "200", **more}


def _sluicegate(
    *arguments: str, at: str = "", token: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=_environment(SLUICEGATE_ADMIN=at, SLUICEGATE_TOKEN=token),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def _serving(*arguments: str, config: Path | None = None) -> Generator[Serving]:
    """Serve, wait for the ready line, and end it if the test has not."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", *arguments],
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready = READY.search(process.stdout.readline())
            assert ready is not None
            yield Serving(process=process, data=ready[1], admin=ready[2], config=config)
        finally:
            process.terminate()
            process.wait(timeout=20)


class _Upstream(http.server.BaseHTTPRequestHandler):
    """Answers everything, and is no admin API."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a page."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "7")
        self.end_headers()
        self.wfile.write(b"<html/>")

    def log_message(self, *_values: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Give the URL of a server that stands for both versions."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chat(upstream: str) -> Iterator[Serving]:
    """Give a gateway that was started with two URLs and no file."""
    urls = ("--baseline", upstream, "--candidate", upstream, "--weight", "40")
    with _serving(*urls, *ANY_PORTS) as serving:
        yield serving


def _configuration(upstream: str, *, weight: float) -> str:
    tokens = [
        {"name": "ci", "role": "operator", "value": TOKEN},
        {"name": "screen", "role": "viewer", "value": VIEWER},
    ]
    document = {
        "listen": "127.0.0.1:0",
        "admin": {"listen": "127.0.0.1:0", "tokens": tokens},
        "state": "memory:",
        "services": {
            "chat": {
                "versions": {
                    "v1": {"endpoints": [upstream]},
                    "v2": {"endpoints": [upstream]},
                },
                "baseline": "v1",
                "candidate": "v2",
                "weights": {"v2": weight},
            }
        },
    }
    return json.dumps(document)  # JSON is YAML


@pytest.fixture(scope="module")
def guarded(
    upstream: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Give a gateway that was started from a file, with tokens."""
    config = tmp_path_factory.mktemp("served") / "gateway.yaml"
    config.write_text(_configuration(upstream, weight=10))
    with _serving(str(config), config=config) as serving:
        yield serving


def _weights(serving: Serving, token: str = "") -> dict[str, float]:
    shown = _sluicegate("weights", "chat", "--json", at=serving.admin, token=token)
    weights: dict[str, float] = json.loads(shown.stdout)["weights"]
    return weights


def _ask(serving: Serving, user: int) -> str:
    request = urllib.request.Request(
        f"{serving.data}/v1/models", headers={"x-user-id": f"user-{user}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
        return str(answer.headers["x-sluicegate-version"])


def test_what_two_urls_serve_is_counted_by_status(chat: Serving) -> None:
    """The versions in the answers' headers are those in the table."""
    met = [_ask(chat, user) for user in range(40)]
    assert set(met) == {"v1", "v2"}

    expected = {"v1": met.count("v1"), "v2": met.count("v2")}
    deadline = time.monotonic() + 10
    while (counted := _counted(chat)) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert counted == expected


def _counted(serving: Serving) -> dict[str, int]:
    shown = _sluicegate("status", "chat", "--json", at=serving.admin)
    assert shown.returncode == 0
    service: dict[str, Any] = json.loads(shown.stdout)
    assert service["protection"] == "guard only"
    return {
        name: version["statistics"]["requests"]
        for name, version in service["versions"].items()
    }


def test_a_weight_is_set_shown_and_guarded_by_its_revision(chat: Serving) -> None:
    """Two operators at once: the second is told."""
    put = _sluicegate("weights", "chat", "v2=25", "--reason", "a try", at=chat.admin)
    assert put.returncode == 0
    assert "chat: v1 75 %, v2 25 %" in put.stdout
    assert "in force on 1 of 1 workers" in put.stdout
    revision = put.stdout.split("revision ")[1].split(";")[0]

    shown = _sluicegate("weights", "chat", at=chat.admin)
    assert f"revision {revision}, set by local" in shown.stdout
    assert "a try" in shown.stdout

    again = ("weights", "chat", "v2=30", "--if-match", revision)
    assert _sluicegate(*again, at=chat.admin).returncode == 0
    late = _sluicegate(*again, at=chat.admin)
    assert late.returncode == 1
    assert "revision" in late.stderr
    assert not late.stdout
    assert _weights(chat) == {"v1": 70.0, "v2": 30.0}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("weights", "chat", "v9=5"), "no version 'v9'"),
        (("weights", "chat", "v1=50", "v2=20"), "add up to 70"),
        (("weights", "chat", "v2=101"), "from 0 to 100"),
        (("weights", "nope", "v2=5"), "no service 'nope'"),
        (("status", "nope"), "no service 'nope'"),
        (("weights", "chat", "v2=5", "--if-match", "x"), "no revision"),
    ],
)
def test_what_the_gateway_refuses_is_told_in_its_own_words(
    chat: Serving, arguments: tuple[str, ...], complaint: str
) -> None:
    """404, 422 and 400 are all exit code 1."""
    refused = _sluicegate(*arguments, at=chat.admin)
    assert refused.returncode == 1
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_table_in_a_pipe_has_no_colours(chat: Serving) -> None:
    """Escape codes are for terminals."""
    shown = _sluicegate("status", at=chat.admin)
    assert shown.returncode == 0
    assert "protection: guard only  last evidence:" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_without_the_right_token_nothing_is_shown_or_changed(guarded: Serving) -> None:
    """401 for nobody, 403 for somebody who may not."""
    nobody = _sluicegate("status", at=guarded.admin)
    assert nobody.returncode == 1
    assert "SLUICEGATE_TOKEN" in nobody.stderr

    viewer = _sluicegate("weights", "chat", "v2=50", at=guarded.admin, token=VIEWER)
    assert viewer.returncode == 1
    assert "viewer" in viewer.stderr
    assert _weights(guarded, VIEWER)["v2"] == pytest.approx(10)


def test_a_reload_takes_a_good_file_and_refuses_a_bad_one(
    guarded: Serving, upstream: str
) -> None:
    """A bad one changes nothing and says why."""
    assert guarded.config is not None
    guarded.config.write_text(_configuration(upstream, weight=20))
    good = _sluicegate("reload", at=guarded.admin, token=TOKEN)
    assert good.returncode == 0
    assert good.stdout.startswith("Reloaded chat: epoch ")
    assert _weights(guarded, TOKEN)["v2"] == pytest.approx(20)

    guarded.config.write_text(_configuration(upstream, weight=200))
    bad = _sluicegate("reload", at=guarded.admin, token=TOKEN)
    assert bad.returncode == 1
    assert "weights.v2" in bad.stderr
    assert _weights(guarded, TOKEN)["v2"] == pytest.approx(20)
    guarded.config.write_text(_configuration(upstream, weight=10))
    assert _sluicegate("reload", at=guarded.admin, token=TOKEN).returncode == 0


def test_where_no_gateway_is_two_sentences_say_what_to_do(upstream: str) -> None:
    """Nothing there, or something else there."""
    nothing = _sluicegate("status", at="http://127.0.0.1:1")
    assert nothing.returncode == 1
    assert "No gateway answers at http://127.0.0.1:1" in nothing.stderr
    assert "SLUICEGATE_ADMIN" in nothing.stderr

    other = _sluicegate("status", at=upstream)
    assert other.returncode == 1
    assert "Name the admin address" in other.stderr


def test_check_tells_a_good_file_from_a_bad_one(upstream: str, tmp_path: Path) -> None:
    """Every problem has a line of its own, on stderr."""
    config = tmp_path / "gateway.yaml"
    config.write_text(_configuration(upstream, weight=10))
    good = _sluicegate("check", str(config))
    assert (good.returncode, good.stderr) == (0, "")
    assert f"{config} is valid." in good.stdout

    text = config.read_text().replace('"weights"', '"weigths"')
    config.write_text(text.replace('"state": "memory:"', '"state": "postgres:"'))
    bad = _sluicegate("check", str(config))
    assert (bad.returncode, bad.stdout) == (2, "")
    lines = bad.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{config}: ") for line in lines)
    assert "Did you mean 'weights'?" in bad.stderr


def test_serve_refuses_a_bad_file_and_a_taken_address(
    upstream: str, tmp_path: Path
) -> None:
    """2 for what is written, 1 for what could not be done."""
    missing = _sluicegate("serve", str(tmp_path / "gateway.yaml"))
    assert missing.returncode == 2
    assert "no such file" in missing.stderr

    taken = upstream.removeprefix("http://")
    own = ("--baseline", "http://127.0.0.1:9", "--admin", "127.0.0.1:0")
    busy = _sluicegate("serve", *own, "--listen", taken)
    assert busy.returncode == 1
    assert f"Cannot listen on {taken}" in busy.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_well_when_told_to(upstream: str, number: signal.Signals) -> None:
    """Ctrl-C reaches every process of the group, as in a terminal."""
    with _serving("--baseline", upstream, *ANY_PORTS) as serving:
        assert _ask(serving, 1) == "v1"
        os.killpg(serving.process.pid, number)
        assert serving.process.wait(timeout=20) == 0
