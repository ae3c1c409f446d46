"""The last published table in an unnamed file that all processes inherit.

A worker that is restarted while the controller is down finds its table here. The file
has no name (secrets in it never reach a directory) and dies with the processes.
"""

import os
import zlib
from typing import Final

import msgspec

from gateway.handoff.routing_table import RoutingTable

_HEADER: Final = 8


def write_last_table(fd: int, table: RoutingTable) -> None:
    """Replace the file's content by *table*.

    Raises:
        OSError: The file cannot be written (disk full).

    """
    payload = msgspec.msgpack.encode(table)
    check = zlib.crc32(payload)
    header = len(payload).to_bytes(4, "big") + check.to_bytes(4, "big")
    os.pwrite(fd, header + payload, 0)


def read_last_table(fd: int) -> RoutingTable | None:
    """Read the table back; None when there is none yet, or it was being written."""
    header = os.pread(fd, _HEADER, 0)
    if len(header) < _HEADER:
        return None
    length, check = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")
    payload = os.pread(fd, length, _HEADER)
    if len(payload) < length or zlib.crc32(payload) != check:
        return None
    return msgspec.msgpack.decode(payload, type=RoutingTable)
