"""Two connections that carry what is HTTP no more: WebSocket, or what else was asked for.

After a 101 every byte passes as it comes, in both directions, unread: what flows too fast
for one side is not read from the other. A side that ends its sending is told on; the other
may still answer. The tunnel ends with either connection, or when both are silent too long.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from gateway.proxy.deadlines import NEVER, Wheel
from gateway.proxy.tally import Tally

BY_CLIENT: Final = "client"
BY_ENDPOINT: Final = "endpoint"
BY_SILENCE: Final = "idle"
BY_GATEWAY: Final = "gateway"  # it drains, and waits no longer
BY_LIMIT: Final = "limit"  # limits.stream


class Before(Protocol):
    """What a connection was while it spoke HTTP."""

    transport: asyncio.Transport | None

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what it holds."""


class Tunnel:
    """Both ends, and what is known of them together.

    Args:
        wheel: Watches the silence.
        idle: The longest silence of both sides, in seconds.
        tally: Of the version.
        over: Called with the client's end when all is over.

    Attributes:
        began: When; monotonic clock.
        ended_by: What was first to end it; None while it is open.
        finishing: Who sends no more, first; None while both may.

    """

    __slots__ = (
        "_idle",
        "_over",
        "_tally",
        "_wheel",
        "began",
        "client",
        "deadline",
        "ended_by",
        "endpoint",
        "finishing",
        "looked_at",
    )

    def __init__(
        self,
        wheel: Wheel,
        idle: float,
        tally: Tally,
        over: Callable[["End"], None],
    ) -> None:
        self._wheel = wheel
        self._idle = idle
        self._tally = tally
        self._over = over
        self.began = wheel.now
        self.deadline = self.looked_at = NEVER
        self.ended_by: str | None = None
        self.finishing: str | None = None
        self.client = End(self, BY_CLIENT)
        self.endpoint = End(self, BY_ENDPOINT)
        self.client.other, self.endpoint.other = self.endpoint, self.client

    def open(self, client: Before, endpoint: Before, early: bytes, rest: bytes) -> None:
        """Take over both connections.

        Args:
            client: The client's.
            endpoint: The endpoint's.
            early: What the client has sent already.
            rest: What the endpoint has sent already.

        """
        self._tally.tunnels_open += 1
        self.passed()
        self.client.take_over(client)
        self.endpoint.take_over(endpoint)
        self.client.data_received(early)
        self.endpoint.data_received(rest)

    def passed(self) -> None:
        """Note that something came."""
        self.deadline = deadline = self._wheel.read_clock() + self._idle
        if deadline < self.looked_at:
            self._wheel.set(self, deadline)

    def count(self, who: str, size: int) -> None:
        """Count bytes, by who sent them."""
        sent = self._tally.tunnel_bytes
        sent[who] = sent.get(who, 0) + size

    def end(self, by: str) -> None:
        """Close both connections, after what is written."""
        if self.ended_by is None:
            self.ended_by = by = self.finishing or by
            ended = self._tally.tunnels_ended
            ended[by] = ended.get(by, 0) + 1
            self._tally.tunnels_open -= 1
        self.client.close()
        self.endpoint.close()

    def wait_no_longer(self) -> None:
        """Close even if a side does not take the rest: it must not keep it for ever."""
        self._wheel.set(self, self._wheel.now + self._idle)

    def lost(self, end: "End") -> None:
        """Hear that a connection is gone, and with it the tunnel."""
        self.end(end.who)
        self.wait_no_longer()
        if self.client.is_lost and self.endpoint.is_lost:
            self._wheel.forget(self)
            self._over(self.client)

    def on_deadline(self, _now: float) -> None:
        """End it: both are silent, or one does not take the last of it."""
        self.abort(BY_SILENCE)

    def abort(self, by: str) -> None:
        """Close both connections now."""
        self.end(by)
        self.client.drop()
        self.endpoint.drop()


class End(asyncio.Protocol):
    """One connection of a tunnel; `who` sends on it. In the plane, it stands for both.

    Attributes:
        has_ended: Whether no more comes on it.
        is_lost: Whether it is gone.

    """

    __slots__ = (
        "_before",
        "_transport",
        "_tunnel",
        "has_ended",
        "is_lost",
        "other",
        "who",
    )

    def __init__(self, tunnel: Tunnel, who: str) -> None:
        self._tunnel = tunnel
        self.other = self
        self._transport: asyncio.Transport | None = None
        self._before: Before | None = None
        self.has_ended = self.is_lost = False
        self.who = who

    def take_over(self, before: Before) -> None:
        """Be the protocol of a connection from now on."""
        self._before, self._transport = before, before.transport
        if self._transport is None or self._transport.is_closing():
            self.is_lost = self._transport is None
            self._tunnel.end(self.who)
            return
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    # The socket (asyncio).

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if data:
            self._tunnel.passed()
            self._tunnel.count(self.who, len(data))
            self.other.write(data)

    def eof_received(self) -> bool:
        """Pass on that no more comes; what comes from the other side still passes."""
        self.has_ended = True
        self._tunnel.finishing = self._tunnel.finishing or self.who
        if self.other.has_ended or not self.other.end_writing():
            self._tunnel.end(self.who)
            return False
        return True

    def pause_writing(self) -> None:
        """Read no more from the other side."""
        self.other.hold()

    def resume_writing(self) -> None:
        """Read on."""
        self.other.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free it, and end the other."""
        self.is_lost = True
        self._transport = None
        before, self._before = self._before, None
        if before is not None:
            before.connection_lost(exc)
        self._tunnel.lost(self)

    # For the other end.

    def write(self, data: bytes) -> None:
        """Send; nothing when it is gone."""
        if self._transport is not None:
            self._transport.write(data)

    def end_writing(self) -> bool:
        """Say that no more will be sent; False where the connection cannot say so."""
        transport = self._transport
        if transport is None or not transport.can_write_eof():  # TLS
            return False
        transport.write_eof()
        return True

    def hold(self) -> None:
        """Stop reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    # For the plane (plane.Drainable).

    def drain(self) -> None:
        """Go on: nobody but its two sides knows where it may end."""

    def outlast(self, since: float) -> None:
        """End it, after what is written, if it began before *since*."""
        if self._tunnel.ended_by is None and self._tunnel.began < since:
            self._tunnel.end(BY_LIMIT)
            self._tunnel.wait_no_longer()

    def abort(self) -> None:
        """Close now, both sides."""
        self._tunnel.abort(BY_GATEWAY)
