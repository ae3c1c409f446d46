"""OpenAI's older completions, as OpenAI, vLLM and llama.cpp send them."""

import json

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import SSE, WHOLE, Request, Transcript, sse


def says(
    text: str, finish: str | None = None, index: int = 0, **more: object
) -> dict[str, object]:
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "model": "m-1",
        "choices": [choice],
        **more,
    }


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
DONE = "[DONE]"

TRANSCRIPTS = (
    Transcript(
        name="plain_answer",
        body=json.dumps(says("Hello", "stop", usage=USAGE)).encode(),
        framing=WHOLE,
        text="Hello",
        finishes={0: Finish.STOP},
        usage=Usage(input=5, output=2),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="content_filter",
        body=json.dumps(says("", "content_filter")).encode(),
        framing=WHOLE,
        finishes={0: Finish.CONTENT_FILTER},
        model="m-1",
    ),
    Transcript(
        name="error_in_200",
        body=b'{"error": {"message": "no"}}',
        framing=WHOLE,
        has_error=True,
    ),
    Transcript(name="no_json", body=b"oops", framing=WHOLE, is_garbled=True),
    Transcript(
        name="streamed_with_usage_on_a_chunk_of_its_own",
        body=sse(
            says("Hel", usage=None),
            says("lo", usage=None),
            says("", "length", usage=None),
            {"id": "cmpl-1", "model": "m-1", "choices": [], "usage": USAGE},
            DONE,
        ),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.LENGTH},
        usage=Usage(input=5, output=2),
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="running_totals_and_the_finish_on_a_chunk_with_text",
        body=sse(
            says("a", usage=USAGE | {"completion_tokens": 1}),
            says("b", "stop", usage=USAGE),
            DONE,
        ),
        framing=SSE,
        text="ab",
        finishes={0: Finish.STOP},
        usage=Usage(input=5, output=2),
        model="m-1",
        content_events=2,
    ),
    Transcript(
        name="two_prompts",
        body=sse(
            says("a"), says("x", index=1), says("", "stop", index=1), says("b"), DONE
        ),
        framing=SSE,
        text="ab",
        finishes={0: None, 1: Finish.STOP},
        model="m-1",
        content_events=3,
    ),
    Transcript(
        name="error_then_done",
        body=sse(says("a"), {"error": {"message": "boom"}}, DONE),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        has_error=True,
    ),
    Transcript(
        name="cut",
        body=b": ping\r\n\r\n" + sse(says("a")).replace(b"\n", b"\r\n"),
        framing=SSE,
        text="a",
        finishes={0: None},
        model="m-1",
        content_events=1,
        is_terminated=False,
    ),
)

REQUESTS = (
    Request(
        name="one_prompt",
        body=b"""{"model": "m-1", "prompt": "Once", "max_tokens": 9, "stream": true,
            "stream_options": {"include_usage": true}}""",
        asked=Asked(model="m-1", is_stream=True, max_tokens=9, prompt="Once"),
    ),
    Request(
        name="several_prompts",
        body=b'{"model": "m-1", "prompt": ["a", "b"], "n": 2}',
        asked=Asked(model="m-1", choices=4, prompt="a"),
    ),
    Request(
        name="one_prompt_in_tokens",
        body=b'{"model": "m-1", "prompt": [1, 2, 3]}',
        asked=Asked(model="m-1"),
    ),
    Request(
        name="several_prompts_in_tokens",
        body=b'{"model": "m-1", "prompt": [[1, 2], [3]]}',
        asked=Asked(model="m-1", choices=2),
    ),
    Request(name="no_prompt", body=b'{"model": "m-1"}', asked=Asked(model="m-1")),
    Request(name="no_json", body=b"", asked=Asked()),
)
