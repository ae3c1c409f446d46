"""The sticky key: the first source that has one wins, in the configured order."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final

from gateway.domain.service import StickyKind, StickySource
from gateway.routing.json_pointer import JsonText, split_pointer


class Wait(Enum):
    """The next source is in the body, and the body is not here yet."""

    FOR_BODY = "for_body"


class Absent(Enum):
    """There is no readable JSON body, and there will be none."""

    BODY = "body"


Body = bytes | Wait | Absent

# Names of their own: a look-up through the class costs ten times as much (measured).
_HEADER: Final = StickyKind.HEADER
_CLIENT_IP: Final = StickyKind.CLIENT_IP
_COOKIE: Final = StickyKind.COOKIE

_LONGEST_COOKIE: Final = 256


class StickyPlan:
    """The sources of one service, prepared once per routing table."""

    __slots__ = ("_sources", "cookie", "header")

    def __init__(self, sources: Sequence[StickySource]) -> None:
        self._sources = tuple(
            (source.kind, source.name.encode(), split_pointer(source.name))
            if source.kind is StickyKind.JSON
            else (source.kind, source.name.encode(), ())
            for source in sources
        )
        cookies = [
            source.name for source in sources if source.kind is StickyKind.COOKIE
        ]
        self.cookie = cookies[0].encode() if cookies else None
        """Cookie to issue to a browser that brought no key; None: issue none."""
        kind, name, _steps = self._sources[0] if self._sources else (None, b"", ())
        self.header = name if kind is StickyKind.HEADER else b""
        """The header that is the first source; b"" when another is."""

    def find_key(
        self,
        fields: Mapping[bytes, bytes],
        client: Callable[[], str],
        body: Callable[[], Body],
    ) -> bytes | Wait | None:
        """Look for the key.

        Args:
            fields: Request fields by lower-case name.
            client: Gives the client's address, asked for only when needed.
            body: Gives the whole JSON body; or whether to wait for it, or that there
                is none. Asked for only when a source needs it.

        Returns:
            The key in UTF-8; None when no source has one; Wait when an earlier
            source may still have one in the body.

        """
        document: JsonText | None = None
        for kind, name, steps in self._sources:
            if kind is _HEADER:
                key: bytes | None = fields.get(name)
            elif kind is _CLIENT_IP:
                key = client().encode()
            elif kind is _COOKIE:
                key = cookie_value(fields.get(b"cookie", b""), name)
            else:
                document = document or _document(body())
                if document is None:
                    return Wait.FOR_BODY
                key = _key_at(document, steps)
            if key:
                return key
        return None


def _document(body: Body) -> JsonText | None:
    """Give what there is to search; None while it may still come."""
    if body is Wait.FOR_BODY:
        return None
    return JsonText(body if isinstance(body, bytes) else b"")


def _key_at(document: JsonText, steps: tuple[str, ...]) -> bytes | None:
    found = document.find(steps)
    if isinstance(found, str):
        return found.encode("utf-8", "surrogatepass")
    return None if found is None else b"%d" % found


def cookie_value(header: bytes, name: bytes) -> bytes | None:
    """Read one cookie; None when absent, empty, or too long to be ours."""
    for pair in header.split(b";"):
        found, equals, value = pair.strip().partition(b"=")
        if equals and found == name and 0 < len(value) <= _LONGEST_COOKIE:
            return value
    return None
