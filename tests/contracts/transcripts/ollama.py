"""Ollama's chat and generate, as its servers from 0.1 to 0.12 send them."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import (
    LINES,
    WHOLE,
    Request,
    Transcript,
    lines,
)

END = {
    "total_duration": 4_883_583_458,
    "load_duration": 1_334_875,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 342_546_000,
    "eval_count": 282,
    "eval_duration": 4_535_599_000,
}
USAGE = Usage(input=26, output=282)


def chat(content: object, *, done: object = False, **more: object) -> dict[str, object]:
    said: dict[str, object] = {"role": "assistant", "content": content}
    for name in ("thinking", "tool_calls"):
        if name in more:
            said[name] = more.pop(name)
    return {
        "model": "llama3.2",
        "created_at": "2026-08-04T08:52:19.385406455Z",
        "message": said,
        "done": done,
        **more,
    }


def generate(response: object, *, done: object = False, **more: object) -> object:
    return {
        "model": "llama3.2",
        "created_at": "2026-08-04T08:52:19.385406455Z",
        "response": response,
        "done": done,
        **more,
    }


def call(name: object, arguments: object) -> object:
    return {"id": "c1", "function": {"index": 0, "name": name, "arguments": arguments}}


END_OF_CHAT = chat("", done=True, done_reason="stop", **END)

TRANSCRIPTS = (
    Transcript(
        name="plain_chat",
        body=lines(chat("Hello, wörld", done=True, done_reason="stop", **END)),
        framing=WHOLE,
        text="Hello, wörld",
        finishes={0: Finish.STOP},
        usage=USAGE,
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="plain_generate",
        body=b"""{"model": "llama3.2", "response": "{\\n\\"a\\": 1}", "done": true,
            "done_reason": "stop", "context": [1, 2, 3], "eval_count": 9}""",
        framing=WHOLE,
        text='{\n"a": 1}',
        finishes={0: Finish.STOP},
        usage=Usage(output=9),
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="streamed_chat",
        body=lines(chat("Hel"), chat("lö"), END_OF_CHAT),
        framing=LINES,
        text="Hellö",
        finishes={0: Finish.STOP},
        usage=USAGE,
        model="llama3.2",
        content_events=2,
    ),
    Transcript(
        name="streamed_generate_with_odd_line_ends",
        body=b"\r\n".join((
            lines(generate("Hel")),
            lines(generate("lo")),
            b"",
            b"",
        )).replace(b"\n\r\n", b"\r\n")
        + lines(generate("", done=True, done_reason="length", **END)).strip(),
        framing=LINES,
        text="Hello",
        finishes={0: Finish.LENGTH},
        usage=USAGE,
        model="llama3.2",
        content_events=2,
    ),
    Transcript(
        name="thinking_is_content_and_no_text",
        body=lines(
            chat("", thinking="Let me"),
            chat("", thinking=" see"),
            chat("4"),
            END_OF_CHAT,
        ),
        framing=LINES,
        text="4",
        finishes={0: Finish.STOP},
        usage=USAGE,
        model="llama3.2",
        content_events=3,
    ),
    Transcript(
        name="thinking_of_generate",
        body=lines(
            {**generate(""), "thinking": "Hm"},  # type: ignore[dict-item]
            generate("4", done=True, done_reason="stop"),
        ),
        framing=LINES,
        text="4",
        finishes={0: Finish.STOP},
        model="llama3.2",
        content_events=2,
    ),
    Transcript(
        name="tools_called_whole",
        body=lines(
            chat(
                "",
                tool_calls=[call("weather", {"city": "Köln"}), call("time", {})],
                done=True,
                done_reason="stop",
                **END,
            )
        ),
        framing=WHOLE,
        calls=(("weather", '{"city": "K\\u00f6ln"}'), ("time", "{}")),
        finishes={0: Finish.TOOL_CALLS},
        usage=USAGE,
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="tools_called_in_a_stream",
        body=lines(
            chat("", tool_calls=[call("weather", {"city": "Bonn"})]),
            chat("", tool_calls=[call("weather", {"n": 12345678901234567890123})]),
            END_OF_CHAT,
        ),
        framing=LINES,
        calls=(
            ("weather", '{"city": "Bonn"}'),
            ("weather", '{"n": 12345678901234567890123}'),
        ),
        finishes={0: Finish.TOOL_CALLS},
        usage=USAGE,
        model="llama3.2",
        content_events=2,
    ),
    Transcript(
        name="cut_by_the_limit",
        body=lines(chat("Once upon"), chat("", done=True, done_reason="length", **END)),
        framing=LINES,
        text="Once upon",
        finishes={0: Finish.LENGTH},
        usage=USAGE,
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="no_reason_given_by_old_servers",
        body=lines(generate("Hi"), generate("", done=True, **END)),
        framing=LINES,
        text="Hi",
        finishes={0: Finish.STOP},
        usage=USAGE,
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="model_loaded",
        body=lines(chat("", done=True, done_reason="load")),
        framing=WHOLE,
        finishes={0: Finish.OTHER},
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="model_unloaded",
        body=lines(generate("", done=True, done_reason="unload")),
        framing=LINES,
        finishes={0: Finish.OTHER},
        model="llama3.2",
        content_events=1,
    ),
    Transcript(
        name="error_in_mid_stream",
        body=lines(chat("Hel"), {"error": "an error was encountered while running"}),
        framing=LINES,
        text="Hel",
        finishes={0: None},
        model="llama3.2",
        content_events=1,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="error_inside_a_200",
        body=b'{"error": "model runner has unexpectedly stopped"}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="cut",
        body=lines(chat("Hel"), chat("lo")),
        framing=LINES,
        text="Hello",
        finishes={0: None},
        model="llama3.2",
        content_events=2,
        is_terminated=False,
    ),
    Transcript(
        name="cut_inside_a_line",
        body=lines(chat("Hel"), chat("lo"))[:-9],
        framing=LINES,
        text="Hel",
        finishes={0: None},
        model="llama3.2",
        content_events=1,
        is_terminated=False,
        is_garbled=True,
    ),
    Transcript(
        name="empty",
        body=lines(END_OF_CHAT),
        framing=LINES,
        finishes={0: Finish.STOP},
        usage=USAGE,
        model="llama3.2",
    ),
    Transcript(name="nothing", body=b"", framing=WHOLE, is_garbled=True),
    Transcript(name="no_line", body=b"\n \n", framing=LINES, is_terminated=False),
    Transcript(
        name="odd_leaves",
        body=lines(
            {"model": 7, "message": {"content": 1, "thinking": 0}, "done": "true"},
            {"message": {"content": {"a": [1]}, "tool_calls": [{"function": None}]}},
            {"message": None, "response": ["x"], "done": 1},
            {
                "message": {"tool_calls": [call(7, "text"), call(None, None), {}]},
                "done": True,
                "done_reason": ["stop"],
                "eval_count": "9",
                "prompt_eval_count": -1,
            },
        ),
        framing=LINES,
        calls=(("", '"text"'), ("", "null")),
        finishes={0: Finish.OTHER},
        content_events=4,
    ),
    Transcript(
        name="odd_shapes",
        body=lines(
            [],
            7,
            "text",
            {"message": 7},
            {"message": {"tool_calls": {}}},
            "{",
            chat("!"),
        ),
        framing=LINES,
        text="!",
        finishes={0: None},
        model="llama3.2",
        content_events=1,
        is_terminated=False,
        is_garbled=True,
    ),
)

REQUESTS = (
    Request(
        name="chat_streams_unless_told_otherwise",
        body=b"""{"model": "llama3.2", "options": {"num_predict": 5, "seed": 1},
            "messages": [{"role": "system", "content": "Be brief"},
            {"role": "user", "content": "Hi", "images": ["aGk="]}]}""",
        asked=Asked(model="llama3.2", is_stream=True, max_tokens=5, prompt="Hi"),
    ),
    Request(
        name="generate_whole_without_limit",
        body=b"""{"model": "m", "stream": false, "prompt": "Why?", "format": "",
            "options": {"num_predict": -1}}""",
        asked=Asked(model="m", prompt="Why?"),
    ),
    Request(
        name="any_json",
        body=b'{"model": "m", "stream": true, "format": "json", "prompt": ""}',
        asked=Asked(model="m", is_stream=True, wants_json=True),
    ),
    Request(
        name="json_of_a_schema",
        body=b'{"model": "m", "stream": false, "format": {"type": "object", "x": 1.0}}',
        asked=Asked(
            model="m",
            wants_json=True,
            schema=b'{"type": "object", "x": 1.0}',
        ),
    ),
    Request(
        name="tools_and_what_they_found",
        body=b"""{"model": "m", "stream": false, "tools": [{"type": "function",
            "function": {"name": "weather", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "time"}}],
            "messages": [{"role": "user", "content": "Weather?"},
            {"role": "assistant", "tool_calls": [{"function": {"name": "weather"}}]},
            {"role": "tool", "tool_name": "weather", "content": "Rain"},
            {"role": "tool", "tool_name": "weather", "content": "Cold"}]}""",
        asked=Asked(
            model="m",
            tools={"weather": b'{"type": "object"}', "time": b""},
            prompt="Weather?",
            context=("Rain", "Cold"),
        ),
    ),
    Request(
        name="odd_types",
        body=b"""{"model": 7, "stream": null, "format": 7, "options": [1], "tools": {},
            "messages": [{"role": [], "content": "a"}, {"role": "user", "content": 7}],
            "prompt": {}}""",
        asked=Asked(is_stream=True),
    ),
    Request(name="no_json", body=b"model=llama", asked=NOTHING),
    Request(name="empty", body=b"", asked=NOTHING),
)
