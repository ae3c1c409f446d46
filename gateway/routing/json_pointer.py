"""JSON pointers (RFC 6901) into JSON texts, of which only what is needed is built."""

from typing import Final

import msgspec

_members_of: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items_of: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_scalar: Final = msgspec.json.Decoder(str | int).decode


def split_pointer(pointer: str) -> tuple[str, ...]:
    """Cut "/a/b~1c" into ("a", "b/c"); the pointer was checked by the configuration."""
    return tuple(
        step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]
    )


class JsonText:
    """A JSON text in which places are looked up.

    The whole text is checked once, on the way to its top level; a value is built only
    where a pointer ends. So a long prompt costs little, and a hostile one not much more.
    """

    __slots__ = ("_top",)

    def __init__(self, text: bytes) -> None:
        self._top = _inside(text)

    def raw(self, steps: tuple[str, ...]) -> msgspec.Raw | None:
        """Give the JSON text of the value at *steps*; None when there is none."""
        here = self._top
        for step in steps[:-1]:
            found = _member(here, step)
            here = None if found is None else _inside(found)
        return _member(here, steps[-1])

    def find(self, steps: tuple[str, ...]) -> str | int | None:
        """Give the text or whole number at *steps*; None when there is no such thing.

        Nothing but that can be found: not a bool, an object, or a number with a point.
        """
        found = self.raw(steps)
        if found is None:
            return None
        try:
            value: str | int = _read_scalar(found)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return value


_Level = dict[str, msgspec.Raw] | list[msgspec.Raw] | None


def _inside(text: bytes | msgspec.Raw) -> _Level:
    """Give the members or items of a JSON text; None when it has none, or is no JSON."""
    try:
        if bytes(text).lstrip()[:1] == b"{":
            return _members_of(text)
        return _items_of(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _member(here: _Level, step: str) -> msgspec.Raw | None:
    if isinstance(here, dict):
        return here.get(step)
    if isinstance(here, list) and step.isdecimal() and int(step) < len(here):
        return here[int(step)]
    return None
