"""OpenAI's older completions: https://platform.openai.com/docs/api-reference/completions."""

from collections.abc import Callable, Iterator

from loadtest.upstreams import speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.dialects.openai_chat import CREATED, OpenAiChat, usage
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Order

_MIDDLE = b',"logprobs":null,"finish_reason":'


class OpenAiCompletions(OpenAiChat):
    """A voice that says text without a role; usage, errors and the end are chat's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._common = {
            "id": "cmpl-0",
            "object": "text_completion",
            "created": CREATED,
            "model": name,
        }
        opening = b"data: " + json_bytes(self._common)[:-1]
        self._start = opening + b',"choices":[{"index":0,"text":'
        self._usage_start = opening + b',"choices":[],"usage":'

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the chunks: pieces of text, then the finish reason."""
        how = order.how
        for piece in speech.pieces(how):
            yield b"%b%b%bnull}]%b}\n\n" % (self._start, piece, _MIDDLE, stamp())
        if not how.no_finish:
            why = json_bytes(how.finish)
            yield b'%b""%b%b}]%b}\n\n' % (self._start, _MIDDLE, why, stamp())

    def whole(self, how: Behaviour) -> bytes:
        """Make a completion."""
        choice = {
            "index": 0,
            "text": speech.text(how),
            "logprobs": None,
            "finish_reason": None if how.no_finish else how.finish,
        }
        answer: dict[str, object] = {**self._common, "choices": [choice]}
        if how.usage != "never":
            answer["usage"] = usage(*speech.tokens(how, streamed=False))
        return json_bytes(answer)
