"""Ollama's own API: /api/chat and /api/generate.

https://github.com/ollama/ollama/blob/main/docs/api.md. Answers are streamed, as lines of
JSON, unless the request says `"stream": false`; then the one object is as the last line
is, with everything in it. A line may be an error, and nothing follows it.
"""

from collections.abc import Sequence
from typing import Final, TypedDict

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked, passages, take_prompt
from gateway.answers.dialect import Dialect, Framing
from gateway.answers.json_reader import (
    NO_JSON,
    UNREADABLE,
    JsonReader,
    Leaf,
    Skipped,
    is_light,
    object_text,
)
from gateway.answers.openai_parts import take_tools
from gateway.answers.usage import Usage, count

_FINISHES: Final = {
    None: Finish.STOP,  # old servers give none
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
}
_MOVES: Final = ("load", "unload")
"""Reasons of an answer to a request without a prompt, which moves a model: all it wants."""


class _Function(msgspec.Struct, gc=False):
    name: Leaf = None
    arguments: msgspec.Raw = msgspec.Raw()


class _Call(msgspec.Struct, gc=False):
    """A call of a tool, whole: it never comes in pieces."""

    function: _Function | None = None


class _Said(msgspec.Struct, gc=False):
    content: Leaf = None
    thinking: Leaf = None
    tool_calls: list[_Call] | None = None


class _Line(msgspec.Struct, gc=False):
    """A whole answer or one line of a streamed one; generate's has no message."""

    message: _Said | None = None
    response: Leaf = None
    thinking: Leaf = None
    done: Leaf = None
    done_reason: Leaf = None
    model: Leaf = None
    error: Leaf = None
    prompt_eval_count: Leaf = None
    eval_count: Leaf = None


_LINES: Final = JsonReader(_Line)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read an answer that was asked for with `"stream": false`."""
    answer.is_terminated = True
    line = _LINES.one(body)
    if line is None:
        answer.is_garbled = True
    else:
        _take_line(answer, line)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read the lines of a stream, the last of which says that it is done."""
    for line in _LINES.each(answer, events):
        _take_line(answer, line)


def _take_line(answer: Answer, line: _Line) -> None:
    if line.error is not None:
        answer.has_error = True
        return
    if 0 not in answer.finishes:
        answer.begin(0)
        answer.model = line.model if isinstance(line.model, str) else None
    said = line.message
    if said is None:
        content, thinking, calls = line.response, line.thinking, None
    else:
        content, thinking, calls = said.content, said.thinking, said.tool_calls
    if content and type(content) is str:
        answer.text.add(content)
    for call in calls or ():
        _take_call(answer, call)
    if content or thinking or calls:
        answer.content_events += 1
    if line.done is True:
        _take_end(answer, line)


def _take_call(answer: Answer, call: _Call) -> None:
    """Take a call, whose arguments are an object and no text that holds one."""
    if call.function is None:
        return
    name = call.function.name
    arguments = bytes(call.function.arguments).decode(errors="replace")
    answer.call(len(answer.calls), name if isinstance(name, str) else "", arguments)


def _take_end(answer: Answer, line: _Line) -> None:
    answer.is_terminated = True
    why = line.done_reason
    finish = Finish.OTHER
    if why is None or isinstance(why, str):
        finish = _FINISHES.get(why, finish)
    if finish is Finish.STOP and answer.calls:
        finish = Finish.TOOL_CALLS
    answer.finish(0, finish)
    if why in _MOVES:
        answer.content_events += 1
    taken, made = count(line.prompt_eval_count), count(line.eval_count)
    if taken is not None or made is not None:
        answer.usage = Usage(input=taken, output=made)


# Requests.


class _Message(msgspec.Struct, gc=False):
    role: Leaf = None
    content: Leaf = None


class _Options(TypedDict, total=False):
    num_predict: Leaf


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None
    stream: Leaf = None
    format: msgspec.Raw = NO_JSON
    options: _Options | str | int | float | bool | Skipped | None = None
    tools: msgspec.Raw = NO_JSON


class _FullRequest(_Request, gc=False):
    messages: msgspec.Raw = NO_JSON
    prompt: Leaf = None


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)
_read_messages: Final = msgspec.json.Decoder(list[_Message]).decode


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request to chat or to generate."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    options = request.options
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is not False,
        max_tokens=count(options.get("num_predict"))  # -1: no limit
        if isinstance(options, dict)
        else None,
    )
    if request.format is not NO_JSON:
        asked.schema = object_text(request.format) or None
        asked.wants_json = asked.schema is not None or _is_json(request.format)
    if request.tools is not NO_JSON:
        take_tools(asked, request.tools)
    if isinstance(request, _FullRequest):
        _take_prompt(asked, request)
    return asked


def _is_json(wanted: msgspec.Raw) -> bool:
    return bytes(wanted) == b'"json"'


def _messages_of(said: msgspec.Raw) -> list[_Message]:
    if not is_light(said):
        return []
    try:
        return _read_messages(said)
    except UNREADABLE:
        return []


def _take_prompt(asked: Asked, request: _FullRequest) -> None:
    """Take the prompt, or the last user's text and what tools have found since."""
    if isinstance(request.prompt, str):
        take_prompt(asked, request.prompt)
    found = []
    for message in reversed(_messages_of(request.messages)):
        text = message.content if isinstance(message.content, str) else ""
        if message.role == "user":
            take_prompt(asked, text)
            break
        if message.role == "tool":
            found.append(text)
    asked.context = passages(reversed(found))


OLLAMA: Final = Dialect(
    name="ollama",
    family="ollama",
    paths=(b"/api/chat", b"/api/generate"),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    framing=Framing.LINES,
)
