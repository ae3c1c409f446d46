"""Undoes gzip and deflate (RFC 1952, RFC 1950) of a body that passes, in bounded memory."""

import zlib
from collections.abc import Sequence
from typing import Final

CODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate"})
"""Values of Content-Encoding."""

_MOST: Final = 1024 * 1024  # bytes out of one call: more is a bomb
_MOST_MEMBERS: Final = 256  # ends of members in one call
_ZLIB_OR_GZIP: Final = 47  # zlib.h, inflateInit2: detect the header, 32 KiB window


class NotReadable(Exception):
    """The bytes are not what their coding says, or more than can be held."""


class Inflater:
    """Undoes the coding of one body; a gzip body is one member after another."""

    __slots__ = ("_member",)

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_ZLIB_OR_GZIP)

    def feed(self, parts: Sequence[bytes]) -> bytes:
        """Take the next bytes; give what they say.

        Raises:
            NotReadable: They say nothing, or too much. The rest cannot be read either.

        """
        rest = parts[0] if len(parts) == 1 else b"".join(parts)
        found: list[bytes] = []
        room = _MOST
        for _ in range(_MOST_MEMBERS):
            try:
                out = self._member.decompress(rest, room)
            except zlib.error as error:
                raise NotReadable from error
            found.append(out)
            room -= len(out)
            if room <= 0 or self._member.unconsumed_tail:
                raise NotReadable
            if not self._member.eof:
                return b"".join(found)
            rest = self._member.unused_data
            self._member = zlib.decompressobj(_ZLIB_OR_GZIP)
        raise NotReadable
