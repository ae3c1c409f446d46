"""OpenAI's older completions: a prompt in, text out, without roles.

https://platform.openai.com/docs/api-reference/completions; vLLM, SGLang, llama.cpp and
others still serve it. Whole answers and chunks look alike; streams end with [DONE].
With `echo` the text begins with the prompt, and the answer does not say so.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.answers import openai_parts as parts
from gateway.answers.answer import MOST_CHOICES, Answer
from gateway.answers.asked import NOTHING, Asked, take_prompt
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import NO_JSON, JsonReader, Leaf, value_of
from gateway.answers.usage import count


class _Choice(msgspec.Struct, gc=False):
    index: Leaf = 0
    text: Leaf = None
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
    """Read a completion."""
    answer.is_terminated = True
    read = _BODIES.one(body)
    if read is None:
        answer.is_garbled = True
    else:
        _take_body(answer, read)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read chunks, and [DONE]."""
    for chunk in _BODIES.each(answer, events):
        _take_body(answer, chunk)


def _take_body(answer: Answer, body: _Body) -> None:
    if body.error is not None or (body.choices is None and body.message is not None):
        answer.has_error = True
    if body.usage is not None:
        parts.take_usage(answer, body.usage)
    if not answer.model and isinstance(body.model, str):
        answer.model = body.model
    has_content = False
    for choice in (body.choices or ())[:MOST_CHOICES]:
        index = choice.index if type(choice.index) is int else 0
        parts.take_finish(answer, index, choice.finish_reason)
        if choice.text and isinstance(choice.text, str):
            has_content = True
            if index == 0:
                answer.text.add(choice.text)
    answer.content_events += has_content


# Requests.


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None
    stream: Leaf = None
    n: Leaf = None
    max_tokens: Leaf = None
    prompt: msgspec.Raw = NO_JSON


_REQUESTS: Final = JsonReader(_Request)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for a completion. Each of several prompts gets `n` answers."""
    request = _REQUESTS.one(body)
    if request is None:
        return NOTHING
    asked = Asked(
        model=request.model if isinstance(request.model, str) else None,
        is_stream=request.stream is True,
        max_tokens=count(request.max_tokens),
        choices=parts.choices_of(request.n),
    )
    prompts = _prompts_of(request.prompt, needs_prompt)
    if len(prompts) > 1:
        asked.choices = min(asked.choices * len(prompts), MOST_CHOICES)
    if needs_prompt and prompts and isinstance(prompts[0], str):
        take_prompt(asked, prompts[0])
    return asked


def _prompts_of(prompt: msgspec.Raw, needs_text: bool) -> list[Any]:
    """Give the prompts: text or lists of tokens, one, or a list of several."""
    is_list = bytes(memoryview(prompt)[:1]) == b"["
    if not is_list and not needs_text:
        return []
    value = value_of(prompt)
    if value is None:
        return []
    prompts = value if isinstance(value, list) else [value]
    is_one = bool(prompts) and not isinstance(prompts[0], (str, list))  # tokens
    return [prompts] if is_list and is_one else prompts


OPENAI_COMPLETIONS: Final = Dialect(
    name="openai_completions",
    family="openai",
    paths=(b"/completions",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
