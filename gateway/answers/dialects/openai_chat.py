"""OpenAI chat completions, also as vLLM, SGLang, llama.cpp, LM Studio and others speak it.

https://platform.openai.com/docs/api-reference/chat and, for streams, /chat-streaming.
What servers do differently: usage may stand on a chunk that still has choices (llama.cpp),
may be repeated as a running total (vLLM, continuous_usage_stats), and may never come; an
error may come as an event of its own, followed by [DONE] all the same (vLLM, SGLang).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers import openai_parts as parts
from gateway.answers.answer import MOST_CALLS, MOST_CHOICES, Answer
from gateway.answers.asked import (
    NOTHING,
    Asked,
    asked_in,
    passages,
    take_prompt,
    text_of,
)
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import (
    NO_JSON,
    Content,
    JsonReader,
    Leaf,
    is_filled,
    value_of,
)
from gateway.answers.usage import count


class _Function(msgspec.Struct, gc=False):
    name: Leaf = None
    arguments: Leaf = None


class _Call(msgspec.Struct, gc=False):
    """A call of a tool; a custom tool has no function, and no JSON arguments."""

    index: Leaf = None
    function: _Function | None = None


class _Said(msgspec.Struct, gc=False):
    """A message, or the delta of one."""

    content: Content = None
    refusal: Leaf = None
    reasoning_content: Leaf = None  # DeepSeek, SGLang, vLLM
    reasoning: Leaf = None  # OpenRouter, newer vLLM
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: msgspec.Raw = NO_JSON
    images: msgspec.Raw = NO_JSON


class _Choice(msgspec.Struct, gc=False):
    index: Leaf = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: Leaf = None


class _Body(msgspec.Struct, gc=False):
    """A whole answer or one chunk of a streamed one."""

    choices: list[_Choice] | None = None
    usage: parts.Tokens | None = None
    error: Leaf = None
    model: Leaf = None
    message: Leaf = None  # of an error that is not in `error` (older vLLM and SGLang)


_BODIES: Final = JsonReader(_Body, parts.END_MARK)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read a chat completion."""
    answer.is_terminated = True
    read = _BODIES.one(body)
    if read is None:
        answer.is_garbled = True
    else:
        _take_body(answer, read)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read chat.completion.chunk events, and [DONE]."""
    for chunk in _BODIES.each(answer, events):
        said = _lone_delta(chunk)
        if said is None or 0 not in answer.finishes:
            _take_body(answer, chunk)
        elif _take_said(answer, 0, said):
            answer.content_events += 1


def _lone_delta(chunk: _Body) -> _Said | None:
    """Give the delta of a chunk that brings nothing else, as most do."""
    choices = chunk.choices
    if (
        choices
        and len(choices) == 1
        and (choice := choices[0]).finish_reason is None
        and choice.index == 0
        and chunk.usage is None
        and chunk.error is None
    ):
        return choice.delta
    return None


def _take_body(answer: Answer, body: _Body) -> None:
    """Take a whole answer or a chunk; both have choices, usage, perhaps an error."""
    if body.error is not None or (body.choices is None and body.message is not None):
        answer.has_error = True
    if body.usage is not None:
        parts.take_usage(answer, body.usage)
    if not answer.model and isinstance(body.model, str):
        answer.model = body.model
    has_content = False
    for choice in (body.choices or ())[:MOST_CHOICES]:
        has_content |= _take_choice(answer, choice)
    answer.content_events += has_content


def _take_choice(answer: Answer, choice: _Choice) -> bool:
    """Take one choice; tell whether it brought content."""
    index = choice.index if type(choice.index) is int else 0
    said = choice.message if choice.delta is None else choice.delta
    parts.take_finish(answer, index, choice.finish_reason)
    return said is not None and _take_said(answer, index, said)


def _take_said(answer: Answer, index: int, said: _Said) -> bool:
    """Take a message or a delta; tell whether it brought content."""
    content = said.content
    if content and index == 0:
        answer.text.add(content if type(content) is str else text_of(content))
    if said.tool_calls or said.function_call:
        _take_calls(answer, index, said)
        content = True
    if said.refusal:
        content = answer.has_refusal = True
    if content:
        return True
    if said.reasoning_content or said.reasoning:
        answer.shows_reasoning = True
        return True
    return is_filled(said.audio) or is_filled(said.images)


def _take_calls(answer: Answer, choice: int, said: _Said) -> None:
    for place, call in enumerate((said.tool_calls or ())[:MOST_CALLS]):
        if call.function is not None:
            index = call.index if type(call.index) is int else place
            _take_function(answer, (choice, index), call.function)
    if said.function_call is not None:
        _take_function(answer, (choice, -1), said.function_call)


def _take_function(answer: Answer, key: object, function: _Function) -> None:
    name, arguments = function.name, function.arguments
    answer.call(
        key,
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
    )


# Requests.


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None
    stream: Leaf = None
    n: Leaf = None
    max_tokens: Leaf = None
    max_completion_tokens: Leaf = None
    response_format: msgspec.Raw = NO_JSON
    tools: msgspec.Raw = NO_JSON
    functions: msgspec.Raw = NO_JSON


class _FullRequest(_Request, gc=False):
    messages: msgspec.Raw = NO_JSON


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for a chat completion."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    most = request.max_completion_tokens
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is True,
        max_tokens=count(request.max_tokens if most is None else most),
        choices=parts.choices_of(request.n),
    )
    if request.response_format is not NO_JSON:
        parts.take_format(asked, request.response_format)
    if request.tools is not NO_JSON:
        parts.take_tools(asked, request.tools)
    if request.functions is not NO_JSON:
        parts.take_tools(asked, request.functions)
    if isinstance(request, _FullRequest):
        _take_messages(asked, value_of(request.messages))
    return asked


def _take_messages(asked: Asked, messages: object) -> None:
    """Take the last user's text, and what tools have found since."""
    found = []
    for message in reversed(messages) if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        if message.get("role") == "user":
            take_prompt(asked, asked_in(message.get("content")))
            break
        if message.get("role") in ("tool", "function"):
            found.append(asked_in(message.get("content")))
    if found:
        asked.context = passages(reversed(found))


OPENAI_CHAT: Final = Dialect(
    name="openai_chat",
    family="openai",
    paths=(b"/chat/completions",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
