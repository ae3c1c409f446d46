"""Which version's server holds what: a table in memory that all workers share.

A server keeps what it has answered, or a conversation, under an id it has made up; a later
request that names the id can be answered there alone. Whichever worker saw the id being
made, whichever is asked for it: so the table lies in memory that the supervisor makes and
every worker maps. What one writes the next one reads at once, and neither a worker that is
killed nor a controller that is restarted takes any of it along. It ends with the gateway.

Ids are not kept, only 64 bits of a hash of each; that and the time of its last use make a
place of 24 bytes. Places are found by hash in rows of eight, and where a row is full the
one that was used longest ago makes way. Nobody locks: a place that two write at once, or
that is read half written, fails its own check and is nothing.
"""

import mmap
from struct import Struct
from typing import Final, NamedTuple

import mmh3

from gateway.handoff import shared_memory

ROWS: Final = 65_536
IN_A_ROW: Final = 8
MOST_HELD: Final = ROWS * IN_A_ROW
"""Ids that are known at most, of all services together."""

LASTS_S: Final = 30 * 86_400
"""Seconds since its last use for which an id is known: as long as OpenAI keeps responses
(https://platform.openai.com/docs/guides/conversation-state)."""

_USE_AGAIN_S: Final = 60  # a use within a minute of the last one is not written down
_WORD: Final = 8  # bytes
_ROW: Final = Struct(f"{3 * IN_A_ROW}Q")  # ids, then notes, then origins
_ONE: Final = Struct("Q")  # native: eight bytes in one go
_NOTES: Final = IN_A_ROW * _WORD
_ORIGINS: Final = 2 * _NOTES
SIZE: Final = ROWS * _ROW.size
"""Bytes; the system gives the pages that are written to."""

_LOW: Final = 0xFFFFFFFF
_ID_SEED: Final = 0x5E1D
_CODE_SEED: Final = 0x7E25


class Held(NamedTuple):
    """What is known of an id.

    Attributes:
        code: Of the version that holds it; see code_of.
        origin: What its conversation began under: a hash, and 0 where that is no
            evidence of anything.

    """

    code: int
    origin: int


def id_of(service: str, kind: bytes, name: bytes) -> int:
    """Give what stands for an id, or a sticky key, of a service: 64 bits, never 0."""
    text = b"%b\0%b\0%b" % (service.encode(), kind, name)
    return mmh3.hash64(text, _ID_SEED, signed=False)[0] or 1


def code_of(service: str, version: str) -> int:
    """Give 32 bits that stand for a version: the same in every process."""
    return mmh3.hash(f"{service}\0{version}", _CODE_SEED, signed=False)


def make_shared() -> int:
    """Make the memory, empty; give the open file that stands for it.

    Raises:
        OSError: There is none to be had.

    """
    return shared_memory.make_shared("sluicegate-held-states", SIZE)


class HeldStates:
    """The table, as one process sees it.

    Args:
        fd: From make_shared; None: memory of this process alone.

    """

    __slots__ = ("_memory",)

    def __init__(self, fd: int | None = None) -> None:
        self._memory = mmap.mmap(-1 if fd is None else fd, SIZE)

    def find(self, place: int, unix_s: int) -> Held | None:
        """Give who holds *place*; None: it is not known, or was not used for too long.

        Args:
            place: See id_of.
            unix_s: Wall clock, in whole seconds.

        """
        at = place % ROWS * _ROW.size
        row = _ROW.unpack_from(self._memory, at)
        if place not in row[:IN_A_ROW]:
            return None
        number = row.index(place)
        note, origin = row[number + IN_A_ROW], row[number + 2 * IN_A_ROW]
        used = note >> 32
        if unix_s - used > LASTS_S:
            return None
        code = (note ^ _check(place, origin)) & _LOW
        if unix_s - used > _USE_AGAIN_S:
            _ONE.pack_into(
                self._memory,
                at + _NOTES + number * _WORD,
                (unix_s & _LOW) << 32 | note & _LOW,
            )
        return Held(code, origin)

    def keep(self, place: int, held: Held, unix_s: int) -> None:
        """Note who holds *place*, in its own place or that of the least used.

        Args:
            place: See id_of.
            held: By whom.
            unix_s: Wall clock, in whole seconds.

        """
        at = place % ROWS * _ROW.size
        row = _ROW.unpack_from(self._memory, at)
        if place in row[:IN_A_ROW]:
            number = row.index(place)
        else:
            notes = row[IN_A_ROW : 2 * IN_A_ROW]
            number = notes.index(min(notes))
        note = (unix_s & _LOW) << 32 | held.code ^ _check(place, held.origin)
        at += number * _WORD
        # The note last: until then what stands here fails its check.
        _ONE.pack_into(self._memory, at, place)
        _ONE.pack_into(self._memory, at + _ORIGINS, held.origin)
        _ONE.pack_into(self._memory, at + _NOTES, note)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()


def _check(place: int, origin: int) -> int:
    """Give what a note's code is hidden by: read with another id, it is no version's."""
    mixed = place ^ origin
    return (mixed ^ mixed >> 32) & _LOW
