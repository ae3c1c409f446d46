"""OpenAI chat completions, as OpenAI and the servers that copy it send them."""

from gateway.answers.answer import Finish
from gateway.answers.asked import Asked
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import SSE, WHOLE, Request, Transcript, sse


def chunk(
    delta: object, finish: str | None = None, **more: object
) -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "m-1",
        "choices": [
            {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        ],
        **more,
    }


TRANSCRIPTS = (
    Transcript(
        name="plain_answer",
        body=b"""{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000,
  "model": "m-1",
  "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "Hello, w\\u00f6rld", "refusal": null,
                "annotations": []},
    "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0}},
  "service_tier": "default", "system_fingerprint": "fp_1"}
""",
        framing=WHOLE,
        text="Hello, wörld",
        finishes={0: Finish.STOP},
        usage=Usage(input=19, cached=3, output=10, reasoning=2),
        model="m-1",
        content_events=1,
    ),
    Transcript(
        name="streamed",
        body=sse(
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hel"}),
            chunk({"content": "lo"}),
            chunk({}, "stop"),
            "[DONE]",
        ),
        framing=SSE,
        text="Hello",
        finishes={0: Finish.STOP},
        model="m-1",
        content_events=2,
    ),
)

REQUESTS = (
    Request(
        name="stream",
        body=b"""{"model": "m-1", "stream": true, "max_tokens": 5,
            "messages": [{"role": "user", "content": "Hi"}]}""",
        asked=Asked(model="m-1", is_stream=True, max_tokens=5, prompt="Hi"),
    ),
)
