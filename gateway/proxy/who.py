"""Who asks, and what a request says of itself, as far as an observation needs it."""

from typing import Protocol

from gateway.wire.request_head import RequestHead


class Told(Protocol):
    """What a request tells of itself to the access log.

    Attributes:
        head: Its head.
        request_id: The client's own, or a new one.

    """

    head: RequestHead
    request_id: bytes


class Sender(Protocol):
    """Who sent a request; peer.Peer is one."""

    def client(self, head: RequestHead) -> str:
        """Give the client's address, behind trusted proxies."""
