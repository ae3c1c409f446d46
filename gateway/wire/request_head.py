"""What the gateway knows of a request's head; read_request.py reads it."""

import re
from typing import Final

import msgspec

from gateway.wire.trace import Trace

REWRITTEN: Final = frozenset({
    b"accept-encoding",
    b"content-length",
    b"expect",
    b"forwarded",
    b"host",
    b"traceparent",
    b"tracestate",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
})
"""Written anew on the way to the endpoint: see proxy/heads.py."""

_IDEMPOTENT: Final = frozenset({
    b"GET",
    b"HEAD",
    b"OPTIONS",
    b"PUT",
    b"DELETE",
    b"TRACE",
})
_LONGEST_ID: Final = 128


class RequestHead(msgspec.Struct, eq=False):
    """What the gateway needs to know of a request before its body.

    Attributes:
        method: As sent, for example b"POST".
        target: Origin form (b"/v1/x?y=1"), or b"*".
        minor: 1 for HTTP/1.1, 0 for HTTP/1.0.
        fields: Lower-case name to value; the first one where a name repeats.
        path: The target without its query.
        host: The authority the client meant; b"" when HTTP/1.0 named none.
        block: Header lines that pass on, in order, each with its CRLF.
        content_length: Bytes of the body when declared; None when not.
        is_chunked: Whether the body is framed in chunks.
        keeps_alive: Whether an HTTP/1.1 connection goes on, by its Connection field.
        expects_continue: Whether the client waits for 100 before its body.
        trace: Set when the request is sent: the trace it is recorded in, if it is.
        upgrade: The one protocol, in lower case, that it asks to go on with
            (RFC 9110 section 7.8); None: none, or none that could be passed on.

    """

    method: bytes
    target: bytes
    minor: int
    fields: dict[bytes, bytes]
    path: bytes = b"/"
    host: bytes = b""
    block: bytes = b""
    content_length: int | None = None
    is_chunked: bool = False
    keeps_alive: bool = True
    expects_continue: bool = False
    trace: Trace | None = None
    upgrade: bytes | None = None

    def block_without(self, names: frozenset[bytes]) -> bytes:
        """Give the block without the fields of these lower-case names."""
        lines = self.block.splitlines(keepends=True)
        return b"".join(
            line for line in lines if line.split(b":", 1)[0].lower() not in names
        )

    @property
    def has_body(self) -> bool:
        """Whether body bytes may follow."""
        return self.is_chunked or bool(self.content_length)

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice is the same as once (RFC 9110 section 9.2.2)."""
        return self.method in _IDEMPOTENT

    @property
    def request_id(self) -> bytes | None:
        """The client's own request id, when it is short and plain."""
        kept = self.fields.get(b"x-request-id")
        return kept if kept and len(kept) <= _LONGEST_ID and kept.isascii() else None

    @property
    def is_json(self) -> bool:
        """Whether the body claims to be plain, unencoded JSON."""
        kind = self.fields.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
        if b"content-encoding" in self.fields:
            return False
        return kind == b"application/json" or kind.endswith(b"+json")


def wanted_upgrade(head: RequestHead) -> bytes | None:
    """Tell to which protocol a request asks to change; None where it cannot be passed on.

    Not passed on is one that comes with a body or in HTTP/1.0, one of several, and HTTP/2:
    requests inside it would reach the endpoint past everything that is done here.
    """
    token = head.fields.get(b"upgrade", b"").strip().lower()
    if head.has_body or not head.minor or not PROTOCOL.fullmatch(token):
        return None
    return None if token in HTTP_AGAIN else token


HTTP_AGAIN: Final = frozenset({
    b"h2c",
    b"h2",
    b"http",
    b"http/1.1",
    b"http/2.0",
    b"tls",
})
"""Protocols nobody may change to: they are HTTP again, or carry it."""

PROTOCOL: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]{1,40}(?:/[0-9a-z.-]{1,20})?")
