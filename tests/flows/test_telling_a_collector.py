"""An OpenTelemetry collector is told the totals and the steps of traces; or is dead."""

import asyncio
import logging
from collections import Counter

import pytest

from gateway.analysis.histogram import OTEL_DURATION
from gateway.app.export import MOST_EVALUATED, MOST_SPANS, Export
from gateway.domain.deployment import Otlp
from gateway.domain.evaluated import Evaluated
from gateway.domain.span import Span
from gateway.domain.units import Seconds
from gateway.telemetry.otlp import Collector
from gateway.telemetry.traffic import Picture, Traffic, VersionTraffic
from tests.flows.collector import attributes, receiving
from tests.flows.scripted import PATIENCE_S

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class _Bench:
    """An export with traffic to tell of, and the steps of traces it dropped."""

    def __init__(self, url: str) -> None:
        self.dropped = 0
        self.lost: Counter[str] = Counter()
        seen = VersionTraffic(cost=0.5)
        seen.outcomes.update({"complete": 2})
        seen.tokens.update({"output": 7})
        for seconds in (0.01, 0.5, 100.0):
            seen.duration.add(seconds)
        seen.per_token.add(0.03)
        picture = Picture(
            traffic=Traffic(versions={("chat", "v1"): seen}),
            percents={("chat", "v1"): 100.0},
            workers=1,
            epoch=1,
        )
        otlp = Otlp(endpoint=url, headers=(("x-key", "hush"),), interval=Seconds(0.01))
        self.export = Export(
            lambda: otlp, lambda: picture, self._drop,
            version="1.2.3", since=1_000.0, now=lambda: 2_000.0,
        )  # fmt: skip

    def _drop(self, what: str, number: int) -> None:
        self.dropped += number
        self.lost[what] += number


def _span() -> Span:
    return Span(
        trace=TRACE,
        span="00f067aa0ba902b7",
        service="chat",
        version="v1",
        request_id="r",
        method="POST",
        path="/v1/chat/completions",
        ended=1_500.5,
        duration=0.5,
        outcome="complete",
        status=200,
    )


def _evaluated(*, error: str | None = None) -> Evaluated:
    return Evaluated(
        service="chat",
        version="v1",
        evaluator="judge",
        score="hallucination",
        at=1_500.25,
        value=None if error else 1.0,
        label=None if error else "fail",
        said=None if error else "Nobody said so.",
        error=error,
        trace=None if error else TRACE,
        span=None if error else "00f067aa0ba902b7",
    )


async def test_totals_arrive_by_the_names_of_the_convention() -> None:
    """Histograms as they were counted, since the counting began."""
    async with receiving() as receiver:
        await _Bench(receiver.url).export.last(PATIENCE_S)

    assert receiver.headers["x-key"] == "hush"
    duration = receiver.metrics["gen_ai.server.request.duration"]
    (point,) = duration.histogram.data_points
    assert duration.unit == "s"
    assert list(point.explicit_bounds) == list(OTEL_DURATION)
    assert (point.count, sum(point.bucket_counts)) == (3, 3)
    assert (point.bucket_counts[0], point.bucket_counts[-1]) == (1, 1)
    assert point.start_time_unix_nano == 1_000_000_000_000
    assert not point.HasField("min")
    per_token = receiver.metrics["gen_ai.server.time_per_output_token"]
    assert per_token.histogram.data_points[0].bucket_counts[2] == 1
    (tokens,) = receiver.metrics["sluicegate.tokens"].sum.data_points
    assert tokens.as_int == 7


async def test_steps_of_traces_arrive_with_what_is_known_of_them() -> None:
    """An error is one, a client's step is the parent."""
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        known = _span()
        known.parent, known.dialect, known.model = "b" * 16, "openai_chat", "m"
        known.input, known.cost = 3, 0.1
        bench.export.record([known])
        bench.export.record([_span()])
        await bench.export.last(PATIENCE_S)

    told, bare = receiver.spans
    assert told.name == "chat m"
    assert told.trace_id.hex() == TRACE
    assert told.parent_span_id.hex() == "b" * 16
    assert told.end_time_unix_nano - told.start_time_unix_nano == 500_000_000
    said = attributes(told)
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.usage.input_tokens"] == 3
    assert said["sluicegate.version"] == "v1"
    assert not bare.parent_span_id
    assert "gen_ai.request.model" not in attributes(bare)
    assert bench.dropped == 0


async def test_an_error_is_told_as_one() -> None:
    """By the outcome, not by the status alone."""
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        span = _span()
        span.outcome = "truncated"
        bench.export.record([span])
        await bench.export.last(PATIENCE_S)

    assert receiver.spans[0].status.code == 2
    assert attributes(receiver.spans[0])["error.type"] == "truncated"


async def test_a_collector_of_traces_alone_is_told_them() -> None:
    """What it says of totals has no say in it."""
    async with receiving() as receiver:
        receiver.metrics_status = 404
        bench = _Bench(receiver.url)
        bench.export.record([_span()])
        await bench.export.last(PATIENCE_S)

    assert len(receiver.spans) == 1
    assert bench.dropped == 0


async def test_totals_that_cannot_be_sent_keep_no_trace_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever fails in a stranger's code."""

    def fail(*_anything: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Collector, "tell", fail)
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        bench.export.record([_span()])
        await bench.export.last(PATIENCE_S)

    assert len(receiver.spans) == 1
    assert bench.dropped == 0


async def test_a_dead_collector_is_told_of_once_and_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What does not get through is counted."""
    bench = _Bench("http://127.0.0.1:9")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            bench.export.record([_span()])
            await bench.export.last(0.5)

    assert bench.dropped == 2
    (message,) = caplog.messages
    assert message.startswith("The collector http://127.0.0.1:9 does not take")


async def test_a_fault_in_adding_up_is_logged_and_the_next_time_it_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fault in it ends the controller, and steps of traces wait."""
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        look, looked, again = bench.export._look, [0], asyncio.Event()

        def look_in_vain() -> Picture:
            looked[0] += 1
            if looked[0] == 1:
                raise ZeroDivisionError
            again.set()
            return look()

        monkeypatch.setattr(bench.export, "_look", look_in_vain)
        bench.export.record([_span()])
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(bench.export.run())
            await again.wait()
            running.cancel()
        looked[0] = 0
        await bench.export.last(PATIENCE_S)

    assert (
        caplog.text.count("Telling the collector failed; the controller goes on") == 2
    )


def test_what_waits_for_the_collector_is_bounded() -> None:
    """The newest are dropped, and counted."""
    bench = _Bench("http://127.0.0.1:9")
    for _ in range(3):
        bench.export.record([_span()] * (MOST_SPANS // 2))

    assert bench.dropped == MOST_SPANS // 2


async def test_what_a_judge_said_arrives_as_the_event_of_the_convention() -> None:
    """A log record with a name, in the trace of the exchange it is about."""
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        bench.export.evaluated(_evaluated())
        await bench.export.last(PATIENCE_S)

    (event,) = receiver.events
    assert event.event_name == "gen_ai.evaluation.result"
    assert event.time_unix_nano == 1_500_250_000_000
    assert (event.trace_id.hex(), event.span_id.hex()) == (TRACE, "00f067aa0ba902b7")
    assert attributes(event) == {
        "gen_ai.evaluation.name": "hallucination",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.score.label": "fail",
        "gen_ai.evaluation.explanation": "Nobody said so.",
        "sluicegate.evaluator": "judge",
        "sluicegate.service": "chat",
        "sluicegate.version": "v1",
    }
    assert bench.dropped == 0


async def test_a_judge_that_failed_is_told_of_without_a_score() -> None:
    """And what belongs to no recorded exchange, in no trace."""
    async with receiving() as receiver:
        bench = _Bench(receiver.url)
        bench.export.evaluated(_evaluated(error="garbage"))
        await bench.export.last(PATIENCE_S)

    (event,) = receiver.events
    assert not event.trace_id
    assert not event.span_id
    said = attributes(event)
    assert said["error.type"] == "garbage"
    assert not {name for name in said if "score" in name or "explanation" in name}


async def test_a_collector_that_takes_no_events_is_told_the_rest() -> None:
    """What it does not take is counted."""
    async with receiving() as receiver:
        receiver.logs_status = 404
        bench = _Bench(receiver.url)
        bench.export.record([_span()])
        bench.export.evaluated(_evaluated())
        await bench.export.last(PATIENCE_S)

    assert len(receiver.spans) == 1
    assert bench.lost == {"evaluated": 1, "span": 0}


def test_events_that_wait_are_bounded_and_need_a_collector() -> None:
    """The newest are dropped, and counted; without a collector nothing waits."""
    bench = _Bench("http://127.0.0.1:9")
    for _ in range(MOST_EVALUATED + 3):
        bench.export.evaluated(_evaluated())
    assert bench.lost["evaluated"] == 3

    bench.export._configured = lambda: None
    bench.export.evaluated(_evaluated())
    assert bench.lost["evaluated"] == 3
