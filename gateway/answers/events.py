"""Cuts a streamed body into events, at whatever bytes its pieces are split.

Server-sent events: WHATWG HTML, section 9.2.6 (lines end in CRLF, LF or CR; `data:` lines
of one event are joined by LF; a line that begins with a colon is a comment; an event that
the stream's end cuts off inside a line is dropped). Newline-delimited JSON: one event a line.
"""

from typing import Final, Protocol

LONGEST_EVENT: Final = 1024 * 1024
"""Bytes of one event that are held. A longer one passes to the client, but is not read."""

_BLANK: Final = b"\n\n"
_PLAIN: Final = b"data: "
_NAME: Final = b"event:"
_BOM: Final = b"\xef\xbb\xbf"


class Events(Protocol):
    """Cuts one stream."""

    @property
    def skipped(self) -> int:
        """Events that were too long to be read."""

    @property
    def is_between(self) -> bool:
        """Whether nothing of a next event has come."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the events that are whole now."""

    def rest(self) -> list[bytes]:
        """Give what counts as an event though the stream ended inside it."""


class _Cutter:
    """Gives the part of a stream up to its last separator; keeps what follows.

    Each byte is looked at once, however small the pieces; what is kept is bounded.
    """

    __slots__ = ("_held", "_is_skipping", "_separator", "skipped")

    def __init__(self, separator: bytes) -> None:
        self._separator = separator
        self._held = bytearray()
        self._is_skipping = False
        self.skipped = 0

    def whole(self, data: bytes) -> bytes:
        """Give all that is whole with *data*, without the last separator."""
        separator = self._separator
        if self._is_skipping:
            data = self._past_the_long_one(data)
        if not self._held:
            cut = data.rfind(separator)
            if cut >= 0:
                self._hold(data[cut + len(separator) :])
                return data[:cut]
            self._hold(data)
            return b""
        overlap = len(self._held) - len(separator) + 1
        self._held += data
        cut = self._held.rfind(separator, max(0, overlap))
        if cut < 0:
            self._check_length()
            return b""
        whole = bytes(self._held[:cut])
        del self._held[: cut + len(separator)]
        self._check_length()
        return whole

    def parts(self, whole: bytes) -> list[bytes]:
        """Split what is whole, and leave out what is too long."""
        found = whole.split(self._separator)
        if len(whole) <= LONGEST_EVENT:
            return found
        read = [part for part in found if len(part) <= LONGEST_EVENT]
        self.skipped += len(found) - len(read)
        return read

    @property
    def is_between(self) -> bool:
        """Whether nothing is kept: the last separator was the last thing that came."""
        return not self._held and not self._is_skipping

    def rest(self) -> bytes:
        """Give what is kept of an event that may be read."""
        return b"" if self._is_skipping else bytes(self._held)

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._held += rest
            self._check_length()

    def _check_length(self) -> None:
        # What is held may end in a part of the separator.
        if len(self._held) >= LONGEST_EVENT + len(self._separator):
            self.skipped += 1
            self._is_skipping = True
            # The separator may lie across this piece and the next.
            del self._held[: len(self._held) - len(self._separator) + 1]

    def _past_the_long_one(self, data: bytes) -> bytes:
        data = bytes(self._held) + data
        self._held.clear()
        end = data.find(self._separator)
        if end < 0:
            self._held += data[max(0, len(data) - len(self._separator) + 1) :]
            return b""
        self._is_skipping = False
        return data[end + len(self._separator) :]


class ServerSentEvents:
    """Events of text/event-stream; gives the data of each event that has any."""

    __slots__ = ("_beginning", "_cutter", "_ended_in_cr")

    def __init__(self) -> None:
        self._cutter = _Cutter(_BLANK)
        self._ended_in_cr = False
        self._beginning: bytes | None = b""  # held while it may be a cut mark

    @property
    def skipped(self) -> int:
        """Events that were too long to be read."""
        return self._cutter.skipped

    @property
    def is_between(self) -> bool:
        """Whether nothing of a next event has come."""
        return not self._beginning and self._cutter.is_between

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the data of the events that are whole now."""
        if self._beginning is not None:
            data = self._past_the_mark(self._beginning + data)
        if self._ended_in_cr or b"\r" in data:
            data = self._with_plain_ends(data)
        whole = self._cutter.whole(data)
        if not whole:
            return []
        found = []
        for block in self._cutter.parts(whole):
            if block.startswith(_PLAIN) and b"\n" not in block:  # as nearly all are
                found.append(block[len(_PLAIN) :])
            else:
                data_of_block = _data_of(block)
                if data_of_block is not None:
                    found.append(data_of_block)
        return found

    def rest(self) -> list[bytes]:
        """Give the last event if only the blank line behind it is missing.

        The standard drops it, but clients that read line by line, which are many, act
        on it, and there are servers that end with `data: [DONE]` and one line end.
        """
        held = self._cutter.rest()
        data = _data_of(held) if held.endswith(b"\n") else None
        return [] if data is None else [data]

    def _past_the_mark(self, data: bytes) -> bytes:
        """Leave out a byte order mark, which only the stream's beginning may have."""
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._beginning = data
            return b""
        self._beginning = None
        return data.removeprefix(_BOM)

    def _with_plain_ends(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF; of a CRLF that is cut in two, the LF is dropped."""
        if self._ended_in_cr and data:
            data = data.removeprefix(b"\n")
            self._ended_in_cr = False
        if data.endswith(b"\r"):
            self._ended_in_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(block: bytes) -> bytes | None:
    """Give the data of one event; None when it has none (a comment, only a name)."""
    if block.startswith(_NAME):  # one line behind it, as a rule
        block = block[block.find(b"\n") + 1 :]
        if block.startswith(_PLAIN) and b"\n" not in block:
            return block[len(_PLAIN) :]
    lines = []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if lines else None


class JsonLines:
    """Events of newline-delimited JSON; gives each line that is not blank."""

    __slots__ = ("_cutter",)

    def __init__(self) -> None:
        self._cutter = _Cutter(b"\n")

    @property
    def skipped(self) -> int:
        """Lines that were too long to be read."""
        return self._cutter.skipped

    @property
    def is_between(self) -> bool:
        """Whether nothing of a next event has come."""
        return self._cutter.is_between

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the lines that are whole now."""
        whole = self._cutter.whole(data)
        return list(filter(None, map(bytes.strip, self._cutter.parts(whole))))

    def rest(self) -> list[bytes]:
        """Give the last line, which needs no line end."""
        last = self._cutter.rest().strip()
        return [last] if last else []
