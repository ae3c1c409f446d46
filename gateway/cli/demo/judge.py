"""The judge of the demo: it reads what it is shown, compares, and errs now and then.

It is asked as any language model is, at /v1/chat/completions, by the gateway's own sheet,
and knows no more than stands there: the passages, the answer, the form of the reply. It
finds nine contradictions in ten, and sees one in three per cent of the good answers, so
that what the gateway makes of it is made of an imperfect judge's word.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from aiohttp import web

from gateway.cli.demo.loopback import served, tokens, usage
from gateway.cli.demo.models import contents, slowness
from gateway.cli.demo.passages import contradicted

SENSITIVITY: Final = 0.9
"""Part of the contradictions that it finds."""

SPECIFICITY: Final = 0.97
"""Part of the other answers in which it finds none."""

NAME: Final = "demo-judge"
PRICE: Final[Mapping[str, float]] = {"input": 0.15, "output": 0.60}
"""USD per million tokens."""

_SEED: Final = 5
_KEPT: Final = 1000
_USUAL_S: Final = 0.12
_SECTION: Final = re.compile(
    r"^\[\[BEGIN (?P<name>[a-z]+)(?: \d+)? (?P<mark>[0-9a-f]{32})\]\]\n"
    r"(?P<text>.*?)\n\[\[END (?P=name)(?: \d+)? (?P=mark)\]\]$",
    re.DOTALL | re.MULTILINE,
)
_SEAL: Final = re.compile(r'\{"seal":"([0-9]{8})"')


@dataclass(frozen=True, slots=True)
class Caught:
    """A contradiction: what the answer says, and the passage that says otherwise."""

    answer: str
    passage: str


@dataclass(slots=True)
class Account:
    """What the judge says that it did.

    Attributes:
        judged: Answers it gave a verdict on.
        blamed: Of those, answers in which it said there is a contradiction.
        mistaken: Of all, verdicts that were none of its reading's, but its error's.
        caught: The last contradictions that it read in long contexts.

    """

    judged: int = 0
    blamed: int = 0
    mistaken: int = 0
    caught: deque[Caught] = field(default_factory=lambda: deque(maxlen=_KEPT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The judge, running.

    Attributes:
        url: As an evaluator is configured with it.
        account: See Account.

    """

    url: str
    account: Account

    def evaluator(self) -> dict[str, object]:
        """Describe it as an evaluator in a gateway's configuration, but for its name."""
        return {
            "kind": "llm_judge",
            "url": self.url,
            "model": NAME,
            "price": dict(PRICE),
        }


@asynccontextmanager
async def pretend_judge() -> AsyncGenerator[Judge]:
    """Start it, and stop it at the end."""
    reader = Reader()
    async with served(reader.complete) as url:
        yield Judge(url=f"{url}/v1", account=reader.account)


@dataclass(slots=True)
class Reader:
    """Who reads, in a server's place.

    Attributes:
        account: See Account.

    """

    account: Account = field(default_factory=Account)
    _dice: Random = field(
        default_factory=lambda: Random(_SEED)  # ruff: ignore[suspicious-non-cryptographic-random-usage]
    )

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions."""
        said = "\n".join(contents(await request.json()))
        await asyncio.sleep(_USUAL_S * slowness(self._dice.random()))
        reply = self.reply(said)
        message = {"role": "assistant", "content": reply}
        return web.json_response({
            "id": "chatcmpl-judge",
            "object": "chat.completion",
            "created": 0,
            "model": NAME,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage(tokens(said), tokens(reply)),
        })

    def reply(self, said: str) -> str:
        """Read a sheet, and give the verdict on each passage in its form."""
        sections = [(found["name"], found["text"]) for found in _SECTION.finditer(said)]
        passages = [text for name, text in sections if name == "passage"]
        answer = next((text for name, text in sections if name == "answer"), "")
        seals = _SEAL.findall(said)
        blamed = self._verdict(answer, passages)
        verdicts = {
            str(number + 1): "contradicts" if number in blamed else "agrees"
            for number in range(len(passages))
        }
        return json.dumps({
            "seal": seals[-1] if seals else "",
            "hallucination": verdicts,
        })

    def _verdict(self, answer: str, passages: list[str]) -> set[int]:
        """Give the numbers of the passages that it says are contradicted."""
        found = set(contradicted(answer, passages))
        if found and len(passages) > 1:
            self.account.caught.append(Caught(answer.strip(), passages[min(found)]))
        is_right = self._dice.random() < (SENSITIVITY if found else SPECIFICITY)
        if not is_right:
            found = set() if found else {self._dice.randrange(max(len(passages), 1))}
        self.account.judged += 1
        self.account.blamed += bool(found)
        self.account.mistaken += not is_right
        return found
