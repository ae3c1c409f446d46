"""What a case of conformance is, and how its request is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A request, and what must come of it; see talk.outcome for how that is written.

    Attributes:
        name: What is odd about it.
        section: RFC and section that say what is right.
        request: All bytes.
        ours: What comes of it here.
        nginx: What comes of it in nginx, where that is not the same.
        why: Why it is not the same.
        has: Lower-case names that must reach the endpoint.
        lacks: Lower-case names that must not.

    """

    name: str
    section: str
    request: bytes
    ours: str
    nginx: str | None = None
    why: str = ""
    has: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = ()


def get(*lines: bytes, target: bytes = b"/") -> bytes:
    """Write a request without a body."""
    head = b"".join(line + b"\r\n" for line in (b"Host: h", *lines))
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, head)


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """Write a request whose body is framed by *lines*."""
    head = b"".join(line + b"\r\n" for line in (b"Host: h", *lines))
    return b"POST / HTTP/1.1\r\n%b\r\n%b" % (head, body)


def chunked(framed: bytes) -> bytes:
    """Write a request whose body is *framed* in chunks already."""
    return post(b"Transfer-Encoding: chunked", body=framed)
