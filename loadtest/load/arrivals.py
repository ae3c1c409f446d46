"""Open-loop load: requests leave when they are due, whatever became of the others.

A closed loop waits for a slow answer and so sends less while the proxy is slow, which
hides the queue (coordinated omission). Here latency counts from the time a request
was meant to leave, also when it had to wait for a connection.
"""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import httptools

from loadtest.load.http_client import chat_request
from loadtest.load.precise_timer import PreciseTimer

_LANES = 64  # connections, all open before the clock runs
_USERS = 1000
_GRACE_S = 10.0  # for the answers that are still out when the last request has left
_OK = 200
_LEAD_NS = 50_000_000
_US = 1000


@dataclass(frozen=True, slots=True)
class Latencies:
    """Quantiles in microseconds, from the intended time to the last byte."""

    answered: int
    failed: int
    unanswered: int  # still out when the grace was over
    p50_us: float
    p99_us: float
    worst_us: float
    p99_lateness_us: float  # of the generator itself: how late it woke up


class _Lane(asyncio.Protocol):
    """One connection; carries one request at a time."""

    _transport: asyncio.Transport

    def __init__(self, answered: Callable[["_Lane", bool], None]) -> None:
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self.intended_ns: int | None = None  # None: idle
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, intended_ns: int) -> None:
        self.intended_ns = intended_ns
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_complete(self) -> None:
        self._answered(self, self._parser.get_status_code() == _OK)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self.intended_ns is not None:
            self._answered(self, False)

    def close(self) -> None:
        self._transport.close()


class OpenLoop:
    """Sends one schedule to one port."""

    def __init__(self, port: int, schedule_s: Sequence[float]) -> None:
        self._port = port
        self._schedule_s = schedule_s
        self._requests = [
            chat_request(f"user-{number:04d}", streamed=False)
            for number in range(_USERS)
        ]
        self._idle: list[_Lane] = []
        self._backlog: deque[int] = deque()
        self._latencies_ns = array("q")
        self._lateness_ns = array("q")
        self._failed = 0
        self._sent = 0
        self._next = 0
        self._start_ns = 0

    async def run(self) -> Latencies:
        """Send all, wait for the answers or the end of the grace."""
        loop = asyncio.get_running_loop()
        lanes = []
        for _ in range(_LANES):
            _, lane = await loop.create_connection(
                lambda: _Lane(self._answered), "127.0.0.1", self._port
            )
            lanes.append(lane)
        self._idle = list(lanes)
        timer = PreciseTimer(loop, lambda: self._due(timer))
        self._start_ns = time.monotonic_ns() + _LEAD_NS
        timer.arm(self._due_ns(0))
        await self._wait()
        timer.close()
        for lane in lanes:
            lane.close()
        return self._result()

    async def _wait(self) -> None:
        give_up = self._due_ns(len(self._schedule_s) - 1) + int(_GRACE_S * 1e9)
        while self._settled() < len(self._schedule_s):
            if time.monotonic_ns() > give_up:
                return
            await asyncio.sleep(0.05)

    def _settled(self) -> int:
        return len(self._latencies_ns) + self._failed

    def _due_ns(self, index: int) -> int:
        return self._start_ns + int(self._schedule_s[index] * 1e9)

    def _due(self, timer: PreciseTimer) -> None:
        now = time.monotonic_ns()
        while self._next < len(self._schedule_s):
            due = self._due_ns(self._next)
            if due > now:
                timer.arm(due)
                return
            self._next += 1
            self._lateness_ns.append(now - due)
            self._backlog.append(due)
            self._dispatch()

    def _dispatch(self) -> None:
        while self._backlog and self._idle:
            lane = self._idle.pop()
            if lane.usable:
                self._sent += 1
                request = self._requests[self._sent % _USERS]
                lane.send(request, self._backlog.popleft())

    def _answered(self, lane: _Lane, succeeded: bool) -> None:
        intended, lane.intended_ns = lane.intended_ns, None
        if intended is None:
            return
        if succeeded:
            self._latencies_ns.append(time.monotonic_ns() - intended)
        else:
            self._failed += 1
        if lane.usable:
            self._idle.append(lane)
        self._dispatch()

    def _result(self) -> Latencies:
        ordered = sorted(self._latencies_ns) or [0]
        lateness = sorted(self._lateness_ns) or [0]
        return Latencies(
            answered=len(self._latencies_ns),
            failed=self._failed,
            unanswered=len(self._schedule_s) - self._settled(),
            p50_us=_quantile(ordered, 0.5) / _US,
            p99_us=_quantile(ordered, 0.99) / _US,
            worst_us=ordered[-1] / _US,
            p99_lateness_us=_quantile(lateness, 0.99) / _US,
        )


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
