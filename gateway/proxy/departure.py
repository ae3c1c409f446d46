"""How a client's going is told to it, and how it is noticed while nobody reads."""

import asyncio
import socket
import struct
import sys
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)
_STILL_THERE: Final = frozenset({1})  # TCP_ESTABLISHED, tcp(7) and linux/tcp_states.h


def set_reset(transport: asyncio.Transport) -> None:
    """Make close send RST: the only sign of a cut when close is the body's end."""
    with _socket_of(transport) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def has_left(transport: asyncio.Transport) -> bool:
    """Whether the client has closed its side, seen past bytes that nobody has read.

    Only Linux can tell (TCP_INFO); elsewhere False, and the idle timeouts decide.
    """
    if not sys.platform.startswith("linux"):
        return False
    with _socket_of(transport) as duplicate:
        state = duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state not in _STILL_THERE


def _socket_of(transport: asyncio.Transport) -> socket.socket:
    shown = transport.get_extra_info("socket")
    return socket.socket(fileno=socket.dup(shown.fileno()))
