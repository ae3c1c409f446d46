"""Workload S's load: concurrent event streams, each event timed from server to here.

A command that prints one line of JSON. The model server stamps each event with the
monotonic clock, which all processes of a machine share. How many events one read
brings shows whether a proxy held some back.
"""

import argparse
import asyncio
import json
import re
import time
from array import array
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from loadtest.load.http_client import chat_request

_SENT = re.compile(rb'"sent":(\d+)')
_DONE = b"data: [DONE]"
_LAST_CHUNK = b"0\r\n\r\n"
_OK = b"HTTP/1.1 200"
_TAIL_BYTES = 64  # longer than the end mark, shorter than an event


@dataclass(slots=True)
class Seen:
    """What all streams together saw."""

    streams: int = 0
    broken: int = 0  # streams without 200, [DONE] and the last chunk
    events: int = 0
    reads: int = 0  # reads that brought at least one event
    alone: int = 0  # events that came in a read of their own


class Tally:
    """Counts and delays of one run."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.delays_ns = array("q")

    def percentile_us(self, share: float) -> float | None:
        """Give a quantile of the delays; None without any."""
        ordered = sorted(self.delays_ns)
        if not ordered:
            return None
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000


class Stream(asyncio.Protocol):
    """One connection that asks for one stream after another."""

    _transport: asyncio.Transport

    def __init__(self, tally: Tally, request: bytes, rounds: int) -> None:
        self._tally = tally
        self._request = request
        self._left = rounds
        self._tail = b""
        self._started = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first stream."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._tail = b""
        self._started = False
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Time the events of one read."""
        now = time.monotonic_ns()
        tally = self._tally
        if not self._started:
            self._started = True
            if not data.startswith(_OK):
                self._transport.abort()
                return
        # A stamp that two reads share is missed, and so is its event: rare, as all
        # peers pass chunks of 200 bytes on whole.
        stamps = _SENT.findall(data)
        done = _DONE in data
        tally.delays_ns.extend(now - int(stamp) for stamp in stamps)
        events = len(stamps) + done
        tally.seen.events += events
        tally.seen.reads += events > 0
        tally.seen.alone += events == 1
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        if self._tail.endswith(_LAST_CHUNK) and _DONE in self._tail:
            self._next()

    def _next(self) -> None:
        self._tally.seen.streams += 1
        self._left -= 1
        if self._left > 0:
            self._ask()
            return
        self.finished.set_result(None)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a stream that ended early, and give up on this connection."""
        if not self.finished.done():
            self._tally.seen.broken += 1
            self.finished.set_result(None)


async def press(port: int, wish: str, streams: int, rounds: int) -> Tally:
    """Run `rounds` streams on each of `streams` connections, 1 ms apart at first."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    opened = []
    for number in range(streams):
        request = chat_request(f"user-{number:04d}", streamed=True, wish=wish)
        _, stream = await loop.create_connection(
            lambda request=request: Stream(tally, request, rounds),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        opened.append(stream)
        await asyncio.sleep(0.001)
    await asyncio.gather(*(stream.finished for stream in opened))
    return tally


async def _limited(asked: argparse.Namespace) -> Tally:
    async with asyncio.timeout(asked.deadline):
        return await press(asked.port, asked.wish, asked.streams, asked.rounds)


def main() -> None:
    """Read the command line, press, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--wish", default="events=100,interval=0.005,stamp")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds")
    asked = parser.parse_args()
    started = time.monotonic()
    tally = uvloop.run(_limited(asked))
    figures = {
        "duration_s": time.monotonic() - started,
        "p50_us": tally.percentile_us(0.5),
        "p99_us": tally.percentile_us(0.99),
    }
    print(json.dumps(asdict(tally.seen) | figures))


if __name__ == "__main__":
    main()
