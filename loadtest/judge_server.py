"""The command: a judge whose sensitivity and specificity are known, on one loopback port.

    python -m loadtest.judge_server --port 9101 --behave '{"sensitivity": 0.8, "delay": 0.2}'

POST /v1/chat/completions (the sheets of llm_judge), /v1/embeddings, /score (the scorer
contract); GET /_stats and /_asked (the latest requests), POST /_behave (the attributes of
Behaviour). It can be down, slow,
lying, refusing, or talk garbage. The truth is in the answers: judge_truth.py.
"""

import argparse
import asyncio
import json
import math
import signal
import zlib
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Final

from aiohttp import web

from loadtest.dice import shares
from loadtest.judge_truth import Mind

_DIMENSIONS: Final = 64
_KEPT: Final = 256
_BYTES_PER_TOKEN: Final = 4
_SHUTDOWN_S: Final = 0.2  # what still waits is cut

_GARBAGE: Final = "As an examiner I find this answer rather good. 9/10!"
"""What has no verdict in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How it behaves.

    Attributes:
        sensitivity: Part of the bad answers it finds.
        specificity: Part of the good ones it leaves alone.
        lies: It says the contrary.
        by_order: Part of the comparisons in which it takes what it is shown first.
        delay: Seconds before it answers.
        garbage: Part of its replies without a verdict.
        cut: Part of its replies that break off, as at a limit of tokens.
        echo: It repeats the answer it was to judge, and nothing else.
        prose: It talks before and after its verdict.
        status: Instead of answering; 0: it answers.
        retry_after: Seconds it asks for, with a status; "": it does not say.
        refuses: Words; what a request has of them makes it a 400 that names the word.
        refuses_by: Another status for that.
        usage: It reports tokens.
        breaks_on: It fails with 500 where a request has this text; "": nowhere.

    """

    sensitivity: float = 1.0
    specificity: float = 1.0
    lies: bool = False
    by_order: float = 0.0
    delay: float = 0.0
    garbage: float = 0.0
    cut: float = 0.0
    echo: bool = False
    prose: bool = False
    status: int = 0
    retry_after: str = ""
    refuses: tuple[str, ...] = ()
    refuses_by: int = 400
    usage: bool = True
    breaks_on: str = ""


class JudgeServer:
    """Answers requests; what was asked last is kept to look at.

    Args:
        how: See Behaviour; may be replaced at any time.
        seed: Of its mistakes.

    Attributes:
        how: See Args.
        url: Where it is, up to and without a path; "" before it serves.
        asked: Bodies of the latest requests.
        calls: How many requests there were.
        tokens: Of chats that it has answered, whether it reports them or not.

    """

    def __init__(self, how: Behaviour, seed: int = 0) -> None:
        self.how = how
        self.url = ""
        self.asked: deque[dict[str, object]] = deque(maxlen=_KEPT)
        self.calls = 0
        self.tokens = 0
        self._dice = shares(seed)

    def application(self) -> web.Application:
        """Make its routes."""
        application = web.Application(client_max_size=2**24)
        add = application.router.add_route
        add("POST", "/v1/chat/completions", self._chat)
        add("POST", "/v1/embeddings", self._embeddings)
        add("POST", "/score", self._score)
        add("POST", "/_behave", self._behave)
        add("GET", "/_stats", self._stats)
        add("GET", "/_asked", self._latest)
        return application

    async def _chat(self, request: web.Request) -> web.Response:
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        content, finish = self._said(body["messages"])
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": finish,
        }
        completion: dict[str, object] = {
            "object": "chat.completion",
            "choices": [choice],
        }
        read = sum(len(message["content"]) for message in body["messages"])
        usage = {
            "prompt_tokens": read // _BYTES_PER_TOKEN,
            "completion_tokens": len(content) // _BYTES_PER_TOKEN,
        }
        self.tokens += sum(usage.values())
        if self.how.usage:
            completion["usage"] = usage
        return web.json_response(completion)

    def _said(self, messages: list[dict[str, str]]) -> tuple[str, str]:
        """Give a reply, and why it ends."""
        how = self.how
        if how.echo:
            shown = messages[-1]["content"]
            return shown.partition("[[BEGIN answer")[2].partition("]]\n")[2], "stop"
        if how.garbage and self._dice() < how.garbage:
            return _GARBAGE, "stop"
        reply = self._mind().reply(messages)
        if how.cut and self._dice() < how.cut:
            return reply[: len(reply) // 2], "length"
        if how.prose:
            reply = f"<think>{{Let me see.}}</think>\n```json\n{reply}\n```\nDone: {{}}"
        return reply, "stop"

    async def _embeddings(self, request: web.Request) -> web.Response:
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        texts: list[str] = (await request.json())["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(text)}
            for index, text in enumerate(texts)
        ]
        answer: dict[str, object] = {"object": "list", "data": data[::-1]}
        if self.how.usage:
            answer["usage"] = {
                "prompt_tokens": sum(map(len, texts)) // _BYTES_PER_TOKEN
            }
        return web.json_response(answer)

    async def _score(self, request: web.Request) -> web.Response:
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        if self.how.garbage and self._dice() < self.how.garbage:
            return web.json_response({"verdict": _GARBAGE})
        body = await request.json()
        mind = self._mind()
        scores = {name: mind.score(body["answer"], name) for name in body["scores"]}
        return web.json_response({"scores": scores, "reason": "as it is marked"})

    async def _behave(self, request: web.Request) -> web.Response:
        self.how = behaviour(await request.json(), self.how)
        return web.json_response(asdict(self.how))

    async def _stats(self, _request: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "tokens": self.tokens})

    async def _latest(self, _request: web.Request) -> web.Response:
        return web.json_response({"asked": list(self.asked)})

    async def _refusal(self, request: web.Request) -> web.Response | None:
        """Count a call, and take its time; give what keeps it from being answered."""
        self.calls += 1
        text = await request.text()
        self.asked.append(json.loads(text))
        how = self.how
        if how.delay:
            await asyncio.sleep(how.delay)
        if how.status:
            headers = {"Retry-After": how.retry_after} if how.retry_after else {}
            return web.Response(status=how.status, headers=headers, text="no")
        if how.breaks_on and how.breaks_on in text:
            return web.Response(status=500, text="no")
        for word in how.refuses:
            if f'"{word}"' in text:
                told = {"error": {"message": f"Unsupported: {complaints(word)}"}}
                return web.json_response(told, status=how.refuses_by)
        return None

    def _mind(self) -> Mind:
        how = self.how
        return Mind(
            sensitivity=how.sensitivity,
            specificity=how.specificity,
            lies=how.lies,
            dice=self._dice,
            by_order=how.by_order,
        )


def complaints(word: str) -> str:
    """Name a word as servers do that do not take it."""
    if word == "max_tokens":
        return "'max_tokens'. Use 'max_completion_tokens' instead."
    return "the role 'system'" if word == "system" else f"'{word}'"


def behaviour(words: dict[str, object], start: Behaviour) -> Behaviour:
    """Change a behaviour by what was posted, or by the command line."""
    if isinstance(refuses := words.get("refuses"), list):
        words = {**words, "refuses": tuple(refuses)}
    return replace(start, **words)  # type: ignore[arg-type]  # a command for people


def _vector(text: str) -> list[float]:
    """Give the words as a vector: texts that share words are near each other."""
    vector = [0.0] * _DIMENSIONS
    for word in text.lower().split():
        vector[zlib.crc32(word.strip(".,?!").encode()) % _DIMENSIONS] += 1.0
    length = math.sqrt(sum(part * part for part in vector)) or 1.0
    return [part / length for part in vector]


@asynccontextmanager
async def judging(
    how: Behaviour | None = None, *, port: int = 0, seed: int = 0
) -> AsyncGenerator[JudgeServer]:
    """Serve on the loopback for the length of the block."""
    server = JudgeServer(how or Behaviour(), seed)
    runner = web.AppRunner(server.application(), shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


async def _serve(port: int, how: Behaviour, seed: int) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with judging(how, port=port, seed=seed):
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of its mistakes")
    parser.add_argument("--behave", type=json.loads, default={}, metavar="JSON")
    asked = parser.parse_args()
    asyncio.run(_serve(asked.port, behaviour(asked.behave, Behaviour()), asked.seed))


if __name__ == "__main__":
    main()
