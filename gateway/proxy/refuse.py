"""The gateway's own answers to clients: errors that say what happened and what to do.

They have the shape that errors have in the client's dialect, so that a library that
reads no other finds the message: each family has its own, and the rest has OpenAI's.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson

from gateway.answers.dialects import AUTO, dialect_of
from gateway.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from gateway.domain.outcome import Failure
from gateway.proxy.routes import Route

_RETRY_AFTER: Final = {503: b"retry-after: 1\r\n", 429: b"retry-after: 1\r\n"}
_ALLOW: Final = b"allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

PLAIN: Final = "plain"
"""The shape for those whose dialect is not known."""

_ANTHROPIC_TYPES: Final = MappingProxyType({
    "upstream_error": "api_error",
    "upstream_timeout": "timeout_error",
    "overloaded": "overloaded_error",
    "internal_error": "api_error",
})
"""Ours by theirs (https://docs.claude.com/en/api/errors); others are called the same."""


def shape_of(route: Route | None, path: bytes) -> str:
    """Name the family of dialects whose errors a client understands.

    Args:
        route: Of the request; None where none was found: then the path alone tells.
        path: Of the request, without its query.

    """
    setting = AUTO if route is None else route.service.dialect.value
    return dialect_of(AUTO, path).family if setting == AUTO else setting


def error_answer(
    error: GatewayError,
    request_id: bytes,
    extra: bytes,
    *,
    close: bool,
    bodiless: bool,
    shape: str = PLAIN,
) -> bytes:
    """Write a whole answer.

    Args:
        error: Gives the status, the type and the two sentences.
        request_id: Repeated in the body, for the support ticket.
        extra: More header lines, each with its CRLF.
        close: Whether the connection ends after it.
        bodiless: True when the request was HEAD: the head alone is sent.
        shape: A family of dialects; see shape_of.

    """
    status = error.status
    text = orjson.dumps(shaped(shape, error, request_id))
    lines = b"".join((
        b"HTTP/1.1 %d %b\r\n" % (status, _phrase(status)),
        b"content-type: application/json\r\ncontent-length: %d\r\n" % len(text),
        _RETRY_AFTER.get(status, b""),
        _ALLOW if status == HTTPStatus.METHOD_NOT_ALLOWED else b"",
        b"connection: close\r\n" if close else b"",
        extra,
        b"\r\n",
    ))
    return lines if bodiless else lines + text


def shaped(shape: str, error: GatewayError, request_id: bytes) -> dict[str, object]:
    """Give an error as it is told in a family of dialects; see shape_of."""
    return _SHAPES.get(shape, _plain)(error, request_id.decode("latin-1"))


def _plain(error: GatewayError, request_id: str) -> dict[str, object]:
    told = {"type": error.type, "message": str(error), "request_id": request_id}
    return {"error": told}


def _openai(error: GatewayError, request_id: str) -> dict[str, object]:
    told = {"type": error.type, "message": str(error), "param": None, "code": None}
    return {"error": {**told, "request_id": request_id}}


def _anthropic(error: GatewayError, request_id: str) -> dict[str, object]:
    kind = _ANTHROPIC_TYPES.get(error.type, error.type)
    told = {"type": kind, "message": str(error)}
    return {"type": "error", "error": told, "request_id": request_id}


def _text(error: GatewayError, request_id: str) -> dict[str, object]:
    return {"error": str(error), "request_id": request_id}


def _tgi(error: GatewayError, request_id: str) -> dict[str, object]:
    return {**_text(error, request_id), "error_type": error.type}


_SHAPES: Final[Mapping[str, Callable[[GatewayError, str], dict[str, object]]]] = (
    MappingProxyType({
        "openai": _openai,
        "anthropic": _anthropic,
        "ollama": _text,
        "kserve": _text,
        "tgi": _tgi,
        PLAIN: _plain,
    })
)


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


_DONE: Final = {
    Failure.CLOSED_EARLY: "closed the connection before it answered",
    Failure.CUT: "broke its answer off",
}


def explain(failure: Failure, version: str) -> UpstreamFailed:
    """Say why the model server of *version* gave no answer."""
    server = f"The model server of version {version}"
    if failure is Failure.TOO_LONG:
        return UpstreamTimedOut(
            f"{server} took longer than an answer may take.",
            remedy="Ask for less at once, or raise limits.stream.",
        )
    if failure in {Failure.FIRST_BYTE_TIMEOUT, Failure.IDLE_TIMEOUT}:
        return UpstreamTimedOut(
            f"{server} stayed silent too long.",
            remedy="Try again, or raise timeouts.first_byte of the version.",
        )
    return UpstreamFailed(
        f"{server} {_DONE.get(failure, 'gave no HTTP answer')}.",
        remedy="Try again, and look at the model server's log.",
    )
