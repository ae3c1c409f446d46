"""Tells an OpenTelemetry collector what judges said: `gen_ai.evaluation.result`.

The convention has it as an event, and events are log records with a name: those on spans
are deprecated. The SDK's data classes are filled and exported, and nothing else of its
logs is used: they are the youngest part of it.
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from gateway.domain.evaluated import Evaluated
from gateway.telemetry import genai_names as names

_NANO: Final = 1_000_000_000
_BATCH: Final = 512  # events in one request
_HEX: Final = 16


class Events:
    """The way of events to a collector.

    Args:
        url: Of the collector, without a path.
        headers: Sent along.
        deadline_s: How long one call may take.
        resource: Who we are.
        scope: The same, as who has measured.

    """

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        deadline_s: float,
        resource: Resource,
        scope: InstrumentationScope,
    ) -> None:
        self._logs = OTLPLogExporter(
            f"{url}/v1/logs",
            headers=headers,
            timeout=deadline_s,
            compression=Compression.Gzip,
        )
        self._resource = resource
        self._scope = scope

    def tell(self, evaluated: Sequence[Evaluated]) -> int:
        """Send them; give how many were taken. Blocks until its deadline."""
        taken = 0
        for at in range(0, len(evaluated), _BATCH):
            batch = [self._readable(each) for each in evaluated[at : at + _BATCH]]
            if self._logs.export(batch) is not LogRecordExportResult.SUCCESS:
                break
            taken += len(batch)
        return taken

    def close(self) -> None:
        """Let go of the connection."""
        self._logs.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, told: Evaluated) -> ReadableLogRecord:
        is_warning = told.error is not None
        at = int(told.at * _NANO)
        record = LogRecord(
            timestamp=at,
            observed_timestamp=at,
            context=_context(told),
            severity_number=SeverityNumber.WARN if is_warning else SeverityNumber.INFO,
            attributes=attributes_of(told),
            event_name=names.EVALUATION,
        )
        return ReadableLogRecord(record, self._resource, self._scope)


def attributes_of(told: Evaluated) -> dict[str, str | float]:
    """Give what is known of an evaluation, by its names."""
    known: dict[str, str | float | None] = {
        names.EVALUATION_NAME: told.score,
        names.EVALUATION_VALUE: told.value,
        names.EVALUATION_LABEL: told.label,
        names.EVALUATION_EXPLANATION: told.said or None,
        names.ERROR: told.error,
        names.EVALUATOR: told.evaluator,
        names.SERVICE: told.service,
        names.VERSION: told.version,
    }
    return {name: value for name, value in known.items() if value is not None}


def _context(told: Evaluated) -> Context:
    """Make the step of the trace its parent, where there is one."""
    if told.trace is None or told.span is None:
        return Context()
    parent = SpanContext(
        int(told.trace, _HEX),
        int(told.span, _HEX),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())
