"""Usage is stripped from event streams that can be read, and from nothing else."""

import asyncio

import pytest

from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import UsageRule
from tests.flows.chat import (
    CHUNKED,
    IS_JSON,
    PATH,
    SSE,
    STREAM,
    ask,
    asked,
    head,
    whole,
)
from tests.flows.scripted import Upstream, Wire, answering
from tests.flows.stage import ALL, Stage, service, table, version

STREAMING = asked(stream=True)
BY_MODEL = Segment(name="model", by=SegmentBy.MODEL, values=("small",))


def _serve(stage: Stage, upstream: Upstream) -> None:
    made = service(version("v1", upstream), usage=UsageRule.INJECT)
    stage.serve(table(made), upstream)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"HEAD", head(SSE, CHUNKED)),
        (b"POST", head(SSE, status=b"204 No Content")),
    ],
)
async def test_an_answer_without_a_body_gets_none_by_stripping(
    stage: Stage, method: bytes, answer: bytes
) -> None:
    """Else the next answer on the connection would begin with its last chunk."""
    upstream = await answering(answer)
    _serve(stage, upstream)
    client = await stage.client()
    request = ask(STREAMING).replace(b"POST", method, 1)

    await client.send(request)
    first = await client.answer(to_head=True)
    await client.send(request)
    second = await client.answer(to_head=True)

    assert first.status == second.status == int(answer.split(b" ", 2)[1])
    assert not first.body


async def test_a_stream_in_a_coding_that_is_not_read_passes_at_once(
    stage: Stage,
) -> None:
    """Its bytes are no events: searched for ends of events they would be held."""
    coded = head(SSE, CHUNKED, b"Content-Encoding: br")

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(coded, b"5\r\n\x01\x02\n\nx\r\n")
        await until_read.wait()
        await wire.send(b"3\r\nend\r\n0\r\n\r\n")

    upstream, until_read = Upstream(script), asyncio.Event()
    _serve(stage, await upstream.start())
    client = await stage.client()
    await client.send(ask(STREAMING))

    await client.read_head()
    piece = await client.read_exactly(10)
    until_read.set()

    assert piece == b"5\r\n\x01\x02\n\nx\r\n"


async def test_nothing_is_sent_before_the_body_that_tells_the_slice_is_whole(
    stage: Stage,
) -> None:
    """A version that fails at the head would take its failures out of their slice."""
    refusing = head(b"Content-Length: 0", status=b"503 Service Unavailable")

    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        await wire.send(refusing)
        await upstream.until_lost(wire)

    upstream = Upstream(script)
    await upstream.start()
    made = service(version("v1", upstream), segments=(BY_MODEL,))
    stage.serve(table(made, share=ALL), upstream)
    client = await stage.client()
    body = asked()
    lines = (b"POST " + PATH + b" HTTP/1.1", b"Host: h", IS_JSON, CHUNKED, b"", b"")

    await client.send(b"\r\n".join(lines), b"%x\r\n%b\r\n" % (len(body), body))
    await asyncio.sleep(0.05)
    early = len(upstream.requests)
    await client.send(b"0\r\n\r\n")

    assert (await client.answer()).status == 503
    assert early == 0
    slices = stage.gateway.slices()
    assert set(slices) == {("model", "small")}
    assert slices["model", "small"].outcomes == {"upstream_error": 1}


async def test_repeated_accept_encoding_passes_whole_where_nothing_is_read(
    stage: Stage,
) -> None:
    upstream = await answering(whole())
    _serve(stage, upstream)
    lines = (b"Accept-Encoding: gzip", b"Accept-Encoding: br, *;q=0")

    await (await stage.client()).ask(ask(STREAM, *lines, path=b"/other"))

    (request,) = upstream.requests
    assert request.values("accept-encoding") == ["gzip, br, *;q=0"]
