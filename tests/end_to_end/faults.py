"""What is asked of a model server that misbehaves, and what the gateway must make of it."""

import json
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.end_to_end.running import CHAT, Gateway, ModelServer, configuration, until
from tests.flows.scripted import Client, Message, post

IDLE_S = 0.4
FIRST_BYTE_S = 1.5

Json = dict[str, Any]

HELLO = [{"role": "user", "content": "hello"}]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
FUNCTION = {"name": "get_weather", "parameters": WEATHER}

USAGE: Json = {"stream_options": {"include_usage": True}}
JSON_MODE: Json = {"response_format": {"type": "json_object"}}
SCHEMA: Json = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "person", "schema": PERSON},
    }
}
TOOLS: Json = {"tools": [{"type": "function", "function": FUNCTION}]}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One request and what becomes of it.

    Attributes:
        name: Of the test.
        wish: How the model server behaves (loadtest/README.md).
        outcome: What the exchange must be counted as.
        tokens: By type, what must be counted.
        more: Members of the request's body.
        streamed: Whether a stream is asked for.
        path: Whose dialect is spoken.
        status: What the client is sent.
        is_cut: Whether the client must see that its answer is not whole.

    """

    name: str
    wish: str = ""
    outcome: str = "complete"
    tokens: dict[str, int] = field(default_factory=dict)
    more: Json = field(default_factory=dict)
    streamed: bool = True
    path: str = CHAT
    status: int = 200
    is_cut: bool = False

    def __str__(self) -> str:
        return self.name

    def request(self) -> bytes:
        """Write the request."""
        asked = {"model": "m", "messages": HELLO, "stream": self.streamed, **self.more}
        return post(
            json.dumps(asked).encode(),
            b"content-type: application/json",
            b"accept-encoding: gzip",
            b"x-misbehave: " + self.wish.encode(),
            path=self.path.encode(),
        )


async def ask(port: int, request: bytes) -> Message:
    """Make a request on a connection of its own."""
    client = await Client.connect(port)
    try:
        return await client.ask(request)
    finally:
        client.close()


def impatient(server: ModelServer) -> Json:
    """Make a configuration with one version, whose endpoint may not be silent for long."""
    document = configuration([server.url])
    timeouts = {"idle": f"{IDLE_S}s", "first_byte": f"{FIRST_BYTE_S}s"}
    document["services"]["chat"]["versions"]["v1"]["timeouts"] = timeouts
    return document


class Ledger:
    """Holds what a gateway counts against what happened."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.made = 0

    def outcomes(self) -> Counter[str]:
        """Give what is counted so far."""
        return self.gateway.outcomes()["v1"]

    @contextmanager
    def counts(
        self, outcome: str, tokens: dict[str, int] | None = None, *, times: int = 1
    ) -> Generator[None]:
        """Demand that the block is counted as so many exchanges of one outcome."""
        before, spent = self.outcomes(), self.gateway.tokens()
        yield  # ruff: ignore[fallible-context-manager]: what fails, fails the test
        self.made += times
        until(
            f"{times} counted",
            lambda: self.outcomes().total() >= before.total() + times,
        )
        ended = self.outcomes() - before
        assert ended == Counter({outcome: times}), ended
        counted = self.gateway.tokens() - spent
        assert tokens is None or counted == Counter(tokens), counted

    def close(self) -> None:
        """Demand that every exchange was counted once, and that none is left."""
        until("all is over", self._is_quiet)
        assert self.outcomes().total() == self.made

    def _is_quiet(self) -> bool:
        shown = self.gateway.service()["versions"]["v1"]["statistics"]
        return not (
            shown["in_flight"] + shown["pending"] + shown["connections"]["active"]
        )
