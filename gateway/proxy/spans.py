"""Exchanges that are recorded as steps of traces, until they are sent up."""

from collections.abc import Callable
from time import time as unix_time  # ruff: ignore[banned-api]: traces are told in it
from typing import Final

from gateway.domain.span import Span
from gateway.proxy.access_log import path_of, short
from gateway.proxy.observe import Observation
from gateway.proxy.tally import Seen
from gateway.wire.trace import Trace

MOST: Final = 50
"""Between two frames to the controller: 200 a second. More are dropped and counted."""


class Recorder:
    """Records exchanges whose trace is recorded.

    Args:
        now: Unix time in seconds.

    Attributes:
        is_on: Whether there is a collector to tell of them.
        dropped: Exchanges there was no room for.

    """

    def __init__(self, now: Callable[[], float] = unix_time) -> None:
        self.is_on = False
        self.dropped = 0
        self._now = now
        self._spans: list[Span] = []

    def add(self, trace: Trace, seen: Observation, totals: Seen) -> None:
        """Record an exchange that is over."""
        if len(self._spans) < MOST:
            self._spans.append(_span(trace, seen, totals, self._now()))
        else:
            self.dropped += 1

    def take(self) -> list[Span]:
        """Give what was recorded since the last time."""
        spans, self._spans = self._spans, []
        return spans


def _span(trace: Trace, seen: Observation, totals: Seen, now: float) -> Span:
    told, tally, usage, reading = (
        seen.told,
        seen.target.tally,
        totals.usage,
        seen.reading,
    )
    span = Span(
        trace=trace.trace.decode("latin-1"),
        span=trace.span.decode("latin-1"),
        parent=trace.parent.decode("latin-1") or None,
        service=tally.service,
        version=tally.version,
        request_id="" if told is None else told.request_id.decode("latin-1"),
        method=seen.head.method.decode("latin-1"),
        path=path_of(seen.head),
        ended=now,
        duration=seen.duration,
        outcome=totals.outcome.value,
        status=totals.status,
        failure=None if seen.failure is None else seen.failure.value,
        failover_from=None if seen.covered is None else seen.covered.version,
        first_content=totals.first_content,
        cost=totals.cost,
    )
    if reading is not None:
        span.dialect, span.model = reading.dialect.name, short(reading.asked.model)
    if usage is not None:
        span.input, span.cached = usage.input, usage.cached
        span.output = None if usage.is_estimated else usage.output
        span.reasoning = usage.reasoning
    return span
