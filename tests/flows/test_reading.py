"""Answers are read as they pass: what is counted of them, whoever leaves or is late."""

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from gateway.domain.service import (
    Deadlines,
    ReportedSignal,
    ReportPlace,
    Service,
    Signals,
)
from gateway.domain.units import Seconds
from tests.flows.chat import (
    CHUNKED,
    DONE,
    ERROR,
    IS_JSON,
    SSE,
    STREAM,
    ask,
    asked,
    by_length,
    chunks,
    event,
    events,
    head,
    said,
    streamed,
    whole,
)
from tests.flows.scripted import Upstream, Wire, answering
from tests.flows.stage import ALL, Stage, service, table, until, version

TOKENS = {"input": 7, "output": 2}
ESTIMATED = {"output_estimated": 2}
QUESTION = ask(asked())
STREAMING = ask(asked(stream=True))
NEVER_SOON = Deadlines(first_token=Seconds(30.0))
SOON = Deadlines(first_token=Seconds(0.02))


def serve(stage: Stage, upstream: Upstream, **settings: Any) -> None:
    """Start the gateway; *settings* are the service's own."""
    stage.serve(table(service(version("v1", upstream), **settings)), upstream)


async def saying(*pieces: bytes, gap: float = 0.0) -> Upstream:
    """Start a server that says this once, and then nothing until the gateway leaves."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(*pieces, gap=gap)
        await upstream.until_lost(wire)

    upstream = Upstream(script)
    return await upstream.start()


# The coding of answers.


@pytest.mark.parametrize(
    ("path", "seen"),
    [(b"/v1/chat/completions", "identity"), (b"/other", "br;q=1.0, gzip")],
)
async def test_an_answer_that_is_read_is_asked_for_without_a_coding(
    stage: Stage, path: bytes, seen: str
) -> None:
    upstream = await answering(whole())
    serve(stage, upstream)

    request = ask(asked(), b"Accept-Encoding: br;q=1.0, gzip", path=path)
    await (await stage.client()).ask(request)

    assert upstream.requests[0].values("accept-encoding") == [seen]


async def test_nothing_is_asked_of_the_coding_where_neither_reads_nor_asks(
    stage: Stage,
) -> None:
    upstream = await answering(whole())
    serve(stage, upstream)

    await (await stage.client()).ask(ask(asked(), path=b"/other"))

    assert not upstream.requests[0].values("accept-encoding")


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_that_comes_compressed_is_read_and_passes_as_it_came(
    stage: Stage, coding: bytes, is_stream: bool
) -> None:
    compress = gzip.compress if coding == b"gzip" else zlib.compress
    body = compress(STREAM if is_stream else said())
    lines = (SSE if is_stream else IS_JSON, b"Content-Encoding: " + coding)
    answer = streamed(body, *lines) if is_stream else by_length(body, *lines)
    serve(stage, await answering(answer))

    got = await (await stage.client()).ask(STREAMING if is_stream else QUESTION)

    assert got.body == body
    assert got["content-encoding"] == coding.decode()
    series = stage.gateway.series()
    assert series.tokens == (ESTIMATED if is_stream else TOKENS)
    assert series.signals["output_length"] == (1, 8.0, 64.0)
    assert series.skipped == {}
    assert stage.gateway.outcomes() == {"complete": 1}


@pytest.mark.parametrize("lines", [(b"Content-Encoding: br",), ()], ids=["br", "long"])
async def test_an_answer_that_cannot_be_read_is_told_by_its_transport(
    stage: Stage, lines: tuple[bytes, ...]
) -> None:
    body = b"\x8b\x00\x80" if lines else said("long " * 300_000)
    serve(stage, await answering(by_length(body, IS_JSON, *lines)))

    got = await (await stage.client()).ask(QUESTION)

    assert got.body == body
    series = stage.gateway.series()
    assert series.skipped == {"answer": 1}
    assert not series.tokens
    assert not series.signals
    assert stage.gateway.outcomes() == {"complete": 1}


async def test_a_coding_that_is_none_is_told_by_the_transport(stage: Stage) -> None:
    answer = by_length(said(), IS_JSON, b"Content-Encoding: gzip")
    serve(stage, await answering(answer))

    assert (await (await stage.client()).ask(QUESTION)).body == said()

    assert stage.gateway.series().skipped == {"answer": 1}
    assert stage.gateway.outcomes() == {"complete": 1}


# What model servers report.

REPORTED = Signals(
    names=("output_length",),
    reported=(
        ReportedSignal(name="toxicity", place=ReportPlace.HEADER, key="x-toxicity"),
        ReportedSignal(name="is_safe", place=ReportPlace.JSON, key="/meta/safe"),
        ReportedSignal(name="score", place=ReportPlace.JSON, key="/meta/scores/1"),
    ),
)
LENGTH = {"output_length": (1, 8.0, 64.0)}


@pytest.mark.parametrize(
    ("lines", "members", "expected"),
    [
        ((b"X-Toxicity: 0.25",), {}, {"toxicity": (1, 0.25, 0.0625)}),
        ((b"X-Toxicity: yes",), {}, {"toxicity": (1, 1.0, 1.0)}),
        ((b"X-Toxicity: much",), {}, {}),
        ((), {"meta": {"safe": False}}, {"is_safe": (1, 0.0, 0.0)}),
        ((), {"meta": {"scores": [9, -3]}}, {"score": (1, -3.0, 9.0)}),
        ((), {"meta": {"safe": "true", "scores": {}}}, {}),
        ((), {}, {}),
    ],
)
async def test_what_the_model_server_reports_is_counted(
    stage: Stage,
    lines: tuple[bytes, ...],
    members: dict[str, object],
    expected: dict[str, tuple[int, float, float]],
) -> None:
    """A number or a flag; of what is absent or neither, nothing: not a zero."""
    serve(
        stage, await answering(whole("Hi there", *lines, **members)), signals=REPORTED
    )

    await (await stage.client()).ask(QUESTION)

    assert stage.gateway.series().signals == LENGTH | expected


async def test_a_stream_reports_in_its_head(stage: Stage) -> None:
    answer = streamed(STREAM, SSE, b"X-Toxicity: 1")
    serve(stage, await answering(answer), signals=REPORTED)

    await (await stage.client()).ask(STREAMING)

    assert stage.gateway.series().signals == LENGTH | {"toxicity": (1, 1.0, 1.0)}


# The context of a request.

PASSAGE = "The tower was finished in 1889 by the company of Gustave Eiffel."


@pytest.mark.parametrize("pointer", [None, "/rag/documents"])
async def test_the_context_is_where_the_configuration_says(
    stage: Stage, pointer: str | None
) -> None:
    """Without it there is none here, and what needs one says nothing."""
    signals = Signals(names=("context_size", "grounding_proxy"), cpu=Seconds(10.0))
    upstream = await answering(whole("The tower was finished by Gustave Eiffel."))
    serve(stage, upstream, signals=signals, context=pointer)

    body = asked(rag={"documents": [{"text": PASSAGE}, {"content": PASSAGE}]})
    await (await stage.client()).ask(ask(body))

    found = stage.gateway.series().signals
    assert set(found) == (set() if pointer is None else set(signals.names))
    if pointer is not None:
        assert found["context_size"][:2] == (1, 2.0 * len(PASSAGE))
        assert found["grounding_proxy"][1] > 0.3


# Late answers.


@pytest.mark.parametrize(
    ("deadlines", "late"), [(SOON, 1), (NEVER_SOON, 0), (Deadlines(), 0)]
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_is_late_when_its_first_content_comes_after_the_deadline(
    stage: Stage, deadlines: Deadlines, late: int, is_stream: bool
) -> None:
    """A head and a role are no content, and come in time here."""
    role = event('{"role":"assistant","content":""}')
    pieces = [
        head(SSE, CHUNKED) + chunks(role),
        chunks(events() + DONE) + b"0\r\n\r\n",
    ]
    if not is_stream:
        answer = whole()
        first = answer.index(b"\r\n\r\n") + 4
        pieces = [answer[:first], answer[first:]]
    upstream = await saying(*pieces, gap=0.1)
    stage.serve(table(service(version("v1", upstream, deadlines=deadlines))), upstream)

    await (await stage.client()).ask(STREAMING if is_stream else QUESTION)

    series = stage.gateway.series()
    assert series.late == late
    assert series.first_byte.read().count == 1
    assert series.first_content.read().count == is_stream
    assert stage.gateway.outcomes() == {"complete": 1}


@pytest.mark.parametrize(("deadlines", "late"), [(SOON, 1), (NEVER_SOON, 0)])
async def test_an_answer_whose_content_never_comes_is_late_from_the_deadline_on(
    stage: Stage, deadlines: Deadlines, late: int
) -> None:
    """Who leaves before it says nothing of what would have come in time."""
    upstream = await saying(head(SSE, CHUNKED) + chunks(b": wait\n\n"))
    stage.serve(table(service(version("v1", upstream, deadlines=deadlines))), upstream)
    client = await stage.client()

    await client.send(STREAMING)
    await client.read_head()
    await asyncio.sleep(0.2)
    client.close()

    assert await until(lambda: stage.gateway.outcomes() == {"client_cancelled": 1})
    assert stage.gateway.series().late == late


async def test_what_is_not_read_is_in_time_when_its_first_byte_is(stage: Stage) -> None:
    """Its content is not known, and a long download is no late beginning."""
    answer = by_length(b"a" * 100)
    upstream = await saying(answer[:-50], answer[-50:], gap=0.6)
    deadlines = Deadlines(first_token=Seconds(0.5))
    stage.serve(table(service(version("v1", upstream, deadlines=deadlines))), upstream)

    await (await stage.client()).ask(ask(b"{}", path=b"/other"))

    assert stage.gateway.series().late == 0


# Clients that leave.

FIRST = head(SSE, CHUNKED)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (STREAM, "complete"),
        (events(words=["Hi"]) + ERROR + DONE, "stream_error"),
        (event('{"content":"Hi"}') + ERROR, "stream_error"),
        (events(), "client_cancelled"),
        (event('{"content":"Hi"}'), "client_cancelled"),
        (event('{"role":"assistant","content":""}'), "client_cancelled"),
        (b": wait\n\n", "client_cancelled"),
    ],
    ids=[
        "after [DONE]",
        "after an error and [DONE]",
        "after an error",
        "before [DONE]",
        "between contents",
        "after a role",
        "after a comment",
    ],
)
async def test_a_client_that_leaves_a_stream_has_seen_what_it_has_seen(
    stage: Stage, body: bytes, outcome: str
) -> None:
    """The endpoint is freed at once; the chunked body never ends here."""
    upstream = await saying(FIRST + chunks(body))
    serve(stage, upstream)
    client = await stage.client()

    await client.send(STREAMING)
    await client.read_head()
    await client.read_exactly(len(chunks(body)))
    client.close()

    assert await until(lambda: stage.gateway.outcomes() == {outcome: 1})
    assert await until(lambda: not upstream.open)
    assert stage.gateway.series().codes == {}


async def test_a_client_that_leaves_in_the_middle_has_used_tokens(stage: Stage) -> None:
    body = event('{"content":"Hi"}') * 3
    serve(stage, await saying(FIRST + chunks(body)))
    client = await stage.client()

    await client.send(STREAMING)
    await client.read_head()
    await client.read_exactly(len(chunks(body)))
    client.close()

    assert await until(lambda: stage.gateway.outcomes() == {"client_cancelled": 1})
    assert stage.gateway.series().tokens == {"output_estimated": 3}


@pytest.mark.parametrize("part", [0.0, 0.5])
async def test_a_client_that_leaves_a_whole_answer_has_cancelled(
    stage: Stage, part: float
) -> None:
    answer = whole()
    upstream = await saying(answer[: int(len(answer) * part)])
    serve(stage, upstream)
    client = await stage.client()

    await client.send(QUESTION)
    assert await until(lambda: upstream.requests)
    if part:
        await client.read_head()
    client.reset()

    assert await until(lambda: stage.gateway.outcomes() == {"client_cancelled": 1})
    assert stage.gateway.series().tokens == {}
    assert await until(lambda: not upstream.open)


# Costly signals on a sample.

KEYS = [b"user-%d" % number for number in range(48)]


async def _sampled(stage: Stage, name: str) -> set[bytes]:
    """Tell of which keys a costly signal is measured."""
    client, found, before = await stage.client(), set(), 0
    for key in KEYS:
        await client.ask(ask(asked(), b"X-User-Id: " + key))
        signals = stage.gateway.series(name).signals
        measured = signals.get("compression_ratio", (0, 0.0, 0.0))[0]
        if measured > before:
            found.add(key)
        before = measured
    assert stage.gateway.series(name).signals["output_length"][0] == len(KEYS)
    return found


def _two_versions(upstream: Upstream) -> Service:
    signals = Signals(
        names=("output_length", "compression_ratio"), sample=0.5, cpu=Seconds(10.0)
    )
    return service(version("v1", upstream), version("v2", upstream), signals=signals)


async def test_costly_signals_are_measured_of_the_same_keys_everywhere(
    stage: Stage,
) -> None:
    """On both versions, and in each worker: else the samples could not be compared."""
    upstream = await answering(whole("Long enough to be compressed. " * 20))
    made = _two_versions(upstream)
    stage.serve(table(made), upstream)
    other = Stage()

    on_baseline = await _sampled(stage, "v1")
    stage.gateway.use(table(made, share=ALL))
    on_candidate = await _sampled(stage, "v2")
    other.serve(table(made, share=ALL, epoch=2))
    elsewhere = await _sampled(other, "v2")
    await other.leave_quiet()

    assert on_baseline == on_candidate == elsewhere
    assert len(KEYS) / 4 < len(on_baseline) < len(KEYS) * 3 / 4
