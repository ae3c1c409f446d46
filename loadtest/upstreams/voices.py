"""Which dialect a request is answered in: that of its path."""

from loadtest.upstreams.dialects.anthropic_messages import AnthropicMessages
from loadtest.upstreams.dialects.kserve_generate import KserveGenerate
from loadtest.upstreams.dialects.kserve_infer import KserveInfer
from loadtest.upstreams.dialects.ollama_chat import OllamaChat
from loadtest.upstreams.dialects.openai_chat import CREATED, OpenAiChat
from loadtest.upstreams.dialects.openai_completions import OpenAiCompletions
from loadtest.upstreams.dialects.openai_embeddings import OpenAiEmbeddings
from loadtest.upstreams.dialects.openai_responses import OpenAiResponses
from loadtest.upstreams.dialects.tgi import Tgi
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.voice import Voice


class Voices:
    """All voices of one version. Any path that no other dialect has is chat."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.usual: Voice = OpenAiChat(name)
        self._of_models: dict[bytes, Voice] = {
            b"/infer": KserveInfer(name),
            b"/generate": KserveGenerate(name, streams_unasked=False),
            b"/generate_stream": KserveGenerate(name, streams_unasked=True),
        }
        self._others: dict[bytes, Voice] = {
            b"/v1/completions": OpenAiCompletions(name),
            b"/v1/embeddings": OpenAiEmbeddings(name),
            b"/v1/responses": OpenAiResponses(name),
            b"/v1/messages": AnthropicMessages(name),
            b"/api/chat": OllamaChat(name),
            b"/generate": Tgi(name, streams_unasked=False),
            b"/generate_stream": Tgi(name, streams_unasked=True),
        }

    def of(self, path: bytes) -> Voice:
        """Give the voice for a path, without its query."""
        if path.startswith(b"/v2/models/"):
            asked = path[path.rfind(b"/") :]
            return self._of_models.get(asked, self.usual)
        return self._others.get(path, self.usual)

    def models(self) -> bytes:
        """Make the answer of GET /v1/models."""
        model = {"id": self._name, "object": "model", "created": CREATED}
        return json_bytes({"object": "list", "data": [model]})
