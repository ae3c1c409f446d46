"""The bytes of HTTP around an answer: its head and its chunks."""

LAST_CHUNK = b"0\r\n\r\n"
JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
LINES = b"application/x-ndjson"

_REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}


def head(
    status: int,
    served_by: bytes,
    content_type: bytes,
    length: int | None,
    coding: bytes = b"",
) -> bytes:
    """Write the head of an answer; `length` None means chunked."""
    reason = _REASONS.get(status, b"Misbehaving")
    framing = (
        b"transfer-encoding: chunked"
        if length is None
        else b"content-length: %d" % length
    )
    if coding:
        framing += b"\r\ncontent-encoding: " + coding
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\nx-served-by: %b\r\n%b\r\n\r\n" % (
        status,
        reason,
        content_type,
        served_by,
        framing,
    )


def framed(body: bytes) -> bytes:
    """Wrap `body` as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body)
