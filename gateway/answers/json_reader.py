"""Reads JSON texts into typed structures, many at once; raises nothing.

All events of a batch are read by one call in C where all can be read, which is the rule:
it costs a fifth of what one call for each costs. Leaves of the structures are Any: a
server that sends a number where text belongs has sent an odd field, not an unreadable
event. What a structure does not name is skipped without being built.
"""

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import msgspec

from gateway.answers.answer import Answer

Shape = TypeVar("Shape", bound=msgspec.Struct)

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at bytes that are no such JSON; the last when nested too deeply."""

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


def object_text(value: msgspec.Raw) -> bytes:
    """Give the JSON text of an object; b"" when the value is none."""
    text = bytes(value)
    return text if text.startswith(b"{") else b""
