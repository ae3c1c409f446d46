"""Reads JSON texts into typed structures, many at once; raises nothing.

All events of a batch are read by one call in C where all can be read, which is the rule:
it costs a fifth of what one call for each costs. Leaves of the structures are of any
kind (Leaf): a server that sends a number where text belongs has sent an odd field, not an
unreadable event. What a structure does not name is skipped without being built, and so is
what stands inside a leaf: a MiB of empty lists takes 2 ms so, and 50 as Python's lists.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypedDict, TypeVar

import msgspec

from gateway.answers.answer import Answer

Shape = TypeVar("Shape", bound=msgspec.Struct)

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at bytes that are no such JSON; the last when nested too deeply."""


class Skipped(msgspec.Struct, array_like=True, gc=False):
    """An array where none is looked for: what is in it is not built."""


class SkippedObject(TypedDict):
    """The same of an object; it is an empty one."""


Leaf: TypeAlias = str | int | float | bool | Skipped | SkippedObject | None
"""Any JSON value, but that an array or an object has nothing in it: bounded work."""


class Part(TypedDict, total=False):
    """A part of a message's content."""

    text: Leaf
    refusal: Leaf


if TYPE_CHECKING:

    class Parts(msgspec.Struct):
        """A content's parts."""

else:  # what is beyond the last field of an array is skipped, so the work is bounded
    _PART = Part | str | int | float | bool | Skipped | None
    Parts = msgspec.defstruct(
        "Parts",
        [(f"part_{place}", _PART, None) for place in range(64)],
        array_like=True,
        gc=False,
    )

Content: TypeAlias = str | int | float | bool | Parts | SkippedObject | None
"""A leaf that may be a text or a list of parts, of which the first 64 are read."""

NO_JSON: Final = msgspec.Raw(b"null")
"""A value that is kept as JSON text, and was not there."""

_HALF: Final = re.compile(
    rb"\\u[dD](?<!\\\\u[dD])"  # an escape, and not itself behind a backslash
    rb"(?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
"""Half of a surrogate pair, escaped, without the other half."""


class JsonReader(Generic[Shape]):
    """Reads JSON objects of one shape.

    Args:
        shape: Of the objects.
        end_mark: The event, no JSON, that ends a stream; None when there is none.

    """

    __slots__ = ("_end_mark", "_lines", "_one")

    def __init__(self, shape: type[Shape], end_mark: bytes | None = None) -> None:
        decoder = msgspec.json.Decoder(shape)
        self._one = decoder.decode
        self._lines = decoder.decode_lines
        self._end_mark = end_mark

    def one(self, text: bytes | msgspec.Raw) -> Shape | None:
        """Read one object; None when it is none, or of another shape."""
        try:
            return self._one(text)
        except UNREADABLE:
            return self._mended(bytes(text))

    def each(self, answer: Answer, events: Sequence[bytes]) -> list[Shape]:
        """Read one object from each event.

        Notes in *answer* whether the end mark came, and whether an event was neither.
        Blank events, which some servers send to keep a connection alive, are nothing.
        """
        if self._end_mark not in events:
            try:
                if len(events) == 1:
                    return [self._one(events[0])]
                read = self._lines(b"\n".join(events))
                if len(read) == len(events):  # an event may hold several lines
                    return read
            except UNREADABLE:
                pass
        return self._one_by_one(answer, events)

    def _one_by_one(self, answer: Answer, events: Sequence[bytes]) -> list[Shape]:
        found = []
        for event in events:
            read = self.one(event)
            if read is not None:
                found.append(read)
            elif event.strip() == self._end_mark:
                answer.is_terminated = True
            elif event.strip():
                answer.is_garbled = True
        return found

    def _mended(self, text: bytes) -> Shape | None:
        """Read a text that has half surrogate pairs, as U+FFFD.

        JavaScript servers that cut a text between two pieces send them, and clients
        in JavaScript and Python read them; msgspec does not.
        """
        mended = _HALF.sub(rb"\\ufffd", text)
        if mended == text:
            return None
        try:
            return self._one(mended)
        except UNREADABLE:
            return None


LONGEST_VALUE: Final = 128 * 1024
"""Bytes of JSON that are built as Python's own objects, whatever they hold: 6 ms of work
at worst."""

MOST_SIGNS: Final = 24 * 1024
"""Commas and opening brackets of a longer one, those in its texts included: there are no
more values in it than that, and no more work; long texts cost next to nothing."""


_decode: Final = msgspec.json.Decoder().decode


def value_of(text: msgspec.Raw) -> Any:  # ruff: ignore[any-type]
    """Build a value of any shape; None when it is too long, or unreadable."""
    if text is NO_JSON or not is_light(text):
        return None
    try:
        return _decode(text)
    except UNREADABLE:
        return _decode_mended(bytes(text))


def is_light(text: msgspec.Raw) -> bool:
    """Tell whether a value can be built for little: it is short, or has few parts."""
    if len(memoryview(text)) <= LONGEST_VALUE:
        return True
    signs = bytes(text)
    return len(signs) - len(signs.translate(None, b",[{")) <= MOST_SIGNS


def _decode_mended(text: bytes) -> Any:  # ruff: ignore[any-type]
    if len(text) > LONGEST_VALUE:  # of many halves it takes ten times as long
        return None
    try:
        return msgspec.json.decode(_HALF.sub(rb"\\ufffd", text))
    except UNREADABLE:
        return None


def is_filled(value: msgspec.Raw) -> bool:
    """Tell whether a value is there, and no empty one."""
    return value is not NO_JSON and bytes(memoryview(value)[:16]) not in _EMPTY


_EMPTY: Final = frozenset({b"null", b"[]", b"{}", b'""', b"false", b"0"})


def parts_of(content: object) -> list[object]:
    """Give the parts of a content that is a list, up to the first that is null."""
    found: list[object] = []
    if isinstance(content, Parts):
        for name in Parts.__struct_fields__:
            part = getattr(content, name)
            if part is None:
                break
            found.append(part)
    return found


def object_text(value: msgspec.Raw) -> bytes:
    """Give the JSON text of an object; b"" when the value is none."""
    text = bytes(value)
    return text if text.startswith(b"{") else b""
