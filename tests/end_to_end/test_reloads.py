"""A reload never cuts what is running, whatever it takes away."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.load.http_client import Answer, Client, chat_request, connect
from tests.end_to_end.running import (
    PATIENCE_S,
    Gateway,
    ModelServer,
    call,
    configuration,
    running_gateway,
    until_soon,
)

Models = tuple[ModelServer, ModelServer]


async def begin_stream(port: int) -> tuple[Client, asyncio.Future[Answer]]:
    client = await connect(port)
    whole = client.expect()
    wish = "events=30,interval=0.05"
    await client.send(chat_request("streamer", streamed=True, wish=wish))
    await until_soon("begun", lambda: client.received_bytes() > 0)
    return client, whole


async def reload(gateway: Gateway, document: dict[str, Any]) -> dict[str, Any]:
    gateway.write(document)
    asked = asyncio.to_thread(call, gateway.admin, "POST", "/api/v1/reload", {})
    status, receipt = await asked
    assert status == 200, receipt
    return receipt


def without_the_service(document: dict[str, Any]) -> dict[str, Any]:
    """Call it otherwise: for the gateway, the one is gone and another is new."""
    services = {"another": document["services"]["chat"]}
    return document | {"services": services}


def without_the_path(document: dict[str, Any]) -> dict[str, Any]:
    """Leave nothing that would take the request."""
    chat = document["services"]["chat"] | {"match": {"paths": ["/elsewhere"]}}
    return document | {"services": {"elsewhere": chat}}


def without_the_candidate(document: dict[str, Any]) -> dict[str, Any]:
    """Leave the service, and take away the version that answers."""
    chat = document["services"]["chat"]
    only = {"versions": {"v1": chat["versions"]["v1"]}, "baseline": "v1"}
    return document | {"services": {"chat": only}}


@pytest.mark.parametrize(
    "less", [without_the_service, without_the_path, without_the_candidate]
)
async def test_streams_run_on_when_a_reload_takes_away_what_they_run_on(
    models: Models, tmp_path: Path, less: Any
) -> None:
    document = configuration([server.url for server in models], weight=100)
    with running_gateway(document, tmp_path) as gateway:
        client, whole = await begin_stream(gateway.data)
        receipt = await reload(gateway, less(json.loads(json.dumps(document))))
        assert not whole.done(), "the reload came while the stream ran"
        assert receipt["workers"] == {"configured": 1, "connected": 1, "in_force": 1}
        async with asyncio.timeout(PATIENCE_S):
            answer = await whole
        client.close()
        assert answer.complete
        assert answer.headers[b"x-served-by"] == b"v2"
        assert b"data: [DONE]" in answer.body
