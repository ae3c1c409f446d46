"""KServe's infer, as Triton, MLServer and TorchServe send it."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING
from tests.contracts.transcripts.transcript import (
    SSE,
    WHOLE,
    Request,
    Transcript,
    sse,
)

TRANSCRIPTS = (
    Transcript(
        name="plain",
        body=b"""{"model_name": "iris", "model_version": "1", "id": "42", "outputs": [
            {"name": "p", "shape": [1, 2], "datatype": "FP32", "data": [[0.9, 1e3]]}]}""",
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="iris",
        content_events=1,
    ),
    Transcript(
        name="binary_tensors_after_the_json",
        body=b"""{"model_name":"iris","outputs":[{"name":"p","shape":[2],
            "datatype":"FP32","parameters":{"binary_data_size":8}}]}\x00\x00\xff{"a"\n""",
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="iris",
        content_events=1,
    ),
    Transcript(
        name="empty",
        body=b'{"model_name": "iris", "outputs": []}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="iris",
    ),
    Transcript(
        name="error_inside_a_200",
        body=b'{"error": "inference request batch-size must be <= 8"}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="cut", body=b'{"outputs": [{"name"', framing=WHOLE, is_garbled=True
    ),
    Transcript(
        name="odd_types",
        body=b'{"model_name": 7, "outputs": null}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
    ),
    Transcript(
        name="odd_outputs", body=b'{"outputs": 7}', framing=WHOLE, is_garbled=True
    ),
    Transcript(name="no_object", body=b"[1]", framing=WHOLE, is_garbled=True),
    Transcript(name="nothing", body=b"", framing=WHOLE, is_garbled=True),
    Transcript(
        name="as_an_event",
        body=sse({"model_name": "iris", "outputs": [{"data": [1]}]}),
        framing=SSE,
        finishes={0: Finish.STOP},
        model="iris",
        content_events=1,
    ),
)

REQUESTS = (
    Request(
        name="infer",
        body=b"""{"inputs": [{"name": "x", "shape": [1], "datatype": "INT32",
            "data": [1]}], "model": "not here"}""",
        asked=NOTHING,
    ),
)
