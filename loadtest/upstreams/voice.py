"""The bytes of OpenAI-style answers in the name of one version; no timing, no failures.

Shapes follow the published chat completions API; an event is about 170 bytes.
"""

import json
from collections.abc import Mapping

from loadtest.upstreams.behaviour import Behaviour

DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"
_CREATED = 1_760_000_000  # fixed, so that two runs put the same bytes on the wire
_REFUSAL = "I'm sorry, but I can't help with that request. "
_FILLER = "The gate opens a little, the water is measured, the gate opens more. "
_PROMPT_TOKENS = 12
_REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}


def head(
    status: int, served_by: bytes, content_type: bytes, length: int | None
) -> bytes:
    """Write the head of an answer; `length` None means chunked."""
    reason = _REASONS.get(status, b"Misbehaving")
    framing = (
        b"transfer-encoding: chunked"
        if length is None
        else b"content-length: %d" % length
    )
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\nx-served-by: %b\r\n%b\r\n\r\n" % (
        status,
        reason,
        content_type,
        served_by,
        framing,
    )


def framed(body: bytes) -> bytes:
    """Wrap `body` as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def json_bytes(body: Mapping[str, object]) -> bytes:
    """Encode compactly, as the model servers do."""
    return json.dumps(body, separators=(",", ":")).encode()


def error_body(status: int) -> bytes:
    """Make the body of a failure, also used as an error event inside a 200."""
    error = {
        "message": "The engine failed on command. Ask without x-misbehave.",
        "type": "internal_error",
        "param": None,
        "code": status,
    }
    return json_bytes({"error": error})


def _usage(completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": _PROMPT_TOKENS,
        "completion_tokens": completion_tokens,
        "total_tokens": _PROMPT_TOKENS + completion_tokens,
    }


class Voice:
    """Makes the answers of one version; templates are built once."""

    __slots__ = ("_event_end", "_event_start", "_model", "_usage_start", "served_by")

    def __init__(self, name: str) -> None:
        self.served_by = name.encode()
        self._model = name
        common = {
            "id": "cmpl-0",
            "object": "chat.completion.chunk",
            "created": _CREATED,
            "model": name,
        }
        opening = json_bytes(common)[:-1]
        self._event_start = b"data: " + opening + b',"choices":[{"index":0,"delta":'
        self._event_end = b"}]%b}\n\n"
        self._usage_start = b"data: " + opening + b',"choices":[],"usage":'

    def event(self, index: int, how: Behaviour, stamp: bytes) -> bytes:
        """Make chunk number `index`: the role first, the finish reason last."""
        reason = b"null"
        if index == 0:
            delta = b'{"role":"assistant","content":""}'
        elif index == how.events - 1:
            delta = b"{}"
            reason = b"null" if how.no_finish else b'"%b"' % how.finish.encode()
        elif how.role_only:
            delta = b'{"content":""}'
        elif how.refusal and index == 1:
            delta = json_bytes({"content": _REFUSAL})
        else:
            delta = b'{"content":"tok%04d "}' % (index % 10_000)
        ending = b',"finish_reason":' + reason + self._event_end % stamp
        return self._event_start + delta + ending

    def usage_event(self, how: Behaviour) -> bytes:
        """Make the extra chunk that carries usage and no choices."""
        content_events = max(0, how.events - 2)
        return self._usage_start + json_bytes(_usage(content_events)) + b"}\n\n"

    def whole(self, how: Behaviour) -> bytes:
        """Make an answer that is not streamed, `text_bytes` of text long."""
        repeats = how.text_bytes // len(_FILLER) + 1
        text = (_REFUSAL if how.refusal else "") + _FILLER * repeats
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text[: how.text_bytes]},
            "finish_reason": None if how.no_finish else how.finish,
        }
        if how.role_only:
            choice["message"] = {"role": "assistant", "content": None}
        answer: dict[str, object] = {
            "id": "cmpl-0",
            "object": "chat.completion",
            "created": _CREATED,
            "model": self._model,
            "choices": [choice],
        }
        if how.usage != "never":
            answer["usage"] = _usage(how.text_bytes // 4)
        return json_bytes(answer)

    def models(self) -> bytes:
        """Make the answer of GET /v1/models."""
        model = {"id": self._model, "object": "model", "created": _CREATED}
        return json_bytes({"object": "list", "data": [model]})
