"""OpenAI embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

from loadtest.upstreams import speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.dialects.openai_chat import OpenAiChat
from loadtest.upstreams.speech import json_bytes

_VECTOR = [0.0125, -0.25, 0.5, 1.0]


class OpenAiEmbeddings(OpenAiChat):
    """A voice that says numbers; of a stream it knows no more than chat does."""

    def whole(self, how: Behaviour) -> bytes:
        """Make one embedding, whatever was to be embedded."""
        vector = {"object": "embedding", "index": 0, "embedding": _VECTOR}
        answer: dict[str, object] = {
            "object": "list",
            "data": [] if how.says == "empty" else [vector],
            "model": self._model,
        }
        if how.usage != "never":
            tokens = speech.PROMPT_TOKENS
            answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return json_bytes(answer)
