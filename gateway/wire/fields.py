"""Header fields that mean something to a gateway, and those that stop at one.

RFC 9110 section 7.6.1: fields about the connection, and those that `Connection` lists,
are for the next hop only.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

Understood = TypeVar("Understood")

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


_MOST_NAMES: Final = 2048
_LONGEST_NAME: Final = 256


class Names(dict[bytes, Understood], Generic[Understood]):
    """What field names mean, by name as sent; remembers the first 2,048 it is asked for.

    A plain look-up costs a quarter of functools.lru_cache's (measured), and there are
    ten for each exchange. Long names are not remembered: a client may choose them.
    """

    def __init__(self, understand: Callable[[bytes], Understood]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, name: bytes) -> Understood:
        """Work it out."""
        understood = self._understand(name)
        if len(self) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
            self[name] = understood
        return understood


_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})
_NOTHING: Final[frozenset[bytes]] = frozenset()


def write_fields(fields: list[RawField]) -> bytes:
    """Write fields as header lines, each with its CRLF."""
    pieces: list[bytes] = []
    for name, value in fields:
        pieces += (name, b": ", value, b"\r\n")
    return b"".join(pieces)


def listed_in_connection(value: bytes) -> frozenset[bytes]:
    """Names that a Connection value asks to drop, in lower case."""
    if value in _PLAIN_CONNECTION:
        return _NOTHING
    return frozenset(token.strip().lower() for token in value.split(b",")) - {
        b"",
        b"close",
        b"keep-alive",
    }


def trailer_block(trailers: list[RawField]) -> bytes:
    """Write the trailers that may pass (RFC 9110 section 6.5.1), without the last CRLF."""
    return write_fields([
        field for field in trailers if not _is_unfit_for_trailers(field[0].lower())
    ])


def _is_unfit_for_trailers(lower: bytes) -> bool:
    return lower in _NOT_IN_TRAILERS or lower.startswith(OWN_PREFIX)
