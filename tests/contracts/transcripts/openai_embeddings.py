"""OpenAI embeddings, as OpenAI and vLLM send them."""

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import WHOLE, Request, Transcript

TRANSCRIPTS = (
    Transcript(
        name="two_vectors",
        body=b"""{"object": "list", "model": "e-1", "data": [
            {"object": "embedding", "index": 0, "embedding": [0.1, -2e-3]},
            {"object": "embedding", "index": 1, "embedding": "zczMPQ=="}],
            "usage": {"prompt_tokens": 8, "total_tokens": 8}}""",
        framing=WHOLE,
        finishes={0: Finish.STOP},
        usage=Usage(input=8),
        model="e-1",
        content_events=1,
    ),
    Transcript(
        name="no_vector",
        body=b'{"object": "list", "model": "e-1", "data": []}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="e-1",
    ),
    Transcript(
        name="a_vector_of_no_numbers",
        body=b'{"data": [{"index": 0, "embedding": [NaN, NaN]}]}',
        framing=WHOLE,
        is_garbled=True,
    ),
    Transcript(
        name="error_in_200",
        body=b'{"error": {"message": "no"}}',
        framing=WHOLE,
        has_error=True,
    ),
)

REQUESTS = (
    Request(
        name="texts",
        body=b'{"model": "e-1", "input": ["a", "b"], "dimensions": 8}',
        asked=Asked(model="e-1"),
    ),
    Request(name="no_json", body=b"{", asked=Asked()),
)
