"""Sends a case to a server over a socket of its own, and says in a line what came of it.

Behind each case stands one request more, which asks for the connection's end: whoever reads
the case as another number of bytes answers that one wrongly, or not at all.
"""

import re
import socket
from contextlib import suppress

from tests.conformance.endpoint import Endpoint
from tests.conformance.strict import Seen

PROBE = b"GET /after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
_SILENCE_S = 10.0
"""What never takes so long; a server that waits for more is known by the case."""

_WAITS_S = 0.25
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?")
_BODILESS = {204, 304}


def exchange(port: int, request: bytes, *, waits: bool = False) -> tuple[bytes, str]:
    """Send *request*; give all that came back, and how it ended.

    Args:
        port: Of the server.
        request: All of it.
        waits: Whether the server is expected to wait for more.

    Returns:
        The bytes, and "closed", "reset" or "waits".

    """
    came = bytearray()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(_WAITS_S if waits else _SILENCE_S)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        try:
            while piece := connection.recv(65536):
                came += piece
        except TimeoutError:
            return bytes(came), "waits"
        except ConnectionResetError:
            return bytes(came), "reset"
    return bytes(came), "closed"


class Unreadable(Exception):
    """What came is no answer."""


def read_answers(came: bytes, end: str, *, to_head: bool) -> list[str]:
    """Take answers apart as a client does; each is its status and its body.

    Args:
        came: All that came over a connection.
        end: How it ended.
        to_head: Whether the first final answer is to a HEAD request.

    """
    answers: list[str] = []
    while came:
        head, blank, rest = came.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if not blank or status is None:
            return [*answers, "garbage"]
        code = int(status.group(1))
        fields = _fields(lines)
        bodiless = code < 200 or code in _BODILESS or (to_head and code >= 200)
        to_head = to_head and code < 200
        if bodiless:
            body, came, is_whole = b"", rest, True
        elif b"transfer-encoding" in fields:
            body, came, is_whole = _unchunked(rest)
        elif b"content-length" in fields:
            size = int(fields[b"content-length"])
            body, came, is_whole = rest[:size], rest[size:], len(rest) >= size
        else:
            body, came, is_whole = rest, b"", end == "closed"
        told = (
            f"{code}"
            if code >= 300 or not body
            else f"{code} {body.decode('latin-1')!r}"
        )
        answers.append(told if is_whole else told + " cut")
    return answers


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    pairs = [line.partition(b":") for line in lines]
    return {name.lower(): value.strip() for name, _, value in pairs}


def _unchunked(rest: bytes) -> tuple[bytes, bytes, bool]:
    """Give a body of chunks, what follows it, and whether it has an end."""
    body = b""
    while True:
        size, line_end, rest = rest.partition(b"\r\n")
        if not line_end:
            return body, b"", False
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        body, rest = body + rest[:length], rest[length + 2 :]
    if rest.startswith(b"\r\n"):
        return body, rest[2:], True
    _trailers, blank, rest = rest.partition(b"\r\n\r\n")
    return body, rest, bool(blank)


AFTER = "200 'after'"


def outcome(
    port: int, behind: Endpoint, request: bytes, *, waits: bool = False
) -> tuple[str, list[Seen]]:
    """Run a case; say what came of it, and give the requests the endpoint saw.

    The line says what the client got, then what the endpoint understood, the last request
    apart: `200 <- GET /` is served and the connection goes on; `400, closed` is refused,
    and nothing behind it was read.
    """
    came, end = exchange(port, request + PROBE, waits=waits)
    answers = read_answers(came, end, to_head=request.lstrip().startswith(b"HEAD "))
    seen = behind.take()
    goes_on = answers[-1:] == [AFTER]
    if goes_on:
        answers.pop()
        if seen and seen[-1].first == b"GET /after":
            seen.pop()
    told = " ".join(answers) or "nothing"
    if seen:
        told += " <- " + "; ".join(map(shown, seen))
    return told if goes_on else f"{told}, {end}", seen


def shown(seen: Seen) -> str:
    """Write a request short: method, target, and its body if it has one."""
    text = seen.first.decode("ascii", "backslashreplace")
    return f"{text} {seen.body.decode('latin-1')!r}" if seen.body else text
