"""Who is at the other end of a client connection, and what is believed of its word."""

from typing import Final

from gateway.proxy.plane import Plane
from gateway.wire.forwarded import client_address, forwarded_lines, is_within
from gateway.wire.request_head import RequestHead

_CHAINED: Final = frozenset({b"x-forwarded-for", b"forwarded", b"via"})


class Peer:
    """The address of a client connection, seen through the trusted proxies in force.

    Args:
        plane: Its routes say which networks are trusted.
        address: Of the connection; an IPv6 zone is dropped.
        is_tls: Whether it speaks TLS.

    """

    __slots__ = (
        "_address",
        "_is_trusted",
        "_lines",
        "_lines_host",
        "_plane",
        "_scheme",
        "_seen_by",
    )

    def __init__(self, plane: Plane, address: str, *, is_tls: bool = False) -> None:
        self._plane = plane
        self._scheme = b"https" if is_tls else b"http"
        self._address = address.split("%", 1)[0]
        self._seen_by: object = None
        self._is_trusted = False
        self._lines_host: bytes | None = None
        self._lines = b""

    def client(self, head: RequestHead) -> str:
        """Give the address of whoever sent the request, behind trusted proxies."""
        routes = self._plane.routes
        trusted = () if routes is None else routes.trusted
        chain = head.fields.get(b"x-forwarded-for", b"")
        return client_address(self._address, chain, trusted)

    def forwarded(self, head: RequestHead) -> bytes:
        """Write the forwarded headers; the same again for the same plain request."""
        if self._seen_by is not self._plane.routes:
            self._look_again()
        fields = head.fields
        chained = not _CHAINED.isdisjoint(fields)
        plain = not chained and not self._is_trusted
        if plain and self._lines_host == head.host:
            return self._lines
        lines = forwarded_lines(
            peer=self._address.encode(),
            scheme=self._scheme,
            host=head.host,
            fields=fields,
            is_trusted=self._is_trusted,
        )
        if plain:
            self._lines_host, self._lines = head.host, lines
        return lines

    def _look_again(self) -> None:
        self._seen_by = routes = self._plane.routes
        trusted = () if routes is None else routes.trusted
        self._is_trusted = bool(trusted) and is_within(self._address, trusted)
