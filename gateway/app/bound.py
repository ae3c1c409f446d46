"""The data listeners: bound by the supervisor, changed by a reload in two steps.

A reload first has the new addresses bound, while nothing else changes; where one of them
cannot be, none is. Only once the rest of the new configuration is in force are they taken,
and those that are configured no more are closed. An address that stays keeps its socket,
and with it the connections that wait there.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.deployment import BACKLOG, Address, names_of
from gateway.domain.errors import CannotListen

MOST_LISTENERS: Final = 200
"""As many as a change may leave: their descriptors go to a worker in one message, and Linux
takes 253 (SCM_MAX_FD, unix(7))."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound, listening socket.

    Attributes:
        number: No other has it, nor had it before.
        address: As configured; port 0 stays 0.
        socket: The socket.

    """

    number: int
    address: Address
    socket: socket.socket


class Bound:
    """The data listeners of a gateway.

    Args:
        addresses: To begin with.

    Attributes:
        listening: In the order of the configuration.

    Raises:
        CannotListen: One of them cannot be bound.

    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._last_number = 0
        self._prepared: list[Listening] | None = None
        self.listening: list[Listening] = []
        self.prepare(addresses)
        self.take()

    def named(self) -> Iterator[tuple[Listening, str]]:
        """Give the listeners and their names."""
        names = names_of(each.address for each in self.listening)
        return zip(self.listening, names, strict=True)

    def prepare(self, addresses: Sequence[Address]) -> None:
        """Bind what is not bound yet; what is in use does not change before `take`.

        Raises:
            CannotListen: One of them cannot be bound. Then no new one is.

        """
        self.drop()
        if self.listening and len(addresses) > MOST_LISTENERS:
            raise CannotListen(
                f"A reload takes up to {MOST_LISTENERS} listeners.",
                remedy="Restart the gateway, or configure fewer.",
            )
        free, wanted, new = list(self.listening), list[Listening](), list[Listening]()
        try:
            for address in addresses:
                known = next((each for each in free if each.address == address), None)
                if known is None:
                    known = self._bind(address)
                    new.append(known)
                else:
                    free.remove(known)
                wanted.append(known)
        except CannotListen:
            _close(new)
            raise
        self._prepared = wanted

    def take(self) -> list[Listening]:
        """Use what was prepared; give what is to be used no more, still open."""
        wanted, self._prepared = self._prepared, None
        if wanted is None:
            return []
        gone = [each for each in self.listening if each not in wanted]
        self.listening = wanted
        return gone

    def drop(self) -> None:
        """Forget what was prepared."""
        prepared, self._prepared = self._prepared or [], None
        _close([each for each in prepared if each not in self.listening])

    def close(self) -> None:
        """Close all."""
        self.drop()
        _close(self.listening)

    def _bind(self, address: Address) -> Listening:
        self._last_number += 1
        return Listening(self._last_number, address, bind(address))


def bind(address: Address) -> socket.socket:
    """Listen on an address.

    Raises:
        CannotListen: It cannot be bound.

    """
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _name, sockaddr = min(found, key=lambda one: one[0])
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot(address, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(sockaddr)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _cannot(address, error) from None
    return bound


def shown(listening: socket.socket) -> str:
    """Write where a socket is bound, as people do."""
    host, port = listening.getsockname()[:2]
    return str(Address(host=host, port=port))


def _cannot(address: Address, error: OSError) -> CannotListen:
    return CannotListen(
        f"Cannot listen on {address}: {error.strerror or error}.",
        remedy="Stop what uses the address, or configure another one.",
    )


def _close(some: Sequence[Listening]) -> None:
    for each in some:
        each.socket.close()
