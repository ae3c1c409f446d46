"""What the next process must know, in an unnamed file that all processes inherit.

A worker that is restarted while the controller is down finds its table here; a new
controller finds the configuration that was accepted last and what dead workers had
counted. The file has no name (secrets in it never reach a directory) and dies with
the processes. It has two slots, written in turn: whoever is killed while it writes
leaves the one before.
"""

import os
import struct
import zlib
from typing import Final

import msgspec

from gateway.analysis.sums import Feedback
from gateway.domain.deployment import Deployment
from gateway.domain.rollout import Standing
from gateway.domain.ticket_key import TicketKey
from gateway.handoff.judged_so_far import JudgedSoFar
from gateway.handoff.observations import Counted
from gateway.handoff.routing_table import RoutingTable

_HEADER: Final = struct.Struct(">QII")  # sequence, length, checksum
_SLOTS: Final = (0, 1 << 30)  # offsets; what lies between is a hole


class Last(msgspec.Struct, kw_only=True, frozen=True):
    """The last word of a controller.

    Attributes:
        table: The last published.
        deployment: The configuration it was made from.
        counted: By workers that are gone or were not linked, and, as of the last
            scrape, by the others.
        ticket_keys: Those that may still read a request id.
        feedback: Counted so far.
        standings: Version and standing of each rollout, by service.
        since: Unix time since when things are counted.
        judged: What judges have done since; None: nobody judges.

    """

    table: RoutingTable
    deployment: Deployment
    counted: Counted
    ticket_keys: tuple[TicketKey, ...] = ()
    feedback: Feedback = {}
    standings: dict[str, tuple[int, Standing]] = {}
    since: float = 0.0
    judged: JudgedSoFar | None = None


class _TableAlone(msgspec.Struct):
    """As much of a `Last` as a worker needs; the rest is skipped unread."""

    table: RoutingTable


def write_last(fd: int, last: Last) -> None:
    """Write *last*; what was there before stays until it is whole.

    Raises:
        OSError: The file cannot be written (disk full).

    """
    payload = msgspec.msgpack.encode(last)
    found = [_read_slot(fd, offset) for offset in _SLOTS]
    sequences = [0 if slot is None else slot[0] for slot in found]
    offset = _SLOTS[sequences.index(min(sequences))]
    header = _HEADER.pack(max(sequences) + 1, len(payload), zlib.crc32(payload))
    content = header + payload
    written = os.pwrite(fd, content, offset)
    if written < len(content):  # the second try says why there is no room
        os.pwrite(fd, content[written:], offset + written)


def read_last(fd: int) -> Last | None:
    """Read it back; None when there is none yet, or the first was being written."""
    payload = _newest(fd)
    return None if payload is None else msgspec.msgpack.decode(payload, type=Last)


def read_last_table(fd: int) -> RoutingTable | None:
    """Read the table alone; None as for `read_last`."""
    payload = _newest(fd)
    if payload is None:
        return None
    return msgspec.msgpack.decode(payload, type=_TableAlone).table


def _newest(fd: int) -> bytes | None:
    found = [_read_slot(fd, offset) for offset in _SLOTS]
    return max((slot for slot in found if slot is not None), default=(0, None))[1]


def _read_slot(fd: int, offset: int) -> tuple[int, bytes] | None:
    header = os.pread(fd, _HEADER.size, offset)
    if len(header) < _HEADER.size:
        return None
    sequence, length, check = _HEADER.unpack(header)
    payload = os.pread(fd, length, offset + _HEADER.size)
    if sequence == 0 or len(payload) < length or zlib.crc32(payload) != check:
        return None
    return sequence, payload
