"""Two model servers that only pretend: OpenAI's chat completions, paced like tokens.

They run in the demo's own event loop, on ports the system chooses. Each says in every
body which of the two it is, so that the demo need not believe the gateway's header.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.cli.demo.chapters import BASELINE, CANDIDATE

_GOLDEN: Final = 0.618_033_988_75
_LAST: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How one of them answers.

    Attributes:
        name: Its version, and the `model` it claims to be.
        first_token: Seconds before it says anything; each answer varies by a third.
        per_token: Seconds between two words.
        answers: What it knows.

    """

    name: str
    first_token: float
    per_token: float
    answers: tuple[str, ...]


MODELS: Final = (
    Model(
        name=BASELINE,
        first_token=0.090,
        per_token=0.030,
        answers=(
            "A sluice gate is a barrier that slides to control the water.",
            "A weir raises the level of a river; water runs over its top.",
            "A lock lets boats step between two levels of the same canal.",
        ),
    ),
    Model(
        name=CANDIDATE,
        first_token=0.070,
        per_token=0.026,
        answers=(
            "A tap for a river: open it a little, measure, then open more.",
            "A low wall that the river has to climb before it can run on.",
            "A lift for boats, in which the water itself does the lifting.",
        ),
    ),
)


def even_spread(number: int) -> float:
    """Spread whole numbers evenly over 0 to 1, without order and without dice."""
    return number * _GOLDEN % 1.0


@asynccontextmanager
async def pretend_models() -> AsyncGenerator[dict[str, str]]:
    """Start both; give the URL of each by its version's name; stop both at the end."""
    runners = {model.name: web.AppRunner(_app(model)) for model in MODELS}
    try:
        yield {name: await _start(runner) for name, runner in runners.items()}
    finally:
        for runner in runners.values():
            await runner.cleanup()


def _app(model: Model) -> web.Application:
    app = web.Application()
    mind = _Mind(model)
    app.router.add_post("/v1/chat/completions", mind.complete)
    return app


async def _start(runner: web.AppRunner) -> str:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1.0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


class _Mind:
    """Answers in the name of one model, a little faster or slower each time."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._answered = 0

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions, streamed or whole as the client wishes."""
        asked = await request.json()
        self._answered += 1
        words = self._model.answers[self._answered % len(self._model.answers)].split()
        slowness = 0.67 + 0.66 * even_spread(self._answered)
        await asyncio.sleep(self._model.first_token * slowness)
        if asked.get("stream"):
            return await self._stream(request, words)
        await asyncio.sleep(len(words) * self._model.per_token)
        return web.json_response(self._whole(" ".join(words)))

    async def _stream(
        self, request: web.Request, words: list[str]
    ) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(self._event({"role": "assistant", "content": ""}))
        for word in words:
            await answer.write(self._event({"content": f"{word} "}))
            await asyncio.sleep(self._model.per_token)
        await answer.write(self._event({}, finish="stop") + _LAST)
        await answer.write_eof()
        return answer

    def _whole(self, text: str) -> dict[str, object]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return self._object("chat.completion", choice)

    def _event(self, delta: Mapping[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = self._object("chat.completion.chunk", choice)
        return b"data: %b\n\n" % json.dumps(chunk).encode()

    def _object(self, kind: str, choice: Mapping[str, object]) -> dict[str, object]:
        return {
            "id": "chatcmpl-demo",
            "object": kind,
            "created": 0,
            "model": self._model.name,
            "choices": [choice],
        }
