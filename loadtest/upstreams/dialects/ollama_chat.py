"""Ollama chat: https://docs.ollama.com/api/chat. Streams are lines of JSON."""

import json
from collections.abc import Callable, Iterator

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

_CREATED = "2025-10-09T08:53:20.000000Z"


class OllamaChat:
    """See the module; a voice."""

    stream_type = http_message.LINES
    streams_unasked = True
    end_of_failed = b""

    def __init__(self, name: str) -> None:
        self.served_by = name.encode()
        common = json_bytes({"model": name, "created_at": _CREATED})[:-1]
        self._start = common + b',"message":{"role":"assistant","content":'

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the lines but the last."""
        how = order.how
        if how.tool:
            yield b'%b"","tool_calls":%b},"done":false}\n' % (self._start, _calls(how))
            return
        for piece in speech.pieces(how):
            yield b'%b%b},"done":false}\n' % (self._start, piece)

    def last_words(self, order: Order) -> bytes:
        """Make nothing: the end itself speaks of tokens."""
        return b""

    def end(self, how: Behaviour) -> bytes:
        """Make the last line."""
        return self._start + b'""}' + _ended(how, streamed=True) + b"\n"

    def event(self, data: bytes) -> bytes:
        """Frame any data as a line."""
        return data + b"\n"

    def error_event(self) -> bytes:
        """Make the line of a failure."""
        return self.event(self.error_body(500))

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        return json_bytes({"error": "the runner failed on command"})

    def whole(self, how: Behaviour) -> bytes:
        """Make a chat answer."""
        said = json_bytes("" if how.tool else speech.text(how))
        if how.tool:
            said += b',"tool_calls":' + _calls(how)
        return self._start + said + b"}" + _ended(how, streamed=False)


def _calls(how: Behaviour) -> bytes:
    """Make a call; what is no JSON cannot stand here, and is left out."""
    name, arguments = speech.call_of(how)
    given = json.loads(arguments) if how.tool != "invalid" else {}
    return json_bytes([{"function": {"name": name, "arguments": given}}])


def _ended(how: Behaviour, *, streamed: bool) -> bytes:
    members: dict[str, object] = {"done": True}
    if not how.no_finish:
        members["done_reason"] = how.finish
    if how.usage != "never":
        taken, given = speech.tokens(how, streamed=streamed)
        members |= {"prompt_eval_count": taken, "eval_count": given}
    members |= {"total_duration": 200_000_000, "eval_duration": 150_000_000}
    return b"," + json_bytes(members)[1:]
