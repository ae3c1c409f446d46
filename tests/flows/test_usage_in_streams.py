"""Usage that the gateway asks for: counted, and the client never sees that it came."""

import gzip
import json
from typing import Any

import pytest

from gateway.domain.service import Service, UsageRule
from gateway.domain.units import Bytes
from tests.flows.chat import (
    CHUNKED,
    IS_JSON,
    PATH,
    SSE,
    STREAM,
    STREAM_WITH_USAGE,
    ask,
    asked,
    by_length,
    head,
    said,
    streamed,
    whole,
)
from tests.flows.scripted import Client, Message, Upstream, Wire, answering, post
from tests.flows.stage import Stage, service, table, version

OPTION = b'"stream_options":{"include_usage":true}'
TOKENS = {"input": 7, "output": 2}


def injecting(upstream: Upstream, **settings: Any) -> Service:
    """Make a service of one version whose streams are asked for usage."""
    own = {key: settings.pop(key) for key in ("set_json",) if key in settings}
    made = version("v1", upstream, **own)
    return service(made, **{"usage": UsageRule.INJECT, **settings})


async def closing(answer: bytes) -> Upstream:
    """Start a server whose answer ends with its connection."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(answer)

    upstream = Upstream(script)
    return await upstream.start()


async def asking(stage: Stage, upstream: Upstream, **settings: Any) -> Client:
    stage.serve(table(injecting(upstream, **settings)), upstream)
    return await stage.client()


# Asked for.


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","stream":true,"seed":123456789012345678901,"seed2":1.0}',
        b' {\n "stream" : true ,\t"model": "m", "n": 1e0, "x": "\\u00e9\xc3\xa9" }\n',
    ],
)
async def test_usage_is_asked_for_and_every_other_byte_stays(
    stage: Stage, body: bytes
) -> None:
    upstream = await answering(streamed(STREAM_WITH_USAGE))
    client = await asking(stage, upstream)

    await client.ask(ask(body))

    (request,) = upstream.requests
    assert OPTION in request.body
    assert request.body.replace(OPTION + b",", b"", 1) == body
    assert request["content-length"] == str(len(request.body))


@pytest.mark.parametrize("own", [None, False])
async def test_the_options_of_the_client_are_kept(
    stage: Stage, own: bool | None
) -> None:
    upstream = await answering(streamed(STREAM_WITH_USAGE))
    client = await asking(stage, upstream)
    options: dict[str, object] = {"continuous_usage_stats": True, "big": 2**70}
    if own is not None:
        options["include_usage"] = own

    await client.ask(ask(asked(stream=True, stream_options=options)))

    sent = json.loads(upstream.requests[0].body)
    assert sent.pop("stream_options") == {**options, "include_usage": True}
    assert sent == json.loads(asked(stream=True))


async def test_usage_is_asked_for_beside_what_the_version_sets(stage: Stage) -> None:
    upstream = await answering(streamed(STREAM_WITH_USAGE))
    client = await asking(stage, upstream, set_json=(("/model", '"large"'),))

    got = await client.ask(ask(asked(stream=True)))

    sent = json.loads(upstream.requests[0].body)
    assert sent["model"] == "large"
    assert sent["stream_options"] == {"include_usage": True}
    assert got.body == STREAM


async def test_a_body_that_waits_for_100_continue_is_invited(stage: Stage) -> None:
    upstream = await answering(streamed(STREAM_WITH_USAGE))
    client = await asking(stage, upstream)
    body = asked(stream=True)
    request = ask(body, b"Expect: 100-continue")

    await client.send(request.removesuffix(body))
    assert (await client.answer()).status == 100
    await client.send(body)

    assert (await client.answer()).body == STREAM
    (sent,) = upstream.requests
    assert "expect" not in sent
    assert OPTION.decode() in sent.body.decode().replace(" ", "")


async def test_a_body_that_comes_in_pieces_is_asked_too(stage: Stage) -> None:
    upstream = await answering(streamed(STREAM_WITH_USAGE))
    client = await asking(stage, upstream)
    body = asked(stream=True)
    first = b"POST " + PATH + b" HTTP/1.1\r\nHost: h\r\n" + IS_JSON + b"\r\n"
    pieces = [b"%x\r\n%b\r\n" % (1, body[i : i + 1]) for i in range(len(body))]

    await client.send(first + CHUNKED + b"\r\n\r\n", *pieces, b"0\r\n\r\n")

    assert (await client.answer()).body == STREAM
    assert upstream.requests[0]["content-length"]
    assert "transfer-encoding" not in upstream.requests[0]


# Taken out.


@pytest.mark.parametrize("framing", ["chunked", "length", "until close"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_the_client_sees_the_stream_as_if_nobody_had_asked(
    stage: Stage, framing: str, size: int
) -> None:
    """Whatever the framing, and wherever the packets are cut."""
    answers = {
        "chunked": streamed(STREAM_WITH_USAGE),
        "length": by_length(STREAM_WITH_USAGE, SSE),
        "until close": head(SSE) + STREAM_WITH_USAGE,
    }
    answer = answers[framing]
    pieces = [answer[i : i + size] for i in range(0, len(answer), size)]

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(*pieces)

    upstream = await Upstream(script).start()
    client = await asking(stage, upstream)

    got = await client.ask(ask(asked(stream=True)))

    assert got.body == STREAM
    assert got["transfer-encoding"] == "chunked"
    assert "content-length" not in got
    assert stage.gateway.series().tokens == TOKENS
    assert stage.gateway.outcomes() == {"complete": 1}


@pytest.mark.parametrize("framing", ["chunked", "length"])
async def test_to_http_1_0_the_shorter_stream_ends_with_the_connection(
    stage: Stage, framing: str
) -> None:
    body = STREAM_WITH_USAGE
    upstream = await answering(
        streamed(body) if framing == "chunked" else by_length(body, SSE)
    )
    client = await asking(stage, upstream)
    request = ask(asked(stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0", 1)

    got = await client.ask(request)

    assert got.body == STREAM
    assert "transfer-encoding" not in got
    assert "content-length" not in got


async def test_the_connection_goes_on_after_a_stream_that_became_shorter(
    stage: Stage,
) -> None:
    upstream = await answering(by_length(STREAM_WITH_USAGE, SSE))
    client = await asking(stage, upstream)

    for _ in range(3):
        assert (await client.ask(ask(asked(stream=True)))).body == STREAM

    assert stage.gateway.series().tokens == {"input": 21, "output": 6}
    assert len(upstream.connections) == 1


async def test_a_stream_that_ends_without_its_last_line_end_is_whole(
    stage: Stage,
) -> None:
    """What is held back, because it may be the beginning of usage, still comes."""
    upstream = await answering(streamed(STREAM_WITH_USAGE[:-1]))
    client = await asking(stage, upstream)

    got = await client.ask(ask(asked(stream=True)))

    assert got.body == STREAM[:-1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"error":{"message":"no"},"usage":null}', IS_JSON),
        (b'data: {"error":{"message":"no"},"usage":null}\n\n', SSE),
    ],
)
async def test_an_error_with_usage_in_it_passes_as_it_is(
    stage: Stage, error: bytes, kind: bytes
) -> None:
    answer = by_length(error, kind, status=b"400 Bad Request")
    client = await asking(stage, await answering(answer))

    got = await client.ask(ask(asked(stream=True)))

    assert got.body == error
    assert got["content-length"] == str(len(error))
    assert stage.gateway.outcomes() == {"client_error": 1}


async def test_an_answer_that_is_no_stream_though_asked_passes_as_it_is(
    stage: Stage,
) -> None:
    client = await asking(stage, await answering(whole()))

    got = await client.ask(ask(asked(stream=True)))

    assert got.body == said()
    assert got["content-length"] == str(len(said()))
    assert stage.gateway.series().tokens == TOKENS


async def test_a_cut_stream_is_still_a_cut(stage: Stage) -> None:
    cut = STREAM_WITH_USAGE[:200]
    answer = head(SSE, CHUNKED) + b"%x\r\n%b\r\n" % (len(cut), cut)
    client = await asking(stage, await closing(answer))

    got = await client.ask(ask(asked(stream=True)))

    assert got.is_cut
    assert got.body
    assert STREAM.startswith(got.body)
    assert stage.gateway.outcomes() == {"truncated": 1}


# Not asked for.


async def _pass_untouched(
    stage: Stage, request: bytes, body: bytes, **settings: Any
) -> Message:
    """Check that neither the request nor its answer is changed."""
    upstream = await answering(by_length(STREAM_WITH_USAGE, SSE))
    client = await asking(stage, upstream, **settings)

    got = await client.ask(request)

    assert upstream.requests[0].body == body
    assert got.status == 200
    assert got.body == STREAM_WITH_USAGE
    assert got["content-length"] == str(len(STREAM_WITH_USAGE))
    return got


async def test_who_asks_for_usage_gets_it(stage: Stage) -> None:
    body = asked(stream=True, stream_options={"include_usage": True})

    await _pass_untouched(stage, ask(body), body)

    assert stage.gateway.series().tokens == TOKENS


@pytest.mark.parametrize(
    "body",
    [
        asked(),
        asked(stream=False, says='"stream": true'),
        b'{"stream": "true"}',
        b'{"stream": true',
        b'{"stream": true, "stream_options": []}',
        b'[{"stream": true}]',
        b"",
    ],
)
async def test_a_body_that_asks_for_no_stream_stays_as_it_is(
    stage: Stage, body: bytes
) -> None:
    """Nor is it refused, whatever it is: that is the server's to do."""
    await _pass_untouched(stage, ask(body), body)


@pytest.mark.parametrize("path", [b"/v1/messages", b"/v1/responses", b"/anything"])
async def test_other_dialects_are_not_asked(stage: Stage, path: bytes) -> None:
    body = asked(stream=True)

    await _pass_untouched(stage, ask(body, path=path), body)


@pytest.mark.parametrize(
    "lines",
    [
        (IS_JSON, b"Content-Encoding: gzip"),
        (b"Content-Type: text/plain",),
        (b"Content-Type: application/octet-stream",),
    ],
)
async def test_a_body_that_does_not_say_it_is_plain_json_stays_as_it_is(
    stage: Stage, lines: tuple[bytes, ...]
) -> None:
    plain = asked(stream=True)
    body = gzip.compress(plain) if len(lines) > 1 else plain

    await _pass_untouched(stage, post(body, *lines, path=PATH), body)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_that_is_too_large_to_hold_stays_as_it_is(
    stage: Stage, framing: str
) -> None:
    body = asked(stream=True, says="long " * 5_000)
    request = ask(body)
    if framing == "chunked":
        first = request.removesuffix(body).split(b"Content-Length")[0]
        middle = len(body) // 2
        parts = (body[:middle], body[middle:])
        coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        request = first + CHUNKED + b"\r\n\r\n" + coded + b"0\r\n\r\n"

    await _pass_untouched(stage, request, body, json_limit=Bytes(1024))


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream":true,"stream_options":null,"stream_options":null}',
        b'{"stream":true' + b"".join(b',"k%d":1' % n for n in range(10_001)) + b"}",
        b'{"stream":true,"x":[' + b"[]," * 100_000 + b"[]]}",
    ],
    ids=["a key twice", "too many keys", "too many lists"],
)
async def test_a_body_into_which_nothing_can_be_written_stays_as_it_is(
    stage: Stage, body: bytes
) -> None:
    """It is refused where a version's own settings must be written, but not here."""
    await _pass_untouched(stage, ask(body), body)


async def test_nothing_is_asked_where_usage_passes(stage: Stage) -> None:
    body = asked(stream=True)

    await _pass_untouched(stage, ask(body), body, usage=UsageRule.PASS)
