"""How the demo reads an answer: HTTP 200 proves nothing, the content does."""

import asyncio
import json

import pytest

from gateway.cli.demo.answer import Answer
from gateway.cli.demo.ledger import Ending
from gateway.cli.demo.overheard import Overheard, Quote


def _event(content: str | None, finish: str | None = None) -> bytes:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n" % json.dumps({"model": "v2", "choices": [choice]}).encode()


HELLO = [_event("Hel"), b"\n", _event("lo "), b"\n"]
STOP = _event(None, "stop")
DONE = b"data: [DONE]\n"
ERROR = b'data: {"error": {"message": "out of memory"}}\n'


def _body(lines: list[bytes]) -> asyncio.StreamReader:
    body = asyncio.StreamReader()
    body.feed_data(b"".join(lines))
    body.feed_eof()
    return body


async def test_a_stream_with_its_reason_and_its_end_is_whole() -> None:
    """And its words are quoted while they come."""
    answer, quote = Answer(), Quote(user=7)
    await answer.read_stream(_body([*HELLO, STOP, DONE]), quote)

    assert (answer.ending, answer.claim) == (Ending.WHOLE, "v2")
    assert quote.text == "Hello "


@pytest.mark.parametrize(
    "lines",
    [
        HELLO,
        [*HELLO, STOP],
        [*HELLO, DONE],
        [*HELLO, ERROR],
        [DONE],
        [],
    ],
)
async def test_a_stream_without_either_was_cut(lines: list[bytes]) -> None:
    """Whatever its status said."""
    answer = Answer()
    await answer.read_stream(_body(lines), None)

    assert answer.ending is Ending.CUT


async def test_an_error_before_the_end_mark_is_neither_whole_nor_cut() -> None:
    """As some servers send it: the transport ends well, and the answer does not."""
    answer = Answer()
    await answer.read_stream(_body([*HELLO, ERROR, DONE]), None)

    assert answer.ending is Ending.BROKEN


async def test_usage_without_choices_changes_nothing() -> None:
    """It comes between the reason and the end mark."""
    answer = Answer()
    usage = b'data: {"model": "v2", "choices": [], "usage": {"total_tokens": 9}}\n'
    await answer.read_stream(_body([*HELLO, STOP, usage, DONE]), None)

    assert (answer.ending, answer.claim) == (Ending.WHOLE, "v2")


async def test_a_stream_that_is_no_json_stays_cut() -> None:
    """The error is the caller's to catch; the count is right already."""
    answer = Answer()
    with pytest.raises(ValueError, match="Expecting"):
        await answer.read_stream(_body([b"data: {oops\n"]), None)

    assert answer.ending is Ending.CUT


@pytest.mark.parametrize(
    ("reason", "ending"),
    [("stop", Ending.WHOLE), ("length", Ending.WHOLE), (None, Ending.CUT)],
)
def test_a_body_is_whole_when_it_says_why_it_ended(
    reason: str | None, ending: Ending
) -> None:
    """A body without a reason is half an answer."""
    answer = Answer()
    choice = {"message": {"content": "Hello"}, "finish_reason": reason}
    answer.read_whole(json.dumps({"model": "v1", "choices": [choice]}).encode())

    assert (answer.ending, answer.claim) == (ending, "v1")


def test_an_answer_that_never_came_failed() -> None:
    """Until content is promised there is nothing to cut."""
    assert Answer().ending is Ending.FAILED


def test_a_quote_stays_until_it_could_be_read() -> None:
    """One at a time, and a new one only a moment after the last word."""
    now = 0.0
    overheard = Overheard(lambda: now)
    with overheard.listening("v2", 1) as first:
        assert first is not None
        with overheard.listening("v2", 2) as meanwhile:
            assert meanwhile is None
    now = 0.5
    with overheard.listening("v2", 3) as too_soon:
        assert too_soon is None
    now = 5.0
    with overheard.listening("v2", 4) as second:
        assert second is overheard.quotes["v2"]
