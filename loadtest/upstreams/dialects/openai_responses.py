"""OpenAI responses: https://platform.openai.com/docs/api-reference/responses."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.dialects.openai_chat import CREATED, error_body
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

_ID = "resp_0"
_ITEM = "item_0"
_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}

Json = dict[str, Any]


class OpenAiResponses:
    """See the module; a voice."""

    stream_type = http_message.EVENT_STREAM
    streams_unasked = False
    end_of_failed = b""

    def __init__(self, name: str, called: str = _ID) -> None:
        self.served_by = name.encode()
        self._model = name
        self._id = called

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the events but the last, numbered."""
        how, number = order.how, count()
        begun = self._response("in_progress", [])
        yield _typed("response.created", next(number), response=begun)
        yield _typed("response.in_progress", next(number), response=begun)
        within = _call_events(how) if how.tool else _text_events(how)
        for kind, members in within:
            yield _typed(kind, next(number), members, output_index=0, item_id=_ITEM)

    def last_words(self, order: Order) -> bytes:
        """Make nothing: the end itself speaks of tokens."""
        return b""

    def end(self, how: Behaviour) -> bytes:
        """Make the terminal event, which repeats the whole answer."""
        text = "".join(_texts(how))
        whole = self._ended(how, text, streamed=True)
        return _typed(f"response.{whole['status']}", 9_999, response=whole)

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event."""
        return b"data: %b\n\n" % data

    def error_event(self) -> bytes:
        """Make the event of a failure."""
        failed = self._response("failed", [])
        failed["error"] = {"code": "server_error", "message": "It failed on command."}
        return _typed("response.failed", 9_999, response=failed)

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        return error_body(status)

    def whole(self, how: Behaviour) -> bytes:
        """Make a response."""
        return json_bytes(self._ended(how, speech.text(how), streamed=False))

    def _ended(self, how: Behaviour, text: str, *, streamed: bool) -> Json:
        reason = _REASONS.get(how.finish)
        status = "completed" if reason is None else "incomplete"
        made = self._response(status, [_call(how) if how.tool else _message(how, text)])
        made["incomplete_details"] = None if reason is None else {"reason": reason}
        if how.usage != "never":
            taken, given = speech.tokens(how, streamed=streamed)
            made["usage"] = {
                "input_tokens": taken,
                "input_tokens_details": {"cached_tokens": speech.CACHED_TOKENS},
                "output_tokens": given,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": taken + given,
            }
        return made

    def _response(self, status: str, output: list[Json]) -> Json:
        return {
            "id": self._id,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": self._model,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
        }


def _typed(
    kind: str, number: int, more: Json | None = None, **members: object
) -> bytes:
    data = {"type": kind, "sequence_number": number, **members, **(more or {})}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json_bytes(data))


def _texts(how: Behaviour) -> list[str]:
    return [json.loads(piece.decode("latin-1")) for piece in speech.pieces(how)]


def _part(how: Behaviour, text: str) -> Json:
    if how.declines:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": []}


def _message(how: Behaviour, text: str) -> Json:
    return {
        "type": "message",
        "id": _ITEM,
        "role": "assistant",
        "status": "completed",
        "content": [_part(how, text)],
    }


def _call(how: Behaviour) -> Json:
    name, arguments = speech.call_of(how)
    return {
        "type": "function_call",
        "id": _ITEM,
        "call_id": "call_0",
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


Events = Iterator[tuple[str, Json]]


def _text_events(how: Behaviour) -> Events:
    kind = "refusal" if how.declines else "output_text"
    member = "refusal" if how.declines else "text"
    opened = _message(how, "") | {"status": "in_progress", "content": []}
    yield "response.output_item.added", {"item": opened}
    place = {"content_index": 0}
    yield "response.content_part.added", {"part": _part(how, ""), **place}
    texts = _texts(how)
    more: Json = {} if how.declines else {"logprobs": []}
    for text in texts:
        yield f"response.{kind}.delta", {"delta": text, **place, **more}
    whole = "".join(texts)
    yield f"response.{kind}.done", {member: whole, **place, **more}
    yield "response.content_part.done", {"part": _part(how, whole), **place}
    yield "response.output_item.done", {"item": _message(how, whole)}


def _call_events(how: Behaviour) -> Events:
    done = _call(how)
    opened = done | {"arguments": "", "status": "in_progress"}
    yield "response.output_item.added", {"item": opened}
    kind, arguments = "response.function_call_arguments", str(done["arguments"])
    for piece in speech.cut(arguments, speech.text_events(how)):
        yield f"{kind}.delta", {"delta": piece}
    yield f"{kind}.done", {"arguments": arguments, "name": done["name"]}
    yield "response.output_item.done", {"item": done}
