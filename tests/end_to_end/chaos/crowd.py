"""Clients of every kind, who remember when and how each of their exchanges ended."""

import asyncio
import json
import random
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from loadtest.load.http_client import Answer, Client, chat_request, connect
from loadtest.load.traffic import End
from tests.end_to_end.running import CHAT

_STUCK_S = 30.0
_PAUSE_S = 0.02  # a client that was hurt tries again after so long
_STREAM = "events=30,interval=0.02"
_PIECES, _PIECE = 8, b"x" * 16_384
_WORDS = 12
_KEYS = 250  # of each client: what is remembered of keys is bounded, but far above this
_RST = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange as its client saw it; times of the monotonic clock, in seconds.

    Attributes:
        kind: Of the client.
        begun: When it was asked.
        ended: When it was over.
        end: How.
        status: Of the answer; None: there was none.
        version: Who answered, by the gateway; "": nobody is named.
        why: What is told of an error.

    """

    kind: str
    begun: float
    ended: float
    end: End
    status: int | None = None
    version: str = ""
    why: str = ""


class Crowd:
    """Clients of a gateway that go on until they are told to stop.

    Args:
        port: Of the gateway.
        size: Clients of each kind.
        seed: Of their dice.

    """

    def __init__(self, port: int, *, size: int, seed: int) -> None:
        self.seen: list[Seen] = []
        self._port = port
        self._size = size
        self._dice = random.Random(seed)
        self._over = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let everybody come."""
        kinds: list[Callable[[str], Awaitable[None]]] = [
            self._posts,
            self._streams,
            self._uploads,
            self._talks,
            self._is_rude,
        ]
        for come in kinds:
            for number in range(self._size):
                tasks.create_task(self._stay(come, f"{come.__name__}-{number}"))

    def stop(self) -> None:
        """Let everybody finish and leave."""
        self._over.set()

    async def _stay(self, come: Callable[[str], Awaitable[None]], name: str) -> None:
        while not self._over.is_set():
            await come(name)
            await asyncio.sleep(_PAUSE_S)

    # Each of these is a client with one connection, until it breaks.

    async def _posts(self, name: str) -> None:
        await self._keep_asking(
            "json", lambda turn: [chat_request(f"{name}-{turn}", streamed=False)]
        )

    async def _streams(self, name: str) -> None:
        await self._keep_asking(
            "stream",
            lambda turn: [chat_request(f"{name}-{turn}", streamed=True, wish=_STREAM)],
        )

    async def _uploads(self, name: str) -> None:
        await self._keep_asking("upload", lambda turn: _upload(f"{name}-{turn}"))

    async def _keep_asking(self, kind: str, ask: Callable[[int], list[bytes]]) -> None:
        client: Client | None = None
        turn = 0
        while not self._over.is_set():
            turn = (turn + 1) % _KEYS
            seen, client = await self._exchange(kind, client, ask(turn))
            self.seen.append(seen)
            if client is None:
                return
            await asyncio.sleep(0.005)
        if client is not None:
            client.close()

    async def _exchange(
        self, kind: str, client: Client | None, pieces: list[bytes]
    ) -> tuple[Seen, Client | None]:
        begun = time.monotonic()
        answer, end = Answer(), End.REFUSED
        try:
            async with asyncio.timeout(_STUCK_S):
                if client is None or not client.open:  # closed while it was idle
                    client = await connect(self._port)
                whole = client.expect()
                for piece in pieces:
                    await client.send(piece)
                answer = await whole
            end = _judge(answer, is_stream=kind == "stream")
        except TimeoutError:
            end = End.STUCK
        except OSError:
            end = End.REFUSED
        version = answer.headers.get(b"x-sluicegate-version", b"").decode()
        why = (
            "" if end is End.OK else bytes(answer.body[-300:]).decode(errors="replace")
        )
        now = time.monotonic()
        seen = Seen(kind, begun, now, end, answer.status, version, why)
        if client is not None and not (client.open and end is End.OK):
            client.close()
            client = None
        return seen, client

    async def _talks(self, name: str) -> None:
        """Echo some words through a WebSocket."""
        begun = time.monotonic()
        status, version, end, why = None, "", End.OK, ""
        try:
            async with (
                asyncio.timeout(_STUCK_S),
                connect_websocket(
                    f"ws://127.0.0.1:{self._port}/talk",
                    additional_headers={"x-user-id": name},
                    proxy=None,
                ) as session,
            ):
                status = HTTPStatus.SWITCHING_PROTOCOLS
                if session.response is not None:
                    version = session.response.headers["x-sluicegate-version"]
                for word in range(_WORDS):
                    await session.send(f"{name} {word}")
                    assert await session.recv() == f"{name} {word}"
        except InvalidStatus as error:
            end, why = End.STATUS, str(error)
        except InvalidHandshake as error:  # no answer at all
            end, why = End.LOST, str(error)
        except TimeoutError:
            end = End.STUCK
        except (OSError, EOFError, WebSocketException) as error:
            end = End.REFUSED if status is None else End.CUT
            why = repr(error)
        self.seen.append(
            Seen("talk", begun, time.monotonic(), end, status, version, why)
        )

    async def _is_rude(self, name: str) -> None:
        """Leave in the middle of something, by a reset or without a word."""
        head = chat_request(name, streamed=True, wish=_STREAM)
        head = head[: self._dice.randrange(len(head) + 1)]
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_STUCK_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(head)
                await _read_a_little(reader, self._dice.random() * 0.3)
                if self._dice.random() < 0.5:
                    one = writer.get_extra_info("socket")
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                writer.close()
                await writer.wait_closed()


async def _read_a_little(reader: asyncio.StreamReader, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await reader.read(1_000)


def _upload(user: str) -> list[bytes]:
    """Write a request whose body comes in chunks, piece by piece."""
    said = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    body = said.encode()[:-1] + b"," + b'"pad":"' + _PIECE * _PIECES + b'"}'
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: gateway\r\nx-user-id: {user}\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    size = len(_PIECE)
    cut = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut]
    return [head.encode(), *chunks, b"0\r\n\r\n"]


def _judge(answer: Answer, *, is_stream: bool) -> End:
    if answer.status is None:
        return End.LOST
    if not answer.complete:
        return End.CUT
    if answer.status != HTTPStatus.OK:
        return End.STATUS
    return End.CUT if is_stream and b"data: [DONE]" not in answer.body else End.OK
