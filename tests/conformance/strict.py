"""Reads requests as the strictest server would: what it cannot take is named, never guessed.

Nothing here is the gateway's: one parser that has a fault cannot be its own witness.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/1\.1")
_VALUE = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")

Read = Callable[[int], bytes]
"""Gives that many bytes, or fewer at the end of the connection."""


class Garbled(Exception):
    """These bytes are no request that every server reads the same way."""


class Incomplete(Exception):
    """The connection ended inside a request; `args[0]` is what there was, if a head was."""


@dataclass
class Seen:
    """A request as it was understood.

    Attributes:
        first: Method and target.
        fields: Lower-case names and values, in order.
        body: Without its framing.
        trailers: Lower-case names and values, in order.

    """

    first: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        """Give the values of a field."""
        return [value for found, value in self.fields if found == name]


def _nobody(_seen: Seen) -> None:
    """Hear of a head, and do nothing."""


def read_request(
    read: Read, on_head: Callable[[Seen], object] = _nobody
) -> Seen | None:
    """Read one request; None at the connection's end.

    Args:
        read: Gives the bytes.
        on_head: Told of the head before the body is read.

    Raises:
        Garbled: It is not one.
        Incomplete: The connection ended in it.

    """
    head = _until(read, b"\r\n\r\n")
    if not head:
        return None
    first, *lines = head[:-4].split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise Garbled(first)
    seen = Seen(b" ".join(line.groups()), [_field(line) for line in lines])
    if len(seen.values(b"host")) != 1:
        raise Garbled("not one Host")
    on_head(seen)
    _read_body(read, seen)
    return seen


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not (colon and _TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
        raise Garbled(line)
    return name.lower(), value


def _read_body(read: Read, seen: Seen) -> None:
    lengths, codings = seen.values(b"content-length"), seen.values(b"transfer-encoding")
    if codings:
        if codings != [b"chunked"] or lengths:
            raise Garbled("two framings")
        _read_chunks(read, seen)
    elif lengths:
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise Garbled("length", lengths)
        seen.body = _exactly(read, int(lengths[0]), seen)


def _read_chunks(read: Read, seen: Seen) -> None:
    while True:
        line = _until(read, b"\r\n", seen)[:-2]
        if not _SIZE.fullmatch(line):
            raise Garbled("chunk size", line)
        if not int(line, 16):
            break
        seen.body += _exactly(read, int(line, 16), seen)
        if _exactly(read, 2, seen) != b"\r\n":
            raise Garbled("chunk end")
    while line := _until(read, b"\r\n", seen)[:-2]:
        seen.trailers.append(_field(line))


def _exactly(read: Read, size: int, seen: Seen) -> bytes:
    got = read(size)
    if len(got) < size:
        raise Incomplete(seen)
    return got


def _until(read: Read, end: bytes, within: Seen | None = None) -> bytes:
    got = bytearray()
    while not got.endswith(end):
        byte = read(1)
        if not byte:
            if got or within:
                raise Incomplete(within)
            return b""
        got += byte
    return bytes(got)


def read_all(stream: bytes) -> list[Seen]:
    """Read all whole requests of a stream; the last may be cut off.

    Raises:
        Garbled: One is none.

    """
    return read_with_rest(stream)[0]


def read_with_rest(stream: bytes) -> tuple[list[Seen], Seen | None]:
    """Read all whole requests of a stream, and the head of the one that is cut off.

    Raises:
        Garbled: One is none.

    """
    place = 0

    def read(size: int) -> bytes:
        nonlocal place
        got = stream[place : place + size]
        place += len(got)
        return got

    found: list[Seen] = []
    try:
        while (seen := read_request(read)) is not None:
            found.append(seen)
    except Incomplete as cut:
        return found, cut.args[0]
    return found, None
