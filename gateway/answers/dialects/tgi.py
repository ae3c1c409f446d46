"""Hugging Face's Text Generation Inference: /generate and /generate_stream.

https://huggingface.github.io/text-generation-inference. A stream has one event a token;
the last one has the whole text once more, which is its end mark, and the details. A whole
answer has details only if they were asked for, and may come in a list of one; its tokens
stand in its head too (router/src/server.rs).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked, take_prompt
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import (
    NO_JSON,
    UNREADABLE,
    JsonReader,
    Leaf,
    object_text,
)
from gateway.answers.usage import Usage, count, count_in

_FINISHES: Final = {
    "length": Finish.LENGTH,
    "eos_token": Finish.STOP,
    "stop_sequence": Finish.STOP,
}


class _Token(msgspec.Struct, gc=False):
    text: Leaf = None
    special: Leaf = None


class _Details(msgspec.Struct, gc=False):
    finish_reason: Leaf = None
    generated_tokens: Leaf = None
    input_length: Leaf = None  # in streams, since 3.0


class _Body(msgspec.Struct, gc=False):
    """A whole answer or one event of a streamed one."""

    token: _Token | None = None
    generated_text: Leaf = None
    details: _Details | None = None
    error: Leaf = None


_BODIES: Final = JsonReader(_Body)
_read_list: Final = msgspec.json.Decoder(list[_Body]).decode


def read_head(answer: Answer, fields: Mapping[bytes, bytes]) -> None:
    """Read how many tokens there were; that of a stream does not say it."""
    taken = count_in(fields.get(b"x-prompt-tokens"))
    made = count_in(fields.get(b"x-generated-tokens"))
    if taken is not None or made is not None:
        answer.usage = Usage(input=taken, output=made)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read what /generate answers."""
    answer.is_terminated = True
    bodies = _bodies_of(body)
    answer.is_garbled = not bodies
    for choice, each in enumerate(bodies):
        _take_whole(answer, choice, each)
    answer.content_events = min(1, answer.content_events)


def _bodies_of(body: bytes) -> list[_Body]:
    """Read one answer or a list of them; none when it is neither."""
    one = _BODIES.one(body)
    if one is not None:
        return [one]
    try:
        return _read_list(body)
    except UNREADABLE:
        return []


def _take_whole(answer: Answer, choice: int, body: _Body) -> None:
    text = body.generated_text
    if body.error is not None:
        answer.has_error = True
    elif not isinstance(text, str):
        answer.is_garbled = True
    else:
        if text and choice == 0:
            answer.text.add(text)
        answer.content_events += bool(text)
        _take_end(answer, choice, body.details)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read events of /generate_stream, one for each token."""
    for event in _BODIES.each(answer, events):
        if event.error is not None:
            answer.has_error = True
            continue
        if 0 not in answer.finishes:
            answer.begin(0)
        token = event.token
        if token is not None and token.special is not True:
            text = token.text
            if text and type(text) is str:
                answer.text.add(text)
                answer.content_events += 1
        if event.generated_text is not None:
            answer.is_terminated = True
            _take_end(answer, 0, event.details)


def _take_end(answer: Answer, choice: int, details: _Details | None) -> None:
    """Take why a choice stopped; without details there is a reason, but not known."""
    if details is None:
        answer.finish(choice, Finish.OTHER)
        return
    why = details.finish_reason
    finish = _FINISHES.get(why) if isinstance(why, str) else None
    answer.finish(choice, finish or Finish.OTHER)
    taken, made = count(details.input_length), count(details.generated_tokens)
    if choice == 0 and (taken is not None or made is not None):
        answer.usage = Usage(input=taken, output=made).or_else(answer.usage)


# Requests.


class _Grammar(msgspec.Struct, gc=False):
    type: Leaf = None
    value: msgspec.Raw = NO_JSON


class _Named(msgspec.Struct, gc=False):
    """A `json_schema`, which has its schema in it; that of `json` is one itself."""

    schema: msgspec.Raw = NO_JSON


class _Parameters(msgspec.Struct, gc=False):
    max_new_tokens: Leaf = None
    grammar: msgspec.Raw = NO_JSON


class _Request(msgspec.Struct, gc=False):
    stream: Leaf = None
    parameters: _Parameters | None = None


class _FullRequest(_Request, gc=False):
    inputs: Leaf = None


_REQUESTS: Final = JsonReader(_Request)
_FULL_REQUESTS: Final = JsonReader(_FullRequest)
_read_grammar: Final = JsonReader(_Grammar).one
_read_named: Final = JsonReader(_Named).one


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request to generate. That it is to be streamed, its path may say alone."""
    request = (_FULL_REQUESTS if needs_prompt else _REQUESTS).one(body)
    if request is None:
        return NOTHING
    asked = Asked(is_stream=request.stream is True)
    parameters = request.parameters
    if parameters is not None:
        asked.max_tokens = count(parameters.max_new_tokens)
        if parameters.grammar is not NO_JSON:
            _take_grammar(asked, parameters.grammar)
    if isinstance(request, _FullRequest) and isinstance(request.inputs, str):
        take_prompt(asked, request.inputs)
    return asked


def _take_grammar(asked: Asked, wanted: msgspec.Raw) -> None:
    grammar = _read_grammar(wanted)
    if grammar is None or not isinstance(grammar.type, str):
        return
    asked.wants_json = grammar.type in {"json", "json_object", "json_schema"}
    if asked.wants_json:
        named = _read_named(grammar.value)
        inner = b"" if named is None else object_text(named.schema)
        asked.schema = inner or object_text(grammar.value) or None


TGI: Final = Dialect(
    name="tgi",
    family="tgi",
    paths=(b"/generate_stream",),
    shared_paths=(b"/generate",),  # SGLang and vLLM's demo server have another one
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    read_head=read_head,
)
