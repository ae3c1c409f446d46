"""Where the sticky key comes from: `client_ip`, {header: …}, {json: …}, {cookie: …}."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue

from gateway.domain.service import StickyKind, StickySource
from gateway.settings.names import cookie_name, header_name, json_pointer
from gateway.settings.problem import Finding, Wrong, raise_all, shown, unknown, wrong

_READERS: Final[Mapping[str, Callable[[object], str]]] = {
    StickyKind.HEADER.value: header_name,
    StickyKind.COOKIE.value: cookie_name,
    StickyKind.JSON.value: json_pointer,
}
_KNOWN: Final = ("header", "cookie", "json", "client_ip")
_CLIENT_IP: Final = StickyKind.CLIENT_IP.value
_REMEDY: Final = (
    "Write one of: {header: x-user-id}, {json: /user}, {cookie: NAME}, client_ip."
)


def sticky_source(value: object) -> StickySource:
    """Read one source. Raises Wrong."""
    if value == _CLIENT_IP:
        return StickySource(kind=StickyKind.CLIENT_IP)
    if isinstance(value, str):
        if value in _READERS:
            raise wrong(f"found {shown(value)} without a name.", _REMEDY)
        raise Wrong(unknown("source", value, _KNOWN))
    if not isinstance(value, dict):
        raise wrong(f"found {shown(value)}.", _REMEDY)
    return _named_source(value)


def _named_source(value: dict[str, object]) -> StickySource:
    raise_all(unknown("source", key, _KNOWN) for key in value if key not in _KNOWN)
    if len(value) != 1:
        raise wrong(f"found {len(value)} sources in one entry.", _REMEDY)
    (kind, text) = next(iter(value.items()))
    if kind == _CLIENT_IP:
        raise wrong("found client_ip with a value.", "Write `- client_ip` alone.")
    try:
        return StickySource(kind=StickyKind(kind), name=_READERS[kind](text))
    except Wrong as error:
        raise Wrong(*(finding.below(kind) for finding in error.findings)) from None


def sticky_order(sources: list[StickySource]) -> list[StickySource]:
    """Check the sources against each other. Raises Wrong."""
    raise_all([
        Finding(
            what=f"found {_name_of(source)} again.",
            remedy="Keep the first one: a source is looked at once.",
            at=(place,),
        )
        for place, source in enumerate(sources)
        if source in sources[:place]
    ])
    raise_all([
        Finding(
            what=f"found {_name_of(source)} before other sources.",
            remedy="Move it to the end: where nothing is present, one is issued, so "
            "nothing after a cookie is ever looked at.",
            at=(place,),
        )
        for place, source in enumerate(sources[:-1])
        if source.kind is StickyKind.COOKIE
    ])
    return sources


def _name_of(source: StickySource) -> str:
    return f"{source.kind.value} {source.name}".rstrip()


def as_written(source: StickySource) -> JsonValue:
    """Write a source as a configuration has it; the inverse of sticky_source."""
    return {source.kind.value: source.name} if source.name else source.kind.value
