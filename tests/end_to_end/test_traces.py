"""A collector beside the real command: it hears of traffic, and may die."""

from pathlib import Path

from loadtest.processes import free_ports
from tests.end_to_end.running import (
    CHAT,
    ModelServer,
    call,
    configuration,
    running_gateway,
    until,
    until_soon,
)
from tests.flows.collector import Receiver, attributes, receiving

Models = tuple[ModelServer, ModelServer]
QUESTION = {"model": "small", "messages": [{"role": "user", "content": "a secret"}]}


async def test_a_collector_hears_of_every_recorded_exchange(
    models: Models, tmp_path: Path
) -> None:
    async with receiving() as receiver:
        otlp = {"endpoint": receiver.url, "interval": "100ms", "traces": 1.0}
        document = configuration([server.url for server in models], workers=2)
        with running_gateway(document | {"telemetry": {"otlp": otlp}}, tmp_path) as one:
            await until_soon("asked", lambda: _ask(one.data, 20))
            await until_soon("twenty", lambda: len(receiver.spans) == 20)
            await until_soon("counted", lambda: _requests(receiver) == 20)
    said = [attributes(span) for span in receiver.spans]
    assert {each["sluicegate.version"] for each in said} == {"v1", "v2"}
    assert {each["gen_ai.request.model"] for each in said} == {"small"}
    assert len({span.trace_id for span in receiver.spans}) == 20
    assert len({each["sluicegate.request_id"] for each in said}) == 20
    assert "secret" not in str(receiver.spans)


def _ask(port: int, times: int) -> bool:
    return all(call(port, "POST", CHAT, QUESTION)[0] == 200 for _ in range(times))


def _requests(receiver: Receiver) -> int:
    metric = receiver.metrics.get("gen_ai.server.request.duration")
    points = [] if metric is None else metric.histogram.data_points
    return sum(point.count for point in points)


def test_a_dead_collector_costs_nothing_but_traces(
    models: Models, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    otlp = {"endpoint": f"http://127.0.0.1:{port}", "interval": "50ms", "traces": 1.0}
    document = configuration([server.url for server in models])
    with running_gateway(document | {"telemetry": {"otlp": otlp}}, tmp_path) as gateway:
        assert _ask(gateway.data, 10)
        until("told", lambda: "does not take what it is sent" in gateway.log())
        assert _ask(gateway.data, 10)
        assert gateway.log().count("does not take") == 1
