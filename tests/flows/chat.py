"""Chat completions as clients ask for them and as model servers answer them."""

import json
from collections.abc import Iterable
from typing import Final

from tests.flows.scripted import Upstream, Wire, post

PATH: Final = b"/v1/chat/completions"
IS_JSON: Final = b"Content-Type: application/json"
SSE: Final = b"Content-Type: text/event-stream"
INPUT: Final = 7
OUTPUT: Final = 2
"""Tokens, as USAGE and `whole` say."""

DONE: Final = b"data: [DONE]\n\n"
ERROR: Final = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'
USAGE: Final = (
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}'
    b"\n\n"
)


def asked(*, stream: bool = False, says: str = "Why?", **members: object) -> bytes:
    """Write a request's body."""
    messages = [{"role": "user", "content": says}]
    body = {"model": "small", "messages": messages, **members}
    return json.dumps(body | ({"stream": True} if stream else {})).encode()


def ask(body: bytes, *lines: bytes, path: bytes = PATH) -> bytes:
    """Write a request."""
    return post(body, IS_JSON, *lines, path=path)


def event(delta: str, finish: str = "null", usage: bytes = b"") -> bytes:
    """Write a chunk; *usage* stands at its end, with its comma."""
    choice = f'{{"index":0,"delta":{delta},"finish_reason":{finish}}}'
    return b'data: {"id":"c","choices":[%b]%b}\n\n' % (choice.encode(), usage)


def events(usage: bytes = b"", words: Iterable[str] = ("Hi", " there")) -> bytes:
    """Write a whole stream but for its end mark."""
    said = [event(f'{{"content":"{word}"}}', usage=usage) for word in words]
    first = event('{"role":"assistant","content":""}', usage=usage)
    return b"".join((first, *said, event("{}", '"stop"', usage)))


STREAM: Final = events() + DONE
"""As it comes when nobody asks for usage."""

STREAM_WITH_USAGE: Final = events(b',"usage":null') + USAGE + DONE
"""The same when somebody does."""


def head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    """Write an answer's head."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"", b""))


def by_length(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """Write an answer of known length."""
    return head(*lines, b"Content-Length: %d" % len(body), status=status) + body


def chunks(*pieces: bytes) -> bytes:
    """Write pieces of a chunked body, not its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


CHUNKED: Final = b"Transfer-Encoding: chunked"
END: Final = b"0\r\n\r\n"


def streamed(body: bytes, *lines: bytes) -> bytes:
    """Write an answer in chunks."""
    return head(*(lines or (SSE,)), CHUNKED) + chunks(body) + END


def said(text: str = "Hi there", **members: object) -> bytes:
    """Write a whole answer's body."""
    message = {"role": "assistant", "content": text}
    return json.dumps({
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": INPUT, "completion_tokens": OUTPUT},
        **members,
    }).encode()


def whole(text: str = "Hi there", *lines: bytes, **members: object) -> bytes:
    """Write a whole answer."""
    return by_length(said(text, **members), IS_JSON, *lines)


async def hanging() -> Upstream:
    """Start a server that begins its streams and never says a word in them."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(head(SSE, CHUNKED) + chunks(b": wait\n\n"))
        await upstream.until_lost(wire)

    upstream = Upstream(script)
    return await upstream.start()
