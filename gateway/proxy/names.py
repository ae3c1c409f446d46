"""Where the names of endpoints lead: all their addresses, looked up again and again.

An address each is an endpoint of its own (pools.py). A look-up that fails changes nothing:
what was found last goes on to count. Where a name has addresses of both families they are
two ways to the same servers, and one way is enough: that which takes a connection, IPv6
being given a little time ahead (after RFC 8305, once for the name and not for each
connection). Until one does, nothing is known, and each connection tries all in turn.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Coroutine, Iterable
from time import monotonic
from typing import Final

from gateway.domain.service import Endpoint

_logger: Final = logging.getLogger("sluicegate.endpoints")

MOST_ADDRESSES: Final = 64
"""Of a name that are used; more are left out, always the same ones."""

_PATIENCE_S: Final = 5.0  # for the resolver
_AHEAD_S: Final = 0.25  # RFC 8305 section 5
_SOON_S: Final = 2.0  # until the next try where nothing is known yet

Spawn = Callable[[Coroutine[object, object, None]], object]
Found = list[tuple[int, str]]
"""Family and address, in the resolver's order."""


async def look_up(host: str, port: int) -> Found:
    """Ask the system for all addresses of a name.

    Raises:
        OSError: It knows none, or cannot be asked.
        ValueError: No such name can be.

    """
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    )
    return [(family, str(where[0])) for family, _, _, _, where in found]


class _Name:
    """What is known of a name."""

    def __init__(self, endpoint: Endpoint, every: float, connect: float) -> None:
        self.endpoint = endpoint
        self.every = every
        self.connect = connect
        self.addresses: tuple[str, ...] = ()
        self.due = 0.0
        self.is_asking = self.is_lost = False


class Names:
    """The names of a worker's endpoints.

    Args:
        spawn: Runs a coroutine.
        changed: Told when addresses have changed.

    """

    def __init__(self, spawn: Spawn, changed: Callable[[], None]) -> None:
        self._spawn = spawn
        self._changed = changed
        self._names: dict[tuple[str, int], _Name] = {}

    def use(self, wanted: Iterable[tuple[Endpoint, float, float]]) -> None:
        """Know these endpoints, and no others, from now on.

        Args:
            wanted: Each with the seconds between look-ups, and those a connection may
                take.

        """
        before, self._names = self._names, {}
        for endpoint, every, connect in wanted:
            key = (endpoint.host, endpoint.port)
            if _is_address(endpoint.host):
                continue
            name = before.get(key) or _Name(endpoint, every, connect)
            name.every, name.connect = every, connect
            self._names[key] = name

    def addresses(self, endpoint: Endpoint) -> tuple[str | None, ...]:
        """Give where an endpoint is; None: where its name leads when one connects."""
        name = self._names.get((endpoint.host, endpoint.port))
        return (None,) if name is None else name.addresses or (None,)

    def sweep(self, now: float) -> None:
        """Look up what is due."""
        for name in self._names.values():
            if name.due <= now and not name.is_asking:
                name.is_asking = True
                self._spawn(self._ask(name))

    async def _ask(self, name: _Name) -> None:
        wait = min(_SOON_S, name.every)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = await look_up(name.endpoint.host, name.endpoint.port)
            addresses = await _one_way(found, name)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            self._lost(name, error)
        else:
            name.is_lost = False
            if addresses:
                wait = name.every
                self._take(name, addresses)
        finally:
            name.is_asking = False
            name.due = monotonic() + wait

    def _lost(self, name: _Name, error: Exception) -> None:
        if not name.is_lost:
            known = ", ".join(name.addresses) or "none"
            _logger.warning(
                "%s cannot be looked up (%s); addresses known: %s.",
                name.endpoint.host,
                str(error) or type(error).__name__,
                known,
            )
        name.is_lost = True

    def _take(self, name: _Name, addresses: tuple[str, ...]) -> None:
        if addresses == name.addresses:
            return
        if name.addresses:
            _logger.warning(
                "%s leads to %s now.", name.endpoint.host, ", ".join(addresses)
            )
        name.addresses = addresses
        if self._names.get((name.endpoint.host, name.endpoint.port)) is name:
            self._changed()


async def _one_way(found: Found, name: _Name) -> tuple[str, ...]:
    """Give the addresses of one family; none: no family takes connections."""
    by_family: dict[int, list[str]] = {}
    for family, address in found:
        by_family.setdefault(family, []).append(address)
    if len(by_family) == 1:
        [addresses] = by_family.values()
        return _some(addresses)
    ways = sorted(by_family.values(), key=lambda way: ":" not in way[0])
    took = await asyncio.gather(
        *(_took(way, name, ahead * _AHEAD_S) for ahead, way in enumerate(ways))
    )
    times = [time for time in took if time is not None]
    return _some(ways[took.index(min(times))]) if times else ()


async def _took(way: list[str], name: _Name, wait: float) -> float | None:
    """Try the addresses of a family in turn; give the seconds that a connection took."""
    loop, began = asyncio.get_running_loop(), monotonic()
    for address in way[:MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(name.connect):
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, address, name.endpoint.port
                )
        except (OSError, ValueError):
            continue
        transport.close()
        return wait + monotonic() - began
    return None


def _some(addresses: Iterable[str]) -> tuple[str, ...]:
    """Put them in an order that does not depend on the resolver's mood."""
    return tuple(sorted(set(addresses))[:MOST_ADDRESSES])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
