"""Mixed closed-loop traffic at full speed, which remembers how each exchange ended.

Short requests and event streams, each on a keep-alive connection of its own. A lost
connection is opened again after a moment, as a client would.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from loadtest.load.http_client import Answer, Client, chat_request, connect

_VERSION = b"x-served-by"
_DONE = b"data: [DONE]"
_STREAM_WISH = "events=40,interval=0.01"
_RETRY_S = 0.01
_STUCK_S = 30.0


class End(Enum):
    """How an exchange ended, from the best to the worst for a client."""

    OK = "ok"
    STATUS = "status"  # an answer, but not 200
    REFUSED = "refused"  # no connection to be had
    LOST = "lost"  # the connection broke before any answer
    CUT = "cut"  # the answer broke off in the middle
    STUCK = "stuck"  # nothing for half a minute


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange; times of the monotonic clock, in seconds."""

    begun: float
    ended: float
    streamed: bool
    end: End
    version: str  # "" when none answered


class Traffic:
    """The clients of one run."""

    def __init__(self, port: int, *, posts: int, streams: int) -> None:
        self.exchanges: list[Exchange] = []
        self._port = port
        self._posts = posts
        self._streams = streams
        self._over = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start all clients; they run until `stop`."""
        for number in range(self._posts):
            tasks.create_task(self._loop(f"post-{number}", streamed=False))
        for number in range(self._streams):
            tasks.create_task(self._loop(f"stream-{number}", streamed=True))

    def stop(self) -> None:
        """Let each client finish the exchange it is in, then leave."""
        self._over.set()

    async def _loop(self, name: str, *, streamed: bool) -> None:
        client: Client | None = None
        turn = 0
        while not self._over.is_set():
            turn += 1
            wish = _STREAM_WISH if streamed else ""
            request = chat_request(f"{name}-{turn}", streamed=streamed, wish=wish)
            client = await self._exchange(client, request, streamed=streamed)
            if client is None:
                await asyncio.sleep(_RETRY_S)
        if client is not None:
            client.close()

    async def _exchange(
        self, client: Client | None, request: bytes, *, streamed: bool
    ) -> Client | None:
        """Do one exchange; give the client back while it is of use."""
        begun = time.monotonic()
        answer = None
        end = End.REFUSED
        try:
            async with asyncio.timeout(_STUCK_S):
                client = client or await connect(self._port)
                answer = await client.exchange(request)
                end = _judge(answer, streamed=streamed)
        except TimeoutError:
            end = End.STUCK
        except OSError:
            end = End.REFUSED
        version = "" if answer is None else answer.headers.get(_VERSION, b"").decode()
        ended = time.monotonic()
        self.exchanges.append(Exchange(begun, ended, streamed, end, version))
        return client if client is not None and client.open else None


def _judge(answer: Answer, *, streamed: bool) -> End:
    if answer.status is None:
        return End.LOST
    if not answer.complete:
        return End.CUT
    if answer.status != HTTPStatus.OK:
        return End.STATUS
    return End.CUT if streamed and _DONE not in answer.body else End.OK


def ends(exchanges: Sequence[Exchange], *, streamed: bool) -> dict[str, int]:
    """Count how the exchanges of one kind ended."""
    counted = Counter(each.end for each in exchanges if each.streamed is streamed)
    return {end.value: counted[end] for end in End if counted[end] or end is End.OK}
