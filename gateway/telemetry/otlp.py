"""Tells an OpenTelemetry collector what the gateway sees (OTLP over HTTP, protobuf).

The histograms are those the workers have counted: they are written into the SDK's own
data classes, and nothing of the SDK runs for a request. This module needs the packages of
the extra `otel`; it is imported when a collector is configured, and not before.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Final

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway.analysis.histogram import (
    BOUNDS,
    OTEL_DURATION,
    OTEL_FIRST_TOKEN,
    OTEL_PER_TOKEN,
    Histogram,
)
from gateway.domain.deployment import Otlp
from gateway.domain.evaluated import Evaluated
from gateway.domain.outcome import ERRORS
from gateway.domain.span import Span
from gateway.telemetry import genai_names as names
from gateway.telemetry.otlp_events import Events
from gateway.telemetry.traffic import Picture, VersionTraffic

Labels = dict[str, str | int | float]
Version = tuple[Labels, VersionTraffic]

_NANO: Final = 1_000_000_000
_BATCH: Final = 512  # steps of traces in one request
_TOTALS: Final = AggregationTemporality.CUMULATIVE
_PLACE: Final = {bound: place for place, bound in enumerate(BOUNDS)}
_SCHEMA: Final = ""
_ERRORS: Final = frozenset(outcome.value for outcome in ERRORS)


class Collector:
    """A collector, and the way to it.

    Args:
        otlp: Where it is.
        version: The gateway's own.
        since: Unix time since when things are counted.
        deadline_s: How long one call may take.

    """

    def __init__(
        self, otlp: Otlp, *, version: str, since: float, deadline_s: float
    ) -> None:
        # It logs every try that fails; who calls this says it once in a while.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        base, headers = otlp.endpoint.rstrip("/"), dict(otlp.headers)
        self._metrics = OTLPMetricExporter(
            f"{base}/v1/metrics",
            headers=headers,
            timeout=deadline_s,
            compression=Compression.Gzip,
        )
        self._traces = OTLPSpanExporter(
            f"{base}/v1/traces",
            headers=headers,
            timeout=deadline_s,
            compression=Compression.Gzip,
        )
        self._resource = Resource({
            "service.name": "sluicegate",
            "service.version": version,
        })
        self._scope = InstrumentationScope("sluicegate", version)
        self._events = Events(base, headers, deadline_s, self._resource, self._scope)
        self._since = int(since * _NANO)

    def tell(self, picture: Picture, now: float) -> bool:
        """Send all totals; give whether they were taken. Blocks until its deadline."""
        versions: list[Version] = [
            (
                {names.SERVICE: service, names.VERSION: version},
                picture.traffic.of(service, version),
            )
            for service, version in picture.percents
        ]
        metrics = [*self._histograms(versions, now), *self._sums(versions, now)]
        scoped = ScopeMetrics(self._scope, metrics, _SCHEMA)
        resource = ResourceMetrics(self._resource, [scoped], _SCHEMA)
        result = self._metrics.export(MetricsData([resource]))
        return result is MetricExportResult.SUCCESS

    def record(self, spans: Sequence[Span]) -> int:
        """Send steps of traces; give how many were taken. Blocks until its deadline."""
        taken = 0
        for at in range(0, len(spans), _BATCH):
            batch = [self._readable(span) for span in spans[at : at + _BATCH]]
            if self._traces.export(batch) is not SpanExportResult.SUCCESS:
                break
            taken += len(batch)
        return taken

    def evaluated(self, evaluated: Sequence[Evaluated]) -> int:
        """Send what judges said; give how much was taken. Blocks until its deadline."""
        return self._events.tell(evaluated)

    def close(self) -> None:
        """Let go of the connections."""
        self._events.close()
        self._metrics.shutdown()
        self._traces.shutdown()  # type: ignore[no-untyped-call]

    def _histograms(self, versions: Iterable[Version], now: float) -> list[Metric]:
        return [
            Metric(
                name,
                told,
                "s",
                HistogramMetric(
                    [
                        self._spread(labels, read(traffic), bounds, now)
                        for labels, traffic in versions
                    ],
                    _TOTALS,
                ),
            )
            for name, told, bounds, read in _HISTOGRAMS
        ]

    def _spread(
        self, labels: Labels, histogram: Histogram, bounds: Sequence[float], now: float
    ) -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=labels,
            start_time_unix_nano=self._since,
            time_unix_nano=int(now * _NANO),
            count=histogram.count,
            sum=histogram.total,
            bucket_counts=bucket_counts(histogram, bounds),
            explicit_bounds=bounds,
            min=None,  # type: ignore[arg-type]  # optional in the protocol, and not known
            max=None,  # type: ignore[arg-type]
        )

    def _sums(self, versions: Iterable[Version], now: float) -> list[Metric]:
        tokens, outcomes, costs, failovers = [], [], [], []
        for labels, traffic in versions:
            for kind, count in traffic.tokens.items():
                tokens.append(
                    self._number({**labels, names.TOKEN_TYPE: kind}, count, now)
                )
            for outcome, count in traffic.outcomes.items():
                outcomes.append(
                    self._number({**labels, names.OUTCOME: outcome}, count, now)
                )
            for why, count in traffic.failovers.items():
                failovers.append(
                    self._number({**labels, names.REASON: why}, count, now)
                )
            costs.append(self._number(labels, traffic.cost, now))
        return [
            _sum(names.TOKENS, "Tokens by type.", "{token}", tokens),
            _sum(names.REQUESTS, "Exchanges by outcome.", "{request}", outcomes),
            _sum(names.FAILOVERS, "Failures others covered.", "{request}", failovers),
            _sum(names.COST, "What tokens cost.", "USD", costs),
        ]

    def _number(self, labels: Labels, value: float, now: float) -> NumberDataPoint:
        return NumberDataPoint(labels, self._since, int(now * _NANO), value)

    def _readable(self, span: Span) -> ReadableSpan:
        operation, _ = names.OPERATIONS.get(span.dialect or "", (span.method, ""))
        trace = int(span.trace, 16)
        ended = int(span.ended * _NANO)
        is_error = span.outcome in _ERRORS
        return ReadableSpan(
            name=f"{operation} {span.model or span.service}",
            context=_context(trace, span.span, is_remote=False),
            parent=_context(trace, span.parent, is_remote=True)
            if span.parent
            else None,
            resource=self._resource,
            attributes=attributes_of(span),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if is_error else StatusCode.UNSET),
            start_time=ended - int(span.duration * _NANO),
            end_time=ended,
            instrumentation_scope=self._scope,
        )


_HISTOGRAMS: Final[
    tuple[tuple[str, str, Sequence[float], Callable[[VersionTraffic], Histogram]], ...]
] = (
    (
        names.REQUEST_DURATION,
        "From the request's head to the last byte of the answer.",
        OTEL_DURATION,
        lambda traffic: traffic.duration,
    ),
    (
        names.TIME_TO_FIRST_TOKEN,
        "From the request's head to the first content, of answers that are streams.",
        OTEL_FIRST_TOKEN,
        lambda traffic: traffic.first_content,
    ),
    (
        names.TIME_PER_OUTPUT_TOKEN,
        "Time for each output token after the first, by stream.",
        OTEL_PER_TOKEN,
        lambda traffic: traffic.per_token,
    ),
)


def bucket_counts(histogram: Histogram, bounds: Sequence[float]) -> list[int]:
    """Count what lies between *bounds*, which must be among BOUNDS, and beyond them."""
    reached = list(accumulate(histogram.counts))
    edges = [0, *(reached[_PLACE[bound]] for bound in bounds), reached[-1]]
    return [above - below for below, above in pairwise(edges)]


def attributes_of(span: Span) -> Labels:
    """Give what is known of an exchange, by its names."""
    operation, provider = names.OPERATIONS.get(span.dialect or "", (None, None))
    known: dict[str, str | int | float | None] = {
        names.SERVICE: span.service,
        names.VERSION: span.version,
        names.REQUEST_ID: span.request_id or None,
        names.METHOD: span.method,
        names.PATH: span.path,
        names.STATUS: span.status,
        names.OUTCOME: span.outcome,
        names.FAILURE: span.failure,
        names.FAILOVER_FROM: span.failover_from,
        names.ERROR: span.outcome if span.outcome in _ERRORS else None,
        names.OPERATION: operation,
        names.PROVIDER: provider,
        names.MODEL: span.model,
        names.INPUT_TOKENS: span.input,
        names.CACHED_TOKENS: span.cached,
        names.OUTPUT_TOKENS: span.output,
        names.REASONING_TOKENS: span.reasoning,
        names.FIRST_CONTENT: span.first_content,
        names.COST_USD: span.cost,
    }
    return {name: value for name, value in known.items() if value is not None}


def _sum(name: str, told: str, unit: str, points: list[NumberDataPoint]) -> Metric:
    return Metric(name, told, unit, Sum(points, _TOTALS, is_monotonic=True))


def _context(trace: int, span: str, *, is_remote: bool) -> SpanContext:
    return SpanContext(trace, int(span, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))
