"""A copy of a request on its way to the other version: an exchange without a client."""

from typing import Protocol, cast

import msgspec

from gateway.domain.outcome import Failure
from gateway.proxy.life_of_a_request import Exchange
from gateway.proxy.pairs import CopysHalf
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route
from gateway.proxy.tally import Tally
from gateway.proxy.upstream import Upstream
from gateway.proxy.who import Sender
from gateway.wire.request_head import RequestHead


class Sent(Protocol):
    """Whoever sent a copy; mirror.Mirrors is one."""

    def copy_over(self, copy: "Copy") -> None:
        """Let go of it."""


class Nobody:
    """Stands where the client would (client.Client): takes every byte, tells nobody."""

    __slots__ = ("_sent", "copy", "is_held", "peer")

    def __init__(self, peer: Peer, sent: Sent) -> None:
        self.peer = peer
        self.is_held = False
        self._sent = sent
        self.copy: Copy | None = None

    def write(self, data: bytes) -> None:
        """Drop it: what is read of it was read before."""

    def hold(self) -> None:
        """There is nothing to hold: the request is here whole."""

    def resume(self) -> None:
        """See hold."""

    def exchange_over(self) -> None:
        """Tell whoever sent the copy."""
        copy, self.copy = self.copy, None  # they know each other, and would stay
        if copy is not None:
            self._sent.copy_over(copy)

    def become_tunnel(self, upstream: Upstream, rest: bytes, tally: Tally) -> None:
        """Let go of it, though copies ask for no upgrade (copied_request)."""
        upstream.abort()
        self.exchange_over()

    def cut(self, *, reset: bool) -> None:
        """See exchange_over."""
        self.exchange_over()


class Copy(Exchange):
    """The exchange of a copy, whose version is chosen.

    Attributes:
        began: When it did; monotonic clock.

    """

    __slots__ = ("_half", "_nobody", "began")

    def __init__(
        self, plane: Plane, sent: Sent, peer: Sender, route: Route, half: CopysHalf
    ) -> None:
        self._nobody = nobody = Nobody(cast("Peer", peer), sent)
        self.began = now = plane.wheel.now
        super().__init__(plane, nobody, half.head, half.body, now)
        self._route = route
        self._seen = self._half = half
        nobody.copy = self

    @property
    def is_late(self) -> bool:
        """Whether its deadline passed, so that its half of the pair is handed over."""
        return self._half.is_overdue

    def start(self) -> None:
        """Send it."""
        self._half.target.tally.in_flight += 1
        if self._half.target.awaiting is not None:
            self._half.target.awaiting.began(self._half, self.began)
        self.request_progressed()

    def time_out(self) -> None:
        """Cut an answer that has no end: no client is there to tire of it."""
        self._drop_connection()
        self.upstream_failed(Failure.IDLE_TIMEOUT)

    def abandon(self, *, is_stopping: bool) -> None:
        """End it, and say nothing of the version; see CopysHalf.abandon."""
        self._half.abandon(is_stopping=is_stopping)
        self.client_gone()
        self._nobody.exchange_over()


def copied_request(head: RequestHead, text: bytes) -> tuple[RequestHead, RequestBody]:
    """Write the request anew, as it came, with a body that is whole.

    Args:
        head: Of the original, whose framing a version may have changed.
        text: Its body as it arrived.

    """
    again = msgspec.structs.replace(
        head,
        is_chunked=False,
        upgrade=None,
        content_length=len(text),
        expects_continue=False,
        trace=None,
    )
    return again, RequestBody(again, text)
