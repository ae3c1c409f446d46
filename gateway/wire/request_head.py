"""A request's head: read once, refused here or never.

The parser (llhttp) has refused most of what smuggles; this is the rest: Host rules,
versions, Transfer-Encoding in HTTP/1.0, odd targets, expectations.
"""

import re
from typing import Final

import msgspec

from gateway.domain.errors import Refused
from gateway.wire.fields import (
    CONNECTIONS,
    HOP_BY_HOP,
    LENGTHS,
    Field,
    Lines,
    Memo,
    block,
    by_name,
    join_repeated,
)
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

_NOT_PASSED: Final = HOP_BY_HOP | REWRITTEN

# RFC 3986 section 3.2.2 host, RFC 9110 section 7.2: no userinfo, no blanks.
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_IDEMPOTENT: Final = frozenset({
    b"GET",
    b"HEAD",
    b"OPTIONS",
    b"PUT",
    b"DELETE",
})
_NOTHING: Final[frozenset[bytes]] = frozenset()
_LONGEST_ID: Final = 128
_VERSIONS: Final = {"1.1": 1, "1.0": 0}


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


def read_request_head(
    method: bytes, target: bytes, version: str, received: list[Field]
) -> RequestHead:
    """Check a parsed head and sort its fields.

    Args:
        method: From the parser.
        target: Request target as sent.
        version: As the parser gives it: "1.1".
        received: Fields in order.

    Raises:
        Refused: With the status and the reason, before any upstream is chosen.

    """
    minor = _VERSIONS.get(version)
    if minor is None:
        raise _refuse_version(version)
    fields = by_name(received)
    if len(fields) != len(received):
        _read_repeated(fields, received)
    length = LENGTHS[fields[b"content-length"]] if b"content-length" in fields else None
    is_chunked = length is None and b"transfer-encoding" in fields
    if is_chunked:
        _check_coding(fields[b"transfer-encoding"], minor)
    listed, goes_on = _NOTHING, True
    if b"connection" in fields:
        listed, goes_on = CONNECTIONS[fields[b"connection"]]
    host = fields[b"host"] if b"host" in fields else _without_host(minor)
    if not _PLAIN_TARGETS[target]:
        host, target = _read_other_form(method, target, host)
    if not _HOSTS[host]:
        raise _refuse_host(host)
    path = target.split(b"?", 1)[0]
    passed = block(received, listed)
    head = RequestHead(
        method,
        target,
        minor,
        fields,
        path,
        host,
        passed,
        length,
        is_chunked,
        goes_on,
    )
    if b"expect" in fields:
        _read_expectation(head)
    return head


UNSERVED: Final = frozenset({b"CONNECT", b"TRACE"})
"""Methods that are refused: see check_method."""


def check_method(method: bytes) -> None:
    """Refuse what would reach past the gateway, or give away what it adds.

    After CONNECT an endpoint would take what is sent next, on a connection that is shared,
    for no HTTP (RFC 9110 section 9.3.6). TRACE would show the client what a version's
    settings add for the endpoint alone, its key perhaps (section 9.3.8).

    Raises:
        Refused: 405.

    """
    if method == b"CONNECT":
        raise Refused(
            405,
            "CONNECT asks for a tunnel, and this is no forward proxy.",
            remedy="Send the request itself to the gateway.",
        )
    if method == b"TRACE":
        raise Refused(
            405,
            "TRACE is not passed on: it would show what the gateway adds for the"
            " model server.",
            remedy="Ask the model server itself.",
        )


REQUEST_LINES: Final = Lines(_NOT_PASSED)
"""What the header lines of requests mean."""


def _read_repeated(fields: dict[bytes, bytes], received: list[Field]) -> None:
    hosts = sum(pair[0] == b"host" for pair, _line in received)
    if hosts > 1:
        raise _refuse_hosts(hosts)
    join_repeated(fields, received, _JOINED)


_JOINED: Final = frozenset({
    b"accept-encoding",
    b"connection",
    b"expect",
    b"x-forwarded-for",
    b"forwarded",
    b"te",
    b"traceparent",  # two of them are no valid one
    b"tracestate",
    b"transfer-encoding",
    b"via",
})


def _check_coding(coding: bytes, minor: int) -> None:
    """Demand HTTP/1.1, and chunks alone (RFC 9112 section 6.1)."""
    if minor == 0:
        raise Refused(
            400,
            "An HTTP/1.0 request has a Transfer-Encoding.",
            remedy="Send HTTP/1.1, or a Content-Length.",
        )
    if coding.lower() != b"chunked":
        # The body is framed anew, so that the endpoint would not learn of any other.
        raise Refused(
            501,
            f"The Transfer-Encoding {_shown(coding)} is not spoken here.",
            remedy="Send chunked alone; a body that is compressed names that in"
            " Content-Encoding.",
        )


def _without_host(minor: int) -> bytes:
    """Demand a Host (RFC 9112 section 3.2); HTTP/1.0 may do without."""
    if minor:
        raise _refuse_hosts(0)
    return b""


def _refuse_hosts(hosts: int) -> Refused:
    return Refused(
        400,
        f"The request has {hosts} Host headers.",
        remedy="Send exactly one (RFC 9112 section 3.2).",
    )


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

_HOSTS: Final = Memo(lambda host: _HOST.fullmatch(host) is not None)
"""Whether a Host is a name or an address."""

_PLAIN_TARGETS: Final = Memo(lambda target: target[:1] == b"/" and b"#" not in target)
"""Whether a target is in origin form."""


def _read_other_form(method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Give host and target of a target that is no path; an absolute one wins."""
    if method == b"OPTIONS" and target == b"*":
        return host, target
    if not _HOSTS[host]:  # RFC 9112 section 3.2.2: also where it does not count
        raise _refuse_host(host)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not absolute.group(1):
        raise _refuse_target(target)
    rest = absolute.group(2)
    return absolute.group(1), rest if rest.startswith(b"/") else b"/" + rest


def _read_expectation(head: RequestHead) -> None:
    if head.fields[b"expect"].strip().lower() != b"100-continue":
        raise Refused(
            417,
            f"The expectation {_shown(head.fields[b'expect'])} is unknown.",
            remedy="Send Expect: 100-continue, or none.",
        )
    head.expects_continue = head.minor > 0 and head.has_body


def _refuse_version(version: str) -> Refused:
    return Refused(
        505,
        f"HTTP/{version} is not spoken here.",
        remedy="Send HTTP/1.1 or HTTP/1.0.",
    )


def _refuse_host(host: bytes) -> Refused:
    return Refused(
        400,
        f"The Host {_shown(host)} is not a host name or address.",
        remedy="Send host or host:port.",
    )


def _refuse_target(target: bytes) -> Refused:
    return Refused(
        400,
        f"The request target {_shown(target)} is not a path.",
        remedy="Send an absolute path such as /v1/chat/completions.",
    )


_SHOWN: Final = 80


def _shown(value: bytes) -> str:
    """Quote what a client sent, short and harmless."""
    return repr(value[:_SHOWN].decode("ascii", "backslashreplace"))
