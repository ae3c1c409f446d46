"""One conversation, written by hand in each dialect that judges are asked about.

What a judge must be shown of it does not depend on the dialect: the last question, what was
found for it, and the answer. Instructions, earlier turns and their findings are no part.
"""

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.end_to_end.releases import Json

INSTRUCTIONS = "SYSTEM: answer from what you are given."
BEFORE = ("EARLIER: and the bridge?", "EARLIER: passage", "EARLIER: It is open.")
"""A turn that is over: a question, what was found, and the answer."""

_FEW = 5  # bytes: fewer than two characters of some scripts


@dataclass(frozen=True, slots=True)
class Talk:
    """What is asked, found and said.

    Attributes:
        question: Blocks of the user's last message.
        found: Passages, from the first.
        said: Pieces of the answer, as a stream has them.

    """

    question: tuple[str, ...]
    found: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The whole answer."""
        return "".join(self.said)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect.

    Attributes:
        name: For people.
        path: What is asked.
        asks: Writes the request.
        says: Writes the whole answer, by its pieces.
        streams: Writes the events of a stream, by its pieces.
        kind: Content type of a stream.
        has_blocks: Whether a message may have several.
        older: Whether passages come in a member of their own, `documents`.

    """

    name: str
    path: str
    asks: Callable[[Talk], Json]
    says: Callable[[Sequence[str]], Json]
    streams: Callable[[Sequence[str]], Iterator[bytes]]
    kind: str = "text/event-stream"
    has_blocks: bool = True
    older: bool = False


def _data(body: Json, name: str = "") -> bytes:
    line = b"data: %b\n\n" % json.dumps(body, ensure_ascii=False).encode()
    return b"event: %b\n%b" % (name.encode(), line) if name else line


def _typed(kind: str, **members: object) -> bytes:
    return _data({"type": kind, **members}, kind)


# Anthropic: what tools have found stands in the user's messages, beside documents.


def _anthropic(talk: Talk) -> Json:
    asked, found, said = BEFORE
    document, *results = talk.found
    return {
        "model": "m",
        "max_tokens": 100,
        "system": [{"type": "text", "text": INSTRUCTIONS}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": asked}]},
            {"role": "assistant", "content": [_use("toolu_1")]},
            {"role": "user", "content": [_result("toolu_1", found)]},
            {"role": "assistant", "content": said},
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "source": {
                            "type": "text",
                            "media_type": "text/plain",
                            "data": document,
                        },
                    },
                    *({"type": "text", "text": text} for text in talk.question),
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "I look."}, _use("toolu_2")],
            },
            {"role": "user", "content": [_result("toolu_2", t) for t in results]},
        ],
    }


def _use(name: str) -> Json:
    return {"type": "tool_use", "id": name, "name": "look", "input": {}}


def _result(name: str, text: str) -> Json:
    parts = [{"type": "text", "text": text}]
    return {"type": "tool_result", "tool_use_id": name, "content": parts}


def _message(content: list[Json], stop: str | None) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": stop,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }


def _anthropic_says(pieces: Sequence[str]) -> Json:
    blocks: list[Json] = [{"type": "text", "text": text} for text in pieces]
    return _message([{"type": "thinking", "thinking": "Hm."}, *blocks], "end_turn")


def _anthropic_streams(pieces: Sequence[str]) -> Iterator[bytes]:
    yield _typed("message_start", message=_message([], None))
    block = {"type": "thinking", "thinking": ""}
    yield _typed("content_block_start", index=0, content_block=block)
    delta = {"type": "thinking_delta", "thinking": "Hm."}
    yield _typed("content_block_delta", index=0, delta=delta)
    yield _typed("content_block_stop", index=0)
    block = {"type": "text", "text": ""}
    yield _typed("content_block_start", index=1, content_block=block)
    yield _typed("ping")
    for text in pieces:
        delta = {"type": "text_delta", "text": text}
        yield _typed("content_block_delta", index=1, delta=delta)
    yield _typed("content_block_stop", index=1)
    yield _typed(
        "message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}
    )
    yield _typed("message_stop")


# OpenAI responses: a list of items.


def _responses(talk: Talk) -> Json:
    asked, found, said = BEFORE
    parts = [{"type": "input_text", "text": text} for text in talk.question]
    outputs = [
        {"type": "function_call_output", "call_id": f"c{place}", "output": text}
        for place, text in enumerate(talk.found)
    ]
    return {
        "model": "m",
        "instructions": INSTRUCTIONS,
        "input": [
            {"role": "developer", "content": INSTRUCTIONS},
            {"role": "user", "content": asked},
            {"type": "function_call_output", "call_id": "c", "output": found},
            {"role": "assistant", "content": [{"type": "output_text", "text": said}]},
            {"type": "message", "role": "user", "content": parts},
            {"type": "function_call", "call_id": "c0", "name": "look", "arguments": ""},
            *outputs,
        ],
    }


def _response(output: list[Json], status: str) -> Json:
    return {"id": "resp_1", "status": status, "model": "m", "output": output}


def _responses_says(pieces: Sequence[str]) -> Json:
    parts = [{"type": "output_text", "text": text} for text in pieces]
    reasoning: Json = {"type": "reasoning", "summary": [{"text": "Hm."}]}
    message = {"type": "message", "role": "assistant", "content": parts}
    return _response([reasoning, message], "completed")


def _responses_streams(pieces: Sequence[str]) -> Iterator[bytes]:
    yield _typed("response.created", response=_response([], "in_progress"))
    yield _typed("response.reasoning_text.delta", output_index=0, delta="Hm.")
    for text in pieces:
        yield _typed("response.output_text.delta", output_index=1, delta=text)
    yield _typed("response.output_text.done", output_index=1, text="".join(pieces))
    whole = _responses_says(["".join(pieces)])
    yield _typed("response.completed", response=whole)


# OpenAI chat completions.


def _chat(talk: Talk) -> Json:
    asked, found, said = BEFORE
    parts = [{"type": "text", "text": text} for text in talk.question]
    tools = [
        {"role": "tool", "tool_call_id": f"c{place}", "content": text}
        for place, text in enumerate(talk.found)
    ]
    return {
        "model": "m",
        "messages": [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": asked},
            {"role": "tool", "tool_call_id": "c", "content": found},
            {"role": "assistant", "content": said},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": []},
            *tools,
        ],
    }


def _chat_choice(member: str, said: Json, why: str | None) -> Json:
    choice = {"index": 0, member: said, "finish_reason": why}
    return {"id": "c", "model": "m", "choices": [choice]}


def _chat_says(pieces: Sequence[str]) -> Json:
    message = {"role": "assistant", "content": "".join(pieces)}
    return _chat_choice("message", message | {"reasoning_content": "Hm."}, "stop")


def _chat_streams(pieces: Sequence[str]) -> Iterator[bytes]:
    yield _data(_chat_choice("delta", {"role": "assistant", "content": ""}, None))
    yield _data(_chat_choice("delta", {"reasoning_content": "Hm."}, None))
    for text in pieces:
        yield _data(_chat_choice("delta", {"content": text}, None))
    yield _data(_chat_choice("delta", {}, "stop"))
    yield b"data: [DONE]\n\n"


# OpenAI completions: passages come in a member of their own (`context`).


def _completions(talk: Talk) -> Json:
    documents = [{"text": text} for text in talk.found]
    return {"model": "m", "prompt": talk.question[0], "documents": documents}


def _completion(text: str, why: str | None) -> Json:
    choice = {"index": 0, "text": text, "finish_reason": why}
    return {"id": "c", "model": "m", "choices": [choice]}


def _completions_streams(pieces: Sequence[str]) -> Iterator[bytes]:
    for text in pieces:
        yield _data(_completion(text, None))
    yield _data(_completion("", "stop"))
    yield b"data: [DONE]\n\n"


# Ollama: lines.


def _ollama(talk: Talk) -> Json:
    asked, found, said = BEFORE
    return {
        "model": "m",
        "messages": [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": asked},
            {"role": "tool", "tool_name": "look", "content": found},
            {"role": "assistant", "content": said},
            {"role": "user", "content": talk.question[0]},
            {"role": "assistant", "content": "", "tool_calls": []},
            *({"role": "tool", "content": text} for text in talk.found),
        ],
    }


def _line(text: str, **members: object) -> Json:
    message = {"role": "assistant", "content": text}
    return {"model": "m", "message": message, "done": False, **members}


def _ollama_streams(pieces: Sequence[str]) -> Iterator[bytes]:
    lines = [_line(text) for text in pieces]
    lines.append(_line("", done=True, done_reason="stop"))
    for line in lines:
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"


DIALECTS = (
    Spoken(
        "anthropic",
        "/v1/messages",
        _anthropic,
        _anthropic_says,
        _anthropic_streams,
    ),
    Spoken(
        "openai_responses",
        "/v1/responses",
        _responses,
        _responses_says,
        _responses_streams,
    ),
    Spoken("openai_chat", "/v1/chat/completions", _chat, _chat_says, _chat_streams),
    Spoken(
        "openai_completions",
        "/v1/completions",
        _completions,
        lambda pieces: _completion("".join(pieces), "stop"),
        _completions_streams,
        has_blocks=False,
        older=True,
    ),
    Spoken(
        "ollama",
        "/api/chat",
        _ollama,
        lambda pieces: _line("".join(pieces), done=True, done_reason="stop"),
        _ollama_streams,
        kind="application/x-ndjson",
        has_blocks=False,
    ),
)


@contextmanager
def answering(said: Sequence[str], at_once: int = _FEW) -> Generator[str]:
    """Say the same in every dialect, so many bytes at a time; give the URL."""
    spoken = {dialect.path: dialect for dialect in DIALECTS}

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            dialect = spoken[self.path]
            if asked["stream"]:
                self._say(dialect.kind, b"".join(dialect.streams(said)))
            else:
                body = json.dumps(dialect.says(said), ensure_ascii=False)
                self._say("application/json", body.encode())

        def _say(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), at_once):
                piece = body[at : at + at_once]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
