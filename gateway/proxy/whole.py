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
from gateway.wire.fields import Memo, keeps_alive
from gateway.wire.request_head import REQUEST_LINES, RequestHead, read_request_head

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
    return parts[0], parts[1]


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

WholeRequest = tuple[RequestHead, bytes, bool]
"""Head, body, and whether the connection may go on afterwards."""

WholeAnswer = tuple[AnswerHead, bytes, bool]


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

    def read(self, data: bytes, longest_head: int) -> WholeRequest | None:
        """Give the request that *data* is, or None when it is anything else."""
        end = data.find(_BLANK_LINE)
        if not 0 <= end <= longest_head:
            return None
        try:
            self._parser.feed_data(data)
            whole = self._cut(data, end) if self._ended == 1 else None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, Refused):
            whole = None
        if whole is None or not whole[2]:
            self._renew()
        self._ended = 0
        return whole

    def _cut(self, data: bytes, end: int) -> WholeRequest | None:
        lines = data[:end].split(_CRLF)
        start = _starts[lines.pop(0)]
        if start is None:
            return None
        received = list(map(_request_line, lines))
        head = read_request_head(start[0], start[1], "1.1", received)
        body = data[end + 4 :]
        if head.is_chunked or (head.content_length or 0) != len(body):
            return None
        return head, body, keeps_alive(head.fields)


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
            whole = self._cut(data, end) if self._ended == 1 else None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, BadAnswer):
            whole = None
        if whole is None or not whole[2]:
            self._renew()
        self._ended = 0
        return whole

    def _cut(self, data: bytes, end: int) -> WholeAnswer | None:
        lines = data[:end].split(_CRLF)
        start = _answer_starts[lines.pop(0)]
        if start is None:
            return None
        received = list(map(_answer_line, lines))
        head = read_answer_head(start[0], start[1], received, to_head_request=False)
        body = data[end + 4 :]
        if head.body is _BY_LENGTH:
            is_whole = head.content_length == len(body)
        else:
            is_whole = head.body is _NO_BODY and not body
        return (head, body, head.keeps_alive) if is_whole else None
