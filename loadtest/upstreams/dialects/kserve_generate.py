"""Triton's generate extension of KServe's protocol: text in, text out, one or a stream.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md
Each event has what is new; there is no end mark. Tokens are counted as vLLM's backend does
it, those of the event alone, and told with each unless usage is never told.
"""

from collections.abc import Callable, Iterator

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order


class KserveGenerate:
    """See the module; a voice.

    Args:
        name: Of the version.
        streams_unasked: Whether it is that of generate_stream.

    """

    stream_type = http_message.EVENT_STREAM
    end_of_failed = b""

    def __init__(self, name: str, *, streams_unasked: bool) -> None:
        self.served_by = name.encode()
        self.streams_unasked = streams_unasked
        self._start = json_bytes({"model_name": name, "model_version": "1"})[:-1]

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the events, a token each."""
        told = _counted(order.how, 1)
        for piece in speech.pieces(order.how):
            yield self.event(
                b'%b,"text_output":%b%b%b}' % (self._start, piece, told, stamp())
            )

    def last_words(self, order: Order) -> bytes:
        """Make nothing: each event has said its tokens."""
        return b""

    def end(self, how: Behaviour) -> bytes:
        """Make nothing: there is no end mark."""
        return b""

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event."""
        return b"data: %b\n\n" % data

    def error_event(self) -> bytes:
        """Make the event of a failure."""
        return self.event(self.error_body(500))

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        return json_bytes({"error": "the model failed on command"})

    def whole(self, how: Behaviour) -> bytes:
        """Make what generate answers."""
        _taken, given = speech.tokens(how, streamed=False)
        text = json_bytes(speech.text(how))
        return b'%b,"text_output":%b%b}' % (self._start, text, _counted(how, given))


def _counted(how: Behaviour, tokens: int) -> bytes:
    if how.usage == "never":
        return b""
    told = {"num_input_tokens": speech.PROMPT_TOKENS, "num_output_tokens": tokens}
    return b"," + json_bytes(told)[1:-1]
