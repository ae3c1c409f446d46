"""Real WebSocket clients and servers, on both sides of the running command."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import CloseCode

from tests.end_to_end.running import (
    BOTH,
    Gateway,
    configuration,
    running_gateway,
    until,
)

LARGEST = 2**22
SOON_S = 1.0


async def speak(session: ServerConnection) -> None:
    """Be a realtime server: greet, and answer each wish for a response in pieces."""
    await session.send(json.dumps({"type": "session.created", "event_id": "e0"}))
    async for text in session:
        if json.loads(text)["type"] != "response.create":
            await session.send(text)
            continue
        for number, word in enumerate(("Hello", " there", "!")):
            delta = {"type": "response.output_text.delta", "delta": word}
            await session.send(json.dumps({**delta, "event_id": f"d{number}"}))
        await session.send(json.dumps({"type": "response.done", "event_id": "z"}))


@asynccontextmanager
async def realtime(folder: Path) -> AsyncGenerator[Gateway]:
    """Run two realtime servers and a gateway that splits 50 : 50 between them."""
    async with AsyncExitStack() as stack:
        urls = []
        for _ in BOTH:
            server = await stack.enter_async_context(
                serve(speak, "127.0.0.1", 0, max_size=LARGEST)
            )
            port = next(iter(server.sockets)).getsockname()[1]
            urls.append(f"http://127.0.0.1:{port}")
        running = running_gateway(configuration(urls), folder)
        gateway = await asyncio.to_thread(running.__enter__)  # the servers run beside
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        yield gateway


async def talk(gateway: Gateway, key: str) -> str:
    """Have one session; give the version that had it."""
    async with connect(
        f"ws://127.0.0.1:{gateway.data}/v1/realtime?model=m",
        additional_headers={"x-user-id": key},
        max_size=LARGEST,
    ) as session:
        assert json.loads(await session.recv())["type"] == "session.created"
        large = json.dumps({"type": "x", "audio": "A" * (LARGEST // 2)})
        await session.send(large)
        assert await session.recv() == large
        assert await (await session.ping()) < SOON_S
        assert session.response is not None
        version = session.response.headers["x-sluicegate-version"]
    assert session.close_code == CloseCode.NORMAL_CLOSURE
    return version


def tunnels(gateway: Gateway) -> list[dict[str, Any]]:
    shown = gateway.service()["versions"]
    return [shown[name]["statistics"]["tunnels"] for name in BOTH]


async def test_websockets_speak_through_the_gateway(tmp_path: Path) -> None:
    """Large messages, pings and codes of closing; each key where it belongs."""
    keys = ["a", "b", "c", "d", "e", "f"]
    async with realtime(tmp_path) as gateway:
        once = [await talk(gateway, key) for key in keys]
        again = [await talk(gateway, key) for key in keys]

        def are_all_over() -> bool:
            shown = tunnels(gateway)
            ended = sum(sum(each["ended"].values()) for each in shown)
            return ended == 2 * len(keys) and not any(each["open"] for each in shown)

        await asyncio.to_thread(until, "all tunnels are over", are_all_over)
    assert once == again
    assert set(once) == set(BOTH)


async def test_the_openai_client_speaks_realtime_through_the_gateway(
    tmp_path: Path,
) -> None:
    async with (
        realtime(tmp_path) as gateway,
        AsyncOpenAI(
            base_url=f"{gateway.url}/v1",
            websocket_base_url=f"ws://127.0.0.1:{gateway.data}/v1",
            api_key="sk-none",
        ) as client,
        client.realtime.connect(model="m") as session,
    ):
        assert await said(session) == "Hello there!"


async def said(session: AsyncRealtimeConnection) -> str:
    """Ask for a response; give its text."""
    await session.response.create()
    text = ""
    async for event in session:
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.done":
            break
    return text
