"""Ollama's embeddings: /api/embed, and /api/embeddings before it. Never streamed.

https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.dialect import Dialect, Framing
from gateway.answers.json_reader import JsonReader, Leaf
from gateway.answers.usage import Usage, count

_NUMBER: Final = re.compile(rb"[0-9]")


class _Body(msgspec.Struct, gc=False):
    """An answer. Its vectors are not built: thousands of numbers, and none is read."""

    embeddings: msgspec.Raw = msgspec.Raw()
    embedding: msgspec.Raw = msgspec.Raw()
    prompt_eval_count: Leaf = None
    model: Leaf = None
    error: Leaf = None


class _Request(msgspec.Struct, gc=False):
    model: Leaf = None


_BODIES: Final = JsonReader(_Body)
_REQUESTS: Final = JsonReader(_Request)


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read the model's name."""
    request = _REQUESTS.one(body)
    if request is None:
        return NOTHING
    return Asked(model=request.model if isinstance(request.model, str) else None)


def read_whole(answer: Answer, body: bytes) -> None:
    """Read whether there is a vector with numbers in it."""
    answer.is_terminated = True
    read = _BODIES.one(body)
    if read is None:
        answer.is_garbled = True
        return
    if read.error is not None:
        answer.has_error = True
        return
    answer.finish(0, Finish.STOP)
    answer.model = read.model if isinstance(read.model, str) else None
    taken = count(read.prompt_eval_count)
    if taken is not None:
        answer.usage = Usage(input=taken)
    if _NUMBER.search(read.embeddings) or _NUMBER.search(read.embedding):
        answer.content_events += 1


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read lines, should there be any, as answers."""
    for event in events:
        read_whole(answer, event)


OLLAMA_EMBED: Final = Dialect(
    name="ollama_embed",
    family="ollama",
    paths=(b"/api/embed", b"/api/embeddings"),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    framing=Framing.LINES,
    is_text=False,
)
