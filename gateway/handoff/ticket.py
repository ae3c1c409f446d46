"""The request id a client is given: a ticket that feedback comes back with.

Workers make them, the controller reads them; nobody keeps them. An id is the URL-safe
base64 (RFC 4648 section 5) of

    key number (2 bytes) | tag (16) | fields (33 to 51), hidden

The tag is keyed BLAKE2b (RFC 7693) over the fields, and the fields are XORed with keyed
BLAKE2b over the tag. The tag is thus also the nonce, as in SIV (RFC 5297): equal bytes
appear only for equal fields, which the unique part rules out. So an id tells its holder
which key it was made with and nothing else: not the version, also where `expose` is
false, nor the time or the number of requests; and none can be made without the key.
"""

import binascii
import hmac
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Final

from gateway.domain.ticket_key import TICKET_LASTS_S, TicketKey

TicketKeys = Mapping[int, TicketKey]
"""The keys there are, by number."""

_KEY: Final = struct.Struct(">H")
_VARYING: Final = struct.Struct(">IQQ?")  # issued, unique, fingerprint, is_evidence
_ROUTE_BYTES: Final = 6
_FIXED: Final = struct.Struct(f">{_ROUTE_BYTES}sHI")  # route, segments, epoch
_CELL_AT: Final = _VARYING.size + _FIXED.size
_TAG: Final = 16
_MASK: Final = 64
_TEXT: Final = re.compile(rb"[A-Za-z0-9_-]{68}(?:[A-Za-z0-9_-]{4}){0,6}")

# Three bytes are four characters: a whole number of them needs no padding.
_PADS: Final = (b"", b"\0", b"\0\0")
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")

_U32: Final = 0xFFFFFFFF

# Names of their own: a look-up through a class or module costs more (measured).
_pack: Final = _VARYING.pack
_number: Final = int.from_bytes
_encode: Final = binascii.b2a_base64


class Forged(Enum):
    """It was not made with any key there is, or not a byte of it may be changed."""

    ID = "forged"


class Expired(Enum):
    """It is one of ours, and older than TICKET_LASTS_S."""

    ID = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What an id says.

    Attributes:
        route: See route_code.
        segments: Code of the definitions that `cell` was made by (answers.segments).
        cell: A value's number for each segment; zeros may follow.
        epoch: Revision of the split at assignment, its last 32 bits: the records of
            evidence name the same.
        fingerprint: Of the sticky key; of a request without one its own, as its record
            of evidence has it, and 0 where no coin was tossed.
        is_evidence: Whether the exchange was counted as a unit.
        issued: Unix time in whole seconds.
        unique: No other id of the same second has it.

    """

    route: bytes
    segments: int
    cell: bytes
    epoch: int
    fingerprint: int
    is_evidence: bool
    issued: int
    unique: int


def route_code(service: str, version: str) -> bytes:
    """Give the code of a version: the same in every process, and after every reload."""
    named = f"{service}\0{version}".encode()
    return blake2b(named, digest_size=_ROUTE_BYTES).digest()


class TicketMaker:
    """Makes the ids of one version while one routing table is in force.

    1.4 microseconds each (measured); everything that does not change is prepared here.

    Args:
        key: The one in use.
        route: See route_code.
        segments: See Ticket.
        epoch: Revision of the service's split.

    """

    __slots__ = ("_fixed", "_mask", "_prefix", "_tag")

    def __init__(
        self, key: TicketKey, *, route: bytes, segments: int, epoch: int
    ) -> None:
        self._prefix = _KEY.pack(key.number)
        self._fixed = _FIXED.pack(route, segments, epoch & _U32)
        self._tag = _tag_hash(key).copy
        self._mask = _mask_hash(key).copy

    def make(
        self,
        issued: int,
        unique: int,
        fingerprint: int = 0,
        cell: bytes = b"",
        is_evidence: bool = False,
    ) -> bytes:
        """Make one id: 68 characters, 4 more for every three segments.

        Args:
            issued: Unix time in whole seconds.
            unique: 64 bits that no other request of this second has.
            fingerprint: See Ticket; 64 bits.
            cell: See Ticket; one byte a segment.
            is_evidence: See Ticket.

        """
        fields = _pack(issued, unique, fingerprint, is_evidence) + self._fixed
        if cell:
            fields += cell + _PADS[-len(cell) % 3]
        tagger = self._tag()
        tagger.update(fields)
        tag = tagger.digest()
        masker = self._mask()
        masker.update(tag)
        size = len(fields)
        mask = _number(masker.digest()[:size], "big")
        hidden = (_number(fields, "big") ^ mask).to_bytes(size, "big")
        whole = self._prefix + tag + hidden
        return _encode(whole, newline=False).translate(_URL_SAFE)


def read(text: bytes, keys: TicketKeys, now: float) -> Ticket | Forged | Expired:
    """Read an id, as it came back.

    Args:
        text: The id; may be anything.
        keys: Those there are.
        now: Unix time in seconds.

    Returns:
        What it says. Forged also when its key is gone: nobody can tell then.

    """
    if _TEXT.fullmatch(text) is None:
        return Forged.ID
    raw = binascii.a2b_base64(text.translate(_FROM_URL_SAFE))
    key = keys.get(_KEY.unpack_from(raw)[0])
    if key is None:
        return Forged.ID
    tag, hidden = raw[_KEY.size : _KEY.size + _TAG], raw[_KEY.size + _TAG :]
    fields = _unhidden(key, tag, hidden)
    if not hmac.compare_digest(tag, _digest(_tag_hash(key), fields)):
        return Forged.ID
    ticket = _ticket(fields)
    return Expired.ID if now - ticket.issued > TICKET_LASTS_S else ticket


def _unhidden(key: TicketKey, tag: bytes, hidden: bytes) -> bytes:
    size = len(hidden)
    mask = _number(_digest(_mask_hash(key), tag)[:size], "big")
    return (_number(hidden, "big") ^ mask).to_bytes(size, "big")


def _ticket(fields: bytes) -> Ticket:
    issued, unique, fingerprint, is_evidence = _VARYING.unpack_from(fields)
    route, segments, epoch = _FIXED.unpack_from(fields, _VARYING.size)
    return Ticket(
        route=route,
        segments=segments,
        cell=fields[_CELL_AT:],
        epoch=epoch,
        fingerprint=fingerprint,
        is_evidence=is_evidence,
        issued=issued,
        unique=unique,
    )


def _tag_hash(key: TicketKey) -> blake2b:
    return blake2b(key=key.secret, digest_size=_TAG, person=b"ticket tag")


def _mask_hash(key: TicketKey) -> blake2b:
    return blake2b(key=key.secret, digest_size=_MASK, person=b"ticket mask")


def _digest(state: blake2b, content: bytes) -> bytes:
    state.update(content)
    return state.digest()
