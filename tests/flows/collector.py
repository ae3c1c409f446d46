"""A real OpenTelemetry receiver: HTTP, gzip, protobuf; it keeps what it is told."""

import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """What was received, newest metrics by name."""

    def __init__(self) -> None:
        self.url = ""
        self.metrics: dict[str, Metric] = {}
        self.spans: list[Span] = []
        self.events: list[LogRecord] = []
        self.logs_status = 200
        self.headers: dict[str, str] = {}
        self.metrics_status = 200

    async def take_metrics(self, request: web.Request) -> web.Response:
        told = ExportMetricsServiceRequest.FromString(await _body(request))
        self.headers = dict(request.headers)
        for metric in told.resource_metrics[0].scope_metrics[0].metrics:
            self.metrics[metric.name] = metric
        return web.Response(status=self.metrics_status)

    async def take_spans(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await _body(request))
        self.spans += told.resource_spans[0].scope_spans[0].spans
        return web.Response()

    async def take_events(self, request: web.Request) -> web.Response:
        told = ExportLogsServiceRequest.FromString(await _body(request))
        self.events += told.resource_logs[0].scope_logs[0].log_records
        return web.Response(status=self.logs_status)


async def _body(request: web.Request) -> bytes:
    sent = await request.read()  # aiohttp has inflated it already
    return gzip.decompress(sent) if sent.startswith(b"\x1f\x8b") else sent


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Receive for the length of the block."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/v1/metrics", receiver.take_metrics)
    application.router.add_post("/v1/traces", receiver.take_spans)
    application.router.add_post("/v1/logs", receiver.take_events)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def attributes(told: Span | LogRecord) -> dict[str, object]:
    """Give the attributes of a step of a trace, or of an event."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "")
        for each in told.attributes
    }
