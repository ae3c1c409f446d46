"""The access log: a line of JSON for each exchange, without a word of its text.

Off, it costs a look at one attribute for each exchange. On, a line is made when the
exchange is counted, after its last byte; it is written elsewhere (line_writer.py).
"""

import logging
from collections.abc import Callable
from time import gmtime, strftime
from time import time as unix_time  # ruff: ignore[banned-api]: for display
from typing import Final

import msgspec

from gateway.answers.usage import Usage
from gateway.domain.deployment import AccessLog, AccessLogKind
from gateway.proxy.line_writer import LineWriter
from gateway.proxy.observe import Observation
from gateway.proxy.tally import Seen
from gateway.proxy.who import Sender, Told
from gateway.wire.request_head import RequestHead

_logger: Final = logging.getLogger("sluicegate.access_log")

_LONGEST_MODEL: Final = 128
_LONGEST_PATH: Final = 1024  # so that a line is never longer than a pipe keeps together
_GOODBYE_S: Final = 1.0
_MILLI: Final = 1000.0


class Tokens(msgspec.Struct, omit_defaults=True, gc=False):
    """Tokens by kind, as in sluicegate_tokens_total; what nobody said is left out."""

    input: int | None = None
    cached_input: int | None = None
    output: int | None = None
    output_estimated: int | None = None
    reasoning: int | None = None


class Line(msgspec.Struct, kw_only=True, gc=False):
    """One line; gateway/telemetry/README.md tells what its fields mean. Unknown is null."""

    time: str
    service: str | None
    version: str | None
    request_id: str
    ticket: str | None
    method: str
    path: str
    status: int | None
    outcome: str | None
    failure: str | None
    failover_from: str | None = None
    failover_reason: str | None = None
    duration_ms: float
    first_content_ms: float | None = None
    dialect: str | None = None
    model: str | None = None
    tokens: Tokens | None = None
    cost_usd: float | None = None
    request_bytes: int | None = None
    client: str
    trace_id: str | None


class AccessLogger:
    """Writes the access log of one worker.

    Args:
        open_writer: Opens where lines go.
        now: Unix time in seconds.

    Attributes:
        is_on: Whether exchanges are logged.

    """

    def __init__(
        self,
        open_writer: Callable[[str | None], LineWriter] = LineWriter,
        now: Callable[[], float] = unix_time,
    ) -> None:
        self.is_on = False
        self._open_writer = open_writer
        self._now = now
        self._setting = AccessLog()
        self._writer: LineWriter | None = None
        self._closed: list[LineWriter] = []
        self._encode = msgspec.json.Encoder().encode
        self._second = -1
        self._clock = ""

    def use(self, setting: AccessLog) -> None:
        """Log there from now on; what waits for another place is still written there."""
        if setting == self._setting:
            return
        if self._writer is not None:
            self._writer.close()
            self._closed.append(self._writer)
        self._writer, self._setting, self.is_on = None, AccessLog(), False
        if setting.kind is AccessLogKind.OFF:
            return
        try:
            self._writer = self._open_writer(setting.path or None)
        except RuntimeError:
            _logger.exception("Exchanges are not logged: there is no thread for it.")
            return
        self._setting, self.is_on = setting, True

    @property
    def dropped(self) -> int:
        """How many lines were not written."""
        current = [] if self._writer is None else [self._writer]
        return sum(writer.dropped for writer in (*self._closed, *current))

    def close(self) -> None:
        """Write what waits, for a second at most."""
        if self._writer is not None:
            self._writer.close(_GOODBYE_S)

    def exchange(self, seen: Observation, totals: Seen) -> None:
        """Log an exchange that a version was assigned to. What fails harms nobody."""
        try:
            self._write(self._exchange(seen, totals))
        except Exception:
            _logger.exception("An exchange could not be logged.")

    def _exchange(self, seen: Observation, totals: Seen) -> Line:
        assert seen.told is not None  # ruff: ignore[assert]  # set at the end
        assert seen.peer is not None  # ruff: ignore[assert]
        tally, reading, first = seen.target.tally, seen.reading, totals.first_content
        line = self._begin(seen.told, seen.peer, seen.duration)
        line.service, line.version = tally.service, tally.version
        line.status, line.outcome = totals.status, totals.outcome.value
        line.ticket = None if seen.issued is None else seen.issued.decode("latin-1")
        line.failure = None if seen.failure is None else seen.failure.value
        if seen.covered is not None:
            line.failover_from, line.failover_reason = seen.covered
        line.first_content_ms = None if first is None else _milliseconds(first)
        if reading is not None:
            line.dialect, line.model = reading.dialect.name, short(reading.asked.model)
        line.tokens = None if totals.usage is None else _tokens(totals.usage)
        line.cost_usd = totals.cost
        line.request_bytes = seen.body.received
        return line

    def refusal(self, told: Told, peer: Sender, status: int, duration: float) -> None:
        """Log a request that was refused before a version was assigned."""
        line = self._begin(told, peer, duration)
        line.status = status
        self._write(line)

    def _begin(self, told: Told, peer: Sender, duration: float) -> Line:
        head = told.head
        trace = head.trace
        return Line(
            time=self._time(),
            service=None,
            version=None,
            request_id=told.request_id.decode("latin-1"),
            ticket=None,
            method=head.method.decode("latin-1"),
            path=path_of(head),
            status=None,
            outcome=None,
            failure=None,
            duration_ms=_milliseconds(duration),
            client=peer.client(head),
            trace_id=None if trace is None else trace.trace.decode("latin-1"),
        )

    def _write(self, line: Line) -> None:
        if self._writer is not None:
            self._writer.write(self._encode(line) + b"\n")

    def _time(self) -> str:
        """Give the time as RFC 3339 writes it, in UTC."""
        now = self._now()
        second = int(now)
        if second != self._second:
            self._second = second
            self._clock = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        return f"{self._clock}.{int((now - second) * _MILLI):03d}Z"


def _milliseconds(seconds: float) -> float:
    return round(seconds * _MILLI, 3)


def path_of(head: RequestHead) -> str:
    """Give a request's path, without its query, and bounded."""
    return head.path[:_LONGEST_PATH].decode("latin-1")


def short(model: str | None) -> str | None:
    """Bound a name of the client's choosing, and make it text that can be written."""
    if model is None or (model.isascii() and len(model) <= _LONGEST_MODEL):
        return model
    return model[:_LONGEST_MODEL].encode("utf-8", "replace").decode()


def _tokens(usage: Usage) -> Tokens:
    output, guessed = usage.output, usage.is_estimated
    return Tokens(
        input=usage.input,
        cached_input=usage.cached,
        output=None if guessed else output,
        output_estimated=output if guessed else None,
        reasoning=usage.reasoning,
    )
