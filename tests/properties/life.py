"""A worker's data path in memory, with several clients, endpoints and a clock of its own.

Everything that a network can do to it is a method here. What asyncio would do in the
loop's next turn, telling a closed connection that it is lost, is done by `settle`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import cast

from gateway.domain.outcome import Failure
from gateway.proxy.downstream import Downstream
from gateway.proxy.plane import Plane
from gateway.proxy.pool import Pool
from tests.conformance.strict import Incomplete, Seen, read_request
from tests.properties.exchange import Wire, _table

_SWITCH = b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3})[^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


def _length(body: bytes) -> bytes:
    return b"content-length: %d\r\n\r\n%b" % (len(body), body)


ANSWERS: dict[str, Callable[[int], bytes]] = {
    "length": lambda n: b"HTTP/1.1 200 OK\r\nx-n: %d\r\n" % n + _length(b"hello"),
    "chunks": lambda n: (
        b"HTTP/1.1 200 OK\r\nx-n: %d\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" % n
    ),
    "until close": lambda n: b"HTTP/1.1 200 OK\r\nx-n: %d\r\n\r\nhello" % n,
    "close": lambda n: (
        b"HTTP/1.1 200 OK\r\nx-n: %d\r\nconnection: close\r\n" % n + _length(b"hello")
    ),
    "hints": lambda n: (
        b"HTTP/1.1 103 H\r\n\r\nHTTP/1.1 503 No\r\nx-n: %d\r\n" % n + _length(b"")
    ),
    "too much": lambda n: (
        b"HTTP/1.1 200 OK\r\nx-n: %d\r\n" % n + _length(b"hello") + ANSWERS["length"](0)
    ),
    "garbage": lambda n: b"SSH-2.0-%d\r\n\r\n" % n,
    "switch": lambda n: _SWITCH,
}


class LifeWire(Wire):
    """A transport that can be slow, and whose end is heard of when the loop turns."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life
        self.outbox = b""  # what the other side has yet to send
        self.protocol: asyncio.Protocol
        self.is_slow = self.is_ended = self.is_lost = False

    def write(self, data: bytes) -> None:
        if not (self.is_closed or self.is_ended):
            self.written += data

    def write_eof(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed, self.is_slow = True, False

    @property
    def may_send(self) -> bool:
        """Whether the other side's bytes are read now."""
        return bool(self.outbox) and not (self.is_closed or self.is_paused)

    def send(self, size: int) -> None:
        """Let some bytes of the other side's arrive."""
        piece, self.outbox = self.outbox[:size], self.outbox[size:]
        self.protocol.data_received(piece)

    def turn_slow(self) -> None:
        """Take no more, or go on."""
        self.is_slow = not self.is_slow
        if self.is_slow:
            self.protocol.pause_writing()
        else:
            self.protocol.resume_writing()

    def end_sending(self) -> None:
        """Hear that the other side sends no more."""
        if not self.protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None) -> None:
        """Be gone."""
        self.is_closed = self.is_lost = True
        self.protocol.connection_lost(error)


class ClientEnd(LifeWire):
    """A client's connection, and what it asked on it.

    Attributes:
        asked: Number and method of its requests, in order.

    """

    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.asked: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Demand that the answers so far are those to its requests, in order."""
        place = answered = 0
        written = bytes(self.written)
        while found := _HEAD.match(written, place):
            status, place = int(found[1]), found.end()
            if status == 101:
                return
            if status < 200:
                continue
            assert answered < len(self.asked), written
            number, method = self.asked[answered]
            answered += 1
            told = re.search(rb"x-n: (\d+)", found[2])
            assert told is None or int(told[1]) == number, (written, self.asked)
            place = self._end_of_body(written, place, found[2], method)
        left = written[place:]
        assert b"HTTP/1.1 ".startswith(left[:9]), left

    @staticmethod
    def _end_of_body(written: bytes, place: int, fields: bytes, method: bytes) -> int:
        is_error = written.startswith(b'{"', place)  # it came before the method did
        if method == b"HEAD" and not is_error:
            return place
        if length := re.search(rb"content-length: (\d+)", fields):
            return place + int(length[1])
        if b"transfer-encoding: chunked" in fields:
            end = written.find(b"0\r\n\r\n", place)
            return len(written) if end < 0 else end + 5
        return len(written)


class EndpointEnd(LifeWire):
    """An endpoint's connection, and what it has understood on it."""

    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self._read = 0
        self.is_answering = False

    def next_request(self, *, early: bool) -> Seen | None:
        """Give the next request; early: though its body is not whole."""
        place = self._read
        stream = bytes(self.written)

        def read(size: int) -> bytes:
            nonlocal place
            got = stream[place : place + size]
            place += len(got)
            return got

        heads: list[Seen] = []
        try:
            seen = read_request(read, heads.append)
        except Incomplete:
            return heads[0] if heads and early else None
        self._read = place
        return seen


class Life:
    """See the module."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.dials = 0
        self.plane = Plane(self._dial)
        self.plane.wheel.now = self.now
        self.plane.wheel.read_clock = self._clock  # type: ignore[method-assign]
        self.plane.use(_table(1))
        (self.pool,) = self.plane.pools()
        self.clients: list[ClientEnd] = []
        self.endpoints: list[EndpointEnd] = []
        self.requests = 0
        self.seen: Counter[int] = Counter()

    def _clock(self) -> float:
        self.plane.wheel.now = self.now
        return self.now

    def _dial(self, connecting: Coroutine[object, object, None]) -> None:
        connecting.close()
        self.dials += 1

    # What happens.

    def connect_client(self) -> None:
        """Let a client come."""
        wire = ClientEnd(self)
        wire.protocol = Downstream(self.plane)
        wire.protocol.connection_made(cast("asyncio.Transport", wire))
        self.clients.append(wire)

    def ask(self, client: ClientEnd, kind: bytes) -> None:
        """Let a client have one request more to send; %d is its number."""
        self.requests += 1
        request = kind.replace(b"%d", b"%d" % self.requests)
        client.asked.append((self.requests, request.split(b" ", 1)[0]))
        client.outbox += request

    def end_dial(self, *, well: bool) -> None:
        """Let a connection to the endpoint be made, or not."""
        self.dials -= 1
        pool: Pool = self.pool
        if not well:
            error = pool._unreachable(OSError("refused"))
            pool._not_connected(Failure.CONNECT, error)
            return
        wire = EndpointEnd(self)
        wire.protocol = upstream = pool.connection()
        upstream.connection_made(cast("asyncio.Transport", wire))
        self.endpoints.append(wire)
        pool._made(upstream)

    def answer(self, endpoint: EndpointEnd, kind: str, *, early: bool) -> None:
        """Let an endpoint have an answer to send, to its next request."""
        seen = endpoint.next_request(early=early)
        if seen is not None:
            number = int(seen.first.rpartition(b"/")[2])
            self.seen[number] += 1
            answer = ANSWERS[kind](number)
            if seen.first.startswith(b"HEAD"):
                answer = answer[: answer.rindex(b"\r\n\r\n") + 4]
            endpoint.outbox += answer

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and deadlines with it."""
        self.now += seconds
        self.plane.wheel.sweep(self.now)

    def settle(self) -> None:
        """Tell connections that are closed, and have written all, that they are lost."""
        while lost := [
            wire
            for wire in (*self.clients, *self.endpoints)
            if wire.is_closed and not wire.is_slow and not wire.is_lost
        ]:
            for wire in lost:
                wire.lose(None)
        self.clients = [wire for wire in self.clients if not wire.is_lost]
        self.endpoints = [wire for wire in self.endpoints if not wire.is_lost]

    # What must be so.

    def check(self) -> None:
        """Demand what is always so."""
        for client in self.clients:
            client.check()
        tunnels = self._tunnels()
        live = len(self.endpoints)
        assert self.pool.busy + self.pool.idle == live
        assert self.pool.busy >= 0
        assert len(self.plane.clients) == len(self.clients)
        assert self.plane.observe(0, 1, 1).series[0].in_flight <= len(self.clients)
        assert tunnels <= len(self.plane.clients)

    def _tunnels(self) -> int:
        return sum(t.tunnels_open for t in self.plane._tallies.values())

    def end(self) -> None:
        """Let everybody leave, and demand that nothing stays."""
        for client in self.clients:
            client.lose(None)
        self.settle()
        while self.dials:
            self.end_dial(well=False)
        self.settle()
        for _ in range(2):  # what does not take its last bytes is given up
            self.pass_time(1_000.0)
            self.settle()
        assert not self.plane.clients
        series = self.plane.observe(0, 1, 1).series[0]
        assert (series.in_flight, self.pool.pending, self.pool.busy) == (0, 0, 0)
        assert self._tunnels() == 0
        self.pool.retire()
        self.settle()
        self.pass_time(1_000.0)
        self.settle()
        assert not self.endpoints
        assert (self.pool.busy, self.pool.idle) == (0, 0)


class Complaint(logging.Handler):
    """Fails where the gateway logs that its own code failed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise AssertionError(record.getMessage()) from (record.exc_info or (0, None))[1]
