"""OpenAI chat completions, as OpenAI and the servers that copy it send them."""

import json

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import SSE, WHOLE, Request, Transcript, sse


def choice(delta: object, finish: str | None = None, index: int = 0) -> object:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def chunk(*choices: object, **more: object) -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "m-1",
        "choices": list(choices),
        **more,
    }


def says(content: str, **more: object) -> dict[str, object]:
    return chunk(choice({"content": content}), **more)


def whole(message: dict[str, object], finish: str, **more: object) -> bytes:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    return json.dumps(answer | more).encode()


def counted(prompt: int, completion: int) -> dict[str, object]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


ROLE = chunk(choice({"role": "assistant", "content": ""}))
STOP = chunk(choice({}, "stop"))
DONE = "[DONE]"

WHOLE_ANSWERS = (
    Transcript(
        name="plain_answer",
        body=b"""{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000,
  "model": "m-1",
  "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "Hello, w\\u00f6rld", "refusal": null,
                "annotations": []},
    "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0}},
  "service_tier": "default", "system_fingerprint": "fp_1"}
""",
        framing=WHOLE,
        text="Hello, wörld",
        finishes={0: Finish.STOP},
        usage=Usage(input=19, cached=3, output=10, reasoning=2),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="tool_calls",
        body=whole(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"at": "Oslo"}'},
                    },
                    {
                        "id": "call_2",
                        "type": "function",
                        "function": {"name": "time", "arguments": "{not JSON"},
                    },
                ],
            },
            "tool_calls",
        ),
        framing=WHOLE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("weather", '{"at": "Oslo"}'), ("time", "{not JSON")),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="function_call_of_old",
        body=whole(
            {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
            "function_call",
        ),
        framing=WHOLE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("f", "{}"),),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="custom_tool_has_no_json_arguments",
        body=whole(
            {"tool_calls": [{"type": "custom", "custom": {"name": "c", "input": "x"}}]},
            "tool_calls",
        ),
        framing=WHOLE,
        finishes={0: Finish.TOOL_CALLS},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="refusal",
        body=whole({"content": None, "refusal": "I cannot."}, "stop"),
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
        has_refusal=True,
    ),
    Transcript(
        name="content_filter",
        body=whole({"content": None}, "content_filter"),
        framing=WHOLE,
        finishes={0: Finish.CONTENT_FILTER},
        model="m-1",
    ),
    Transcript(
        name="empty_answer_counted",
        body=whole({"content": ""}, "stop", usage=counted(9, 0)),
        framing=WHOLE,
        finishes={0: Finish.STOP},
        usage=Usage(input=9, output=0),
        model="m-1",
    ),
    Transcript(
        name="content_in_parts_as_mistral_thinks",
        body=whole(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "Yes"},
                ]
            },
            "model_length",
        ),
        framing=WHOLE,
        text="Yes",
        finishes={0: Finish.LENGTH},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="empty_details_as_php_writes_them",
        body=whole(
            {"content": "a"},
            "stop",
            usage=counted(1, 1) | {"prompt_tokens_details": []},
        ),
        framing=WHOLE,
        text="a",
        finishes={0: Finish.STOP},
        usage=Usage(input=1, output=1),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="error_in_200",
        body=b'{"error": {"message": "no", "type": "server_error", "code": null}}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="error_in_200_as_older_vllm_says_it",
        body=b'{"object": "error", "message": "no", "type": "BadRequestError"}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="no_json", body=b"<html>Bad Gateway</html>", framing=WHOLE, is_garbled=True
    ),
    Transcript(name="cut", body=b'{"choices": [{"ind', framing=WHOLE, is_garbled=True),
    Transcript(name="no_bytes", body=b"", framing=WHOLE, is_garbled=True),
)

STREAMS = (
    Transcript(
        name="streamed",
        body=sse(ROLE, says("Hel"), says("lo"), STOP, DONE),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="usage_as_openai_sends_it",
        body=sse(
            says("a", usage=None, obfuscation="Qb3"),
            chunk(choice({}, "stop"), usage=None),
            chunk(
                usage=counted(8, 3)
                | {
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens_details": {"reasoning_tokens": 1},
                }
            ),
            DONE,
        ),
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        usage=Usage(input=8, cached=4, output=3, reasoning=1),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="usage_on_a_chunk_that_has_choices_as_llama_cpp_sends_it",
        body=sse(says("a"), chunk(choice({}, "stop"), usage=counted(8, 3)), DONE),
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        usage=Usage(input=8, output=3),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="running_totals_as_vllm_sends_them",
        body=sse(
            chunk(choice({"role": "assistant", "content": ""}), usage=counted(8, 0)),
            says("a", usage=counted(8, 1)),
            says("b", usage=counted(8, 2)),
            chunk(choice({}, "stop"), usage=counted(8, 3)),
            chunk(usage=counted(8, 3)),
            DONE,
        ),
        framing=SSE,
        text="ab",
        finishes={0: Finish.STOP},
        usage=Usage(input=8, output=3),
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="running_totals_of_a_stream_that_is_cut",
        body=sse(
            says(
                "a",
                usage=counted(8, 1) | {"prompt_tokens_details": {"cached_tokens": 4}},
            ),
            says("b", usage=counted(8, 2)),
        ),
        framing=SSE,
        text="ab",
        finishes={0: None},
        usage=Usage(input=8, cached=4, output=2),
        model="m-1",
        content_events=2,
        is_terminated=False,
    ),
    Transcript(
        name="error_beside_choices",
        body=sse(says("a"), says("b", error={"message": "boom"}), DONE),
        framing=SSE,
        text="ab",
        finishes={0: None},
        model="m-1",
        content_events=2,
        has_error=True,
    ),
    Transcript(
        name="tool_calls_in_pieces",
        body=sse(
            ROLE,
            *(
                chunk(choice({"tool_calls": [piece]}))
                for piece in (
                    {
                        "index": 0,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": ""},
                    },
                    {"index": 0, "function": {"arguments": '{"at": '}},
                    {
                        "index": 1,
                        "id": "call_2",
                        "function": {"name": "time", "arguments": "{"},
                    },
                    {"index": 0, "function": {"arguments": '"Oslo"}'}},
                    {"index": 1, "function": {"arguments": "}"}},
                )
            ),
            chunk(choice({}, "tool_calls")),
            DONE,
        ),
        framing=SSE,
        finishes={0: Finish.TOOL_CALLS},
        calls=(("weather", '{"at": "Oslo"}'), ("time", "{}")),
        model="m-1",
        content_events=5,
    ),
    Transcript(
        name="structured_output_cut_by_length",
        body=sse(says('{"answer": '), says("4"), chunk(choice({}, "length")), DONE),
        framing=SSE,
        text='{"answer": 4',
        finishes={0: Finish.LENGTH},
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="refusal_in_pieces",
        body=sse(
            chunk(choice({"role": "assistant", "content": None, "refusal": None})),
            chunk(choice({"refusal": "I can"})),
            chunk(choice({"refusal": "not"})),
            STOP,
            DONE,
        ),
        framing=SSE,
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
        has_refusal=True,
    ),
    Transcript(
        name="content_filter_midway_as_azure_sends_it",
        body=sse(
            {
                "choices": [],
                "model": "",
                "prompt_filter_results": [{"prompt_index": 0}],
            },
            chunk(choice({"content": "Well"}), model="m-2"),
            chunk(choice({}, "content_filter"), model="m-2"),
            DONE,
        ),
        framing=SSE,
        text="Well",
        finishes={0: Finish.CONTENT_FILTER},
        model="m-2",
        content_events=1,
    ),
    Transcript(
        name="error_then_done_as_vllm_sends_it",
        body=sse(
            says("a"),
            {"error": {"message": "boom", "type": "InternalServerError", "code": 500}},
            DONE,
        ),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="error_without_done",
        body=sse(says("a"), {"error": "boom"}),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="finish_reason_error_as_openrouter_sends_it",
        body=sse(says("a"), chunk(choice({"content": ""}, "error")), DONE),
        framing=SSE,
        text="a",
        finishes={0: Finish.OTHER},
        model="m-1",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="reasoning_under_both_its_names",
        body=sse(
            chunk(choice({"role": "assistant", "reasoning_content": "hm"})),
            chunk(choice({"content": None, "reasoning": "hm"})),
            says("4"),
            STOP,
            DONE,
        ),
        framing=SSE,
        text="4",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=3,
    ),
    Transcript(
        name="two_choices_of_which_one_goes_on",
        body=sse(
            chunk(choice({"content": "no"}, index=1)),
            says("yes"),
            chunk(choice({"content": "!"}), choice({"content": "."}, index=1)),
            chunk(choice({"content": "no"}, index=1)),
            chunk(choice({}, "stop", index=1)),
            DONE,
        ),
        framing=SSE,
        text="yes!",
        finishes={0: None, 1: Finish.STOP},
        model="m-1",
        content_events=4,
    ),
    Transcript(
        name="text_with_the_finish_reason",
        body=sse(says("a"), chunk(choice({"content": "b"}, "stop")), DONE),
        framing=SSE,
        text="ab",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="empty_finish_reason_is_none",
        body=sse(chunk(choice({"content": "a"}, "")), says("b"), DONE),
        framing=SSE,
        text="ab",
        finishes={0: None},
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="comments_blank_events_and_crlf",
        body=b": OPENROUTER PROCESSING\r\n\r\ndata: \r\n\r\n"
        + sse(says("Hé"), STOP).replace(b"\n", b"\r\n")
        + b": keep-alive\r\n\r\ndata:[DONE]\r\n\r\n",
        framing=SSE,
        text="Hé",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="an_event_of_several_lines",
        body=b'id: 7\ndata: {"choices": [{"index": 0,\ndata: "delta": {"content": "a"},\n'
        b'data: "finish_reason": "stop"}]}\nretry: 5\n\n' + sse("[DONE] "),
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        content_events=1,
    ),
    Transcript(
        name="an_emoji_cut_in_two_by_a_javascript_server",
        body=sse(
            '{"choices": [{"index": 0, "delta": {"content": "a\\\\ud83d\\ud83d"}}]}',
            '{"choices": [{"index": 0, "delta": {"content": "\\ude00\\ud83d\\ude00"}}]}',
            STOP,
            DONE,
        ),
        framing=SSE,
        text="a\\ud83d\ufffd\ufffd\U0001f600",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="one_event_is_no_json",
        body=sse(says("a"), '{"choices": [', says("b"), STOP, DONE),
        framing=SSE,
        text="ab",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
        is_garbled=True,
    ),
    Transcript(
        name="cut_inside_an_event",
        body=sse(says("a")) + b'data: {"choices": [{"index": 0, "delta": {"con',
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        is_terminated=False,
    ),
    Transcript(
        name="the_last_blank_line_is_missing",
        body=sse(says("a"), STOP) + b"data: [DONE]\n",
        framing=SSE,
        text="a",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=1,
    ),
    Transcript(name="nothing", body=b"", framing=SSE, is_terminated=False),
)

TRANSCRIPTS = WHOLE_ANSWERS + STREAMS

REQUESTS = (
    Request(
        name="stream",
        body=b"""{"model": "m-1", "stream": true, "max_tokens": 5,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "Be kind"},
                         {"role": "user", "content": "Hi"}]}""",
        asked=Asked(model="m-1", is_stream=True, max_tokens=5, prompt="Hi"),
    ),
    Request(
        name="schema",
        body=b"""{"model": "m-1", "n": 2, "max_completion_tokens": 7, "max_tokens": 5,
            "response_format": {"type": "json_schema", "json_schema":
                {"name": "s", "strict": true, "schema": {"type": "object"}}}}""",
        asked=Asked(
            model="m-1",
            wants_json=True,
            schema=b'{"type": "object"}',
            max_tokens=7,
            choices=2,
        ),
    ),
    Request(
        name="json_object",
        body=b'{"model": "m-1", "response_format": {"type": "json_object"}}',
        asked=Asked(model="m-1", wants_json=True),
    ),
    Request(
        name="tools_of_both_forms",
        body=b"""{"model": "m-1", "response_format": {"type": "text"},
            "tools": [{"type": "function", "function":
                {"name": "f", "parameters": {"type": "object"}}},
                {"type": "custom", "custom": {"name": "c"}}],
            "functions": [{"name": "g"}]}""",
        asked=Asked(model="m-1", tools={"f": b'{"type": "object"}', "g": b""}),
    ),
    Request(
        name="what_tools_found_since_the_last_question",
        body=b"""{"messages": [
            {"role": "user", "content": "Old"},
            {"role": "tool", "content": "old news"},
            {"role": "user", "content": [{"type": "text", "text": "Who "},
                {"type": "image_url", "image_url": {"url": "data:"}},
                {"type": "text", "text": "is it?"}]},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "tool", "tool_call_id": "1", "content": "It is A."},
            {"role": "tool", "content": [{"type": "text", "text": "It is B."}]},
            {"role": "tool", "content": ""}]}""",
        asked=Asked(prompt="Who is it?", context=("It is A.", "It is B.")),
    ),
    Request(
        name="odd_values",
        body=b"""{"model": 1, "stream": "yes", "n": true, "max_tokens": -1, "tools": {},
            "stream_options": [], "response_format": [], "messages": {}}""",
        asked=Asked(),
    ),
    Request(name="no_json", body=b"--boundary", asked=Asked()),
    Request(name="no_object", body=b"[]", asked=Asked()),
)
