"""An answer read as it passes: codings, and what is too long to be read."""

import gzip

import pytest

from gateway.answers.dialect import Dialect
from gateway.answers.dialects.anthropic import ANTHROPIC
from gateway.answers.dialects.ollama import OLLAMA
from gateway.answers.dialects.openai_chat import OPENAI_CHAT
from gateway.answers.dialects.openai_responses import OPENAI_RESPONSES
from gateway.answers.dialects.tgi import TGI
from gateway.answers.events import LONGEST_EVENT
from gateway.answers.outcome import Ending, judge
from gateway.answers.reading import MOST_OBJECTS, Reading
from gateway.answers.usage import Usage
from gateway.domain.outcome import Outcome

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


# Tokens in an answer's head.

TOKENS = {b"x-prompt-tokens": b"7", b"x-generated-tokens": b"3"}


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        (TOKENS, b'{"generated_text":"a"}', Usage(input=7, output=3)),
        (TOKENS, b'[{"generated_text":"a"}]', Usage(input=7, output=3)),
        (
            TOKENS,
            b'{"generated_text":"a","details":{"generated_tokens":5}}',
            Usage(input=7, output=5),
        ),
        ({b"x-generated-tokens": b"3"}, b'{"generated_text":"a"}', Usage(output=3)),
        ({b"x-prompt-tokens": b"many"}, b'{"generated_text":"a"}', None),
        ({}, b'{"generated_text":"a"}', None),
    ],
    ids=["whole", "a list", "the body is nearer", "one of them", "no number", "none"],
)
def test_tgi_tells_its_tokens_in_the_head_where_nobody_asked_for_details(
    fields: dict[bytes, bytes], body: bytes, expected: Usage | None
) -> None:
    reading = Reading(TGI)
    reading.begin(fields, b"application/json", b"")
    reading.read_whole(body, 1.0)

    assert reading.usage == expected


# Time for each token, of ten events a tenth of a second apart.

THOUGHT = b'data: {"choices":[{"index":0,"delta":{"reasoning":"a"}}]}\n\n'
SUMMED_UP = b'data: {"type":"response.reasoning_summary_text.delta","delta":"a"}\n\n'
THOUGHT_ALOUD = b'data: {"type":"response.reasoning_text.delta","delta":"a"}\n\n'


def per_token(
    usage: Usage | None, event: bytes = SAID, dialect: Dialect = OPENAI_CHAT
) -> float | None:
    """Give the tenths of a second for each token."""
    reading = Reading(dialect)
    reading.begin({}, b"text/event-stream", b"")
    for at in range(10):
        reading.take([event], float(at))
    reading.end(is_whole=True)
    if usage is not None:
        reading.answer.usage = usage
    known = reading.usage
    assert known is not None
    return reading.per_token(known, 9.0)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, 1.0),
        (Usage(input=7), 1.0),
        (Usage(output=10), 1.0),
        (Usage(output=19), 0.5),
        (Usage(output=1010, reasoning=1000), 1.0),
        (Usage(output=1019, reasoning=1000), 0.5),
        (Usage(output=3), 1.0),
        (Usage(output=10, reasoning=1000), 1.0),
    ],
    ids=[
        "not reported",
        "only in part",
        "one an event",
        "several an event",
        "hidden reasoning is none",
        "hidden reasoning, several an event",
        "fewer than were seen",
        "less than no token",
    ],
)
def test_the_time_for_a_token_is_that_of_tokens_that_were_seen(
    usage: Usage | None, expected: float
) -> None:
    """Ten words after a second of hidden thought are not a thousand tokens a second."""
    assert per_token(usage) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("event", "dialect", "expected"),
    [
        (THOUGHT, OPENAI_CHAT, 0.5),
        (THOUGHT_ALOUD, OPENAI_RESPONSES, 0.5),
        (SUMMED_UP, OPENAI_RESPONSES, 1.0),
    ],
)
def test_reasoning_counts_where_it_was_streamed(
    event: bytes, dialect: Dialect, expected: float
) -> None:
    usage = Usage(output=19, reasoning=19)

    assert per_token(usage, event, dialect) == pytest.approx(expected)


def test_one_token_has_no_time_to_the_next() -> None:
    reading = read(SAID)

    assert reading.usage is not None
    assert reading.per_token(reading.usage, 9.0) is None


def test_an_answer_with_an_event_too_long_to_be_read_has_gaps() -> None:
    assert read(SAID, LONG, STOPPED, DONE).answer.has_gaps
    assert not read(SAID, STOPPED, DONE).answer.has_gaps


@pytest.mark.parametrize(
    ("dialect", "kind", "half"),
    [
        (OLLAMA, b"application/x-ndjson", b'{"response":"a"}\n{"respo'),
        (OPENAI_CHAT, b"text/event-stream", SAID + b'data: {"choices":\n'),
    ],
)
def test_half_an_event_at_a_cut_is_no_fault_of_the_server(
    dialect: Dialect, kind: bytes, half: bytes
) -> None:
    reading = Reading(dialect)
    reading.begin({}, kind, b"")
    reading.take([half], 0.0)
    reading.end(is_whole=False)

    left = judge(reading.answer, Ending.LEFT, [], True, 1)
    cut = judge(reading.answer, Ending.CUT, [], True, 1)
    assert (left, cut) == (Outcome.CLIENT_CANCELLED, Outcome.TRUNCATED)
    assert reading.answer.text.kept == "a"


def test_a_last_event_that_is_whole_counts_though_the_client_left() -> None:
    reading = Reading(OPENAI_CHAT)
    reading.begin({}, b"text/event-stream", b"")
    reading.take([SAID + STOPPED + DONE[:-1]], 0.0)
    reading.end(is_whole=False)

    assert judge(reading.answer, Ending.LEFT, [], True, 1) is Outcome.COMPLETE


def test_half_an_event_that_ends_a_whole_stream_is_an_error() -> None:
    assert read(SAID, b'data: {"choices":\n').answer.is_garbled


BEGUN = (
    b'data: {"type":"message_start","message":{"usage":'
    b'{"input_tokens":9,"output_tokens":1}}}\n\n'
)
PIECE = (
    b'data: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"a"}}\n\n'
)
TOTAL = (
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":4}}\n\n'
)


@pytest.mark.parametrize(
    ("came", "usage"),
    [
        (BEGUN, Usage(input=9, output=1, is_estimated=True)),
        (BEGUN + PIECE * 3, Usage(input=9, output=3, is_estimated=True)),
        (BEGUN + PIECE * 3 + TOTAL, Usage(input=9, output=4)),
    ],
)
def test_what_a_broken_stream_reported_so_far_is_no_total(
    came: bytes, usage: Usage
) -> None:
    reading = Reading(ANTHROPIC)
    reading.begin({}, b"text/event-stream", b"")
    reading.take([came], 0.0)
    reading.end(is_whole=False)

    assert reading.usage == usage


OBJECTS = b"[" + b"{}," * (2 * MOST_OBJECTS) + b"{}]"


def test_an_answer_made_of_too_many_objects_is_not_read() -> None:
    """Each costs an object of ours: a MiB of empty ones took 35 ms."""
    reading = Reading(OPENAI_CHAT)
    reading.begin({}, b"application/json", b"")

    reading.read_whole(b'{"choices":%b}' % OBJECTS, 1.0)

    assert reading.is_unread


@pytest.mark.parametrize("end", [b"\n\n", b"\n"])
@pytest.mark.parametrize("size", [4096, len(OBJECTS) * 2])
def test_an_event_made_of_too_many_objects_is_not_read(size: int, end: bytes) -> None:
    stream = SAID + b'data: {"choices":%b}' % OBJECTS + end

    reading = read(*(stream[at : at + size] for at in range(0, len(stream), size)))

    assert reading.is_unread


def test_an_answer_with_the_log_probabilities_of_a_mebibyte_is_read() -> None:
    one = b'{"token":" the","logprob":-0.1,"bytes":[32,116,104],"top_logprobs":[]}'
    body = (
        b'{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"a"},'
        b'"logprobs":{"content":[%b]}}]}' % b",".join([one] * 14_000)
    )
    reading = Reading(OPENAI_CHAT)
    reading.begin({}, b"application/json", b"")

    reading.read_whole(body, 1.0)

    assert not reading.is_unread
    assert reading.answer.text.kept == "a"
