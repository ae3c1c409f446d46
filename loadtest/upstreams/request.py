"""One parsed request. Of its body only the first 64 KiB are kept, to be searched."""

import re

_KEPT_BYTES = 64 * 1024
# A search, not a parse: a backslash before the quote keeps quoted prompts out of it.
_STREAMED = re.compile(rb'(?<!\\)"stream"\s*:\s*(true|false)')
_WANTS_USAGE = re.compile(rb'(?<!\\)"include_usage"\s*:\s*true')


class Request:
    """Filled by the connection while the bytes arrive."""

    __slots__ = (
        "body_bytes",
        "body_start",
        "expects_continue",
        "keep_alive",
        "method",
        "target",
        "user",
        "wish",
    )

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.wish = ""  # the header x-misbehave
        self.user = b""  # the header x-user-id
        self.expects_continue = False
        self.keep_alive = True
        self.body_start = bytearray()
        self.body_bytes = 0

    def add_body(self, piece: bytes) -> None:
        """Count a piece of the body, keep it if it is among the first 64 KiB."""
        self.body_bytes += len(piece)
        room = _KEPT_BYTES - len(self.body_start)
        if room > 0:
            self.body_start += piece[:room]

    @property
    def path(self) -> bytes:
        """The target without its query."""
        return self.target.partition(b"?")[0]

    def is_streamed(self, *, unasked: bool) -> bool:
        """Tell whether the answer is a stream; *unasked*: also where nothing is said."""
        asked = _STREAMED.search(self.body_start)
        return unasked if asked is None else asked[1] == b"true"

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for the usage chunk."""
        return _WANTS_USAGE.search(self.body_start) is not None
