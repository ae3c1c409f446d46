"""OpenAI responses, also as vLLM, LM Studio, llama.cpp and others speak it.

https://platform.openai.com/docs/api-reference/responses and /responses-streaming.
A stream is a list of events with a `type`. Its end mark is one of the terminal events,
which repeats the whole answer; there is no [DONE], and where a server sends one all the
same it says nothing. There is one choice, 0.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers import openai_parts as parts
from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import (
    NOTHING,
    Asked,
    asked_in,
    passages,
    take_prompt,
    text_of,
)
from gateway.answers.dialect import Dialect
from gateway.answers.held_state import id_in, state_of
from gateway.answers.json_reader import (
    NO_JSON,
    UNREADABLE,
    Content,
    JsonReader,
    Leaf,
    is_filled,
    parts_of,
    value_of,
)
from gateway.answers.usage import count


class _Call(msgspec.Struct, gc=False):
    """What an item of the output says of a call; the rest is skipped."""

    type: Leaf = None
    name: Leaf = None
    arguments: Leaf = None


class _Item(_Call, gc=False):
    """An item of the output: a message, a call, a reasoning, or another."""

    content: Content = None
    summary: msgspec.Raw = NO_JSON


class _Why(msgspec.Struct, gc=False):
    reason: Leaf = None


class _Response(msgspec.Struct, gc=False):
    """A whole answer; events carry it too. Its output is read only when needed."""

    id: Leaf = None
    status: Leaf = None
    model: Leaf = None
    error: Leaf = None
    incomplete_details: _Why | None = None
    usage: parts.Tokens | None = None
    output: msgspec.Raw = NO_JSON


class _Event(msgspec.Struct, gc=False):
    type: Leaf = None
    delta: Leaf = None
    output_index: Leaf = None
    item: _Call | None = None
    response: _Response | None = None
    error: Leaf = None


_RESPONSES: Final = JsonReader(_Response)
_EVENTS: Final = JsonReader(_Event)
_read_output: Final = msgspec.json.Decoder(list[_Item]).decode

_TEXT: Final = "response.output_text.delta"
_REFUSAL: Final = "response.refusal.delta"
_ARGUMENTS: Final = "response.function_call_arguments.delta"
_ITEMS: Final = frozenset({"response.output_item.added", "response.output_item.done"})
_FINALS: Final = frozenset({
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
})
_REASONING: Final = "response.reasoning_text.delta"
_OTHER_CONTENT: Final = frozenset({
    _REASONING,
    "response.reasoning_summary_text.delta",
    "response.custom_tool_call_input.delta",
    "response.audio.delta",
    "response.image_generation_call.partial_image",
})

_FUNCTION: Final = "function_call"
_FOR_THE_CLIENT: Final = frozenset({
    _FUNCTION,
    "custom_tool_call",
    "computer_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "mcp_approval_request",
    "image_generation_call",
})
"""Items that are an answer by themselves; other calls are the server's own doing."""

_MOST_ITEMS: Final = 1024  # of one output are read

_INCOMPLETE: Final = {
    "max_output_tokens": Finish.LENGTH,
    "content_filter": Finish.CONTENT_FILTER,
}


def read_whole(answer: Answer, body: bytes) -> None:
    """Read a response; one that runs in the background (`queued`) is whole as it is."""
    answer.is_terminated = True
    response = _RESPONSES.one(body)
    if response is None:
        answer.is_garbled = True
        return
    _take_output(answer, response)
    _take_response(answer, response)
    if response.status in ("queued", "in_progress"):
        answer.content_events += 1
        answer.finish(0, Finish.PAUSED)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read the events of a streamed response."""
    if parts.END_MARK in events:
        events = [event for event in events if event != parts.END_MARK]
    for event in _EVENTS.each(answer, events):
        if event.type == _TEXT:
            if event.delta and isinstance(event.delta, str):
                answer.text.add(event.delta)
                answer.content_events += 1
        else:
            _take_event(answer, event)


def _take_event(answer: Answer, event: _Event) -> None:
    """Take an event that brings no text."""
    kind = event.type if isinstance(event.type, str) else ""
    if kind in _ITEMS:
        _take_item_event(answer, event)
    elif kind == _ARGUMENTS:
        _take_call(answer, event.output_index, "", event.delta)
        answer.content_events += 1
    elif kind == _REFUSAL:
        answer.has_refusal = True
        answer.content_events += 1
    elif kind in _OTHER_CONTENT:
        answer.content_events += 1
        answer.shows_reasoning |= kind == _REASONING
    elif kind == "error" or event.error is not None:
        answer.has_error = True
        answer.is_terminated |= kind == "error"
    elif event.response is not None:
        _take_response_event(answer, kind, event.response)


def _take_item_event(answer: Answer, event: _Event) -> None:
    """Take the name of a call; and its arguments, where they came in no deltas."""
    item = event.item
    if item is None or item.type != _FUNCTION:
        return
    key = _key(event.output_index)
    known = answer.calls.get(key)
    if known is None:
        _take_call(answer, key, item.name, item.arguments)
        answer.content_events += 1
    elif not known.arguments:
        _take_call(answer, key, item.name, item.arguments)


def _take_response_event(answer: Answer, kind: str, response: _Response) -> None:
    """Take an event about the whole answer: at its beginning, or its end."""
    if kind in _FINALS:
        answer.is_terminated = True
        if not answer.has_content:  # a server that sends no deltas
            _take_output(answer, response)
    _take_response(answer, response)
    if kind == "response.failed":
        answer.has_error = True


def _take_response(answer: Answer, response: _Response) -> None:
    """Take all but the output."""
    if answer.state is None:
        answer.state = id_in(response.id)
    if not answer.model and isinstance(response.model, str):
        answer.model = response.model
    if response.usage is not None:
        parts.take_usage(answer, response.usage)
    if response.error is not None or response.status == "failed":
        answer.has_error = True
    finish = _finish_of(answer, response)
    if finish is None:
        answer.begin(0)
    else:
        answer.finish(0, finish)


def _finish_of(answer: Answer, response: _Response) -> Finish | None:
    if response.status == "completed":
        return Finish.TOOL_CALLS if answer.calls else Finish.STOP
    if response.status == "incomplete":
        why = response.incomplete_details
        reason = why.reason if why is not None else None
        known = _INCOMPLETE.get(reason) if isinstance(reason, str) else None
        return known or Finish.OTHER
    return Finish.OTHER if response.status == "cancelled" else None


def _take_output(answer: Answer, response: _Response) -> None:
    if response.output == NO_JSON:
        return
    try:
        items = _read_output(response.output)
    except UNREADABLE:
        answer.is_garbled = True
        return
    has_content = False
    for place, item in enumerate(items[:_MOST_ITEMS]):
        has_content |= _take_item(answer, place, item)
    answer.content_events += has_content


def _take_item(answer: Answer, place: int, item: _Item) -> bool:
    """Take an item of a whole output; tell whether it is content."""
    if item.type == _FUNCTION:
        _take_call(answer, place, item.name, item.arguments)
    if item.type != "message":
        told = is_filled(item.summary) or bool(
            parts_of(item.content) or text_of(item.content)
        )
        is_for_client = isinstance(item.type, str) and item.type in _FOR_THE_CLIENT
        return is_for_client or (item.type == "reasoning" and told)
    return _take_parts(answer, item.content)


def _take_parts(answer: Answer, content: object) -> bool:
    """Take a message's text and refusals; tell whether there are any."""
    text = text_of(content)
    if text:
        answer.text.add(text)
    if any(
        isinstance(part, dict) and part.get("refusal") for part in parts_of(content)
    ):
        answer.has_refusal = True
        return True
    return bool(text)


def _take_call(answer: Answer, index: object, name: object, arguments: object) -> None:
    answer.call(
        _key(index),
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
    )


def _key(index: object) -> int:
    return index if type(index) is int else 0


# Requests.


class _Text(msgspec.Struct, gc=False):
    format: msgspec.Raw = NO_JSON


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None
    stream: Leaf = None
    max_output_tokens: Leaf = None
    previous_response_id: Leaf = None
    conversation: msgspec.Raw = NO_JSON
    text: _Text | None = None
    tools: msgspec.Raw = NO_JSON


class _FullRequest(_Request, gc=False):
    input: msgspec.Raw = NO_JSON


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for a response."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is True,
        max_tokens=count(request.max_output_tokens),
        conversation=_text(
            state_of(request.previous_response_id, request.conversation)
        ),
    )
    if request.text is not None:
        parts.take_format(asked, request.text.format)
    if request.tools is not NO_JSON:
        parts.take_tools(asked, request.tools)
    if isinstance(request, _FullRequest):
        _take_input(asked, value_of(request.input))
    return asked


def _text(name: bytes | None) -> str | None:
    return None if name is None else name.decode(errors="replace")


def _take_input(asked: Asked, said: object) -> None:
    """Take the last user's text, and what functions have returned since."""
    if isinstance(said, str):
        take_prompt(asked, said)
        return
    found = []
    for item in reversed(said) if isinstance(said, list) else ():
        if not isinstance(item, dict):
            continue
        if item.get("role") == "user":
            take_prompt(asked, asked_in(item.get("content")))
            break
        if item.get("type") == "function_call_output":
            found.append(asked_in(item.get("output")))
    if found:
        asked.context = passages(reversed(found))


OPENAI_RESPONSES: Final = Dialect(
    name="openai_responses",
    family="openai",
    paths=(b"/responses",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
