"""OpenAI responses, as OpenAI sends them, and servers that copy it."""

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
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 17,
}
COUNTED = Usage(input=11, cached=4, output=6, reasoning=2)


def response(status: str, *output: object, **more: object) -> dict[str, object]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "m-1",
        "output": list(output),
        "text": {"format": {"type": "text"}},
        "usage": None,
        **more,
    }


def whole(status: str, *output: object, **more: object) -> bytes:
    return json.dumps(response(status, *output, **more)).encode()


def message(*parts: dict[str, object]) -> dict[str, object]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": parts}


def text(said: str) -> dict[str, object]:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def call(name: str, arguments: str) -> dict[str, object]:
    return {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": name,
        "arguments": arguments,
    }


def about(kind: str, status: str, *output: object, **more: object) -> dict[str, object]:
    return {"type": f"response.{kind}", "response": response(status, *output, **more)}


def event(kind: str, **more: object) -> dict[str, object]:
    return {"type": f"response.{kind}", "sequence_number": 3, **more}


def says(delta: str) -> dict[str, object]:
    return event(
        "output_text.delta",
        item_id="msg_1",
        output_index=0,
        content_index=0,
        delta=delta,
        obfuscation="x9",
    )


CREATED = about("created", "in_progress")
IN_PROGRESS = about("in_progress", "in_progress")
HELLO = message(text("Hello"))

WHOLE_ANSWERS = (
    Transcript(
        name="plain_answer",
        body=whole(
            "completed",
            {"type": "reasoning", "summary": []},
            message(text("Hel"), text("lo")),
            usage=USAGE,
        ),
        framing=WHOLE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=COUNTED,
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="function_calls",
        body=whole("completed", call("f", '{"a": 1}'), call("g", "{")),
        framing=WHOLE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", '{"a": 1}'), ("g", "{")),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="refusal",
        body=whole("completed", message({"type": "refusal", "refusal": "No."})),
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
        has_refusal=True,
    ),
    Transcript(
        name="length",
        body=whole(
            "incomplete",
            message(text('{"a": ')),
            incomplete_details={"reason": "max_output_tokens"},
        ),
        framing=WHOLE,
        text='{"a": ',
        finishes={0: Finish.LENGTH},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="content_filter",
        body=whole("incomplete", incomplete_details={"reason": "content_filter"}),
        framing=WHOLE,
        finishes={0: Finish.CONTENT_FILTER},
        model="m-1",
    ),
    Transcript(
        name="incomplete_without_a_reason",
        body=whole("incomplete"),
        framing=WHOLE,
        finishes={0: Finish.OTHER},
        model="m-1",
    ),
    Transcript(
        name="failed",
        body=whole("failed", error={"code": "server_error", "message": "boom"}),
        framing=WHOLE,
        finishes={0: None},
        model="m-1",
        has_error=True,
    ),
    Transcript(
        name="only_thoughts_that_are_not_shown",
        body=whole("completed", {"type": "reasoning", "summary": []}),
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="m-1",
    ),
    Transcript(
        name="in_the_background",
        body=whole("queued"),
        framing=WHOLE,
        finishes={0: Finish.PAUSED},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="output_is_no_list",
        body=b'{"status": "completed", "output": "Hi"}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        is_garbled=True,
    ),
    Transcript(
        name="error_in_200",
        body=b'{"error": {"message": "no", "type": "server_error"}}',
        framing=WHOLE,
        finishes={0: None},
        has_error=True,
    ),
)

STREAMS = (
    Transcript(
        name="streamed",
        body=named_sse(
            CREATED,
            IN_PROGRESS,
            event("output_item.added", output_index=0, item=message()),
            event("content_part.added", part=text("")),
            says("Hel"),
            says("lo"),
            event("output_text.done", text="Hello"),
            event("content_part.done", part=text("Hello")),
            event("output_item.done", output_index=0, item=HELLO),
            about("completed", "completed", HELLO, usage=USAGE),
        ),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=COUNTED,
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="function_call_in_pieces",
        body=named_sse(
            CREATED,
            event("output_item.added", output_index=0, item=call("f", "")),
            event("function_call_arguments.delta", output_index=0, delta='{"a":'),
            event("function_call_arguments.delta", output_index=0, delta=" 1}"),
            event("function_call_arguments.done", output_index=0, arguments='{"a": 1}'),
            event("output_item.done", output_index=0, item=call("f", '{"a": 1}')),
            event("output_item.added", output_index=1, item=call("g", "{}")),
            event("output_item.done", output_index=1, item=call("g", "{}")),
            about("completed", "completed", call("f", '{"a": 1}'), call("g", "{}")),
        ),
        framing=SSE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", '{"a": 1}'), ("g", "{}")),
        model="m-1",
        content_events=4,
    ),
    Transcript(
        name="a_call_whose_arguments_come_at_its_end",
        body=named_sse(
            CREATED,
            event("output_item.added", output_index=0, item=call("f", "")),
            event("output_item.done", output_index=0, item=call("f", "[1]")),
            about("completed", "completed", call("f", "[1]")),
        ),
        framing=SSE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", "[1]"),),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="reasoning_then_text",
        body=named_sse(
            CREATED,
            event("reasoning_summary_text.delta", output_index=0, delta="hm"),
            event("web_search_call.searching", output_index=1),
            says("4"),
            about("completed", "completed", usage=USAGE),
        ),
        framing=SSE,
        text="4",
        finishes={0: Finish.STOP},
        usage=COUNTED,
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="refusal_in_pieces",
        body=named_sse(
            CREATED,
            event("refusal.delta", delta="I can"),
            event("refusal.delta", delta="not"),
            about("completed", "completed"),
        ),
        framing=SSE,
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
        has_refusal=True,
    ),
    Transcript(
        name="length",
        body=named_sse(
            CREATED,
            says('{"a": '),
            about(
                "incomplete",
                "incomplete",
                incomplete_details={"reason": "max_output_tokens"},
                usage=USAGE,
            ),
        ),
        framing=SSE,
        text='{"a": ',
        finishes={0: Finish.LENGTH},
        usage=COUNTED,
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="content_filter",
        body=named_sse(
            CREATED,
            about(
                "incomplete",
                "incomplete",
                incomplete_details={"reason": "content_filter"},
            ),
        ),
        framing=SSE,
        finishes={0: Finish.CONTENT_FILTER},
        model="m-1",
    ),
    Transcript(
        name="failed",
        body=named_sse(
            CREATED,
            says("a"),
            about("failed", "failed", error={"code": "server_error", "message": "x"}),
        ),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="error_event",
        body=named_sse(
            CREATED, says("a"), {"type": "error", "code": "x", "message": "boom"}
        ),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="error_of_no_type_then_done",
        body=sse(CREATED, says("a"), {"error": {"message": "boom"}}, "[DONE]"),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="no_deltas",
        body=named_sse(CREATED, about("completed", "completed", HELLO)),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="only_begun_with_a_comment_in_crlf",
        body=b": hi\r\n\r\n" + named_sse(CREATED, IN_PROGRESS).replace(b"\n", b"\r\n"),
        framing=SSE,
        finishes={0: None},
        model="m-1",
        is_terminated=False,
    ),
    Transcript(
        name="cut_after_text",
        body=b": hi\n\n" + named_sse(CREATED, says("a")) + b"event: response.outp",
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        is_terminated=False,
    ),
)

TRANSCRIPTS = WHOLE_ANSWERS + STREAMS

REQUESTS = (
    Request(
        name="text",
        body=b"""{"model": "m-1", "input": "Hi", "instructions": "Be kind",
            "stream": true, "max_output_tokens": 9, "previous_response_id": "resp_0"}""",
        asked=Asked(
            model="m-1",
            is_stream=True,
            max_tokens=9,
            conversation="resp_0",
            prompt="Hi",
        ),
    ),
    Request(
        name="schema_and_tools",
        body=b"""{"model": "m-1", "conversation": {"id": "conv_1"},
            "tools": [{"type": "function", "name": "f", "parameters": {"a": 1}},
                      {"type": "web_search"}],
            "text": {"format": {"type": "json_schema", "name": "s", "schema": {}}}}""",
        asked=Asked(
            model="m-1",
            conversation="conv_1",
            wants_json=True,
            schema=b"{}",
            tools={"f": b'{"a": 1}'},
        ),
    ),
    Request(
        name="what_functions_returned",
        body=b"""{"conversation": "conv_2", "text": {"format": {"type": "text"}}, "input": [
            {"type": "function_call_output", "call_id": "0", "output": "old"},
            {"role": "user", "content": [{"type": "input_text", "text": "Who?"}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "It is A."},
            {"type": "function_call_output", "call_id": "2",
             "output": [{"type": "input_text", "text": "It is B."}]}]}""",
        asked=Asked(
            conversation="conv_2", prompt="Who?", context=("It is A.", "It is B.")
        ),
    ),
    Request(
        name="odd_values",
        body=b"""{"model": [], "input": [1, {"role": 2}], "conversation": {"id": 3},
            "previous_response_id": 4, "tools": [5], "stream": 1}""",
        asked=Asked(),
    ),
    Request(name="no_json", body=b"\xff", asked=Asked()),
)
