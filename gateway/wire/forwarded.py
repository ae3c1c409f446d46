"""Who sent the request: the forwarded headers, read from trusted hops and written on.

`Forwarded` is RFC 7239; the `X-Forwarded-*` family is what servers read in practice.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Network = IPv4Network | IPv6Network

MOST_HOPS: Final = 32
"""Trusted hops that are walked: reading thousands would stop the event loop."""

_LONGEST_ENTRY: Final = 128  # an address, a zone and a port in brackets are shorter


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read CIDR texts that the configuration has already checked."""
    return tuple(ip_network(text) for text in texts)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether *address* lies in one of *networks*; what is no address lies in none."""
    return _lies_in(_parse_address(address), networks)


def _lies_in(
    address: IPv4Address | IPv6Address | None, networks: Sequence[Network]
) -> bool:
    return address is not None and any(address in network for network in networks)


def client_address(peer: str, forwarded_for: bytes, trusted: Sequence[Network]) -> str:
    """Find the client behind trusted hops.

    Walks `X-Forwarded-For` from the right, the side nearest to us, as long as the hop
    that added the entry is trusted, MOST_HOPS at most; a forged entry further left is
    never reached.

    Args:
        peer: Address of the connection itself.
        forwarded_for: Value of X-Forwarded-For, b"" when there is none.
        trusted: Networks whose word is believed.

    Returns:
        An address in its canonical form; *peer* when nothing better is proven.

    """
    if not (trusted and forwarded_for):
        return peer
    nearest = None
    hop = _parse_address(peer)
    for entry in reversed(forwarded_for.rsplit(b",", MOST_HOPS)[-MOST_HOPS:]):
        if not _lies_in(hop, trusted) or len(entry) > _LONGEST_ENTRY:
            break
        hop = _parse_address(_without_port(entry.decode("latin-1").strip()))
        if hop is None:
            break
        nearest = hop
    return peer if nearest is None else str(nearest)


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].split("]", 1)[0]
    return text.split(":", 1)[0] if text.count(":") == 1 else text


def forwarded_lines(
    *,
    peer: bytes,
    scheme: bytes,
    host: bytes,
    fields: dict[bytes, bytes],
    is_trusted: bool,
) -> bytes:
    """Write the lines that tell the upstream who asked, each with its CRLF.

    Args:
        peer: Address of the connection, without brackets.
        scheme: b"http" or b"https", as the client reached us.
        host: What the client asked for.
        fields: The request's own fields, lower-case names.
        is_trusted: Whether the peer's own claims about scheme and host stand.

    """
    node = b'"[%b]"' % peer if b":" in peer else peer
    seen_for, seen = fields.get(b"x-forwarded-for"), fields.get(b"forwarded")
    chain = peer if seen_for is None else b"%b, %b" % (seen_for, peer)
    if is_trusted:
        scheme = fields.get(b"x-forwarded-proto", scheme)
        host = fields.get(b"x-forwarded-host", host)
    element = b'for=%b;host="%b";proto=%b' % (node, _quotable(host), scheme)
    path = element if seen is None else b"%b, %b" % (seen, element)
    hops = (
        fields[b"via"] + b", 1.1 sluicegate" if b"via" in fields else b"1.1 sluicegate"
    )
    return (
        b"x-forwarded-for: %b\r\nx-forwarded-host: %b\r\nx-forwarded-proto: %b\r\n"
        b"forwarded: %b\r\nvia: %b\r\n"
    ) % (chain, host, scheme, path, hops)


def _quotable(host: bytes) -> bytes:
    return host.replace(b"\\", b"").replace(b'"', b"")
