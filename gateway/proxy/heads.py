"""Heads as they leave the gateway, to the endpoint and to the client."""

from typing import Final

from gateway.proxy.observe import Observation
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.proxy.pool import Pool
from gateway.wire.answer_head import AnswerHead
from gateway.wire.request_head import RequestHead

_IDENTITY: Final = b"accept-encoding: identity\r\n"


def request_bytes(
    head: RequestHead, seen: Observation, pool: Pool, peer: Peer, request_id: bytes
) -> bytes:
    """Write the request's head for an endpoint, with the blank line.

    Args:
        head: As the client sent it.
        seen: Its version's settings apply; an answer that is read must come as it is.
        pool: Of the endpoint.
        peer: The client.
        request_id: Its own, or a new one.

    """
    target = seen.target
    path = target.path_for(pool, head.target) if target.rewrites else head.target
    keeps_host = target.keeps_host and head.host
    host = head.host if keeps_host else target.host_of(pool)
    names = target.set_names
    block = head.block_without(names) if names else head.block
    if head.is_chunked:
        framing = b"transfer-encoding: chunked\r\n"
    elif head.content_length is not None:
        framing = b"content-length: %d\r\n" % head.content_length
    else:
        framing = b""
    if seen.reading is not None or seen.learning is not None:
        framing += _IDENTITY
    elif b"accept-encoding" in head.fields:
        framing += b"accept-encoding: %b\r\n" % head.fields[b"accept-encoding"]
    if b"te" in head.fields or head.expects_continue or head.upgrade:
        framing += _asked_of_the_next_hop(head)
    return b"".join((
        b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (head.method, path, host),
        block,
        target.set_lines,
        peer.forwarded(head),
        target.tracing.lines(head),
        b"x-request-id: %b\r\n%b\r\n" % (request_id, framing),
    ))


def _asked_of_the_next_hop(head: RequestHead) -> bytes:
    lines = b""
    if head.expects_continue:
        lines += b"expect: 100-continue\r\n"
    if head.upgrade:
        return lines + b"connection: upgrade\r\nupgrade: %b\r\n" % head.upgrade
    if b"te" in head.fields and b"trailers" in head.fields[b"te"].lower():
        lines += b"te: trailers\r\nconnection: te\r\n"
    return lines


def cookie_line(name: bytes, key: bytes) -> bytes:
    """Write the header that gives a browser its sticky key, for a year."""
    return (
        b"set-cookie: %b=%b; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax\r\n"
        % (name, key)
    )


_NO_CONTENT: Final = 204


def answer_bytes(
    head: AnswerHead, own_lines: bytes, chunked: bool, keep_alive: bool, minor: int
) -> bytes:
    """Write the answer's head for the client, with the blank line.

    Args:
        head: As the endpoint sent it.
        own_lines: What the gateway adds.
        chunked: Whether the body follows in chunks.
        keep_alive: Whether the connection goes on afterwards.
        minor: The client's HTTP minor version.

    """
    framing = b""
    if chunked:
        framing = b"transfer-encoding: chunked\r\n"
    elif head.content_length is not None and head.status != _NO_CONTENT:
        framing = b"content-length: %d\r\n" % head.content_length
    if not keep_alive:
        framing += b"connection: close\r\n"
    elif not minor:
        framing += b"connection: keep-alive\r\n"
    return b"".join((
        b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason),
        head.block,
        framing,
        own_lines,
        b"\r\n",
    ))


def own_lines(seen: Observation | None, plane: Plane, request_id: bytes) -> bytes:
    """Write what the gateway adds to an answer's head.

    Args:
        seen: The exchange; None where no version was chosen.
        plane: Of the worker.
        request_id: The client's own, or a new one.

    """
    if seen is None:
        return b"x-sluicegate-request-id: %b\r\n" % request_id
    return b"%bx-sluicegate-request-id: %b\r\n%b" % (
        seen.target.answer_lines,
        seen.ticket(plane.unix_s, plane.unique(), request_id),
        seen.cookie or b"",
    )


def whole_answer_bytes(
    head: AnswerHead, seen: Observation, plane: Plane, request_id: bytes, body: bytes
) -> bytes:
    """Write an answer of known length that is here whole, to a client that stays."""
    return (
        b"HTTP/1.1 %d %b\r\n%bcontent-length: %d\r\n"
        b"%bx-sluicegate-request-id: %b\r\n\r\n%b"
    ) % (
        head.status,
        head.reason,
        head.block,
        len(body),
        seen.target.answer_lines,
        seen.ticket(plane.unix_s, plane.unique(), request_id),
        body,
    )


def switching_bytes(head: AnswerHead, own_lines: bytes) -> bytes:
    """Write the answer after which the connection speaks another protocol."""
    return b"".join((
        b"HTTP/1.1 101 %b\r\n" % head.reason,
        head.block,
        b"connection: upgrade\r\nupgrade: %b\r\n" % head.fields[b"upgrade"],
        own_lines,
        b"\r\n",
    ))


_CONTINUE: Final = 100


def passes_on(interim: AnswerHead, asked: RequestHead) -> bool:
    """Whether a client can read a 1xx, and waits for it if it is 100."""
    is_wanted = interim.status != _CONTINUE or asked.expects_continue
    return asked.minor > 0 and is_wanted


def interim_bytes(head: AnswerHead) -> bytes:
    """Write a 1xx answer."""
    return b"".join((
        b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason),
        head.block,
        b"\r\n",
    ))
