"""Header fields that mean something to a gateway, and those that stop at one.

RFC 9110 section 7.6.1: fields about the connection, and those that `Connection` lists,
are for the next hop only.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Final, Generic, TypeVar

Known = TypeVar("Known")

RawField = tuple[bytes, bytes]
"""Name and value as sent; llhttp leaves blanks behind a value."""

OWN_PREFIX: Final = b"x-sluicegate-"
"""Nobody but the gateway may say these; copies from either side are dropped."""

HOP_BY_HOP: Final = frozenset({
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"transfer-encoding",
    b"upgrade",
})

FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
"""Written anew by the gateway, so that no two hops can disagree about a body's end."""

_NOT_IN_TRAILERS: Final = (
    HOP_BY_HOP
    | FRAMING
    | {
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"max-forwards",
        b"set-cookie",
        b"trailer",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-request-id",
    }
)


_MOST: Final = 2048
_LONGEST: Final = 256
_SECRET: Final = frozenset({
    b"authorization",
    b"cookie",
    b"proxy-authorization",
    b"set-cookie",
    b"x-api-key",
})


class Memo(dict[bytes, Known], Generic[Known]):
    """Remembers what short byte strings mean; when it is full it begins anew.

    A plain look-up costs a quarter of functools.lru_cache's (measured), and there are
    dozens for each exchange.
    """

    def __init__(self, work_out: Callable[[bytes], Known]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: bytes) -> Known:
        """Work it out."""
        known = self._work_out(text)
        if len(text) <= _LONGEST:
            self.remember(text, known)
        return known

    def remember(self, text: bytes, known: Known) -> None:
        """Keep one more."""
        if len(self) >= _MOST:
            self.clear()
        self[text] = known


Field = tuple[tuple[bytes, bytes], bytes]
"""A field understood: its lower-case name and its value; and its line as it passes on,
with CRLF, or b"" when it does not."""

NAMED: Final = itemgetter(0)
LINE: Final = itemgetter(1)


def by_name(fields: list[Field]) -> dict[bytes, bytes]:
    """Give the values by name; the first one where a name repeats. All in C."""
    return dict(map(NAMED, reversed(fields)))


def join_repeated(
    fields: dict[bytes, bytes], received: list[Field], names: frozenset[bytes]
) -> None:
    """Join the values of those *names* that are lists, where they repeat."""
    for name in names.intersection(fields):
        fields[name] = b", ".join(
            pair[1] for pair, _line in received if pair[0] == name
        )


_join: Final = b"".join


def block(fields: list[Field], without: frozenset[bytes] = frozenset()) -> bytes:
    """Write the lines that pass on, in order, leaving out some lower-case names."""
    if without:
        fields = [field for field in fields if field[0][0] not in without]
    return _join(map(LINE, fields))


class Lines(Memo[Field]):
    """Fields by their line as sent, without CRLF; secrets are not remembered.

    Args:
        not_passed: Lower-case names that do not pass on.

    """

    def __init__(self, not_passed: frozenset[bytes]) -> None:
        super().__init__(lambda line: self.field(*line.split(b":", 1)))
        self._not_passed = not_passed

    def remember(self, text: bytes, known: Field) -> None:
        """Keep one more, unless it is a secret."""
        if known[0][0] not in _SECRET:
            super().remember(text, known)

    def field(self, name: bytes, value: bytes) -> Field:
        """Understand one field."""
        lower, value = name.lower(), value.strip(b" \t")
        # To CGI, WSGI and whoever copies them, `_` in a name is the same as `-`.
        alike = lower.replace(b"_", b"-")
        passes = alike not in self._not_passed and not alike.startswith(OWN_PREFIX)
        return (lower, value), b"%b: %b\r\n" % (name, value) if passes else b""


def _read_connection(value: bytes) -> tuple[frozenset[bytes], bool]:
    tokens = frozenset(token.strip() for token in value.lower().split(b","))
    return tokens - {b"", b"close", b"keep-alive"}, b"close" not in tokens


CONNECTIONS: Final = Memo(_read_connection)
"""What a Connection value asks: lower-case names to drop (RFC 9110 section 7.6.1), and
whether an HTTP/1.1 connection goes on (RFC 9112 section 9.3)."""

LENGTHS: Final = Memo(int)
"""Content-Length values as numbers; llhttp has refused what is no number."""


def trailer_block(trailers: list[RawField]) -> bytes:
    """Write the trailers that may pass (RFC 9110 section 6.5.1), without the last CRLF."""
    return b"".join(
        b"%b: %b\r\n" % (name, value.strip())
        for name, value in trailers
        if not _is_unfit_for_trailers(name.lower())
    )


def _is_unfit_for_trailers(lower: bytes) -> bool:
    lower = lower.replace(b"_", b"-")
    return lower in _NOT_IN_TRAILERS or lower.startswith(OWN_PREFIX)
