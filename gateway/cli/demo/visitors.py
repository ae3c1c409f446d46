"""The traffic of the demo: many users, who come in turn, and ask twice each time.

Conversations begin at a steady rate whatever the answers do, and every answer is read to
its last byte and judged by what it contains. One in sixteen comes with many documents.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Final

import aiohttp

from gateway.cli.demo.answer import Answer
from gateway.cli.demo.ledger import Ending, Ledger, Visit
from gateway.cli.demo.models import even_spread
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.passages import passages, question
from gateway.cli.demo.script import Script

VERSION_HEADER: Final = "x-sluicegate-version"
STREAMED: Final = 0.8
"""Which part of the requests asks for a stream."""

_QUESTIONS: Final = 2  # of one conversation: the first may miss a cache, the second not
_LONG_EACH: Final = 16  # one conversation in so many comes with a long context
_DEADLINE: Final = aiohttp.ClientTimeout(total=15.0)
_OK: Final = 200


def user_name(user: int) -> str:
    """Give the sticky key of user number *user*."""
    return f"user-{user:04d}"


def asked(number: int, *, is_long: bool, streamed: bool) -> dict[str, object]:
    """Give the body of a request of conversation *number*."""
    body: dict[str, object] = {
        "model": "demo",
        "messages": [{"role": "user", "content": question(number)}],
        "documents": passages(number, is_long=is_long),
    }
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


class Visitors:
    """Everybody who comes.

    Args:
        url: The gateway's data address.
        script: How many come, and how often.
        ledger: Where every visit is counted.
        overheard: Where streams can be read while they come.

    """

    def __init__(
        self, url: str, script: Script, ledger: Ledger, overheard: Overheard
    ) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._pause_s = 1.0 / script.per_second
        self._ledger = ledger
        self._overheard = overheard
        self._waiting = deque(range(script.users))
        self._conversations = count(1)
        self._visits = count(1)
        self._leaving = False

    def leave(self) -> None:
        """Send nothing more; answers that are on their way are still read."""
        self._leaving = True

    async def keep_coming(self) -> None:
        """Send requests until told to leave; return when every answer was read."""
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_DEADLINE) as session,
            asyncio.TaskGroup() as talks,
        ):
            due = time.monotonic()
            while not self._leaving:
                if self._waiting:
                    talks.create_task(self._talk(session, self._waiting.popleft()))
                due = max(due + self._pause_s, time.monotonic() - self._pause_s)
                await asyncio.sleep(due - time.monotonic())

    async def _talk(self, session: aiohttp.ClientSession, user: int) -> None:
        number = next(self._conversations)
        for _question in range(_QUESTIONS):
            streamed = even_spread(next(self._visits)) < STREAMED
            call = _Call(user, streamed)
            body = asked(number, is_long=number % _LONG_EACH == 0, streamed=streamed)
            # Whatever breaks leaves the call failed or cut, and it is counted as that.
            with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                await self._ask(session, call, body)
            self._ledger.record(call.visit())
        self._waiting.append(user)

    async def _ask(
        self, session: aiohttp.ClientSession, call: "_Call", body: dict[str, object]
    ) -> None:
        async with session.post(
            self._url,
            json=body,
            headers={"x-user-id": user_name(call.user)},
        ) as response:
            call.meet(response.headers.get(VERSION_HEADER))
            if response.status != _OK:
                return
            if call.streamed:
                await self._follow(response, call)
            else:
                call.answer.read_whole(await response.read())

    async def _follow(self, response: aiohttp.ClientResponse, call: "_Call") -> None:
        with self._overheard.listening(call.version, call.user) as quote:
            try:
                await call.answer.read_stream(response.content, quote)
            finally:
                if quote is not None:
                    quote.is_broken = call.answer.ending is not Ending.WHOLE


class _Call:
    """One visit while it lasts."""

    def __init__(self, user: int, streamed: bool) -> None:
        self.user = user
        self.streamed = streamed
        self.version: str | None = None
        self.answer = Answer()
        self._sent_at = time.monotonic()
        self._met_at: float | None = None

    def meet(self, version: str | None) -> None:
        """Note the head of the answer."""
        self.version = version
        self._met_at = time.monotonic()

    def visit(self) -> Visit:
        """Sum it up; it is over."""
        now = time.monotonic()
        return Visit(
            user=self.user,
            sent_at=self._sent_at,
            met_at=now if self._met_at is None else self._met_at,
            ended_at=now,
            version=self.version,
            claim=self.answer.claim,
            ending=self.answer.ending,
            streamed=self.streamed,
        )
