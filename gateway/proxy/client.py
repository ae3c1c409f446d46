"""What an exchange may ask of the client's connection; downstream.py does it."""

from typing import Protocol

from gateway.proxy.peer import Peer
from gateway.proxy.tally import Tally
from gateway.proxy.upstream import Upstream


class Client(Protocol):
    """The client's connection, as an exchange sees it."""

    peer: Peer
    """Who is at the other end."""

    is_held: bool
    """Whether reading is stopped."""

    def write(self, data: bytes) -> None:
        """Send to the client."""

    def hold(self) -> None:
        """Stop reading the request's body."""

    def resume(self) -> None:
        """Read on."""

    def exchange_over(self) -> None:
        """Go on: the answer is whole, the connection may serve the next request."""

    def become_tunnel(self, upstream: Upstream, rest: bytes, tally: Tally) -> None:
        """Speak HTTP no more; pass on what comes from the endpoint, and to it.

        Args:
            upstream: The endpoint's connection.
            rest: What came on it already.
            tally: Of the version.

        """

    def cut(self, *, reset: bool) -> None:
        """End the connection so that the client sees its answer is not whole."""
