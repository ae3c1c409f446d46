"""Text Generation Inference, as its router sends it: no blank after `data:`."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import (
    SSE,
    WHOLE,
    Request,
    Transcript,
    encoded,
    sse,
)


def token(
    text: object,
    generated: object = None,
    *,
    special: object = False,
    **details: object,
) -> dict[str, object]:
    return {
        "index": 1,
        "token": {"id": 264, "text": text, "logprob": -0.1, "special": special},
        "generated_text": generated,
        "details": details or None,
    }


def events(*sent: object) -> bytes:
    return b"".join(b"data:" + encoded(event) + b"\n\n" for event in sent)


END = token(
    "</s>",
    "Hellö",
    special=True,
    finish_reason="eos_token",
    generated_tokens=3,
    input_length=7,
    seed=None,
)
FAILED = {"error": "Request failed during generation", "error_type": "generation"}

TRANSCRIPTS = (
    Transcript(
        name="plain",
        body=b"""{"generated_text": "Hello", "details": {"finish_reason": "eos_token",
            "generated_tokens": 2, "seed": 7, "prefill": [],
            "tokens": [{"id": 1, "text": "Hello", "logprob": null, "special": false}]}}""",
        framing=WHOLE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=Usage(output=2),
        content_events=1,
    ),
    Transcript(
        name="list_of_one_without_details",
        body=b'[{"generated_text": "Hello"}]',
        framing=WHOLE,
        text="Hello",
        finishes={0: Finish.OTHER},
        content_events=1,
    ),
    Transcript(
        name="list_of_several",
        body=b"""[{"generated_text": "A", "details": {"finish_reason": "length",
            "generated_tokens": 1}}, {"generated_text": "B", "details": {
            "finish_reason": "stop_sequence", "generated_tokens": 5}}]""",
        framing=WHOLE,
        text="A",
        finishes={0: Finish.LENGTH, 1: Finish.STOP},
        usage=Usage(output=1),
        content_events=1,
    ),
    Transcript(
        name="streamed_without_blanks",
        body=events(token("Hel"), token("lö"), END),
        framing=SSE,
        text="Hellö",
        finishes={0: Finish.STOP},
        usage=Usage(input=7, output=3),
        content_events=2,
    ),
    Transcript(
        name="streamed_with_blanks_and_keep_alives",
        body=b":\n\n" + sse(token("Hel")) + b": ping\n\n" + sse(token("lö"), END),
        framing=SSE,
        text="Hellö",
        finishes={0: Finish.STOP},
        usage=Usage(input=7, output=3),
        content_events=2,
    ),
    Transcript(
        name="last_token_is_text",
        body=events(
            token("Once"),
            token(" upon", "Once upon", finish_reason="length", generated_tokens=2),
        ),
        framing=SSE,
        text="Once upon",
        finishes={0: Finish.LENGTH},
        usage=Usage(output=2),
        content_events=2,
    ),
    Transcript(
        name="error_in_mid_stream",
        body=events(token("Hel"), FAILED),
        framing=SSE,
        text="Hel",
        finishes={0: None},
        content_events=1,
        has_error=True,
        is_terminated=False,
    ),
    Transcript(
        name="error_inside_a_200",
        body=encoded(FAILED),
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="cut",
        body=events(token("Hel"), token("lo")),
        framing=SSE,
        text="Hello",
        finishes={0: None},
        content_events=2,
        is_terminated=False,
    ),
    Transcript(
        name="empty_stream",
        body=events(
            token(
                "</s>",
                "",
                special=True,
                finish_reason="eos_token",
                generated_tokens=1,
            )
        ),
        framing=SSE,
        finishes={0: Finish.STOP},
        usage=Usage(output=1),
    ),
    Transcript(
        name="empty",
        body=b'{"generated_text": "", "details": null}',
        framing=WHOLE,
        finishes={0: Finish.OTHER},
    ),
    Transcript(name="empty_list", body=b"[]", framing=WHOLE, is_garbled=True),
    Transcript(
        name="of_another_server",
        body=b'{"text": ["Hello"]}',
        framing=WHOLE,
        is_garbled=True,
    ),
    Transcript(
        name="odd_leaves",
        body=events(
            token(7, special="yes"),
            token(["x"], special=None),
            {"token": None},
            {"token": {}},
            token("!", 7, finish_reason=["x"], generated_tokens=True, input_length=1.5),
        ),
        framing=SSE,
        text="!",
        finishes={0: Finish.OTHER},
        content_events=1,
    ),
    Transcript(
        name="odd_shapes",
        body=events([], "x", {"token": 7}, {"details": 7}, token("!")),
        framing=SSE,
        text="!",
        finishes={0: None},
        content_events=1,
        is_terminated=False,
        is_garbled=True,
    ),
    Transcript(
        name="odd_whole",
        body=b'[{"generated_text": 7}, {"error": 0}, {"generated_text": "b"}]',
        framing=WHOLE,
        finishes={2: Finish.OTHER},
        content_events=1,
        has_error=True,
        is_garbled=True,
    ),
)

REQUESTS = (
    Request(
        name="generate",
        body=b"""{"inputs": "Why?", "parameters": {"max_new_tokens": 20,
            "details": true, "grammar": null}}""",
        asked=Asked(max_tokens=20, prompt="Why?"),
    ),
    Request(
        name="stream_said_in_the_body",
        body=b'{"inputs": "Why?", "stream": true}',
        asked=Asked(is_stream=True, prompt="Why?"),
    ),
    Request(
        name="json_of_a_schema",
        body=b"""{"inputs": "x", "parameters": {"grammar": {"type": "json",
            "value": {"type":"object"}}}}""",
        asked=Asked(wants_json=True, schema=b'{"type":"object"}', prompt="x"),
    ),
    Request(
        name="json_of_a_named_schema",
        body=b"""{"inputs": "x", "parameters": {"grammar": {"type": "json_schema",
            "value": {"name": "n", "schema": {"type":"array"}}}}}""",
        asked=Asked(wants_json=True, schema=b'{"type":"array"}', prompt="x"),
    ),
    Request(
        name="regular_expression",
        body=b"""{"inputs": "x", "parameters": {"grammar": {"type": "regex",
            "value": "[0-9]+"}}}""",
        asked=Asked(prompt="x"),
    ),
    Request(
        name="odd_types",
        body=b"""{"inputs": 7, "stream": "yes", "parameters": {"max_new_tokens": "20",
            "grammar": {"type": "json", "value": 7}}}""",
        asked=Asked(wants_json=True),
    ),
    Request(
        name="odd_grammar",
        body=b'{"inputs": "", "parameters": {"grammar": [7]}}',
        asked=Asked(),
    ),
    Request(name="odd_shapes", body=b'{"parameters": 7}', asked=NOTHING),
    Request(name="no_json", body=b"Why?", asked=NOTHING),
)
