"""OpenAI chat completions, also as vLLM, SGLang, llama.cpp, LM Studio and others speak it.

https://platform.openai.com/docs/api-reference/chat and, for streams, /chat-streaming.
What servers do differently: usage may stand on a chunk that still has choices (llama.cpp),
may be repeated as a running total (vLLM, continuous_usage_stats), and may never come; an
error may come as an event of its own, followed by [DONE] all the same (vLLM, SGLang).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import MOST_TOOLS, NOTHING, Asked
from gateway.answers.dialect import Dialect
from gateway.answers.usage import Usage, count

_DONE: Final = b"[DONE]"

_FINISHES: Final = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
}

# Leaves are Any: a server that sends a number where text belongs has sent an odd field,
# not an unreadable event. msgspec skips what is not named here without building it.


class _Said(msgspec.Struct, gc=False):
    """A message, or the delta of one."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None
    function_call: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: Any = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: Any = None


class _Body(msgspec.Struct, gc=False):
    """A whole answer or one chunk of a streamed one."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    model: Any = None


_read_body: Final = msgspec.json.Decoder(_Body).decode
_read_lines: Final = msgspec.json.Decoder(_Body).decode_lines


def read_usage(said: object) -> Usage | None:
    """Read OpenAI's `usage` object; None when it is none."""
    if not isinstance(said, dict):
        return None
    prompt = said.get("prompt_tokens_details")
    completion = said.get("completion_tokens_details")
    return Usage(
        input=count(said.get("prompt_tokens")),
        output=count(said.get("completion_tokens")),
        cached=count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        reasoning=count(completion.get("reasoning_tokens"))
        if isinstance(completion, dict)
        else None,
    )


def _take_body(answer: Answer, body: _Body) -> None:
    """Take a whole answer or a chunk; both have choices, usage, perhaps an error."""
    if body.error is not None:
        answer.has_error = True
    if body.usage is not None:
        usage = read_usage(body.usage)
        if usage is not None:
            answer.usage = usage.or_else(answer.usage)
    if answer.model is None and isinstance(body.model, str):
        answer.model = body.model
    has_content = False
    for choice in body.choices or ():
        has_content |= _take_choice(answer, choice)
    answer.content_events += has_content


def _take_choice(answer: Answer, choice: _Choice) -> bool:
    """Take one choice; tell whether it brought content."""
    index = choice.index if type(choice.index) is int else 0
    said = choice.message if choice.delta is None else choice.delta
    finish = choice.finish_reason
    if finish is None:
        answer.begin(index)
    else:
        answer.finish(index, _FINISHES.get(str(finish), Finish.OTHER))
    return said is not None and _take_said(answer, index, said)


def _take_said(answer: Answer, index: int, said: _Said) -> bool:
    has_content = False
    content = said.content
    if content:
        text = content if isinstance(content, str) else _text_of_parts(content)
        has_content = bool(text)
        if index == 0 and text:
            answer.text.add(text)
    if said.refusal:
        has_content = answer.has_refusal = True
    if said.reasoning_content or said.reasoning:
        has_content = True
    if said.tool_calls or said.function_call:
        has_content |= _take_calls(answer, index, said)
    return has_content


def _text_of_parts(parts: object) -> str:
    """Join the texts of a content that is a list of parts."""
    if not isinstance(parts, list):
        return ""
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _take_calls(answer: Answer, choice: int, said: _Said) -> bool:
    has_content = False
    calls = said.tool_calls if isinstance(said.tool_calls, list) else []
    for place, call in enumerate(calls):
        if isinstance(call, dict):
            index = call.get("index", place)
            key = (choice, index if type(index) is int else place)
            _take_function(answer, key, call.get("function"))
            has_content = True
    if isinstance(said.function_call, dict):
        _take_function(answer, (choice, -1), said.function_call)
        has_content = True
    return has_content


def _take_function(answer: Answer, key: object, function: object) -> None:
    name: object = ""
    arguments: object = ""
    if isinstance(function, dict):
        name, arguments = function.get("name"), function.get("arguments")
    answer.call(
        key,
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
    )


def read_whole(answer: Answer, body: bytes) -> None:
    """Read a chat completion."""
    answer.is_terminated = True
    try:
        _take_body(answer, _read_body(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer.is_garbled = True


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read chat.completion.chunk events, and [DONE].

    All at once in C where all can be read, which is the rule; else one by one.
    """
    if _DONE in events:
        answer.is_terminated = True
        events = [event for event in events if event != _DONE]
    try:
        chunks = _read_lines(b"\n".join(events))
    except (msgspec.DecodeError, UnicodeDecodeError):
        chunks = []
    if len(chunks) == len(events):  # an event may hold several lines
        for chunk in chunks:
            _take_body(answer, chunk)
        return
    for event in events:
        try:
            _take_body(answer, _read_body(event))
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer.is_garbled = True


# Requests.


class _Request(msgspec.Struct, gc=False):
    model: Any = None
    stream: Any = None
    stream_options: Any = None
    n: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    response_format: Any = None
    tools: Any = None


class _FullRequest(_Request, gc=False):
    messages: Any = None


_read_request: Final = msgspec.json.Decoder(_Request).decode
_read_full_request: Final = msgspec.json.Decoder(_FullRequest).decode


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for a chat completion."""
    try:
        request = _read_full_request(body) if needs_prompt else _read_request(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NOTHING
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is True,
    )
    if request.stream_options is not None:
        options = request.stream_options
        asked.asks_usage = isinstance(options, dict) and bool(
            options.get("include_usage")
        )
    most = count(request.max_completion_tokens)
    asked.max_tokens = count(request.max_tokens) if most is None else most
    if request.n is not None:
        asked.choices = count(request.n) or 1
    if request.response_format is not None:
        _read_format(asked, request.response_format)
    if request.tools is not None:
        asked.tools = _read_tools(request.tools)
    if isinstance(request, _FullRequest):
        asked.prompt = last_user_text(request.messages)
    return asked


def _read_format(asked: Asked, wanted: object) -> None:
    if not isinstance(wanted, dict):
        return
    kind = wanted.get("type")
    asked.wants_json = kind in {"json_object", "json_schema"}
    described = wanted.get("json_schema")
    if kind == "json_schema" and isinstance(described, dict):
        schema = described.get("schema")
        if isinstance(schema, dict):
            asked.schema = msgspec.json.encode(schema)


def _read_tools(tools: object) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for tool in tools[:MOST_TOOLS] if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and isinstance(function, dict):
            parameters = function.get("parameters")
            is_schema = isinstance(parameters, dict)
            found[name] = msgspec.json.encode(parameters) if is_schema else b""
    return found


def last_user_text(messages: object) -> str | None:
    """Give the text of the last message whose role is `user`."""
    for message in reversed(messages) if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else _text_of_parts(content)
    return None


OPENAI_CHAT: Final = Dialect(
    name="openai_chat",
    family="openai",
    paths=(b"/chat/completions",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
