"""Reads a request's head: once, refused here or never.

The parser (llhttp) has refused most of what smuggles; this is the rest: Host rules,
versions, Transfer-Encoding in HTTP/1.0, odd targets, expectations. It stands apart from
the structure that it fills so that it can be compiled (gateway/decisions/0027).
"""

import re
from typing import Final

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
from gateway.wire.request_head import REWRITTEN, RequestHead

_NOT_PASSED: Final = HOP_BY_HOP | REWRITTEN

# RFC 3986 section 3.2.2 host, RFC 9110 section 7.2: no userinfo, no blanks.
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_NOTHING: Final[frozenset[bytes]] = frozenset()
_VERSIONS: Final = {"1.1": 1, "1.0": 0}


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
    is_chunked = length is None and b"transfer-encoding" in fields and _chunks(minor)
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
    b"x-forwarded-for",
    b"forwarded",
    b"te",
    b"traceparent",  # two of them are no valid one
    b"tracestate",
    b"via",
})


def _chunks(minor: int) -> bool:
    if minor == 0:
        raise Refused(
            400,
            "An HTTP/1.0 request has a Transfer-Encoding.",
            remedy="Send HTTP/1.1, or a Content-Length.",
        )
    return True


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


_HOSTS: Final = Memo(lambda host: _HOST.fullmatch(host) is not None)
"""Whether a Host is a name or an address."""

_PLAIN_TARGETS: Final = Memo(lambda target: target[:1] == b"/" and b"#" not in target)
"""Whether a target is in origin form."""


def _read_other_form(method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Give host and target of a target that is no path; an absolute one wins."""
    if method == b"OPTIONS" and target == b"*":
        return host, target
    if method == b"CONNECT":
        raise Refused(
            405,
            "CONNECT asks for a tunnel, and this is no forward proxy.",
            remedy="Send the request itself to the gateway.",
        )
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
