"""OpenAI embeddings: texts in, vectors out. Never streamed, nothing to read in it.

https://platform.openai.com/docs/api-reference/embeddings. A vector that is not a number
throughout (NaN is no JSON) makes the body unreadable, for clients too.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers import openai_parts as parts
from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import JsonReader, Leaf
from gateway.answers.openai_shapes import Tokens


class _Vector(msgspec.Struct, gc=False):
    """Only that it is there counts; its numbers are skipped."""


class _Body(msgspec.Struct, gc=False):
    data: list[_Vector] | None = None
    usage: Tokens | None = None
    error: Leaf = None
    model: Leaf = None


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None


_BODIES: Final = JsonReader(_Body)
_REQUESTS: Final = JsonReader(_Request)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read a list of embeddings."""
    answer.is_terminated = True
    read = _BODIES.one(body)
    if read is None:
        answer.is_garbled = True
    else:
        _take_body(answer, read)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read what no server sends as if each event were a whole answer."""
    for body in _BODIES.each(answer, events):
        answer.is_terminated = True
        _take_body(answer, body)


def _take_body(answer: Answer, body: _Body) -> None:
    if body.error is not None:
        answer.has_error = True
    if body.usage is not None:
        parts.take_usage(answer, body.usage)
    if not answer.model and isinstance(body.model, str):
        answer.model = body.model
    if body.data is not None:
        answer.finish(0, Finish.STOP)
        answer.content_events += bool(body.data)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read a request for embeddings; it has no prompt that an answer would be about."""
    request = _REQUESTS.one(body)
    if request is None:
        return NOTHING
    return Asked(model=request.model if isinstance(request.model, str) else None)


OPENAI_EMBEDDINGS: Final = Dialect(
    name="openai_embeddings",
    family="openai",
    paths=(b"/embeddings",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    is_text=False,
)
