"""`usage: inject`: ask a model server for usage in the stream, and strip it again.

A client that streams an OpenAI chat completion without `stream_options.include_usage`
gets no usage, and so does the gateway. Asked for, the server writes `"usage": null` on
every chunk and one more chunk, without choices, that has the usage
(https://platform.openai.com/docs/api-reference/chat/create, `stream_options`). The client
must see neither, and every other byte as it left the server.

Text completions have the same option and the same chunks, and are served as well.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from gateway.answers.events import LONGEST_EVENT
from gateway.answers.json_reader import JsonReader

Setting = tuple[tuple[str, ...], bytes]
"""A place in a JSON text, as steps from its root, and the JSON text to put there."""

# What to set in a request's body.

ADD_OPTIONS: Final[tuple[Setting, ...]] = (
    (("stream_options",), b'{"include_usage":true}'),
)
"""For a request without stream options, or with null in their place."""

ADD_TO_OPTIONS: Final[tuple[Setting, ...]] = (
    (("stream_options", "include_usage"), b"true"),
)
"""For a request that has stream options: its other options stay."""


class _Request(msgspec.Struct, gc=False):
    stream: Any = None
    stream_options: Any = None


_read_request: Final = JsonReader(_Request).one


def to_ask_for_usage(body: bytes) -> tuple[Setting, ...]:
    """Say what to set in a chat completion's request, so that its stream has usage.

    Empty when nothing is to be set, and then nothing may be stripped either: no stream
    is asked for, the client asks for usage itself, or the server will refuse the body.
    """
    request = _read_request(body)
    if request is None or request.stream is not True:
        return ()
    options = request.stream_options
    if options is None:
        return ADD_OPTIONS
    if not isinstance(options, dict) or options.get("include_usage"):
        return ()
    return ADD_TO_OPTIONS


# What to strip from the answer.

MOST_PLACES: Final = 16
"""Members called `usage`, at any depth, among which the one to strip is looked for."""

_NAME: Final = b'"usage"'
_BLANKS: Final = b" \t\r\n"

# Two line ends, each CRLF, LF or CR. A CRLF may be entered at its LF.
_END: Final = re.compile(rb"\n(?:\n|\r\n?)|\r\r\n?")
_LONGEST_END: Final = 4
_ENDS: Final = (b"\n\n", b"\n\r\n")  # those that servers write

_COLON: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_COMMA: Final = re.compile(rb"[ \t\r\n]*+,")
_NO_CHOICES: Final = re.compile(rb"\[[ \t\r\n]*+\]")

_ABSENT: Final = msgspec.Raw()


class _Chunk(msgspec.Struct, gc=False):
    """The members of a chunk that matter here; msgspec builds no others."""

    usage: msgspec.Raw = _ABSENT
    choices: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_read_chunk: Final = JsonReader(_Chunk).one


class UsageStrip:
    """Takes usage out of one text/event-stream, wherever its bytes are split.

    An event passes as soon as it is whole; a CR at the end of the bytes waits for what
    follows it. What is held is bounded by LONGEST_EVENT. The stream may become shorter:
    its head must not name a length.

    Attributes:
        skipped: Events that were too long to be held, and passed as they were.

    """

    __slots__ = ("_held", "_is_passing", "skipped")

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_passing = False  # the held bytes belong to an event that is too long
        self.skipped = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; give those that may pass now."""
        if self._held or _NAME in data:
            return self._strip(data)
        if data.endswith(_ENDS):
            return data
        end = max(data.rfind(end) + len(end) for end in _ENDS)
        if end < _LONGEST_END:  # none was found
            return self._strip(data)
        return data[:end] + self._strip(data[end:])

    def rest(self) -> bytes:
        """Give what is held; the stream has ended. A cut event passes as it is."""
        rest = bytes(self._held)
        self._held.clear()
        return self._one(rest)

    def _strip(self, data: bytes) -> bytes:
        held = self._held
        start = max(0, len(held) - _LONGEST_END + 1)
        held += data
        stop = len(held) - held.endswith(b"\r")
        ends = [end.end() for end in _END.finditer(held, start, stop)]
        passed = self._take(ends) if ends else b""
        if self._is_passing or len(held) > LONGEST_EVENT:
            passed += self._let_pass()
        return passed

    def _take(self, ends: list[int]) -> bytes:
        """Take the whole events off what is held; give what may pass of them."""
        whole = bytes(self._held[: ends[-1]])
        del self._held[: ends[-1]]
        if _NAME not in whole:
            self._is_passing = False
            return whole
        return b"".join(map(self._one, _pieces(whole, ends)))

    def _one(self, event: bytes) -> bytes:
        if self._is_passing:
            self._is_passing = False
        elif len(event) > LONGEST_EVENT:
            self.skipped += 1
        elif _NAME in event:
            return without_usage(event)
        return event

    def _let_pass(self) -> bytes:
        """Give an event that is too long, but for what may be half of its end."""
        if not self._is_passing:
            self._is_passing = True
            self.skipped += 1
        kept = _LONGEST_END - 1
        passed = bytes(self._held[:-kept])
        del self._held[:-kept]
        return passed


def _pieces(whole: bytes, ends: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for end in ends:
        yield whole[start:end]
        start = end


def without_usage(event: bytes) -> bytes:
    """Give one event, with its line ends, without what only `include_usage` put there.

    Of the chunk that has usage and no choices, comments are what is left.
    """
    line = event.rstrip(b"\r\n")
    if not line.startswith(b"data:") or b"\n" in line or b"\r" in line:
        return _without_usage_in_lines(event)
    text = line[5:]
    cut = _cut(text)
    if cut is None:
        return b""
    start, end = cut
    return event[: 5 + start] + event[5 + end :]


def _without_usage_in_lines(event: bytes) -> bytes:
    """Do the same where there are comments, other fields, or several lines of data."""
    lines = event.splitlines(keepends=True)  # bytes: at CRLF, LF and CR only
    places = [i for i, line in enumerate(lines) if line.startswith(b"data:")]
    texts = [lines[place][5:].rstrip(b"\r\n") for place in places]
    cut = _cut(b"\n".join(texts))
    if cut is None:
        return _without_event(lines)
    start, end = cut
    for place, text in zip(places, texts, strict=True):
        first, last = max(0, start), min(len(text), end)
        if first < last:
            line = lines[place]
            lines[place] = line[: 5 + first] + line[5 + last :]
        start, end = start - len(text) - 1, end - len(text) - 1
    return b"".join(lines)


def _without_event(lines: list[bytes]) -> bytes:
    """Give what is left without an event: its comments, and a blank line before it."""
    if any(line.startswith(b":") for line in lines):
        return b"".join(line for line in lines if line.startswith((b":", b"\r", b"\n")))
    return lines[0] if lines[0].startswith((b"\r", b"\n")) else b""


def _cut(text: bytes) -> tuple[int, int] | None:
    """Give from where to where to cut a chunk; None when it is there for its usage only."""
    chunk = _read_chunk(text)
    if chunk is None or not len(chunk.usage):
        return 0, 0
    usage = bytes(chunk.usage)
    if (
        usage != b"null"
        and _NO_CHOICES.fullmatch(chunk.choices)
        and not len(chunk.error)
    ):
        return None
    return _place_of(text, usage)


def _place_of(text: bytes, usage: bytes) -> tuple[int, int]:
    """Give the place of the outermost member `usage`, with one comma of its own.

    Between quotes a quote has a backslash before it, so what is found by its own quotes
    is the name of a member, or a whole text, and never part of one. It is looked for from
    the end, where servers write it; and as nested objects may have a `usage` too, it is
    cut on trial. Not found (a name written with escapes, or one there twice): no place.
    """
    place = len(text)
    for _ in range(MOST_PLACES):
        place = text.rfind(_NAME, 0, place)
        if place < 0:
            break
        colon = _COLON.match(text, place + len(_NAME))
        if colon and text.startswith(usage, colon.end()):
            start, end = _with_comma(text, place, colon.end() + len(usage))
            if _has_no_usage(text[:start] + text[end:]):
                return start, end
    return 0, 0


def _with_comma(text: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen the place of a member by the comma before it, or else after it."""
    before = text[:start].rstrip(_BLANKS)
    if before.endswith(b","):
        return len(before) - 1, end
    comma = _COMMA.match(text, end)
    return start, end if comma is None else comma.end()


def _has_no_usage(text: bytes) -> bool:
    chunk = _read_chunk(text)
    return chunk is not None and not len(chunk.usage)
