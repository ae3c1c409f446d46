"""Text of unknown length in bounded memory: its beginning, its end, and how long it was."""

from typing import Final

HEAD: Final = 16 * 1024
"""Characters kept from the beginning."""

TAIL: Final = 4 * 1024
"""Characters kept from the end, of what came after the head."""

_SLACK: Final = 2 * TAIL  # the tail is cut when it has grown to this


class Text:
    """Grows piece by piece; keeps HEAD characters in front and TAIL behind.

    Attributes:
        length: Characters in all, kept or not.

    """

    __slots__ = ("_head", "_pieces", "_tail", "length")

    def __init__(self, text: str = "") -> None:
        self.length = 0
        self._head = ""
        self._pieces: list[str] = []
        self._tail = ""
        if text:
            self.add(text)

    def add(self, piece: str) -> None:
        """Take the next piece."""
        before = self.length
        self.length = after = before + len(piece)
        if after <= HEAD:
            if piece:  # empty pieces would pile up
                self._pieces.append(piece)
            return
        if before < HEAD:
            self._pieces.append(piece[: HEAD - before])
            piece = piece[HEAD - before :]
        tail = self._tail + piece[-TAIL:]
        self._tail = tail if len(tail) < _SLACK else tail[-TAIL:]

    @property
    def head(self) -> str:
        """The first HEAD characters, or all there are."""
        if self._pieces:
            self._head += "".join(self._pieces)
            self._pieces = []
        return self._head

    @property
    def tail(self) -> str:
        """The last TAIL characters of what the head does not hold; often empty."""
        return self._tail[-TAIL:]

    @property
    def is_whole(self) -> bool:
        """Whether head and tail together are everything."""
        return self.length <= HEAD + len(self.tail)

    @property
    def kept(self) -> str:
        """Head and tail, one after the other; the whole text if `is_whole`."""
        return self.head + self.tail if self._tail else self.head
