"""Cuts a streamed body into events, at whatever bytes its pieces are split.

Server-sent events: WHATWG HTML, section 9.2.6 (lines end in CRLF, LF or CR; `data:` lines
of one event are joined by LF; a line that begins with a colon is a comment; an event that
the stream's end cuts off is dropped). Newline-delimited JSON: one event a line.
"""

from typing import Final, Protocol

LONGEST_EVENT: Final = 1024 * 1024
"""Bytes of one event that are held. A longer one passes to the client, but is not read."""

_BLANK: Final = b"\n\n"
_PLAIN: Final = b"data: "
_BOM: Final = b"\xef\xbb\xbf"


class Events(Protocol):
    """Cuts one stream."""

    @property
    def skipped(self) -> int:
        """Events that were too long to be read."""

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

    def rest(self) -> bytes:
        """Give what is kept."""
        return bytes(self._held)

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._held += rest
            self._check_length()

    def _check_length(self) -> None:
        if len(self._held) > LONGEST_EVENT:
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

    __slots__ = ("_cutter", "_ended_in_cr", "_is_first")

    def __init__(self) -> None:
        self._cutter = _Cutter(_BLANK)
        self._ended_in_cr = False
        self._is_first = True

    @property
    def skipped(self) -> int:
        """Events that were too long to be read."""
        return self._cutter.skipped

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the data of the events that are whole now."""
        if self._ended_in_cr or b"\r" in data:
            data = self._with_plain_ends(data)
        whole = self._cutter.whole(data)
        if not whole:
            return []
        if self._is_first:
            self._is_first = False
            whole = whole.removeprefix(_BOM)
        found = []
        for block in whole.split(_BLANK):
            if block.startswith(_PLAIN) and b"\n" not in block:
                found.append(block[6:])
            else:
                data_of_block = _data_of(block)
                if data_of_block is not None:
                    found.append(data_of_block)
        return found

    def rest(self) -> list[bytes]:
        """Give nothing: the standard drops an event that the end cuts off."""
        return []

    def _with_plain_ends(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF; a CR at the end waits for what follows it."""
        if self._ended_in_cr:
            data = b"\r" + data
        self._ended_in_cr = data.endswith(b"\r")
        if self._ended_in_cr:
            data = data[:-1]
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(block: bytes) -> bytes | None:
    """Give the data of one event; None when it has none (a comment, only a name)."""
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

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the lines that are whole now."""
        whole = self._cutter.whole(data)
        return [line for line in map(bytes.strip, whole.split(b"\n")) if line]

    def rest(self) -> list[bytes]:
        """Give the last line, which needs no line end."""
        last = self._cutter.rest().strip()
        return [last] if last else []
