"""Messages that arrive whole, in one read: the usual case, and the cheap one.

Such a message is checked by the same parser (llhttp) as any other, but its head is then
cut at the line ends in one step, instead of being told field by field. Whatever is not
exactly one plain message gives None, and goes the long way through the connection's own
parser; tests/properties/test_byte_splits.py holds the two ways against each other.
"""

from typing import Final

import httptools

from gateway.domain.errors import Refused
from gateway.wire.answer_head import (
    ANSWER_LINES,
    AnswerHead,
    BadAnswer,
    Body,
    read_answer_head,
)
from gateway.wire.fields import Memo
from gateway.wire.request_head import (
    REQUEST_LINES,
    UNSERVED,
    RequestHead,
    read_request_head,
)

_BLANK_LINE: Final = b"\r\n\r\n"
_CRLF: Final = b"\r\n"
_BY_LENGTH: Final = Body.LENGTH
_NO_BODY: Final = Body.NONE
_START_PARTS: Final = 3
_FIRST_FINAL: Final = 200


def _read_start(start: bytes) -> tuple[bytes, bytes] | None:
    """Give method and target of a plain request line."""
    parts = start.split(b" ")
    if len(parts) != _START_PARTS or parts[2] != b"HTTP/1.1":
        return None
    method = parts[0]
    if not method.isalpha() or method in UNSERVED:
        # The parser skips a CR or LF before a request, which is not to be part of the
        # method: behind it HEAD would not be known as HEAD.
        return None
    return method, parts[1]


def _read_answer_start(start: bytes) -> tuple[int, bytes] | None:
    """Give status and reason of a final answer's plain status line."""
    version, _, rest = start.partition(b" ")
    code, _, reason = rest.partition(b" ")
    if version != b"HTTP/1.1" or not code.isdigit() or int(code) < _FIRST_FINAL:
        return None
    return int(code), reason


_starts: Final = Memo(_read_start)
_answer_starts: Final = Memo(_read_answer_start)
_request_line: Final = REQUEST_LINES.__getitem__
_answer_line: Final = ANSWER_LINES.__getitem__

WholeRequest = tuple[RequestHead, bytes]
"""Head and body; the head says whether the connection may go on afterwards."""

WholeAnswer = tuple[AnswerHead, bytes]


class WholeRequests:
    """Reads whole requests; one for all connections of a worker."""

    __slots__ = ("_ended", "_parser")

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._ended = 0
        self._parser = httptools.HttpRequestParser(self)

    def on_message_complete(self) -> None:
        """Count ends (httptools)."""
        self._ended += 1

    def read(
        self, data: bytes, longest_head: int, most_headers: int
    ) -> WholeRequest | None:
        """Give the request that *data* is, or None when it is anything else."""
        end = data.find(_BLANK_LINE)
        if not 0 <= end <= longest_head:
            return None
        try:
            self._parser.feed_data(data)
            head = _cut_request(data[:end], most_headers) if self._ended == 1 else None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, Refused):
            head = None
        self._ended = 0
        if head is None:
            self._renew()
            return None
        body = data[end + 4 :]
        is_whole = not head.is_chunked and (head.content_length or 0) == len(body)
        if not (is_whole and head.keeps_alive):
            self._renew()
        return (head, body) if is_whole else None


def _cut_request(text: bytes, most_headers: int) -> RequestHead | None:
    lines = text.split(_CRLF)
    start = _starts[lines.pop(0)]
    if start is None or len(lines) > most_headers:
        return None
    received = list(map(_request_line, lines))
    return read_request_head(start[0], start[1], "1.1", received)


class WholeAnswers:
    """Reads whole answers; one for all connections of a worker."""

    __slots__ = ("_ended", "_parser")

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._ended = 0
        self._parser = httptools.HttpResponseParser(self)

    def on_message_complete(self) -> None:
        """Count ends (httptools)."""
        self._ended += 1

    def read(self, data: bytes) -> WholeAnswer | None:
        """Give the answer, to another request than HEAD, that *data* is; or None."""
        end = data.find(_BLANK_LINE)
        if end < 0:
            return None
        try:
            self._parser.feed_data(data)
            head = _cut_answer(data[:end]) if self._ended == 1 else None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, BadAnswer):
            head = None
        self._ended = 0
        if head is None:
            self._renew()
            return None
        body = data[end + 4 :]
        if head.body is _BY_LENGTH:
            is_whole = head.content_length == len(body)
        else:
            is_whole = head.body is _NO_BODY and not body
        if not (is_whole and head.keeps_alive):
            self._renew()
        return (head, body) if is_whole else None


def _cut_answer(text: bytes) -> AnswerHead | None:
    lines = text.split(_CRLF)
    start = _answer_starts[lines.pop(0)]
    if start is None:
        return None
    received = list(map(_answer_line, lines))
    return read_answer_head(start[0], start[1], received, False)
