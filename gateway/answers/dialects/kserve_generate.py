"""Triton's generate extension of KServe's protocol: text in, text out, one or a stream.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md
There is no end mark and, but for vLLM's backend, no reason to stop: the transport alone
tells whether a stream is whole. Each event's text is what is new, and so are the tokens
that vLLM's backend counts when it is asked to (its src/utils/request.py).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked, take_prompt
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import JsonReader, Leaf, SkippedObject
from gateway.answers.usage import Usage, count

_FINISHES: Final = {"length": Finish.LENGTH}  # "None", as text, until there is one


class _FirstText(msgspec.Struct, array_like=True, gc=False):
    text: Leaf = None


class _Body(msgspec.Struct, gc=False):
    """A whole answer or one event of a streamed one."""

    text_output: str | _FirstText | int | float | bool | SkippedObject | None = None
    finish_reason: Leaf = None
    num_input_tokens: Leaf = None
    num_output_tokens: Leaf = None
    model_name: Leaf = None
    error: Leaf = None


_BODIES: Final = JsonReader(_Body)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read what generate answers."""
    answer.is_terminated = True
    read = _BODIES.one(body)
    if read is None:
        answer.is_garbled = True
    else:
        _take(answer, read)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read events of generate_stream: each is as a whole answer is."""
    for event in _BODIES.each(answer, events):
        answer.is_terminated = True
        _take(answer, event)


def _take(answer: Answer, body: _Body) -> None:
    if body.error is not None:
        answer.has_error = True
        return
    if answer.model is None and isinstance(body.model_name, str):
        answer.model = body.model_name
    why = body.finish_reason
    if isinstance(why, str) and why in _FINISHES:
        answer.finish(0, _FINISHES[why])
    elif 0 not in answer.finishes:
        answer.finish(0, Finish.STOP)
    if body.num_input_tokens is not None or body.num_output_tokens is not None:
        _take_tokens(answer, body)
    text = _first_text(body.text_output)
    if text:
        answer.text.add(text)
        answer.content_events += 1


def _take_tokens(answer: Answer, body: _Body) -> None:
    made = count(body.num_output_tokens)
    before = answer.usage
    if made is not None and before is not None and before.output is not None:
        made += before.output
    answer.usage = Usage(input=count(body.num_input_tokens), output=made).or_else(
        before
    )


def _first_text(output: object) -> str:
    """Give the text; of a list, which a batch has, the first."""
    if isinstance(output, _FirstText):
        output = output.text
    return output if isinstance(output, str) else ""


# Requests.


class _Settings(msgspec.Struct, gc=False):
    stream: Leaf = None
    max_tokens: Leaf = None


class _Request(_Settings, gc=False):
    """Settings stand beside the text or among `parameters`, as the model was made."""

    parameters: _Settings | None = None


class _FullRequest(_Request, gc=False):
    text_input: Leaf = None


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request to generate. That it is to be streamed, its path may say alone."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    inner = request.parameters or request
    most = count(request.max_tokens)
    asked = Asked(
        is_stream=request.stream is True or inner.stream is True,
        max_tokens=count(inner.max_tokens) if most is None else most,
    )
    if isinstance(request, _FullRequest) and isinstance(request.text_input, str):
        take_prompt(asked, request.text_input)
    return asked


KSERVE_GENERATE: Final = Dialect(
    name="kserve_generate",
    family="kserve",
    paths=(b"/v2/models/*/generate", b"/v2/models/*/generate_stream"),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
)
