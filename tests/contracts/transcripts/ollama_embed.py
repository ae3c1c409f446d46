"""Ollama's embeddings, in the present form and the one before it."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import LINES, WHOLE, Request, Transcript

TRANSCRIPTS = (
    Transcript(
        name="embed",
        body=b"""{"model": "all-minilm", "embeddings": [[0.01, -5e-3], [0.2, 1]],
            "total_duration": 14143917, "prompt_eval_count": 8}""",
        framing=WHOLE,
        finishes={0: Finish.STOP},
        usage=Usage(input=8),
        model="all-minilm",
        content_events=1,
    ),
    Transcript(
        name="embeddings",
        body=b'{"embedding": [0.5670403838157654, 0.009260174818336964]}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        content_events=1,
    ),
    Transcript(
        name="empty",
        body=b'{"model": "m", "embeddings": [[], []], "embedding": []}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="m",
    ),
    Transcript(
        name="error_inside_a_200",
        body=b'{"error": "the input length exceeds the context length"}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="odd_types",
        body=b"""{"model": 7, "embeddings": {}, "embedding": "text",
            "prompt_eval_count": "8"}""",
        framing=WHOLE,
        finishes={0: Finish.STOP},
    ),
    Transcript(name="no_json", body=b"\xff{", framing=WHOLE, is_garbled=True),
    Transcript(
        name="as_a_line",
        body=b'{"embedding": [1]}\n',
        framing=LINES,
        finishes={0: Finish.STOP},
        content_events=1,
    ),
)

REQUESTS = (
    Request(
        name="embed",
        body=b'{"model": "all-minilm", "input": ["Why?", "How?"]}',
        asked=Asked(model="all-minilm"),
    ),
    Request(name="odd_types", body=b'{"model": [], "input": 7}', asked=Asked()),
    Request(name="no_json", body=b"[", asked=NOTHING),
)
