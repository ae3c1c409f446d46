"""KServe's Open Inference Protocol, version 2: one tensor, with the text in it.

https://github.com/kserve/open-inference-protocol
"""

from loadtest.upstreams import speech
from loadtest.upstreams.behaviour import Behaviour
from loadtest.upstreams.dialects.openai_chat import OpenAiChat
from loadtest.upstreams.speech import json_bytes


class KserveInfer(OpenAiChat):
    """A voice that says tensors; there are no streams, and of one it says chat's."""

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""
        return json_bytes({"error": "the model failed on command"})

    def whole(self, how: Behaviour) -> bytes:
        """Make one output, or none."""
        output = {
            "name": "text",
            "datatype": "BYTES",
            "shape": [1],
            "data": [speech.text(how)],
        }
        return json_bytes({
            "model_name": self._model,
            "model_version": "1",
            "outputs": [] if how.says == "empty" else [output],
        })
