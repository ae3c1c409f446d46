"""A request's body on its way up: kept while it must be, passed on as soon as it may.

Kept for four reasons, each bounded: a sticky key or a setting lies in it (json_limit), a
connection is still being made (HELD), the connection is a reused one that may turn out
dead, so that the same bytes must be sent again (json_limit), or the baseline may have to
answer for a candidate, from its first byte on (json_limit).
"""

from typing import Final

from gateway.domain.errors import Refused
from gateway.proxy.framing import chunk, last_chunk
from gateway.proxy.upstream import Upstream
from gateway.routing.sticky import Absent, Body, Wait
from gateway.wire.fields import RawField
from gateway.wire.json_splice import splice_all
from gateway.wire.request_head import RequestHead

Settings = tuple[tuple[tuple[str, ...], bytes], ...]
"""JSON pointers, cut into steps, and the JSON texts to set there."""

_NO_PARTS: Final[list[bytes]] = []


HELD: Final = 256 * 1024
"""Bytes of a body kept while its connection is being made, before reading pauses."""


class RequestBody:
    """The body of one request.

    Attributes:
        received: Body bytes so far.
        is_whole: Whether the request's last byte has arrived.
        is_sent: Whether the last byte has been written to the endpoint.
        trailers: After the last chunk; filled by the reader.
        waited: Seconds in which the client was not read, so that none could come.
        kept: What was sent, for a second try; None when it will not be needed.

    """

    __slots__ = (
        "_copied",
        "_copy_limit",
        "_framing",
        "_head",
        "_parts",
        "_replay_limit",
        "_replay_size",
        "is_sent",
        "is_whole",
        "kept",
        "received",
        "trailers",
        "waited",
    )

    def __init__(self, head: RequestHead, whole: bytes | None = None) -> None:
        self._head = head
        self.is_sent = False
        self.waited = 0.0
        self._copied: list[bytes] | None = None
        self.kept: list[bytes] | None = None
        self.trailers: list[RawField] = []
        self._framing: tuple[bool, int | None, list[RawField]] | None = None
        if whole is None:
            self._parts: list[bytes] = []
            self.received = 0
            self.is_whole = False
        else:
            self._parts = [whole]
            self.received = len(whole)
            self.is_whole = True

    def take(self, part: bytes) -> None:
        """Take a piece that has arrived."""
        self.received += len(part)
        self._parts.append(part)
        if self._copied is not None:
            self._copied.append(part)
            if self.received > self._copy_limit:
                self._copied = None

    def copy_up_to(self, limit: int) -> None:
        """Keep a copy, as it arrives, of a body of at most *limit* bytes."""
        if max(self._head.content_length or 0, self.received) <= limit:
            self._copied = self._parts[:]
            self._copy_limit = limit

    def share_copy(self, limit: int) -> list[bytes]:
        """Give the pieces of a copy as they arrive; there is one, for all who want it.

        The pieces are all of the body when it is whole and they are `received` bytes.
        A body of more than *limit* bytes is not copied to its end.
        """
        if self._copied is None:
            self.copy_up_to(limit)
        return [] if self._copied is None else self._copied

    def copied(self) -> bytes | None:
        """Give the whole body as it arrived, once; None when it was not kept."""
        parts, self._copied = self._copied, None
        if parts is None or not self.is_whole:
            return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # Read before it is sent.

    def readable(self, limit: int) -> Body:
        """Give the whole JSON body; or Wait for it; or Absent when there is none.

        Args:
            limit: Bytes that may be kept for it.

        """
        head = self._head
        if not head.has_body or not head.is_json or self._exceeds(limit):
            return Absent.BODY
        return self._joined() if self.is_whole else Wait.FOR_BODY

    def set_json(self, settings: Settings, limit: int) -> bool:
        """Write *settings* into the body; False while it is not whole.

        Raises:
            Refused: 415, 413 or 400: this body cannot take them.

        """
        head = self._head
        if not head.is_json:
            raise Refused(
                415,
                "The request body is not plain JSON, and this version's settings"
                " are written into it.",
                remedy="Send content-type application/json without content-encoding.",
            )
        if self._exceeds(limit):
            raise Refused(
                413,
                f"The request body is larger than {limit} bytes, and this version's"
                " settings are written into it.",
                remedy="Send less, or raise json_limit of the service.",
            )
        if not self.is_whole:
            return False
        body = splice_all(self._joined(), settings)
        self._parts = [body]
        if self._framing is None:
            self._framing = (head.is_chunked, head.content_length, self.trailers[:])
        self.trailers.clear()
        head.is_chunked, head.content_length = False, len(body)
        return True

    def _exceeds(self, limit: int) -> bool:
        return max(self._head.content_length or 0, self.received) > limit

    def _joined(self) -> bytes:
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    # Sent.

    def first_bytes(self, head_bytes: bytes) -> bytes:
        """Give the head and what there is of the body, for one write."""
        parts, self._parts = self._parts, []
        if self._head.is_chunked:
            return head_bytes + chunk(parts) if parts else head_bytes
        self.is_sent = self.is_whole
        return b"".join((head_bytes, *parts)) if parts else head_bytes

    def pass_on(self, upstream: Upstream) -> None:
        """Write what has arrived since."""
        parts, self._parts = self._parts, []
        is_chunked = self._head.is_chunked
        if parts:
            self._send(upstream, chunk(parts) if is_chunked else b"".join(parts))
        if self.is_whole and not self.is_sent:
            if is_chunked:
                self._send(upstream, last_chunk(self.trailers))
            self.is_sent = True
            upstream.request_sent()

    def _send(self, upstream: Upstream, payload: bytes) -> None:
        upstream.send(payload)
        if self.kept is None:
            return
        self._replay_size += len(payload)
        if self._replay_size > self._replay_limit:
            self.kept = None
        else:
            self.kept.append(payload)

    def drop(self) -> None:
        """Keep nothing: the exchange is over."""
        self._parts = _NO_PARTS
        self.kept = None

    # Sent again.

    def remember(self, payload: bytes, limit: int) -> None:
        """Keep what is sent from now on, *payload* first, up to *limit* bytes."""
        self.kept = [payload]
        self._replay_size, self._replay_limit = len(payload), limit

    def rewind(self, pieces: list[bytes]) -> None:
        """Begin again with what has arrived, as it did: another version is to have it.

        Args:
            pieces: All of it so far; see share_copy.

        """
        self._parts = pieces[:]
        self.is_sent = False
        self.kept = None
        if self._framing is not None:
            head = self._head
            head.is_chunked, head.content_length, self.trailers[:] = self._framing
            self._framing = None

    def replay(self) -> bytes | None:
        """Give everything that was sent, once; None when it was not kept."""
        kept, self.kept = self.kept, None
        return None if kept is None else b"".join(kept)
