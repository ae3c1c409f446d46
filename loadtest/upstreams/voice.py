"""Socket: a voice says what `speech` has to say in one dialect. Bytes only, no timing.

To add one: write dialects/<name>.py with one class, list it in voices.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from loadtest.upstreams.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Order:
    """What one request asks for, and what the dice said about it."""

    how: Behaviour
    streamed: bool
    wants_usage: bool
    fails: bool


class Voice(Protocol):
    """Speaks in the name of one version.

    Attributes:
        served_by: The version, for the header.
        stream_type: The media type of streams.
        streams_unasked: Whether an answer is a stream unless the client says no.
        end_of_failed: What ends a stream in which an error has been told.

    """

    served_by: bytes
    stream_type: bytes
    streams_unasked: bool
    end_of_failed: bytes

    def events(self, order: Order, stamp: Callable[[], bytes]) -> Iterator[bytes]:
        """Make the events of a stream, lazily: *stamp* gives the time of each."""

    def last_words(self, order: Order) -> bytes:
        """Make what comes between the events and the end; often b""."""

    def end(self, how: Behaviour) -> bytes:
        """Make what ends a stream."""

    def event(self, data: bytes) -> bytes:
        """Frame any data as an event of a stream."""

    def error_event(self) -> bytes:
        """Make the event of a failure."""

    def error_body(self, status: int) -> bytes:
        """Make the body of a failure."""

    def whole(self, how: Behaviour) -> bytes:
        """Make the body of an answer that is not streamed."""
