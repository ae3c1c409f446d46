"""An answer read as it passes: codings, and what is too long to be read."""

import gzip

import pytest

from gateway.answers.dialects.openai_chat import OPENAI_CHAT
from gateway.answers.events import LONGEST_EVENT
from gateway.answers.reading import Reading
from gateway.answers.usage import Usage

SAID = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
STOPPED = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"
LONG = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (
    b"x" * LONGEST_EVENT
)


def read(*parts: bytes, coding: bytes = b"") -> Reading:
    reading = Reading(OPENAI_CHAT)
    reading.begin({}, b"text/event-stream", coding)
    for at, part in enumerate(parts):
        reading.take([part], float(at))
    reading.end(is_whole=True)
    return reading


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_gzip_members_one_after_another_are_one_stream(size: int) -> None:
    """RFC 1952, 2.2: a file is a series of members. So servers flush each event."""
    coded = b"".join(map(gzip.compress, (SAID, SAID, STOPPED, DONE)))
    pieces = [coded[at : at + size] for at in range(0, len(coded), size)]

    reading = read(*pieces, coding=b"gzip")

    assert not reading.is_unread
    assert reading.answer.text.kept == "aa"
    assert reading.answer.is_terminated
    assert reading.usage == Usage(input=7, output=3)


def test_what_follows_a_gzip_member_and_is_none_is_not_read() -> None:
    assert read(gzip.compress(SAID) + b"\0\0\0 padding", coding=b"gzip").is_unread


def test_members_that_are_all_bombs_are_not_read() -> None:
    bombs = gzip.compress(bytes(1024 * 1024)) * 8

    assert read(bombs, coding=b"gzip").is_unread


def test_an_answer_with_an_event_too_long_to_be_read_has_gaps() -> None:
    assert read(SAID, LONG, STOPPED, DONE).answer.has_gaps
    assert not read(SAID, STOPPED, DONE).answer.has_gaps
