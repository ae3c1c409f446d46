"""KServe's Open Inference Protocol, version 2, as Triton and others speak it: tensors.

https://github.com/kserve/open-inference-protocol. The model's name is in the path. With
Triton's binary extension the tensors follow the JSON text and are no part of it; that is
how its own clients ask, so such an answer is no garbled one.
"""

import json
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked
from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import JsonReader, Leaf

_LONGEST_HEAD: Final = 64 * 1024
"""Bytes of JSON before binary tensors: their names, types and shapes."""


class _Output(msgspec.Struct, gc=False):
    """A tensor. Its data are not built: they may be millions of numbers."""


class _Body(msgspec.Struct, gc=False):
    outputs: list[_Output] | None = None
    model_name: Leaf = None
    error: Leaf = None


_BODIES: Final = JsonReader(_Body)
_read_head: Final = json.JSONDecoder().raw_decode


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read nothing: there is no text in it, and no name of a model."""
    return Asked()


def read_whole(answer: Answer, body: bytes) -> None:
    """Read whether there are outputs."""
    answer.is_terminated = True
    is_text = body.rstrip().endswith(b"}")  # or else megabytes are tensors
    read = (_BODIES.one(body) if is_text else None) or _before_tensors(body)
    if read is None:
        answer.is_garbled = True
        return
    if read.error is not None:
        answer.has_error = True
        return
    answer.finish(0, Finish.STOP)
    answer.model = read.model_name if isinstance(read.model_name, str) else None
    answer.content_events += bool(read.outputs)


def _before_tensors(body: bytes) -> _Body | None:
    """Read the JSON text that binary tensors follow; None when there is none."""
    head = body[:_LONGEST_HEAD].decode("latin-1")  # a character a byte
    try:
        _, end = _read_head(head)
    except (ValueError, RecursionError):
        return None
    return _BODIES.one(body[:end])


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Read events, should there be any, as answers."""
    for event in events:
        read_whole(answer, event)


KSERVE: Final = Dialect(
    name="kserve",
    family="kserve",
    paths=(b"/v2/models/*/infer",),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    is_text=False,
)
