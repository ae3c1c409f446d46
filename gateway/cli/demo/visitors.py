"""The traffic of the demo: many users, each asking again and again, mostly for streams.

Requests are sent at a steady rate whatever the answers do, one at a time per user, and
every answer is read to its last byte and judged by what it contains.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Final

import aiohttp

from gateway.cli.demo.answer import Answer
from gateway.cli.demo.chapters import Script
from gateway.cli.demo.ledger import Ending, Ledger, Visit
from gateway.cli.demo.models import even_spread
from gateway.cli.demo.overheard import Overheard

VERSION_HEADER: Final = "x-sluicegate-version"
STREAMED: Final = 0.8
"""Which part of the requests asks for a stream."""

_DEADLINE: Final = aiohttp.ClientTimeout(total=15.0)
_OK: Final = 200
_QUESTION: Final = {"role": "user", "content": "How does a river get its level?"}
_CHAT: Final = {"model": "demo", "messages": [_QUESTION]}
_STREAM: Final = {**_CHAT, "stream": True, "stream_options": {"include_usage": True}}


def user_name(user: int) -> str:
    """Give the sticky key of user number *user*."""
    return f"user-{user:03d}"


class Visitors:
    """Everybody who comes.

    Args:
        url: The gateway's data address.
        script: How many come, and how often.
        ledger: Where every visit is counted.
        overheard: Where streams can be read while they come.

    Attributes:
        step: See `ledger`; whoever moves the weight sets it.

    """

    def __init__(
        self, url: str, script: Script, ledger: Ledger, overheard: Overheard
    ) -> None:
        self.step = 0
        self._url = f"{url}/v1/chat/completions"
        self._pause_s = 1.0 / script.per_second
        self._ledger = ledger
        self._overheard = overheard
        self._waiting = deque(range(script.users))
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
            asyncio.TaskGroup() as visits,
        ):
            due = time.monotonic()
            while not self._leaving:
                if self._waiting:
                    visits.create_task(self._visit(session, self._waiting.popleft()))
                due = max(due + self._pause_s, time.monotonic() - self._pause_s)
                await asyncio.sleep(due - time.monotonic())

    async def _visit(self, session: aiohttp.ClientSession, user: int) -> None:
        streamed = even_spread(next(self._visits)) < STREAMED
        call = _Call(user, streamed, self.step)
        # Whatever breaks leaves the call failed or cut, and it is counted as that.
        with suppress(aiohttp.ClientError, TimeoutError, ValueError):
            await self._ask(session, call)
        self._ledger.record(call.visit(self.step))
        self._waiting.append(user)

    async def _ask(self, session: aiohttp.ClientSession, call: "_Call") -> None:
        async with session.post(
            self._url,
            json=_STREAM if call.streamed else _CHAT,
            headers={"x-user-id": user_name(call.user)},
        ) as response:
            call.meet(response.headers.get(VERSION_HEADER), self.step)
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

    def __init__(self, user: int, streamed: bool, step: int) -> None:
        self.user = user
        self.streamed = streamed
        self.version: str | None = None
        self.answer = Answer()
        self._sent_step = step
        self._met_step: int | None = None

    def meet(self, version: str | None, step: int) -> None:
        """Note the head of the answer."""
        self.version = version
        self._met_step = step

    def visit(self, step: int) -> Visit:
        """Sum it up; it is over."""
        return Visit(
            user=self.user,
            sent_step=self._sent_step,
            met_step=step if self._met_step is None else self._met_step,
            ended_step=step,
            version=self.version,
            claim=self.answer.claim,
            ending=self.answer.ending,
            streamed=self.streamed,
        )
