"""The access log of the real command: a line for each exchange, and logs are rotated."""

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

from tests.end_to_end.running import (
    CHAT,
    ModelServer,
    call,
    configuration,
    running_gateway,
    until,
)

Models = tuple[ModelServer, ModelServer]
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "a secret"}]}


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def _ask(port: int, times: int) -> None:
    for _ in range(times):
        status, _ = call(port, "POST", f"{CHAT}?key=hush", QUESTION)
        assert status == 200


def test_a_log_that_is_rotated_loses_no_line(models: Models, tmp_path: Path) -> None:
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    document = configuration([server.url for server in models], workers=2)
    with running_gateway(
        document | {"access_log": "./access.log"}, tmp_path
    ) as gateway:
        _ask(gateway.data, 10)
        until("ten lines", lambda: len(_lines(log)) == 10)
        log.rename(old)
        gateway.tell(signal.SIGHUP)
        _ask(gateway.data, 10)
        until("ten more", lambda: len(_lines(log)) == 10)
        call(gateway.data, "GET", "/nowhere")
    lines = _lines(old) + _lines(log)

    assert len(lines) == 21, "what waits is written when the gateway ends"
    chats = [line for line in lines if line["path"] == CHAT]
    assert {line["version"] for line in chats} == {"v1", "v2"}
    assert {(line["outcome"], line["status"]) for line in chats} == {("complete", 200)}
    assert all(line["tokens"]["output"] > 0 for line in chats)
    assert len({line["ticket"] for line in chats}) == 20
    assert "secret" not in old.read_text()
    assert "hush" not in old.read_text()


def test_traffic_goes_on_while_the_log_cannot_be_written(
    models: Models, tmp_path: Path
) -> None:
    """The lines that are missing are counted, and said once; a reload mends it."""
    document = configuration([server.url for server in models])
    full = document | {"access_log": "/dev/full"}
    with running_gateway(full, tmp_path) as gateway:
        _ask(gateway.data, 5)
        counted = "sluicegate_access_log_dropped_total 5.0"
        until("counted", lambda: counted in _metrics(gateway.admin))
        assert "lines of the access log /dev/full were dropped" in gateway.log()
        gateway.write(document | {"access_log": "./mended.log"})
        call(gateway.admin, "POST", "/api/v1/reload", {})
        _ask(gateway.data, 1)
        until("a line", lambda: len(_lines(tmp_path / "mended.log")) == 1)
        assert counted in _metrics(gateway.admin)


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: str = answer.read().decode()
    return text
