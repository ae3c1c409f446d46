"""Anthropic messages, as Anthropic sends them, and servers that copy it."""

import json

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import (
    SSE,
    WHOLE,
    Request,
    Transcript,
    named_sse,
    sse,
)

USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 100,
    "output_tokens": 1,
}


def message(why: str | None, *content: object, **more: object) -> dict[str, object]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": list(content),
        "stop_reason": why,
        "stop_sequence": None,
        **more,
    }


def whole(why: str | None, *content: object, **more: object) -> bytes:
    return json.dumps(message(why, *content, **more)).encode()


def text(said: str) -> dict[str, object]:
    return {"type": "text", "text": said}


def start(index: int, block: object) -> dict[str, object]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **piece: object) -> dict[str, object]:
    piece |= {"type": kind}
    return {"type": "content_block_delta", "index": index, "delta": piece}


def says(said: str) -> dict[str, object]:
    return delta(0, "text_delta", text=said)


def stop(index: int) -> dict[str, object]:
    return {"type": "content_block_stop", "index": index}


def ends(why: str, output: int, **more: object) -> dict[str, object]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": why, "stop_sequence": None},
        "usage": {"output_tokens": output, **more},
    }


START = {"type": "message_start", "message": message(None, usage=USAGE)}
PING = {"type": "ping"}
STOP = {"type": "message_stop"}

WHOLE_ANSWERS = (
    Transcript(
        name="plain_answer",
        body=whole("end_turn", text("Hel"), text("lo"), usage=USAGE),
        framing=WHOLE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=Usage(input=115, cached=100, output=1),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="tool_use",
        body=whole(
            "tool_use",
            text("Let me see."),
            {"type": "tool_use", "id": "t_1", "name": "f", "input": {"a": [1, "é"]}},
            {"type": "tool_use", "id": "t_2", "name": "g", "input": {}},
            usage={"input_tokens": 3, "output_tokens": 4},
        ),
        framing=WHOLE,
        text="Let me see.",
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", '{"a": [1, "\\u00e9"]}'), ("g", "{}")),
        usage=Usage(input=3, output=4),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="thinking_is_content_and_no_text",
        body=whole("max_tokens", {"type": "thinking", "thinking": "hm"}),
        framing=WHOLE,
        finishes={0: Finish.LENGTH},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="refusal",
        body=whole("refusal"),
        framing=WHOLE,
        finishes={0: Finish.REFUSAL},
        model="m-1",
        has_refusal=True,
    ),
    Transcript(
        name="stop_sequence",
        body=whole("stop_sequence", text("a")),
        framing=WHOLE,
        text="a",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="paused",
        body=whole("pause_turn", {"type": "server_tool_use", "name": "web_search"}),
        framing=WHOLE,
        finishes={0: Finish.PAUSED},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="a_reason_not_known_yet",
        body=whole("tired", text("a")),
        framing=WHOLE,
        text="a",
        finishes={0: Finish.OTHER},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="error_in_200",
        body=b'{"type": "error", "error": {"type": "api_error", "message": "no"}}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(name="no_json", body=b"<html>", framing=WHOLE, is_garbled=True),
)

STREAMS = (
    Transcript(
        name="streamed",
        body=named_sse(
            START,
            start(0, text("")),
            PING,
            says("Hel"),
            says("lo"),
            stop(0),
            ends("end_turn", 15),
            STOP,
        ),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=Usage(input=115, cached=100, output=15),
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="tool_use_in_pieces",
        body=named_sse(
            START,
            start(0, text("")),
            says("Let me see."),
            stop(0),
            start(1, {"type": "tool_use", "id": "t_1", "name": "f", "input": {}}),
            delta(1, "input_json_delta", partial_json=""),
            delta(1, "input_json_delta", partial_json='{"a": "'),
            delta(1, "input_json_delta", partial_json='b"}'),
            stop(1),
            start(2, {"type": "tool_use", "id": "t_2", "name": "g", "input": {}}),
            delta(2, "input_json_delta", partial_json=""),
            stop(2),
            ends("tool_use", 20),
            STOP,
        ),
        framing=SSE,
        text="Let me see.",
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", '{"a": "b"}'), ("g", "{}")),
        usage=Usage(input=115, cached=100, output=20),
        model="m-1",
        content_events=5,
    ),
    Transcript(
        name="thinking_then_text",
        body=named_sse(
            START,
            start(0, {"type": "thinking", "thinking": "", "signature": ""}),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="EqQB"),
            stop(0),
            start(1, text("")),
            delta(1, "text_delta", text="4"),
            delta(1, "citations_delta", citation={"type": "char_location"}),
            stop(1),
            ends("end_turn", 9),
            STOP,
        ),
        framing=SSE,
        text="4",
        finishes={0: Finish.STOP},
        usage=Usage(input=115, cached=100, output=9),
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="running_totals_which_name_the_input_only_at_the_end",
        body=named_sse(
            {
                "type": "message_start",
                "message": message(None, usage={"input_tokens": 0, "output_tokens": 0}),
            },
            says("a"),
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 3}},
            ends("max_tokens", 7, input_tokens=25, cache_read_input_tokens=2),
            STOP,
        ),
        framing=SSE,
        text="a",
        finishes={0: Finish.LENGTH},
        usage=Usage(input=27, cached=2, output=7),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="usage_never",
        body=named_sse(
            {"type": "message_start", "message": message(None)},
            says("a"),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            STOP,
        ),
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="refusal_midway",
        body=named_sse(START, says("Well"), ends("refusal", 2), STOP),
        framing=SSE,
        text="Well",
        finishes={0: Finish.REFUSAL},
        usage=Usage(input=115, cached=100, output=2),
        model="m-1",
        content_events=1,
        has_refusal=True,
    ),
    Transcript(
        name="overloaded_midway",
        body=named_sse(
            START,
            says("a"),
            {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
        ),
        framing=SSE,
        text="a",
        finishes={0: None},
        usage=Usage(input=115, cached=100, output=1),
        model="m-1",
        content_events=1,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="error_of_no_type",
        body=sse({"error": {"message": "boom"}}),
        framing=SSE,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="kinds_of_events_not_known_yet_in_crlf",
        body=b": hi\r\n\r\n"
        + named_sse(
            START,
            {"type": "weather", "delta": {"text": "rain"}, "index": "x"},
            PING,
            delta(0, "mood_delta", mood="good"),
            says("a"),
            PING,
            ends("end_turn", 2),
            STOP,
        ).replace(b"\n", b"\r\n"),
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        usage=Usage(input=115, cached=100, output=2),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="cut_before_anything_was_said",
        body=named_sse(START, PING),
        framing=SSE,
        finishes={0: None},
        usage=Usage(input=115, cached=100, output=1),
        model="m-1",
        is_terminated=False,
    ),
    Transcript(
        name="events_of_several_lines_and_one_that_is_no_json",
        body=sse(
            '{"type": "content_block_delta",\ndata: "delta": {"text": "a"}}',
            "oops",
            STOP,
        ),
        framing=SSE,
        text="a",
        content_events=1,
        is_garbled=True,
    ),
)

TRANSCRIPTS = WHOLE_ANSWERS + STREAMS

REQUESTS = (
    Request(
        name="stream",
        body=b"""{"model": "m-1", "max_tokens": 9, "stream": true, "system": "Be kind",
            "messages": [{"role": "user", "content": "Hi"}]}""",
        asked=Asked(model="m-1", is_stream=True, max_tokens=9, prompt="Hi"),
    ),
    Request(
        name="tools_and_schema",
        body=b"""{"model": "m-1", "tools": [
            {"name": "f", "description": "d", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search"}],
            "output_config": {"format": {"type": "json_schema", "schema": {"a": 1}}}}""",
        asked=Asked(
            model="m-1",
            wants_json=True,
            schema=b'{"a": 1}',
            tools={"f": b'{"type": "object"}', "web_search": b""},
        ),
    ),
    Request(
        name="schema_as_the_beta_has_it",
        body=b'{"output_format": {"type": "json_schema", "schema": {}}}',
        asked=Asked(wants_json=True, schema=b"{}"),
    ),
    Request(
        name="documents_and_what_tools_returned",
        body=b"""{"messages": [
            {"role": "user", "content": [
                {"type": "document", "source": {"type": "text", "data": "Doc one."}},
                {"type": "document", "source": {"type": "base64", "data": "JVBE"}},
                {"type": "document", "source": {"type": "content",
                    "content": [{"type": "text", "text": "Doc two."}]}},
                {"type": "text", "text": "First?"}]},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": [
                {"type": "tool_result", "content": "told before"},
                {"type": "search_result", "source": "s", "title": "t",
                 "content": [{"type": "text", "text": "Found."}]}]},
            {"role": "user", "content": "Second?"},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t_1", "content": [
                    {"type": "text", "text": "Told."},
                    {"type": "search_result", "content": [
                        {"type": "text", "text": "Found too."}]}]}]}]}""",
        asked=Asked(
            prompt="Second?",
            context=("Doc one.", "Doc two.", "Found.", "Told.", "Found too."),
        ),
    ),
    Request(
        name="odd_values",
        body=b"""{"model": 1, "tools": "f", "max_tokens": "9", "output_config": 3,
            "messages": [1, {"role": "user", "content": [2, {"type": "document"},
            {"type": "tool_result", "content": 4}]}]}""",
        asked=Asked(),
    ),
    Request(name="no_json", body=b"null", asked=Asked()),
)
