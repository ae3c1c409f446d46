"""OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat.

A chunk is about 170 bytes. Its opening is built once: ten thousand a second are written.
"""

from collections.abc import Callable, Iterator

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

CREATED = 1_760_000_000
"""Fixed, so that two runs put the same bytes on the wire."""

_ID = "cmpl-0"
_DONE = b"data: [DONE]\n\n"
_CALL_ID = "call_0"


def error_body(status: int) -> bytes:
    """Make the body of a failure as OpenAI's APIs have it."""
    error = {
        "message": "The engine failed on command. Ask without x-misbehave.",
        "type": "internal_error",
        "param": None,
        "code": status,
    }
    return json_bytes({"error": error})


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, object]:
    """Make the usage of chat completions and embeddings."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": speech.CACHED_TOKENS},
    }


class OpenAiChat:
    """See the module; a voice."""

    stream_type = http_message.EVENT_STREAM
    streams_unasked = False
    end_of_failed = _DONE

    def __init__(self, name: str) -> None:
        self.served_by = name.encode()
        self._model = name
        common = {
            "id": _ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": name,
        }
        opening = b"data: " + json_bytes(common)[:-1]
        self._start = opening + b',"choices":[{"index":0,"delta":'
        self._usage_start = opening + b',"choices":[],"usage":'

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the chunks: the role first, the finish reason last."""
        how = order.how
        start, going_on = self._start, b',"finish_reason":null}]%b%b}\n\n'
        for index, delta in enumerate(_deltas(how)):
            tail = going_on % (_usage_at(index, how), stamp())
            yield start + delta + tail
        if how.events > 1:
            reason = b"null" if how.no_finish else b'"%b"' % _finish(how).encode()
            tail = _usage_at(how.events - 1, how) + stamp()
            yield b'%b{},"finish_reason":%b}]%b}\n\n' % (start, reason, tail)

    def last_words(self, order: Order) -> bytes:
        """Make the extra chunk that carries usage and no choices."""
        asked = order.how.usage in {"asked", "running"} and order.wants_usage
        if not (asked or order.how.usage == "always"):
            return b""
        told = usage(*speech.tokens(order.how, streamed=True))
        return self._usage_start + json_bytes(told) + b"}\n\n"

    def end(self, how: Behaviour) -> bytes:
        """Make the end mark."""
        return _DONE

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event."""
        return b"data: %b\n\n" % data

    def error_event(self) -> bytes:
        """Make the event of a failure: the body of one (vLLM, SGLang)."""
        return self.event(error_body(500))

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        return error_body(status)

    def whole(self, how: Behaviour) -> bytes:
        """Make a chat completion."""
        choice = {
            "index": 0,
            "message": _message(how),
            "finish_reason": None if how.no_finish else _finish(how),
        }
        answer: dict[str, object] = {
            "id": _ID,
            "object": "chat.completion",
            "created": CREATED,
            "model": self._model,
            "choices": [choice],
        }
        if how.usage != "never":
            answer["usage"] = usage(*speech.tokens(how, streamed=False))
        return json_bytes(answer)


def _finish(how: Behaviour) -> str:
    return "tool_calls" if how.tool and how.finish == "stop" else how.finish


def _deltas(how: Behaviour) -> Iterator[bytes]:
    if how.events:
        yield b'{"role":"assistant","content":""}'
    if how.tool:
        yield from _call_deltas(how)
        return
    name = b"refusal" if how.declines else b"content"
    for piece in speech.pieces(how):
        yield b'{"%b":%b}' % (name, piece)


def _call_deltas(how: Behaviour) -> Iterator[bytes]:
    name, arguments = speech.call_of(how)
    function: dict[str, object] = {"name": name, "arguments": ""}
    opened = {"index": 0, "id": _CALL_ID, "type": "function", "function": function}
    yield json_bytes({"tool_calls": [opened]})
    for piece in speech.cut(arguments, speech.text_events(how) - 1):
        more = {"index": 0, "function": {"arguments": piece}}
        yield json_bytes({"tool_calls": [more]})


def _usage_at(index: int, how: Behaviour) -> bytes:
    """Make the usage of a chunk that has choices too."""
    if how.usage == "running":  # vLLM, continuous_usage_stats
        told = min(index, speech.text_events(how))
    elif how.usage == "misplaced":  # llama.cpp; the others say null
        if index < how.events - 1:
            return b',"usage":null'
        told = speech.text_events(how)
    else:
        return b""
    return b',"usage":' + json_bytes(usage(speech.PROMPT_TOKENS, told))


def _message(how: Behaviour) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": speech.text(how)}
    if how.role_only:
        message["content"] = None
    if how.declines:
        message |= {"content": None, "refusal": speech.text(how)}
    if how.tool:
        name, arguments = speech.call_of(how)
        function = {"name": name, "arguments": arguments}
        call = {"id": _CALL_ID, "type": "function", "function": function}
        message |= {"content": None, "tool_calls": [call]}
    return message
