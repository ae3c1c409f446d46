"""Two model servers that only pretend: OpenAI's chat completions, paced like tokens.

They run in the demo's own event loop, on ports the system chooses. Each says in every
body which of the two it is, and keeps count of what it sent, so that the demo need not
believe the gateway. The candidate is quicker and cheaper, and some of its answers are
flawed (see `flaws`).
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gateway.cli.demo.chapters import BASELINE, CANDIDATE
from gateway.cli.demo.flaws import flaw, words_of
from gateway.domain.outcome import Outcome

_GOLDEN: Final = 0.618_033_988_75
_LAST: Final = b"data: [DONE]\n\n"
_ERROR: Final = (
    b'data: {"error": {"message": "out of memory", "type": "server_error"}}\n\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How one of them answers.

    Attributes:
        name: Its version, and the `model` it claims to be.
        first_token: Seconds before it says anything; each answer varies by a third.
        per_token: Seconds between two words.
        price: USD per million tokens, of `input` and of `output`.
        is_flawed: Whether some of its answers are no good.
        answers: What it knows.

    """

    name: str
    first_token: float
    per_token: float
    price: Mapping[str, float]
    is_flawed: bool
    answers: tuple[str, ...]


MODELS: Final = (
    Model(
        name=BASELINE,
        first_token=0.140,
        per_token=0.032,
        price={"input": 2.50, "output": 10.00},
        is_flawed=False,
        answers=(
            "A sluice gate is a barrier that slides to control the water.",
            "A weir raises the level of a river; water runs over its top.",
            "A lock lets boats step between two levels of the same canal.",
        ),
    ),
    Model(
        name=CANDIDATE,
        first_token=0.080,
        per_token=0.022,
        price={"input": 1.00, "output": 4.00},
        is_flawed=True,
        answers=(
            "A tap for a river: open it a little, measure, then open more.",
            "A low wall that the river has to climb before it can run on.",
            "A lift for boats, in which the water itself does the lifting.",
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretended:
    """Both servers, running.

    Attributes:
        endpoints: The URL of each, by its version's name.
        sent: What each has sent so far by its own account, by version.

    """

    endpoints: Mapping[str, str]
    sent: Mapping[str, Counter[Outcome]]

    def versions(self) -> dict[str, dict[str, object]]:
        """Describe both as versions in a gateway's configuration."""
        return {
            model.name: {
                "endpoints": [self.endpoints[model.name]],
                "price": dict(model.price),
            }
            for model in MODELS
        }


def even_spread(number: int) -> float:
    """Spread whole numbers evenly over 0 to 1, without order and without dice."""
    return number * _GOLDEN % 1.0


@asynccontextmanager
async def pretend_models() -> AsyncGenerator[Pretended]:
    """Start both, and stop both at the end."""
    minds = {model.name: _Mind(model) for model in MODELS}
    runners = {name: web.AppRunner(_app(mind)) for name, mind in minds.items()}
    try:
        yield Pretended(
            endpoints={name: await _start(runner) for name, runner in runners.items()},
            sent={name: mind.sent for name, mind in minds.items()},
        )
    finally:
        for runner in runners.values():
            await runner.cleanup()


def _app(mind: "_Mind") -> web.Application:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", mind.complete)
    return app


async def _start(runner: web.AppRunner) -> str:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1.0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One answer to be given; `usage` is None where the client did not ask for it."""

    words: list[str]
    outcome: Outcome
    usage: Mapping[str, int] | None

    @property
    def reason(self) -> str:
        return "length" if self.outcome is Outcome.LENGTH else "stop"


@dataclass(slots=True)
class _Mind:
    """Answers in the name of one model, a little faster or slower each time."""

    model: Model
    sent: Counter[Outcome] = field(default_factory=Counter)
    _begun: Counter[bool] = field(default_factory=Counter)
    _at_a_time: int = 0

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions, streamed or whole as the client wishes."""
        asked = await request.json()
        is_stream = asked.get("stream") is True
        number = self._begun.total()
        self._at_a_time += 1
        try:
            turn = self._turn(asked, is_stream=is_stream)
            slowness = 0.67 + 0.66 * even_spread(number)
            await asyncio.sleep(self.model.first_token * slowness)
            return await (self._stream if is_stream else self._whole)(request, turn)
        finally:
            self._at_a_time -= 1

    def _turn(self, asked: Mapping[str, object], *, is_stream: bool) -> _Turn:
        outcome = Outcome.COMPLETE
        if self.model.is_flawed:
            outcome = flaw(
                self._begun[is_stream], is_stream=is_stream, at_a_time=self._at_a_time
            )
        answers = self.model.answers
        words = words_of(outcome, answers[self._begun.total() % len(answers)])
        self._begun[is_stream] += 1
        is_told = not is_stream or _wants_usage(asked)
        return _Turn(
            words=words,
            outcome=outcome,
            usage=_usage(_tokens_of(asked), len(words)) if is_told else None,
        )

    async def _whole(self, request: web.Request, turn: _Turn) -> web.StreamResponse:
        await asyncio.sleep(len(turn.words) * self.model.per_token)
        message = {"role": "assistant", "content": " ".join(turn.words)}
        choice = {"index": 0, "message": message, "finish_reason": turn.reason}
        self.sent[turn.outcome] += 1
        return web.json_response(
            self._object("chat.completion", [choice], usage=turn.usage)
        )

    async def _stream(self, request: web.Request, turn: _Turn) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(self._event({"role": "assistant", "content": ""}))
        for word in turn.words:
            await answer.write(self._event({"content": f"{word} "}))
            await asyncio.sleep(self.model.per_token)
        self.sent[turn.outcome] += 1
        if turn.outcome is Outcome.TRUNCATED:
            assert request.transport is not None  # ruff: ignore[assert]
            request.transport.close()  # and so without the end that chunks have
            return answer
        await answer.write(self._end(turn))
        await answer.write_eof()
        return answer

    def _end(self, turn: _Turn) -> bytes:
        if turn.outcome is Outcome.STREAM_ERROR:
            return _ERROR + _LAST
        end = self._event({}, finish=turn.reason)
        if turn.usage is not None:
            end += _data(self._object("chat.completion.chunk", [], usage=turn.usage))
        return end + _LAST

    def _event(self, delta: Mapping[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _data(self._object("chat.completion.chunk", [choice]))

    def _object(
        self,
        kind: str,
        choices: list[dict[str, object]],
        usage: Mapping[str, int] | None = None,
    ) -> dict[str, object]:
        return {
            "id": "chatcmpl-demo",
            "object": kind,
            "created": 0,
            "model": self.model.name,
            "choices": choices,
            **({} if usage is None else {"usage": usage}),
        }


def _data(chunk: object) -> bytes:
    return b"data: %b\n\n" % json.dumps(chunk).encode()


def _wants_usage(asked: Mapping[str, object]) -> bool:
    match asked.get("stream_options"):
        case {"include_usage": True}:
            return True
        case _:
            return False


def _tokens_of(asked: Mapping[str, object]) -> int:
    """Count the words of a conversation; here a word is a token."""
    match asked.get("messages"):
        case [*messages]:
            return sum(len(str(message).split()) for message in messages)
        case _:
            return 0


def _usage(asked: int, answered: int) -> dict[str, int]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }
