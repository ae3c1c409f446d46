"""Bodies on the wire: as they are when their length is known, else in chunks."""

from typing import Final

from gateway.wire.fields import RawField, trailer_block
from gateway.wire.request_head import RequestHead

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


def head_of_body(head: RequestHead) -> bytes:
    """Write a head that says nothing but how the body of *head* is framed."""
    if head.is_chunked:
        return b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    return b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (head.content_length or 0)
