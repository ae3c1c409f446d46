"""Clients that leave in the middle of their streams, many at the same time.

A command that prints one line of JSON. Each stream is a connection of its own.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator

import uvloop

from loadtest.load.http_client import chat_request

_SEEN_BYTES = (1, 600, 2_500)  # of the answer, head included, before a client leaves


async def _leave(port: int, number: int, wish: str) -> str:
    """Leave one stream; tell how that went."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chat_request(f"user-{number:04d}", streamed=True, wish=wish))
        await reader.readexactly(_SEEN_BYTES[number % len(_SEEN_BYTES)])
        writer.transport.abort()
    except (OSError, asyncio.IncompleteReadError):
        return "broken"
    return "left"


async def press(port: int, wish: str, streams: int, at_once: int) -> Counter[str]:
    """Leave so many streams; give how many clients could not even do that."""
    numbers = iter(range(streams))
    ends: Counter[str] = Counter()

    async def leave_all(numbers: Iterator[int]) -> None:
        for number in numbers:
            ends[await _leave(port, number, wish)] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(leave_all(numbers))
    return ends


async def _limited(asked: argparse.Namespace) -> Counter[str]:
    async with asyncio.timeout(asked.deadline):
        return await press(asked.port, asked.wish, asked.streams, asked.at_once)


def main() -> None:
    """Read the command line, press, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--wish", default="events=100000,interval=0.005")
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--deadline", type=float, default=120.0, help="seconds")
    asked = parser.parse_args()
    started = time.monotonic()
    ends = uvloop.run(_limited(asked))
    seconds = time.monotonic() - started
    print(json.dumps({"duration_s": seconds, "left": ends["left"], **ends}))


if __name__ == "__main__":
    main()
