"""How many connections clients have, by where they come from.

Whoever has one IPv6 address has 2**64 of them (RFC 4291 section 2.5.4), so that these
count together.
"""

import asyncio
from ipaddress import AddressValueError, IPv6Address, IPv6Network
from typing import Final

_PREFIX: Final = 64


def address_of(transport: asyncio.Transport) -> str:
    """Give the address of a client; "" where it has none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if name else ""


def origin_of(address: str) -> str:
    """Say where an address belongs: to itself, or of IPv6 to its network."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.split("%", 1)[0])
    except AddressValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _PREFIX), strict=False))


class Crowd:
    """Counts the open connections of each origin."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def of(self, origin: str) -> int:
        """Give how many connections there are from *origin*."""
        return self._open.get(origin, 0)

    def came(self, origin: str) -> None:
        """Count one more."""
        self._open[origin] = self._open.get(origin, 0) + 1

    def left(self, origin: str) -> None:
        """Count one less; who has none is forgotten."""
        if self._open[origin] > 1:
            self._open[origin] -= 1
        else:
            del self._open[origin]

    @property
    def origins(self) -> int:
        """How many origins there are."""
        return len(self._open)
