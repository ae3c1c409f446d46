"""The gateway's own answers to clients: errors that say what happened and what to do."""

from http import HTTPStatus
from typing import Final

import orjson

from gateway.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from gateway.domain.outcome import Failure

_RETRY_AFTER: Final = {503: b"retry-after: 1\r\n", 429: b"retry-after: 1\r\n"}
_ALLOW: Final = b"allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def error_answer(
    error: GatewayError, request_id: bytes, extra: bytes, *, close: bool, bodiless: bool
) -> bytes:
    """Write a whole answer.

    Args:
        error: Gives the status, the type and the two sentences.
        request_id: Repeated in the body, for the support ticket.
        extra: More header lines, each with its CRLF.
        close: Whether the connection ends after it.
        bodiless: True when the request was HEAD: the head alone is sent.

    """
    status = error.status
    text = orjson.dumps({
        "error": {
            "type": error.type,
            "message": str(error),
            "request_id": request_id.decode("latin-1"),
        }
    })
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


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def explain(failure: Failure, version: str) -> UpstreamFailed:
    """Say why the model server of *version* gave no answer."""
    server = f"The model server of version {version}"
    if failure in {Failure.FIRST_BYTE_TIMEOUT, Failure.IDLE_TIMEOUT}:
        return UpstreamTimedOut(
            f"{server} stayed silent too long.",
            remedy="Try again, or raise timeouts.first_byte of the version.",
        )
    early = failure is Failure.CLOSED_EARLY
    what = (
        "closed the connection before it answered" if early else "gave no HTTP answer"
    )
    return UpstreamFailed(
        f"{server} {what}.",
        remedy="Try again, and look at the model server's log.",
    )
