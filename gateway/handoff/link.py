"""The wire between controller and workers: framed messages on one Unix socket each.

A frame is four bytes of length (big endian) and one MessagePack message. The
controller listens, workers connect and come back when it was gone.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import msgspec

from gateway.domain.span import Span
from gateway.handoff.evidence import Evidence
from gateway.handoff.observations import Observations
from gateway.handoff.routing_table import RoutingTable
from gateway.handoff.samples import Samples

_LENGTH: Final = 4
_LARGEST: Final = 256 * 1024 * 1024
_QUEUE_LIMIT: Final = 8 * 1024 * 1024


class Hello(msgspec.Struct, kw_only=True, tag="hello"):
    """A worker's first message on every connection.

    Attributes:
        worker: Its number, from 0.
        pid: Its process.
        table: The table it runs on; None before its first. A new controller adopts
            the weights and the epoch it finds here before it publishes anything.

    """

    worker: int
    pid: int
    table: RoutingTable | None


class Publish(msgspec.Struct, kw_only=True, tag="publish"):
    """Controller to worker: use this table from the next request on."""

    table: RoutingTable


class Applied(msgspec.Struct, kw_only=True, tag="applied"):
    """Worker to controller: the table of this epoch is in force here."""

    epoch: int


class Spans(msgspec.Struct, kw_only=True, tag="spans"):
    """Worker to controller: steps of traces, recorded since the last of these."""

    spans: list[Span]


Message = Hello | Publish | Applied | Observations | Evidence | Spans | Samples

_decoder: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Write one message as a frame."""
    payload = msgspec.msgpack.encode(message)
    return len(payload).to_bytes(_LENGTH, "big") + payload


class FrameReader:
    """Cuts a byte stream into messages, whatever its pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> list[Message]:
        """Take *received* and give the messages that are whole now.

        Raises:
            ValueError: The stream is not ours: no such length or message.

        """
        self._buffer += received
        messages: list[Message] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> Message | None:
        if len(self._buffer) < _LENGTH:
            return None
        length = int.from_bytes(self._buffer[:_LENGTH], "big")
        if length > _LARGEST:
            raise ValueError(length)
        if len(self._buffer) < _LENGTH + length:
            return None
        payload = bytes(self._buffer[_LENGTH : _LENGTH + length])
        del self._buffer[: _LENGTH + length]
        return _decoder.decode(payload)


class Link(asyncio.Protocol):
    """One end of one connection; the same class on both sides.

    Args:
        on_message: Called with the link and each message, in order.
        on_lost: Called once with the link when the connection is gone.

    """

    def __init__(
        self,
        on_message: "Callable[[Link, Message], None]",
        on_lost: "Callable[[Link], None]",
        on_made: "Callable[[Link], None] | None" = None,
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_made = on_made
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def send(self, message: Message) -> None:
        """Queue a message; silently nothing when the other side is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    @property
    def is_congested(self) -> bool:
        """Whether the other side has stopped reading, so that totals can wait."""
        transport = self._transport
        return transport is None or transport.get_write_buffer_size() > _QUEUE_LIMIT

    @property
    def is_idle(self) -> bool:
        """Whether all that was sent has left, so that nothing urgent waits behind."""
        transport = self._transport
        return transport is not None and transport.get_write_buffer_size() == 0

    def close(self) -> None:
        """Close the connection; what was sent is still delivered."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        if self._on_made is not None:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        """Hand on whole messages; a stream that is not ours is closed (asyncio)."""
        try:
            messages = self._reader.feed(data)
        except (ValueError, msgspec.DecodeError):
            self.close()
            return
        for message in messages:
            self._on_message(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner (asyncio)."""
        self._transport = None
        self._on_lost(self)
