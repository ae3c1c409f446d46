"""Anthropic messages: https://docs.anthropic.com/en/api/messages-streaming."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_CALL_ID = "toolu_0"
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
_TEXT = _DELTA + b'"delta":{"type":"text_delta","text":%b}}\n\n'
_INPUT = _DELTA + b'"delta":{"type":"input_json_delta","partial_json":%b}}\n\n'


class AnthropicMessages:
    """See the module; a voice."""

    stream_type = http_message.EVENT_STREAM
    streams_unasked = False
    end_of_failed = b""

    def __init__(self, name: str) -> None:
        self.served_by = name.encode()
        self._model = name

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the events but the last."""
        how = order.how
        begun = self._message(how, []) | {"stop_reason": None}
        begun["usage"] = _usage(1)
        yield _typed("message_start", message=begun)
        yield _typed("content_block_start", index=0, content_block=_opened(how))
        yield _typed("ping")
        yield from _deltas(how)
        yield _typed("content_block_stop", index=0)
        stop = {"stop_reason": _stop_reason(how), "stop_sequence": None}
        told = {} if how.usage == "never" else {"usage": _given(how)}
        yield _typed("message_delta", delta=stop, **told)

    def last_words(self, order: Order) -> bytes:
        """Make nothing: message_delta has spoken of tokens."""
        return b""

    def end(self, how: Behaviour) -> bytes:
        """Make the end mark."""
        return _typed("message_stop")

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event that clients look at."""
        return b"event: content_block_delta\ndata: %b\n\n" % data

    def error_event(self) -> bytes:
        """Make the event of a failure."""
        return b"event: error\ndata: %b\n\n" % self.error_body(529)

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        error = {"type": "overloaded_error", "message": "It failed on command."}
        return json_bytes({"type": "error", "error": error, "request_id": None})

    def whole(self, how: Behaviour) -> bytes:
        """Make a message."""
        said: dict[str, Any] = {"type": "text", "text": speech.text(how)}
        message = self._message(how, [_called(how) if how.tool else said])
        message["usage"] = _usage(speech.tokens(how, streamed=False)[1])
        return json_bytes(message)

    def _message(self, how: Behaviour, content: list[object]) -> dict[str, object]:
        return {
            "id": "msg_0",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": _stop_reason(how),
            "stop_sequence": None,
        }


def _typed(kind: str, **members: object) -> bytes:
    data = json_bytes({"type": kind, **members})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def _usage(output_tokens: int) -> dict[str, int]:
    """Make a usage whose input leaves out what came from the cache."""
    return {
        "input_tokens": speech.PROMPT_TOKENS - speech.CACHED_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": speech.CACHED_TOKENS,
        "output_tokens": output_tokens,
    }


def _given(how: Behaviour) -> dict[str, int]:
    return {"output_tokens": speech.tokens(how, streamed=True)[1]}


def _stop_reason(how: Behaviour) -> str | None:
    if how.no_finish:
        return None
    if how.declines:
        return "refusal"
    called = how.tool and how.finish == "stop"
    return "tool_use" if called else _STOPS.get(how.finish, how.finish)


def _opened(how: Behaviour) -> dict[str, object]:
    if not how.tool:
        return {"type": "text", "text": ""}
    return _called(how) | {"input": {}}


def _called(how: Behaviour) -> dict[str, object]:
    """Make a whole call; what is no JSON cannot stand here, and is left out."""
    name, arguments = speech.call_of(how)
    given = json.loads(arguments) if how.tool != "invalid" else {}
    return {"type": "tool_use", "id": _CALL_ID, "name": name, "input": given}


def _deltas(how: Behaviour) -> Iterator[bytes]:
    if not how.tool:
        yield from (_TEXT % piece for piece in speech.pieces(how))
        return
    _name, arguments = speech.call_of(how)
    for piece in speech.cut(arguments, speech.text_events(how)):
        yield _INPUT % json_bytes(piece)
