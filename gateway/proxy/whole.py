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
from gateway.wire.fields import keeps_alive
from gateway.wire.request_head import REQUEST_LINES, RequestHead, read_request_head

_BLANK_LINE: Final = b"\r\n\r\n"
_CRLF: Final = b"\r\n"
_UNTIL_CLOSE: Final = Body.UNTIL_CLOSE
_CHUNKED: Final = Body.CHUNKED
_START_PARTS: Final = 3
_FIRST_FINAL: Final = 200

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
        start, *lines = data[:end].split(_CRLF)
        parts = start.split(b" ")
        if len(parts) != _START_PARTS or parts[2] != b"HTTP/1.1":
            return None
        received = list(map(_request_line, lines))
        head = read_request_head(parts[0], parts[1], "1.1", received)
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
        start, *lines = data[:end].split(_CRLF)
        version, _, rest = start.partition(b" ")
        code, _, reason = rest.partition(b" ")
        if version != b"HTTP/1.1" or not code.isdigit():
            return None
        received = list(map(_answer_line, lines))
        head = read_answer_head(int(code), reason, received, to_head_request=False)
        body = data[end + 4 :]
        framing = head.body
        if framing is _CHUNKED or framing is _UNTIL_CLOSE or head.status < _FIRST_FINAL:
            return None
        length = head.content_length or 0 if framing is _BY_LENGTH else 0
        if length != len(body):
            return None
        return head, body, head.keeps_alive


_BY_LENGTH: Final = Body.LENGTH
