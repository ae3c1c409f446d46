"""What a real nginx behind us understands is what we sent it, and as many requests.

Between the two stands a tap that keeps the bytes. nginx writes down each request as it
understood it, with its body, and so do we, by a parser that takes nothing in doubt.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.conformance.beside import nginx
from tests.conformance.mutations import mutated
from tests.conformance.strict import Seen, read_with_rest
from tests.conformance.table import REQUESTS
from tests.conformance.talk import PROBE, exchange
from tests.conformance.tap import Tap, tapping
from tests.end_to_end.running import (
    Gateway,
    configuration,
    running_gateway,
    tell,
    until,
)

SERVED = "200"
AS_SERVER = """
  log_format understood escape=json
    '["$http_x_request_id","$status","$request_method $request_uri","$request_body",'
    '"$http_transfer_encoding","$http_content_length","$http_x_a"]';
  underscores_in_headers on;
  client_body_buffer_size 1m;
  client_body_in_single_buffer on;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{listen} backlog=512;
    access_log {folder}/understood.log understood;
    location / {{
      proxy_pass http://127.0.0.1:{listen};
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_pass_request_headers off;
      proxy_set_header Host inside;
    }}
  }}
  server {{
    listen 127.0.0.1:{listen};
    server_name inside;
    location / {{ return 200 ok; }}
  }}
"""


@dataclass
class Behind:
    """The gateway, with nginx behind it and a tap between."""

    gateway: Gateway
    tap: Tap
    log: Path

    def understood(self) -> tuple[dict[str, list[str]], int]:
        """Give what nginx wrote down, by the request's id, which comes but once.

        And how many requests it refused by their first line, before it read an id.
        """
        text = self.log.read_text("latin-1").rpartition("\n")[0]
        lines = [json.loads(line) for line in text.split("\n") if line]
        found = {line[0]: line[1:] for line in lines if line[0]}
        nameless = [line[1] for line in lines if not line[0]]
        assert len(found) + len(nameless) == len(lines)
        assert SERVED not in nameless
        return found, len(nameless)

    def sent(self) -> tuple[dict[str, Seen], dict[str, Seen]]:
        """Give the whole requests that were sent, and those that were cut off, by id."""
        streams = [read_with_rest(stream) for stream in self.tap.sent]
        whole = [seen for found, _ in streams for seen in found]
        cut = [rest for _, rest in streams if rest is not None]
        by_id = {_id(seen): seen for seen in whole}
        assert len(by_id) == len(whole)
        return by_id, {_id(seen): seen for seen in cut}

    def counted(self) -> int:
        """Give the exchanges that the gateway counted."""
        return self.gateway.outcomes()["v1"].total()


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    with (
        nginx(AS_SERVER, folder) as port,
        tapping(port) as tap,
        running_gateway(
            configuration([f"http://127.0.0.1:{tap.port}"]), tmp_path / "gateway"
        ) as gateway,
    ):
        yield Behind(gateway, tap, folder / "understood.log")


def _id(seen: Seen) -> str:
    return seen.values(b"x-request-id")[0].decode("latin-1")


def shown(seen: Seen) -> list[str]:
    """Write a request down as nginx does."""
    named = [(name.replace(b"_", b"-"), value) for name, value in seen.fields]
    firsts = [
        next((value for found, value in named if found == name), b"")
        for name in (b"transfer-encoding", b"content-length", b"x-a")
    ]
    return [each.decode("latin-1") for each in (seen.first, seen.body, *firsts)]


def send(behind: Behind, streams: Iterable[bytes]) -> int:
    """Send each over a connection of its own; give how many."""
    port = behind.gateway.data
    with ThreadPoolExecutor(12) as clients:
        came = clients.map(
            lambda stream: exchange(port, stream + PROBE, waits=True), streams
        )
        return len(list(came))


def check(behind: Behind) -> int:
    """Hold what nginx understood against what was sent; give how many requests."""
    whole, cut = behind.sent()
    until("nginx has told all", lambda: has_told(behind, whole))
    until("all are counted", lambda: behind.counted() >= len(whole) + len(cut))
    understood, refused = behind.understood()

    assert set(understood) <= set(whole) | set(cut)
    assert refused == len(set(whole) - set(understood))
    assert behind.counted() == len(whole) + len(cut)
    assert not [key for key in cut if understood.get(key, ["400"])[0] == SERVED]
    for key in set(understood) & set(whole):
        status, *told = understood[key]
        if status == SERVED:
            assert told == shown(whole[key])
    served = sum(status == SERVED for status, *_ in understood.values())
    tell(f"{len(whole)} whole requests, {len(cut)} cut off, {served} served by nginx")
    return len(whole)


def has_told(behind: Behind, whole: dict[str, Seen]) -> bool:
    """Tell whether nginx has written down every whole request."""
    understood, refused = behind.understood()
    return len(set(whole) & set(understood)) + refused >= len(whole)


def test_nginx_behind_us_understands_what_was_sent(behind: Behind) -> None:
    dice = Random(9112)
    send(behind, (case.request for case in REQUESTS))
    send(behind, (mutated(dice) for _ in range(1_500)))

    assert check(behind) > 1_500


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nginx_behind_us_understands_what_was_sent_for_long(behind: Behind) -> None:
    dice = Random(9110)
    for _ in range(30):
        send(behind, (mutated(dice) for _ in range(1_000)))

    assert check(behind) > 20_000
