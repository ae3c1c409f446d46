"""Triton's generate extension, with the backends of vLLM and TensorRT-LLM."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import (
    SSE,
    WHOLE,
    Request,
    Transcript,
    sse,
)


def output(text: object, **more: object) -> dict[str, object]:
    return {"model_name": "llm", "model_version": "1", "text_output": text, **more}


TRANSCRIPTS = (
    Transcript(
        name="plain",
        body=b'{"model_name": "llm", "model_version": "1", "text_output": "Hell\\u00f6"}',
        framing=WHOLE,
        text="Hellö",
        finishes={0: Finish.STOP},
        model="llm",
        content_events=1,
    ),
    Transcript(
        name="batch",
        body=b'{"model_name": "llm", "text_output": ["A", "B"]}',
        framing=WHOLE,
        text="A",
        finishes={0: Finish.STOP},
        model="llm",
        content_events=1,
    ),
    Transcript(
        name="streamed",
        body=sse(output("Hel"), output("lo"), output("")),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        model="llm",
        content_events=2,
    ),
    Transcript(
        name="streamed_with_a_reason_and_what_is_new_of_the_tokens",
        body=sse(
            output(
                "Once", finish_reason="None", num_input_tokens=7, num_output_tokens=1
            ),
            output(
                " upon", finish_reason="length", num_input_tokens=7, num_output_tokens=2
            ),
        ),
        framing=SSE,
        text="Once upon",
        finishes={0: Finish.LENGTH},
        usage=Usage(input=7, output=3),
        model="llm",
        content_events=2,
    ),
    Transcript(
        name="error_in_mid_stream",
        body=sse(output("Hel"), {"error": "failed to enqueue"}),
        framing=SSE,
        text="Hel",
        finishes={0: Finish.STOP},
        model="llm",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="error_inside_a_200",
        body=b'{"error": "unknown model"}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(
        name="cut_which_only_the_transport_can_tell",
        body=sse(output("Hel")) + sse(output("lo"))[:-4],
        framing=SSE,
        text="Hel",
        finishes={0: Finish.STOP},
        model="llm",
        content_events=1,
    ),
    Transcript(name="no_event", body=b": ping\n\n", framing=SSE, is_terminated=False),
    Transcript(
        name="empty",
        body=b'{"model_name": "llm", "text_output": ""}',
        framing=WHOLE,
        finishes={0: Finish.STOP},
        model="llm",
    ),
    Transcript(
        name="odd_types",
        body=sse(
            {"model_name": 7, "text_output": 7, "finish_reason": ["length"]},
            output({"a": 1}, num_input_tokens="7"),
            output([], num_output_tokens=[7]),
            output([7]),
            [],
        ),
        framing=SSE,
        finishes={0: Finish.STOP},
        usage=Usage(),
        model="llm",
        is_garbled=True,
    ),
    Transcript(name="nothing", body=b"", framing=WHOLE, is_garbled=True),
)

REQUESTS = (
    Request(
        name="generate",
        body=b'{"text_input": "Why?", "max_tokens": 20, "bad_words": ""}',
        asked=Asked(max_tokens=20, prompt="Why?"),
    ),
    Request(
        name="stream_among_parameters",
        body=b'{"text_input": "Why?", "parameters": {"stream": true, "max_tokens": 9}}',
        asked=Asked(is_stream=True, max_tokens=9, prompt="Why?"),
    ),
    Request(
        name="odd_types",
        body=b'{"text_input": ["x"], "max_tokens": "20", "stream": 1, "parameters": {}}',
        asked=Asked(),
    ),
    Request(name="odd_parameters", body=b'{"parameters": 7}', asked=NOTHING),
    Request(name="no_json", body=b"Why?", asked=NOTHING),
)
