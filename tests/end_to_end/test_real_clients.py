"""Clients that people use, pointed at the gateway by their base URL and nothing else."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.end_to_end.running import (
    BOTH,
    CHAT,
    Gateway,
    ModelServer,
    configuration,
    running_gateway,
    until,
)

Models = tuple[ModelServer, ModelServer]

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
ENDLESS = {"x-misbehave": "events=100000,interval=0.02"}
RELEASED_WITHIN_S = 1.0


@pytest.fixture
def gateway(models: Models, served: Gateway) -> Gateway:
    """Give a gateway that splits 50 : 50, in front of well-behaved model servers."""
    return served


@pytest.fixture(scope="module")
def served(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Share it among all tests of this file."""
    document = configuration(server.url for server in _running_models)
    with running_gateway(document, tmp_path_factory.mktemp("clients")) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """Give the official client, its base URL changed."""
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-none", max_retries=0) as made:
        yield made


def cancelled(models: Models) -> int:
    """How many answers the model servers could not finish."""
    return sum(server.stats()["cancelled"] for server in models)


def left_by_clients(gateway: Gateway) -> int:
    """How many exchanges the gateway counts as left by the client."""
    return sum(counted["client_cancelled"] for counted in gateway.outcomes().values())


# The openai client.


def test_the_openai_client_is_answered(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="m", messages=HELLO)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model in BOTH
    assert answer.usage is not None


def test_the_openai_client_streams_event_by_event(client: OpenAI) -> None:
    before = time.monotonic()
    with client.chat.completions.create(
        model="m",
        messages=HELLO,
        stream=True,
        extra_headers={"x-misbehave": "events=10,interval=0.1"},
    ) as stream:
        first = next(stream)
        first_after = time.monotonic() - before
        rest = list(stream)
    assert first.choices[0].delta.role == "assistant"
    assert first_after < 0.6  # the whole takes 1 s: it was not held back
    assert len(rest) == 9
    assert rest[-1].choices[0].finish_reason == "stop"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in rest)
    assert text == "".join(f"tok{number:04d} " for number in range(1, 9))


async def test_the_async_openai_client_is_answered_and_streams(
    gateway: Gateway,
) -> None:
    async with AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="sk-none", max_retries=0
    ) as client:
        answers = await asyncio.gather(*[
            client.chat.completions.create(model="m", messages=HELLO) for _ in range(20)
        ])
        assert all(answer.choices[0].message.content for answer in answers)
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert len(chunks) == 20
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_user_stays_with_one_version(client: OpenAI) -> None:
    met: dict[str, set[str]] = {}
    for _turn in range(3):
        for number in range(30):
            user = f"user-{number}"
            answer = client.chat.completions.create(
                model="m", messages=HELLO, user=user
            )
            met.setdefault(user, set()).add(answer.model)
    assert all(len(versions) == 1 for versions in met.values())
    assert set.union(*met.values()) == set(BOTH)


def test_the_version_is_told_in_a_header(client: OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(model="m", messages=HELLO)
    assert answer.headers["x-sluicegate-version"] == answer.parse().model
    assert answer.headers["x-sluicegate-request-id"]


@pytest.mark.parametrize(
    ("status", "raised"),
    [(500, openai.InternalServerError), (429, openai.RateLimitError)],
)
def test_the_model_servers_error_is_the_clients_own_exception(
    client: OpenAI, status: int, raised: type[openai.APIStatusError]
) -> None:
    with pytest.raises(raised) as caught:
        client.chat.completions.create(
            model="m",
            messages=HELLO,
            extra_headers={"x-misbehave": f"status={status}"},
        )
    assert caught.value.status_code == status
    assert "failed on command" in caught.value.message


def test_a_cut_stream_raises_and_is_no_clean_end(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="m",
        messages=HELLO,
        stream=True,
        extra_headers={"x-misbehave": "events=20,interval=0.01,cut=5"},
    )
    chunks: list[ChatCompletionChunk] = []
    with stream, pytest.raises(openai.APIError, match="broke its answer off"):
        chunks.extend(stream)
        pytest.fail("a clean end")
    assert len(chunks) <= 5


def test_closing_a_stream_early_releases_the_model_server(
    client: OpenAI, gateway: Gateway, models: Models
) -> None:
    counted = left_by_clients(gateway)
    stream = client.chat.completions.create(
        model="m", messages=HELLO, stream=True, extra_headers=ENDLESS
    )
    next(stream)
    stream.close()
    until("released", lambda: cancelled(models) == 1, within_s=RELEASED_WITHIN_S)
    until("counted", lambda: left_by_clients(gateway) == counted + 1)


async def test_cancelling_an_async_stream_releases_the_model_server(
    gateway: Gateway, models: Models
) -> None:
    async with AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="sk-none", max_retries=0
    ) as client:
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True, extra_headers=ENDLESS
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), stream:
                _all = [chunk async for chunk in stream]
    until("released", lambda: cancelled(models) == 1, within_s=RELEASED_WITHIN_S)


# curl.


def curl(
    *arguments: str, body: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run curl, which has 10 s; its own failure fails the test."""
    ran = subprocess.run(
        ["curl", "-sS", "-m", "10", "-o", "-", *arguments],
        input=b"" if body is None else body,
        capture_output=True,
        timeout=15,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")
    return ran


def body_bytes(models: Models) -> int:
    """How much request body has reached the model servers."""
    return sum(server.stats()["body_bytes"] for server in models)


def chat_body(size: int) -> bytes:
    """Make a chat request of exactly *size* bytes."""
    start, end = b'{"messages":[{"role":"user","content":"', b'"}]}'
    return start + b"x" * (size - len(start) - len(end)) + end


JSON = ("-H", "content-type: application/json")


def test_curl_gets(gateway: Gateway) -> None:
    ran = curl("-i", f"{gateway.url}/v1/models")
    head, _, body = ran.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"x-sluicegate-version" in head
    assert body.startswith(b'{"object":"list"')


def test_curl_asks_for_the_head_alone_twice_on_one_connection(gateway: Gateway) -> None:
    ran = curl("-I", "-v", f"{gateway.url}/health", f"{gateway.url}/health")
    assert ran.stdout.count(b"HTTP/1.1 200") == 2
    assert ran.stdout.count(b"content-length: 2\r\n") == 2
    assert b"Re-using existing connection" in ran.stderr


@pytest.mark.parametrize("size", [300_000, 1_500_000], ids=["held", "streamed"])
def test_curl_is_invited_to_send_its_body(
    gateway: Gateway, models: Models, tmp_path: Path, size: int
) -> None:
    (tmp_path / "body").write_bytes(chat_body(size))
    ran = curl(
        "-v",
        *JSON,
        *("-H", "Expect: 100-continue"),
        *("--data-binary", f"@{tmp_path / 'body'}"),
        gateway.url + CHAT,
    )
    assert b"HTTP/1.1 100 Continue" in ran.stderr
    assert b"Done waiting for 100-continue" not in ran.stderr
    assert b'"finish_reason":"stop"' in ran.stdout
    assert body_bytes(models) == size


def test_curl_speaks_http_1_0(gateway: Gateway) -> None:
    ran = curl("-i", "--http1.0", *JSON, "-d", '{"stream": true}', gateway.url + CHAT)
    head, _, body = ran.stdout.partition(b"\r\n\r\n")
    assert b" 200 OK" in head.splitlines()[0]
    assert b"transfer-encoding" not in head
    assert body.endswith(b"data: [DONE]\n\n")


def test_curl_uploads_in_chunks(gateway: Gateway, models: Models) -> None:
    body = chat_body(700_000)
    ran = curl(
        *JSON,
        *("-X", "POST", "-T", "-"),
        *("-H", "Transfer-Encoding: chunked"),
        gateway.url + CHAT,
        body=body,
    )
    assert b'"finish_reason":"stop"' in ran.stdout
    assert body_bytes(models) == len(body)


def test_curls_wish_for_http_2_is_ignored(gateway: Gateway) -> None:
    ran = curl("-i", "-v", "--http2", f"{gateway.url}/v1/models")
    assert b"Upgrade: h2c" in ran.stderr
    assert ran.stdout.startswith(b"HTTP/1.1 200")


def test_curls_wish_for_http_2_is_ignored_when_it_brings_a_body(
    gateway: Gateway, models: Models
) -> None:
    body = chat_body(2000)
    ran = curl("-i", "--http2", *JSON, "-d", body.decode(), gateway.url + CHAT)
    assert ran.stdout.startswith(b"HTTP/1.1 200")
    assert body_bytes(models) == len(body)
