"""Text Generation Inference: https://huggingface.github.io/text-generation-inference.

/generate answers whole, /generate_stream with one event a token; the last one has the
whole text once more. Both have details, as if the client had asked for them.
"""

import json
from collections.abc import Callable, Iterator, Mapping

from loadtest.upstreams import http_message, speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

_REASONS: Mapping[str, str] = {"stop": "eos_token"}
_END = {"id": 2, "text": "</s>", "logprob": 0.0, "special": True}


class Tgi:
    """See the module; a voice.

    Args:
        name: Of the version.
        streams_unasked: Whether it is that of /generate_stream.

    """

    stream_type = http_message.EVENT_STREAM
    end_of_failed = b""

    def __init__(self, name: str, *, streams_unasked: bool) -> None:
        self.served_by = name.encode()
        self.streams_unasked = streams_unasked

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the events but the last, a token each."""
        for index, piece in enumerate(speech.pieces(order.how), 1):
            token = b'{"id":%d,"text":%b,"logprob":-0.5,"special":false}'
            yield self.event(
                b'{"index":%d,"token":%b,"generated_text":null,"details":null%b}'
                % (index, token % (index, piece), stamp())
            )

    def last_words(self, order: Order) -> bytes:
        """Make nothing: the end itself speaks of tokens."""
        return b""

    def end(self, how: Behaviour) -> bytes:
        """Make the last event: the end's own token, the whole text and the details."""
        said = (piece.decode("latin-1") for piece in speech.pieces(how))
        return self.event(
            json_bytes({
                "index": speech.text_events(how) + 1,
                "token": _END,
                "generated_text": "".join(map(json.loads, said)),
                "details": _details(how, streamed=True),
            })
        )

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event; TGI puts no blank after the colon."""
        return b"data:%b\n\n" % data

    def error_event(self) -> bytes:
        """Make the event of a failure."""
        return self.event(self.error_body(500))

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        text = "Request failed during generation: on command"
        return json_bytes({"error": text, "error_type": "generation"})

    def whole(self, how: Behaviour) -> bytes:
        """Make what /generate answers."""
        return json_bytes({
            "generated_text": speech.text(how),
            "details": _details(how, streamed=False),
        })


def _details(how: Behaviour, *, streamed: bool) -> dict[str, object] | None:
    if how.no_finish:
        return None
    details: dict[str, object] = {
        "finish_reason": _REASONS.get(how.finish, how.finish),
        "seed": None,
    }
    if how.usage != "never":
        taken, given = speech.tokens(how, streamed=streamed)
        details |= {"input_length": taken, "generated_tokens": given}
    return details
