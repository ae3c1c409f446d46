"""Visitors: people with keys, who come back, ask again, and remember what they got."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

from loadtest.load.http_client import Answer, Client, connect
from tests.end_to_end.running import CHAT, PATIENCE_S

_AGAIN = 0.6  # how often somebody who has asked asks once more, at once
_STUCK_S = 20.0
_LONG_PROMPT = "word " * 2500  # beyond the edge of 8 KiB
_USUAL_PROMPT = "What is the capital of France? "


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer; times of the monotonic clock, in seconds."""

    begun: float
    ended: float
    version: str  # "" when none answered
    is_fine: bool
    status: int | None


class Audience:
    """Visitors that come at a steady rate until they are told to stop.

    Args:
        port: Of the gateway.
        rate: Requests a second that are begun at most.
        keys: How many visitors there are; 0: each request comes without a key.
        clients: Connections.
        long_share: Part of the requests with a long prompt.
        path: What is asked for.
        behind: Messages behind the prompt, such as passages that a tool found.
        asks: Writes what is asked in place of a chat's messages, in any dialect.

    """

    def __init__(
        self,
        port: int,
        *,
        rate: float = 300.0,
        keys: int = 20_000,
        clients: int = 16,
        long_share: float = 0.0,
        path: str = CHAT,
        streamed: bool = False,
        behind: Sequence[Mapping[str, object]] = (),
        asks: Callable[[str], Mapping[str, object]] | None = None,
    ) -> None:
        self.visits: list[Visit] = []
        self._port = port
        self._pause = clients / rate
        self._keys = keys
        self._clients = clients
        self._long_share = long_share
        self._path = path
        self._streamed = streamed
        self._behind = behind
        self._asks = asks or self._chat
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Let everybody finish, and go."""
        self._is_over.set()
        self._thread.join(_STUCK_S + PATIENCE_S)

    def answered(self, version: str, headers: Mapping[bytes, bytes]) -> None:
        """Take note of an answer; for those who have something to say of it."""

    def unhappy(self) -> list[Visit]:
        """Give the visits that a client would complain about."""
        return [visit for visit in self.visits if not visit.is_fine]

    def since(self, moment: float) -> Counter[str]:
        """Count the answers to what was asked after a moment, by version."""
        return Counter(v.version for v in self.visits if v.begun >= moment)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._clients):
                tasks.create_task(self._stay(random.Random(number)))

    async def _stay(self, dice: random.Random) -> None:
        client: Client | None = None
        key = 0
        due = time.monotonic() + dice.random() * self._pause
        while not self._is_over.is_set():
            if dice.random() >= _AGAIN:
                key = dice.randrange(self._keys or 1)
            client = await self._ask(client, self._request(dice, key))
            due = max(due + self._pause, time.monotonic() - self._pause)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if client is not None:
            client.close()

    def _request(self, dice: random.Random, key: int) -> bytes:
        is_long = dice.random() < self._long_share
        prompt = _LONG_PROMPT if is_long else _USUAL_PROMPT
        body = json.dumps({
            "model": "m",
            "stream": self._streamed,
            **self._asks(prompt),
        }).encode()
        who = b"x-user-id: visitor-%d\r\n" % key if self._keys else b""
        return (
            b"POST %b HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
            b"%bcontent-length: %d\r\n\r\n%b"
        ) % (self._path.encode(), who, len(body), body)

    def _chat(self, prompt: str) -> Mapping[str, object]:
        return {"messages": [{"role": "user", "content": prompt}, *self._behind]}

    async def _ask(self, client: Client | None, request: bytes) -> Client | None:
        begun = time.monotonic()
        answer = Answer()
        try:
            async with asyncio.timeout(_STUCK_S):
                client = client or await connect(self._port)
                answer = await client.exchange(request)
        except (TimeoutError, OSError):
            if client is not None:
                client.close()
            client = None
        version = answer.headers.get(b"x-sluicegate-version", b"").decode()
        is_fine = answer.complete and answer.status == HTTPStatus.OK
        now = time.monotonic()
        self.visits.append(Visit(begun, now, version, is_fine, answer.status))
        self.answered(version, answer.headers)
        return client if client is not None and client.open else None
