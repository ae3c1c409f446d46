"""A number or a flag that the model server itself reports: in a header, or in the body.

What it means is the configuration's to say; here it is only read. None where nothing
was reported that can be read, which is not the same as zero.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

LONGEST_BODY: Final = 1024 * 1024
"""Bytes of a body that is looked into."""

_LONGEST_VALUE: Final = 32  # bytes; no number that means something is longer

_FLAGS: Final[Mapping[bytes, float]] = MappingProxyType({
    b"true": 1.0,
    b"yes": 1.0,
    b"false": 0.0,
    b"no": 0.0,
})

_Level = dict[str, msgspec.Raw] | list[msgspec.Raw]

# Each level is read with the values of the level below left unread.
_read_level: Final = msgspec.json.Decoder(_Level).decode
_read_value: Final = msgspec.json.Decoder(float | bool).decode


@dataclass(frozen=True, slots=True)
class Reported:
    """Where a server reports one value. Exactly one of `header` and `steps` is set.

    Attributes:
        name: As the configuration and the metrics say it.
        header: Lower-case name of a response header.
        steps: Of a JSON pointer (RFC 6901) into a body that is whole and JSON.

    """

    name: str
    header: bytes | None = None
    steps: tuple[str, ...] | None = None

    def from_header(self, value: bytes) -> float | None:
        """Read a header's value: a finite number, or true, false, yes, no."""
        value = value.strip()
        if not value or len(value) > _LONGEST_VALUE or b"_" in value:
            return None
        flag = _FLAGS.get(value.lower())
        return _finite(value) if flag is None else flag

    def from_body(self, body: bytes) -> float | None:
        """Read a whole body: a JSON number, or a boolean, at the pointer's place."""
        if self.steps is None or len(body) > LONGEST_BODY:
            return None
        found: bytes | msgspec.Raw = body
        try:
            for step in self.steps:
                found = _below(_read_level(found), step)
            return _finite(_read_value(found))
        except (msgspec.MsgspecError, UnicodeError, RecursionError, LookupError):
            return None


def _below(level: _Level, step: str) -> msgspec.Raw:
    """Give what is one step further.

    Raises:
        LookupError: There is nothing.

    """
    if isinstance(level, dict):
        return level[step]
    if not step.isascii() or not step.isdecimal() or len(step) > _LONGEST_VALUE:
        raise KeyError(step)
    return level[int(step)]


def _finite(value: bytes | float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
