"""Anthropic messages, also as vLLM, llama.cpp, Ollama and others speak it.

https://docs.anthropic.com/en/api/messages and, for streams, /messages-streaming:
message_start, blocks of content, message_delta (why it stopped, and a running total of
the usage), message_stop. `ping` comes anywhere, and new kinds of events may come.
`input_tokens` leaves out what was read from a cache or written to one: it is added here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import (
    LONGEST_TOOLS,
    MOST_PASSAGES,
    MOST_TOOLS,
    NOTHING,
    Asked,
    asked_in,
    passages,
    take_prompt,
)
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import (
    NO_JSON,
    UNREADABLE,
    JsonReader,
    Leaf,
    object_text,
    value_of,
)
from gateway.answers.usage import Usage, count

_FINISHES: Final = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "pause_turn": Finish.PAUSED,
    "refusal": Finish.REFUSAL,
}


_MOST_BLOCKS: Final = 1024  # of one message are read

_MAY_BE_EMPTY: Final = ("text", "thinking")
"""Blocks that are no content without their text. Others, such as the server's own tools
(server_tool_use, web_search_tool_result) and redacted_thinking, are as they stand."""


class _Tokens(msgspec.Struct, gc=False):
    input_tokens: Leaf = None
    cache_creation_input_tokens: Leaf = None
    cache_read_input_tokens: Leaf = None
    output_tokens: Leaf = None


class _Block(msgspec.Struct, gc=False):
    """A block of content: text, tool_use, thinking, or another."""

    type: Leaf = None
    text: Leaf = None
    thinking: Leaf = None
    name: Leaf = None
    input: msgspec.Raw = NO_JSON


class _Message(msgspec.Struct, gc=False):
    """A whole answer, or what a stream begins with."""

    type: Leaf = None
    model: Leaf = None
    content: list[_Block] | None = None
    stop_reason: Leaf = None
    usage: _Tokens | None = None
    error: Leaf = None


class _Delta(msgspec.Struct, gc=False):
    """A piece of a block, or of the message."""

    text: Leaf = None
    partial_json: Leaf = None
    thinking: Leaf = None
    stop_reason: Leaf = None


class _Event(msgspec.Struct, gc=False):
    type: Leaf = None
    index: Leaf = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Tokens | None = None
    error: Leaf = None


_MESSAGES: Final = JsonReader(_Message)
_EVENTS: Final = JsonReader(_Event)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read a message."""
    answer.is_terminated = True
    message = _MESSAGES.one(body)
    if message is None:
        answer.is_garbled = True
        return
    _take_message(answer, message)
    has_content = False
    for place, block in enumerate((message.content or ())[:_MOST_BLOCKS]):
        has_content |= _take_block(answer, place, block)
        if block.type == "tool_use":
            _take_whole_input(answer, place)
    answer.content_events += has_content


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read the events of a streamed message."""
    for event in _EVENTS.each(answer, events):
        if event.type == "content_block_delta" and event.delta is not None:
            _take_delta(answer, event.index, event.delta)
        else:
            _take_event(answer, event)


def _take_delta(answer: Answer, index: object, delta: _Delta) -> None:
    """Take a piece of a block; signatures and citations are no content."""
    if delta.text and isinstance(delta.text, str):
        answer.text.add(delta.text)
    elif delta.partial_json and isinstance(delta.partial_json, str):
        answer.call(_key(index), "", delta.partial_json)
    elif not delta.thinking:
        return
    answer.content_events += 1


def _take_event(answer: Answer, event: _Event) -> None:
    """Take an event that brings no piece of a block; ping and unknown ones are nothing."""
    take = _EVENT_TAKERS.get(event.type) if isinstance(event.type, str) else None
    if take is not None:
        take(answer, event)
    elif event.error is not None:
        answer.has_error = True


def _take_block_start(answer: Answer, event: _Event) -> None:
    if event.content_block is not None:
        has_content = _take_block(answer, _key(event.index), event.content_block)
        answer.content_events += has_content


def _take_block_stop(answer: Answer, event: _Event) -> None:
    _take_whole_input(answer, _key(event.index))


def _take_start(answer: Answer, event: _Event) -> None:
    if event.message is not None:
        _take_message(answer, event.message)


def _take_message_delta(answer: Answer, event: _Event) -> None:
    if event.usage is not None:
        _take_usage(answer, event.usage)
    if event.delta is not None:
        _take_stop(answer, event.delta.stop_reason)


def _take_end(answer: Answer, event: _Event) -> None:
    answer.is_terminated = True


def _take_error(answer: Answer, event: _Event) -> None:
    answer.has_error = True


_EVENT_TAKERS: Final[dict[str, Callable[[Answer, _Event], None]]] = {
    "message_start": _take_start,
    "content_block_start": _take_block_start,
    "content_block_stop": _take_block_stop,
    "message_delta": _take_message_delta,
    "message_stop": _take_end,
    "error": _take_error,
}


def _take_message(answer: Answer, message: _Message) -> None:
    """Take all but the content."""
    if message.type == "error" or message.error is not None:
        answer.has_error = True
        return
    if not answer.model and isinstance(message.model, str):
        answer.model = message.model
    if message.usage is not None:
        _take_usage(answer, message.usage)
    _take_stop(answer, message.stop_reason)


def _take_stop(answer: Answer, why: object) -> None:
    if not why:
        answer.begin(0)
        return
    finish = _FINISHES.get(why) if isinstance(why, str) else None
    answer.finish(0, finish or Finish.OTHER)
    if finish is Finish.REFUSAL:
        answer.has_refusal = True


def _take_block(answer: Answer, place: int, block: _Block) -> bool:
    """Take a block, whole or as it begins; tell whether it brought content."""
    if block.type == "tool_use":
        given = object_text(block.input).decode(errors="replace")
        name = block.name if isinstance(block.name, str) else ""
        answer.call(place, name, "" if given == "{}" else given)
        return True
    if block.text and isinstance(block.text, str):
        answer.text.add(block.text)
        return True
    is_other = isinstance(block.type, str) and block.type not in _MAY_BE_EMPTY
    return is_other or bool(block.thinking)


def _take_whole_input(answer: Answer, place: int) -> None:
    """At the end of a call: one without pieces has no arguments, which means {}."""
    call = answer.calls.get(place)
    if call is not None and not call.arguments:
        call.add("{}")


def _take_usage(answer: Answer, said: _Tokens) -> None:
    cached = count(said.cache_read_input_tokens)
    read = count(said.input_tokens)
    if read is not None:
        read += (cached or 0) + (count(said.cache_creation_input_tokens) or 0)
    usage = Usage(input=read, cached=cached, output=count(said.output_tokens))
    if usage.input is not None or usage.output is not None:
        answer.usage = usage.or_else(answer.usage)


def _key(index: object) -> int:
    return index if type(index) is int else 0


# Requests.


class _Format(msgspec.Struct, gc=False):
    type: Leaf = None
    schema: msgspec.Raw = NO_JSON


class _Output(msgspec.Struct, gc=False):
    format: _Format | None = None


class _Tool(msgspec.Struct, gc=False):
    name: Leaf = None
    input_schema: msgspec.Raw = NO_JSON


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None
    stream: Leaf = None
    max_tokens: Leaf = None
    tools: msgspec.Raw = NO_JSON
    output_config: msgspec.Raw = NO_JSON
    output_format: msgspec.Raw = NO_JSON  # its name in the beta


class _FullRequest(_Request, gc=False):
    messages: msgspec.Raw = NO_JSON


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)
_read_output: Final = JsonReader(_Output).one
_read_format: Final = JsonReader(_Format).one
_read_tools: Final = msgspec.json.Decoder(list[_Tool]).decode


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for a message."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is True,
        max_tokens=count(request.max_tokens),
    )
    if request.tools is not NO_JSON:
        _take_tools(asked, request.tools)
    _take_format(asked, request)
    if isinstance(request, _FullRequest):
        _take_messages(asked, value_of(request.messages))
    return asked


def _take_tools(asked: Asked, tools: msgspec.Raw) -> None:
    """Take the tools; those of the server's own have no schema."""
    if len(memoryview(tools)) > LONGEST_TOOLS:
        return
    try:
        read = _read_tools(tools)
    except UNREADABLE:
        return
    asked.tools = {
        tool.name: object_text(tool.input_schema)
        for tool in read[:MOST_TOOLS]
        if isinstance(tool.name, str)
    }


def _take_format(asked: Asked, request: _Request) -> None:
    wanted = None
    if request.output_config is not NO_JSON:
        output = _read_output(request.output_config)
        wanted = output.format if output is not None else None
    elif request.output_format is not NO_JSON:
        wanted = _read_format(request.output_format)
    if wanted is not None and wanted.type == "json_schema":
        asked.wants_json = True
        asked.schema = object_text(wanted.schema) or None


def _take_messages(asked: Asked, messages: object) -> None:
    """Take the last user's text, and the context.

    Context are the documents and search results of all messages, and what tools have
    returned since the user's last text: their results stand in messages whose role is
    `user` too.
    """
    found: list[str] = []
    for message in reversed(messages) if isinstance(messages, list) else ():
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        content = message.get("content")
        for block in (
            reversed(content[-_MOST_BLOCKS:]) if isinstance(content, list) else ()
        ):
            if isinstance(block, dict):
                found += reversed(_passages_in(block, are_new=asked.prompt is None))
        if asked.prompt is None:
            take_prompt(asked, asked_in(content))
        elif len(found) >= MOST_PASSAGES:
            break
    asked.context = passages(reversed(found))


def _passages_in(block: dict[str, Any], *, are_new: bool) -> list[str]:
    """Give the passages of a block of a user's message."""
    kind, content = block.get("type"), block.get("content")
    if kind == "tool_result":
        inner = content if isinstance(content, list) else []
        found = [asked_in(content)] if are_new else []
        found += [_document(each) for each in inner if isinstance(each, dict)]
    else:
        found = [_document(block)]
    return [text for text in found if text]


def _document(block: dict[str, Any]) -> str:
    """Give the text of a document or a search result; "" of other blocks, and files."""
    if block.get("type") == "search_result":
        return asked_in(block.get("content"))
    source = block.get("source")
    if block.get("type") != "document" or not isinstance(source, dict):
        return ""
    if source.get("type") == "text":
        return asked_in(source.get("data"))
    return asked_in(source.get("content"))


ANTHROPIC: Final = Dialect(
    name="anthropic",
    family="anthropic",
    # Not /messages alone, which OpenAI's threads have.
    paths=(b"/v1/messages",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
