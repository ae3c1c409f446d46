"""Three model servers that only pretend: OpenAI's chat completions, paced like tokens.

They run in the demo's own event loop, on ports the system chooses. Each answers from the
documents that come with a question, and now and then against them; nothing but the words
shows it. Each says in every body which of them it is, and keeps count of what it sent, so
that the demo need not believe the gateway.
"""

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Final

from aiohttp import web

from gateway.cli.demo.loopback import served, tokens, usage
from gateway.cli.demo.passages import place_in, year_of
from gateway.cli.demo.script import BAD, GOOD, OLD

DEADLINE_S: Final = 2.0
"""By when every version has to have begun its answer, as the configuration says."""

_GOLDEN: Final = 0.618_033_988_75
_SPREAD: Final = 0.6
_RAREST: Final = 0.005
_MANY: Final = 1  # documents beyond which a context is long for a model server
_LATER: Final = 9  # years, of what is made up
_NOTHING: Final = "There was nothing to read."
_AT_ONCE: Final = 2  # words that come in one event
_LAST: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How an answer comes.

    Attributes:
        first_token: Seconds before it says anything, in the median.
        per_event: Seconds between two events, in the median.
        made_up: Part of the answers that contradict the documents.

    """

    first_token: float
    per_event: float
    made_up: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How one of them answers.

    Attributes:
        name: Its version, and the `model` it claims to be.
        usual: With a short context.
        on_long: With a long one.
        price: USD per million tokens, of `input` and of `output`.
        phrase: How it says when something was built.

    """

    name: str
    usual: Pace
    on_long: Pace
    price: Mapping[str, float]
    phrase: str


_QUICK: Final = Pace(first_token=0.075, per_event=0.016)
_QUICK_ON_LONG: Final = Pace(first_token=0.095, per_event=0.016)

MODELS: Final = (
    Model(
        name=OLD,
        usual=Pace(first_token=0.110, per_event=0.022),
        on_long=Pace(first_token=0.140, per_event=0.022),
        price={"input": 2.50, "output": 10.00},
        phrase="It is written that {place} was built in {year} for the boats.",
    ),
    Model(
        name=GOOD,
        usual=_QUICK,
        on_long=_QUICK_ON_LONG,
        price={"input": 1.00, "output": 4.00},
        phrase="{place} was built in {year}, and its gates are still in use.",
    ),
    Model(
        name=BAD,
        usual=_QUICK,
        on_long=replace(_QUICK_ON_LONG, made_up=0.8),
        price={"input": 0.80, "output": 3.00},
        phrase="{place} goes back to {year}, and its gates are still in use.",
    ),
)


@dataclass(slots=True)
class Sent:
    """What a model server says that it sent.

    Attributes:
        answers: How many answers.
        made_up: How many of them contradict the documents they came from.
        texts: The texts of those; there are as many as there are places.

    """

    answers: int = 0
    made_up: int = 0
    texts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretended:
    """All servers, running.

    Attributes:
        endpoints: The URL of each, by its version's name.
        sent: What each has sent so far by its own account, by version.

    """

    endpoints: Mapping[str, str]
    sent: Mapping[str, Sent]

    def versions(self) -> dict[str, dict[str, object]]:
        """Describe all as versions in a gateway's configuration."""
        return {
            model.name: {
                "endpoints": [self.endpoints[model.name]],
                "price": dict(model.price),
                "deadlines": {"first_token": f"{DEADLINE_S:g}s"},
            }
            for model in MODELS
        }


def even_spread(number: int) -> float:
    """Spread whole numbers evenly over 0 to 1, without order and without dice."""
    return number * _GOLDEN % 1.0


def slowness(place: float) -> float:
    """Give how much slower than usual an answer is: with a tail, as servers are.

    Args:
        place: From 0, the quickest answer, to 1.

    Returns:
        Its quantile of a lognormal distribution around 1.

    """
    inside = min(max(place, _RAREST), 1.0 - _RAREST)
    return math.exp(_SPREAD * NormalDist().inv_cdf(inside))


@asynccontextmanager
async def pretend_models() -> AsyncGenerator[Pretended]:
    """Start all, and stop all at the end."""
    minds = {model.name: _Mind(model) for model in MODELS}
    async with AsyncExitStack() as running:
        yield Pretended(
            endpoints={
                name: await running.enter_async_context(served(mind.complete))
                for name, mind in minds.items()
            },
            sent={name: mind.sent for name, mind in minds.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One answer to be given; `usage` is None where the client did not ask for it."""

    pieces: tuple[str, ...]
    first_token: float
    per_event: float
    is_made_up: bool
    usage: Mapping[str, int] | None


@dataclass(slots=True)
class _Mind:
    """Answers in the name of one model, a little faster or slower each time."""

    model: Model
    sent: Sent = field(default_factory=Sent)
    _begun: Counter[bool] = field(default_factory=Counter)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions, streamed or whole as the client wishes."""
        asked = await request.json()
        number = self._begun.total()
        turn = self._turn(asked, number)
        await asyncio.sleep(turn.first_token)
        is_stream = asked.get("stream") is True
        try:
            return await (self._stream if is_stream else self._whole)(request, turn)
        except ConnectionResetError:  # whoever asked is gone
            return web.Response()

    def _turn(self, asked: Mapping[str, object], number: int) -> _Turn:
        prompt, documents = " ".join(contents(asked)), _documents(asked)
        is_long = len(documents) > _MANY
        pace = self.model.on_long if is_long else self.model.usual
        slow = slowness(even_spread(number))
        nth = self._begun[is_long]
        is_made_up = bool(documents) and even_spread(nth) < pace.made_up
        self._begun[is_long] += 1
        words = self._say(prompt, documents, is_made_up=is_made_up).split()
        read = tokens(prompt) + sum(map(tokens, documents))
        return _Turn(
            pieces=tuple(
                " ".join(words[at : at + _AT_ONCE])
                for at in range(0, len(words), _AT_ONCE)
            ),
            first_token=pace.first_token * slow,
            per_event=pace.per_event * slow,
            is_made_up=is_made_up,
            usage=usage(read, len(words)) if _wants_usage(asked) else None,
        )

    def _say(self, prompt: str, documents: list[str], *, is_made_up: bool) -> str:
        """Answer by the documents; or as fluently by none."""
        place = place_in(prompt)
        year = None if place is None else year_of(place, documents)
        if year is None:
            return _NOTHING
        told = int(year) + (_LATER if is_made_up else 0)
        return self.model.phrase.format(place=place, year=told)

    async def _whole(self, _request: web.Request, turn: _Turn) -> web.StreamResponse:
        await asyncio.sleep(len(turn.pieces) * turn.per_event)
        message = {"role": "assistant", "content": " ".join(turn.pieces)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._count(turn)
        body = self._object("chat.completion", [choice], usage=turn.usage)
        return web.json_response(body)

    async def _stream(self, request: web.Request, turn: _Turn) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for piece in turn.pieces:
            await answer.write(self._event({"content": f"{piece} "}))
            await asyncio.sleep(turn.per_event)
        self._count(turn)
        end = self._event({}, finish="stop")
        if turn.usage is not None:
            end += _data(self._object("chat.completion.chunk", [], usage=turn.usage))
        await answer.write(end + _LAST)
        await answer.write_eof()
        return answer

    def _count(self, turn: _Turn) -> None:
        self.sent.answers += 1
        if turn.is_made_up:
            self.sent.made_up += 1
            self.sent.texts.add(" ".join(turn.pieces))

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
    match asked:
        case {"stream": True, "stream_options": {"include_usage": True}}:
            return True
        case {"stream": True}:
            return False
        case _:
            return True


def contents(asked: Mapping[str, object]) -> Iterable[str]:
    """Give the text of each message of a request."""
    messages = asked.get("messages")
    for message in messages if isinstance(messages, list) else ():
        match message:
            case {"content": str(content)}:
                yield content
            case _:
                pass


def _documents(asked: Mapping[str, object]) -> list[str]:
    documents = asked.get("documents")
    found = documents if isinstance(documents, list) else []
    return [document for document in found if isinstance(document, str)]
