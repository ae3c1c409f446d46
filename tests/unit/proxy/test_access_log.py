"""What a line of the access log says, and what never."""

import json
import random
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateway.answers.dialects import dialect_of
from gateway.answers.reading import Reading
from gateway.answers.usage import Usage
from gateway.domain.deployment import AccessLog, AccessLogKind
from gateway.domain.outcome import Failure, Outcome
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.access_log import AccessLogger
from gateway.proxy.line_writer import LineWriter
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.seen import Seen
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.wire.request_head import RequestHead

ON = AccessLog(kind=AccessLogKind.FILE, path="/log")
VERSION = Version(name="v1", endpoints=(Endpoint(url="http://h", host="h", port=80),))
SERVICE = Service(name="chat", versions=(VERSION,), baseline="v1")


@dataclass
class _Paper:
    """Takes lines instead of a file."""

    dropped: int = 0
    lines: list[bytes] = field(default_factory=list)
    is_closed: bool = False

    def write(self, line: bytes) -> None:
        self.lines.append(line)

    def close(self, _within_s: float = 0.0) -> None:
        self.is_closed = True


@dataclass
class _Told:
    head: RequestHead = field(
        default_factory=lambda: RequestHead(
            b"POST", b"/v1/chat/completions?key=hush", 1, {}, b"/v1/chat/completions"
        )
    )
    request_id: bytes = b"r-1"


class _Peer:
    def client(self, _head: RequestHead) -> str:
        return "192.0.2.1"


class _Logger(AccessLogger):
    """On from the start, on paper."""

    def __init__(self, now: float = 0.0) -> None:
        self.papers: list[_Paper] = []
        super().__init__(self._paper, lambda: now)
        self.use(ON)

    def _paper(self, _path: str | None) -> LineWriter:
        self.papers.append(_Paper())
        return cast("LineWriter", self.papers[-1])

    def only(self) -> dict[str, Any]:
        (line,) = self.papers[-1].lines
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        read: dict[str, Any] = json.loads(line)
        return read


def _finished(
    told: _Told,
    reading: Reading | None = None,
    issued: bytes | None = None,
    failure: Failure | None = None,
) -> Observation:
    routed = RoutedService(service=SERVICE, share=Share(0), salt="s", revision=1)
    target = Target(
        routed, VERSION, Tally("chat", "v1"), Tracing(random.Random(1), 0.0)
    )
    body = RequestBody(told.head, b'{"prompt": "hush"}')
    route = Route(routed, {"v1": target}, random.Random(1))
    seen = Observation(target, route, told.head, body, None)
    seen.duration = 1.2345678
    seen.reading, seen.issued, seen.failure, seen.told = reading, issued, failure, told
    seen.peer = _Peer()
    return seen


def test_an_exchange_is_a_line_with_all_that_was_counted() -> None:
    """And neither the query nor a word of the prompt."""
    logger = _Logger(now=1.5)
    reading = Reading(dialect_of("auto", b"/v1/chat/completions"))
    reading.asked = type(reading.asked)(model="m" * 200, prompt="hush")
    seen = Seen(Outcome.LENGTH, 200, 1.2345678, 0.1, first_content=0.25, cost=0.5)
    seen.usage = Usage(input=10, cached=4, output=20)

    logger.exchange(_finished(_Told(), reading, b"AAd7"), seen)

    assert logger.only() == {
        "time": "1970-01-01T00:00:01.500Z",
        "service": "chat",
        "version": "v1",
        "request_id": "r-1",
        "ticket": "AAd7",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "outcome": "length",
        "failure": None,
        "failover_from": None,
        "failover_reason": None,
        "duration_ms": 1234.568,
        "first_content_ms": 250.0,
        "dialect": "openai_chat",
        "model": "m" * 128,
        "tokens": {"input": 10, "cached_input": 4, "output": 20},
        "cost_usd": 0.5,
        "request_bytes": 18,
        "client": "192.0.2.1",
        "trace_id": None,
    }


def test_what_is_not_known_is_null() -> None:
    """A failure is named, an estimate is called one."""
    logger = _Logger()
    seen = Seen(Outcome.UPSTREAM_ERROR, 502, 0.1, None)
    seen.usage = Usage(output=3, is_estimated=True)

    logger.exchange(_finished(_Told(), failure=Failure.CONNECT), seen)

    line = logger.only()
    assert line["tokens"] == {"output_estimated": 3}
    assert (line["failure"], line["outcome"]) == ("connect", "upstream_error")
    assert line["first_content_ms"] is line["model"] is line["ticket"] is None


def test_a_refused_request_is_a_line_without_service_and_outcome() -> None:
    """Its status says why."""
    logger = _Logger()
    logger.refusal(_Told(), _Peer(), 404, 0.001)

    line = logger.only()
    assert (line["status"], line["service"], line["outcome"]) == (404, None, None)


@pytest.mark.parametrize("model", ["\ud800", "grün" * 50, 'a"\n\\'])
def test_any_name_of_a_model_makes_one_line(model: str) -> None:
    """Also one that is no text."""
    logger = _Logger()
    reading = Reading(dialect_of("auto", b"/v1/chat/completions"))
    reading.asked = type(reading.asked)(model=model)

    logger.exchange(_finished(_Told(), reading), Seen(Outcome.COMPLETE, 200, 0.1, 0.1))

    assert len(logger.only()["model"]) <= 128


def test_a_longest_line_is_not_longer_than_a_pipe_keeps_together() -> None:
    """Its path is cut."""
    logger = _Logger()
    told = _Told(request_id=b"r" * 128)
    told.head.path = b"/" + b'"' * 65_000
    reading = Reading(dialect_of("auto", b"/v1/chat/completions"))
    reading.asked = type(reading.asked)(model="\1" * 200)

    logger.exchange(
        _finished(told, reading, b"t" * 92), Seen(Outcome.COMPLETE, 200, 0.1, 0.1)
    )

    assert len(logger.papers[-1].lines[0]) <= 4096


def test_another_place_is_another_writer_and_drops_add_up() -> None:
    """The same place keeps its writer."""
    logger = _Logger()
    logger.use(ON)
    first = logger.papers[0]
    first.dropped = 2
    logger.use(AccessLog(kind=AccessLogKind.STDOUT))
    logger.papers[1].dropped = 3

    assert first.is_closed
    assert len(logger.papers) == 2
    assert logger.dropped == 5
    logger.use(AccessLog())
    assert not logger.is_on
    assert logger.dropped == 5


@pytest.mark.parametrize(
    "path",
    [
        b'/v1/"},{"status":200,"x":"',
        b"/v1/a\\u000ab",
        b"/v1/\r\n{}",
        "/v1/\u0085\u2028\x1b[2J".encode(),
        bytes(range(33, 256)),
    ],
)
def test_any_path_makes_one_line(path: bytes) -> None:
    """Nobody writes a line of his own, and none steers a terminal."""
    logger = _Logger()
    told = _Told(request_id=b'r"\n1')
    told.head.path = path
    logger.refusal(told, _Peer(), 404, 0.001)

    line = logger.only()
    assert (line["status"], line["path"]) == (404, path.decode("latin-1"))
    assert not any(byte < 32 for byte in logger.papers[-1].lines[0][:-1])
