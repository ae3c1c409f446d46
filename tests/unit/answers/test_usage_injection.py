"""Usage that only the gateway asked for is gone from the stream, and nothing else is."""

import json

import pytest

from gateway.answers.events import LONGEST_EVENT
from gateway.answers.usage_injection import (
    ADD_OPTIONS,
    ADD_TO_OPTIONS,
    MOST_PLACES,
    UsageStrip,
    to_ask_for_usage,
    without_usage,
)
from gateway.wire.json_splice import splice_all

USAGE = b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}'
CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
NULLED = CHUNK.replace(b"]}\n", b'],"usage":null}\n')
EXTRA = b'data: {"id":"c","choices":[],"usage":' + USAGE + b"}\n\n"
DONE = b"data: [DONE]\n\n"


def stripped(*pieces: bytes) -> bytes:
    strip = UsageStrip()
    return b"".join(map(strip.feed, pieces)) + strip.rest()


# What is set in the request.


def test_a_stream_without_options_gets_some() -> None:
    body = b'{"model": "m", "stream": true}'

    assert to_ask_for_usage(body) == ADD_OPTIONS
    assert json.loads(splice_all(body, ADD_OPTIONS)) == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_null_in_place_of_options_is_replaced() -> None:
    body = b'{"stream": true, "stream_options": null}'

    found = splice_all(body, to_ask_for_usage(body))

    assert json.loads(found)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("before", [b"", b', "include_usage": false'])
def test_options_that_are_there_keep_their_other_members(before: bytes) -> None:
    body = (
        b'{"stream": true, "stream_options": {"include_obfuscation": false'
        + before
        + b"}}"
    )

    assert to_ask_for_usage(body) == ADD_TO_OPTIONS
    assert json.loads(splice_all(body, ADD_TO_OPTIONS))["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"model": "m"}',
        b'{"stream": false}',
        b'{"stream": "true"}',
        b'{"stream": true, "stream_options": {"include_usage": true}}',
        b'{"stream": true, "stream_options": 7}',
        b'{"stream": true, "stream_options": ' + b"[" * 9000 + b"]" * 9000 + b"}",
    ],
)
def test_nothing_is_set_where_the_server_would_not_know_better(body: bytes) -> None:
    assert to_ask_for_usage(body) == ()


# What is stripped from the answer.


def test_the_extra_chunk_and_the_nulls_are_gone() -> None:
    assert stripped(NULLED, NULLED, EXTRA, DONE) == CHUNK + CHUNK + DONE


def test_usage_on_a_chunk_that_has_choices_is_gone_and_the_chunk_is_not() -> None:
    assert stripped(NULLED.replace(b"null", USAGE)) == CHUNK


def test_a_whole_event_passes_at_once_and_a_part_of_one_waits() -> None:
    strip = UsageStrip()

    assert strip.feed(NULLED + CHUNK[:20]) == CHUNK
    assert strip.feed(CHUNK[20:-1]) == b""
    assert strip.feed(CHUNK[-1:]) == CHUNK
    assert strip.feed(CHUNK) == CHUNK


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"content": "the \\"usage\\": null", "choices": []}\n\n',
        b'data: {"choices": [{"delta": {"usage": null}}], "x": {"usage": {}}}\n\n',
        b'data: {"choices": ["usage", ",", "usage"], "a": "usage"}\n\n',
        b'data: {"us\\u0061ge": null}\n\n',
        b'data: {"usage": null\n\n',
        b'data: ["usage"]\n\n',
        b'data: "usage"\n\n',
        b'data: {"usage": nul}\n\n',
        b': "usage": null\n\n',
        b'"usage": null\n\n',
        b'data: {"usage": ' + b"[" * 9000 + b"]" * 9000 + b"}\n\n",
    ],
)
def test_what_is_not_the_outermost_usage_stays(event: bytes) -> None:
    assert stripped(event) == event


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (b'data:{"usage":null}\n\n', b"data:{}\n\n"),
        (b'data: {"usage": null, "a": 1}\n\n', b'data: { "a": 1}\n\n'),
        (b'data: {"a": 1 , "usage" : null }\n\n', b'data: {"a": 1  }\n\n'),
        (
            b'data: {"x":{"usage":null},"usage":null,"y":{"usage":null}}\n\n',
            b'data: {"x":{"usage":null},"y":{"usage":null}}\n\n',
        ),
        (b'data: {"a":"\\\\","usage":null}\r\n\r\n', b'data: {"a":"\\\\"}\r\n\r\n'),
        (b'data: {"a":"\\ud83d","usage":null}\n\n', b'data: {"a":"\\ud83d"}\n\n'),
        (b'data: {"a":1,"usage":null}\r\r', b'data: {"a":1}\r\r'),
        (
            b'id: 7\ndata: {"a":1,\ndata:"usage":\r\ndata:null\rdata:, "b":2}\n\n',
            b'id: 7\ndata: {"a":1\ndata:\r\ndata:\rdata:, "b":2}\n\n',
        ),
    ],
)
def test_the_outermost_usage_goes_with_one_comma(event: bytes, left: bytes) -> None:
    assert stripped(event) == left


def test_comments_before_the_extra_chunk_stay() -> None:
    assert stripped(b": ping\nid: 4\n" + EXTRA, DONE) == b": ping\n\n" + DONE
    assert stripped(b": ping\n" + EXTRA[:-1]) == b": ping\n"


def test_a_blank_line_too_many_before_the_extra_chunk_stays() -> None:
    assert stripped(DONE + b"\n" + EXTRA) == stripped(DONE + b"\n", EXTRA)
    assert stripped(DONE + b"\n" + EXTRA) == DONE + b"\n"


def test_a_chunk_without_choices_that_has_more_to_say_stays() -> None:
    error = b'data: {"choices":[],"error":{"code":500},"usage":' + USAGE + b"}\n\n"
    filtered = b'data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n'

    assert stripped(error) == b'data: {"choices":[],"error":{"code":500}}\n\n'
    assert stripped(filtered) == b'data: {"choices":[],"prompt_filter_results":[]}\n\n'


def test_a_cut_event_passes_as_it_is() -> None:
    cut = EXTRA[:-12]

    assert stripped(CHUNK, cut) == CHUNK + cut


def test_a_chunk_that_lacks_only_its_blank_line_is_stripped_too() -> None:
    assert stripped(EXTRA[:-1]) == b""


def test_a_cr_at_the_end_waits_for_what_follows_it() -> None:
    crlf = CHUNK.replace(b"\n", b"\r\n")
    strip = UsageStrip()

    assert strip.feed(crlf[:-1]) == b""
    assert strip.feed(b"\n" + crlf) == crlf + crlf


@pytest.mark.parametrize("size", [4096, 3 * LONGEST_EVENT])
def test_an_event_that_is_too_long_passes_in_bounded_memory(size: int) -> None:
    long = b'data: {"a":"' + b"x" * LONGEST_EVENT + b'","usage":null}\r\n\r\n'
    stream = NULLED + long + NULLED + long + NULLED
    strip = UsageStrip()
    passed = b""

    for at in range(0, len(stream), size):
        passed += strip.feed(stream[at : at + size])

    assert passed + strip.rest() == CHUNK + long + CHUNK + long + CHUNK
    assert strip.skipped == 2


def test_usage_among_many_others_is_left_and_not_looked_for_without_end() -> None:
    nested = b",".join([b'{"usage":null}'] * MOST_PLACES)
    hidden = b'data: {"usage":null,"a":[' + nested + b"]}\n\n"

    assert without_usage(hidden) == hidden
    assert without_usage(hidden.replace(b'{"usage":null},', b"", 1)) != hidden
