"""The gateway's own errors reach people through the clients they use."""

import contextlib
import socket
from contextlib import closing
from typing import Any

import anthropic
import ollama
import openai
import orjson
import pytest

from gateway.domain.outcome import Failure
from gateway.domain.service import DialectChoice, Timeouts, Version
from gateway.domain.units import Seconds
from tests.flows.chat import IS_JSON, ask, asked, by_length
from tests.flows.scripted import Ended, Upstream, Wire, post
from tests.flows.stage import Stage, endpoint, service, table

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _serve_nobody(stage: Stage, **settings: object) -> int:
    """Start the gateway before an endpoint that refuses connections."""
    v1 = Version(name="v1", endpoints=(endpoint(_closed_port()),))
    stage.serve(table(service(v1, **settings)))
    return stage.gateway.port


def test_openais_client_raises_the_message(stage: Stage) -> None:
    url = f"http://127.0.0.1:{_serve_nobody(stage)}/v1"
    with (
        openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as raised,
    ):
        client.chat.completions.create(model="m", messages=HELLO)

    assert raised.value.status_code == 502
    assert "cannot be reached (Connection refused)" in str(raised.value)
    assert (raised.value.type, raised.value.code) == ("upstream_error", None)


def test_anthropics_client_raises_the_message_and_knows_its_type(
    stage: Stage,
) -> None:
    url = f"http://127.0.0.1:{_serve_nobody(stage)}"
    with (
        anthropic.Anthropic(base_url=url, api_key="sk-none", max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError) as raised,
    ):
        client.messages.create(model="m", messages=HELLO, max_tokens=9)

    assert raised.value.status_code == 502
    assert raised.value.type == "api_error"
    assert "cannot be reached" in str(raised.value.api_message)


def test_ollamas_client_raises_the_message_as_text(stage: Stage) -> None:
    url = f"http://127.0.0.1:{_serve_nobody(stage)}"
    with (
        closing(ollama.Client(host=url)) as client,
        pytest.raises(ollama.ResponseError) as raised,
    ):
        list(client.chat(model="m", messages=HELLO, stream=True))

    assert raised.value.status_code == 502
    assert isinstance(raised.value.error, str)
    assert "cannot be reached" in raised.value.error


async def test_a_dialect_that_is_set_counts_for_every_path(stage: Stage) -> None:
    """TGI's /generate is told from others' by the configuration alone."""
    _serve_nobody(stage, dialect=DialectChoice.TGI)
    answer = await (await stage.client()).ask(
        post(b"{}", b"x-request-id: r-1", path=b"/generate")
    )

    told = orjson.loads(answer.body)
    assert answer.status == 502
    assert told["error_type"] == "upstream_error"
    assert told["request_id"] == "r-1"


# Code of ours that fails.


async def _failing(*pieces: bytes) -> Upstream:
    """Start a server that says this and no more; with nothing to say it closes."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(*pieces)
        if pieces:
            await upstream.until_lost(wire)

    upstream = Upstream(script)
    return await upstream.start()


@pytest.mark.parametrize(
    ("pieces", "settings"),
    [
        ((), {}),
        ((b"no HTTP\r\n\r\n",), {}),
        ((b"",), {"timeouts": Timeouts(first_byte=Seconds(0.1))}),
        (
            (by_length(b"abc", IS_JSON)[:-1],),
            {"timeouts": Timeouts(idle=Seconds(0.1))},
        ),
    ],
    ids=["it closes", "it is no HTTP", "it says nothing", "it stalls"],
)
async def test_a_client_does_not_wait_for_code_that_fails(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    pieces: tuple[bytes, ...],
    settings: dict[str, Any],
) -> None:
    """It is cut off at once; nothing is left behind (see `stage`)."""
    monkeypatch.setattr(Failure, "__hash__", _err)  # it cannot be counted
    upstream = await _failing(*pieces)
    stage.serve_one(upstream, **settings)
    client = await stage.client()

    await client.send(ask(asked()))
    with contextlib.suppress(Ended):
        await client.read_to_end()

    assert "could not be answered" in caplog.text
    assert stage.gateway.outcomes() == {"upstream_error": 1}


async def test_a_client_does_not_wait_for_a_refusal_that_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Failure, "__hash__", _err)  # it cannot be counted
    _serve_nobody(stage)
    client = await stage.client()

    await client.send(ask(asked()))

    assert await client.is_closed()
    assert "could not be refused" in caplog.text
    assert stage.gateway.outcomes() == {"upstream_error": 1}


def _err(*_args: object) -> None:
    raise RuntimeError("a bug")


async def test_the_log_and_no_client_learns_where_a_model_server_is(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Once a minute; clients may be anybody."""
    nowhere = endpoint(_closed_port())
    v1 = Version(name="v1", endpoints=(nowhere,))
    stage.serve(table(service(v1)))
    client = await stage.client()

    for _again in range(2):
        answer = await client.ask(post(b"{}"))
        assert answer.status == 502
        assert nowhere.host.encode() not in answer.body
        assert str(nowhere.port).encode() not in answer.body

    assert [record.getMessage() for record in caplog.records] == [
        f"v1 of chat at {nowhere.url} cannot be reached (Connection refused). Check that"
        " it runs and that the address is right."
    ]


@pytest.mark.parametrize("expose", [True, False])
async def test_an_error_names_the_version_where_clients_may_know_it(
    stage: Stage, expose: bool
) -> None:
    upstream = await _failing()
    v1 = Version(name="the-first", endpoints=(endpoint(upstream.port),))
    stage.serve(table(service(v1, expose=expose)), upstream)

    answer = await (await stage.client()).ask(post(b"{}"))

    assert answer.status == 502
    assert ("the-first" in answer.body.decode()) is expose
    assert ("the-first" in str(answer.fields)) is expose
