"""Bodies on the wire: as they are when their length is known, else in chunks."""

from typing import Final

from gateway.wire.fields import RawField, trailer_block

LAST_CHUNK: Final = b"0\r\n\r\n"


def chunk(parts: list[bytes]) -> bytes:
    """Frame *parts* as one chunk; nothing when they are empty (0 would end the body)."""
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: list[RawField]) -> bytes:
    """End a chunked body."""
    if not trailers:
        return LAST_CHUNK
    return b"0\r\n%b\r\n" % trailer_block(trailers)
