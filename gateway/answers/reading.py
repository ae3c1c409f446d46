"""Reads one exchange as it passes: the request once, the answer piece by piece.

Until the first content has come, each piece is read at once, for its time counts. What
comes later is gathered and read many events at a time: read one by one, events cost three
times as much (measured). Nothing here changes, delays or keeps what passes; what is held
is bounded, and an answer that is beyond the bounds is `is_unread`, never half read.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from gateway.answers import inflate
from gateway.answers.answer import Answer
from gateway.answers.asked import NOTHING
from gateway.answers.dialect import Dialect, Framing
from gateway.answers.events import Events, JsonLines, ServerSentEvents
from gateway.answers.inflate import Inflater, NotReadable
from gateway.answers.usage import Usage

LONGEST_BODY: Final = 1024 * 1024
"""Bytes of an answer that is read as a whole; a longer one is not read."""

MOST_OBJECTS: Final = 32 * 1024
"""JSON objects in what is read at once: 3 ms of work at worst, where a MiB of empty ones
would be 35. An answer has fewer by far; the log probabilities of a MiB have 20,000."""

_FEW_BYTES: Final = 2 * MOST_OBJECTS  # an object has two
_NO_FIELDS: Final[Mapping[bytes, bytes]] = {}
_BATCH: Final = 4 * 1024  # bytes of events that are read together


class _Kind(Enum):
    """What a Content-Type says of a body."""

    JSON = auto()
    EVENTS = auto()
    LINES = auto()
    OTHER = auto()


_KINDS: Final = {
    b"application/json": _Kind.JSON,
    b"text/event-stream": _Kind.EVENTS,
    b"application/x-ndjson": _Kind.LINES,
    b"application/ndjson": _Kind.LINES,
    b"application/jsonl": _Kind.LINES,
    b"application/stream+json": _Kind.LINES,
}


def _kind_of(content_type: bytes) -> _Kind:
    kind = content_type.split(b";", 1)[0].strip().lower()
    return _KINDS.get(kind, _Kind.OTHER)


def _is_hostile(text: bytes) -> bool:
    """Whether it is made to be dear to read."""
    return len(text) > _FEW_BYTES and text.count(b"{") > MOST_OBJECTS


class Reading:
    """What is known of one exchange.

    Attributes:
        dialect: How it is read.
        asked: What the request asked for.
        answer: What has been read of the answer.
        is_stream: Whether the answer came as a stream of events.
        is_unread: The answer could not be read: too long, or in an unknown coding.
        is_request_unread: What was asked is not known, though there was a body; set by
            whoever reads the request.
        is_begun: Whether an answer that is read has begun.
        is_sampled: Whether costly signals are measured; set by whoever chooses.
        fields: Of the answer's head.
        body: The answer's, when it was read as a whole.
        first_content: Seconds from arrival to the first content of a stream; None before,
            and of an answer that is no stream.

    """

    __slots__ = (
        "_events",
        "_inflater",
        "_pending",
        "_size",
        "answer",
        "asked",
        "body",
        "dialect",
        "fields",
        "first_content",
        "is_begun",
        "is_request_unread",
        "is_sampled",
        "is_stream",
        "is_unread",
    )

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.asked = NOTHING
        self.answer = Answer()
        self.is_begun = self.is_stream = self.is_unread = False
        self.is_request_unread = False
        self.is_sampled = True
        self.first_content: float | None = None
        self.fields = _NO_FIELDS
        self.body: bytes | None = None
        self._events: Events | None = None
        self._inflater: Inflater | None = None
        self._pending: list[bytes] = []
        self._size = 0

    def begin(
        self, fields: Mapping[bytes, bytes], content_type: bytes, coding: bytes
    ) -> None:
        """Prepare for a 2xx answer's body.

        Args:
            fields: Of its head, by lower-case name.
            content_type: Its Content-Type, b"" when there is none.
            coding: Its Content-Encoding, b"" when there is none.

        """
        self.is_begun = True
        self.fields = fields
        read_head = self.dialect.read_head
        if read_head is not None:
            read_head(self.answer, fields)
        kind = _KINDS.get(content_type) or _kind_of(content_type)
        if kind is not _Kind.JSON:
            self._begin_stream(kind)
        if not coding:
            return
        coding = coding.strip().lower()
        if coding in inflate.CODINGS:
            self._inflater = Inflater()
        elif coding not in {b"", b"identity"}:
            self.is_unread = True

    def _begin_stream(self, kind: "_Kind") -> None:
        if kind is _Kind.EVENTS:
            self._events = ServerSentEvents()
        elif kind is _Kind.LINES:
            self._events = JsonLines()
        elif self.asked.is_stream:  # odd, but it is what was asked for
            is_lines = self.dialect.framing is Framing.LINES
            self._events = JsonLines() if is_lines else ServerSentEvents()
        self.is_stream = self._events is not None

    def take(self, parts: list[bytes], since: float) -> None:
        """Take body bytes that have passed.

        Args:
            parts: As they came, without the transfer's own framing.
            since: Seconds from the request's arrival until now.

        """
        if self.is_unread:
            return
        if self._inflater is not None:
            parts = self._inflated(parts)
        self._pending += parts
        self._size += sum(map(len, parts))
        if self._events is None:
            if self._size > LONGEST_BODY:
                self._give_up()
        elif self.first_content is None or self._size >= _BATCH:
            self._read_events()
            if self.first_content is None and self.answer.content_events:
                self.first_content = since

    def read_whole(self, body: bytes, since: float) -> None:
        """Take an answer, prepared for, that came whole: take and end in one."""
        if self._events is None and self._inflater is None and not self.is_unread:
            if len(body) > LONGEST_BODY or _is_hostile(body):
                self.is_unread = True
                return
            self.body = body
            self.dialect.read_whole(self.answer, body)
            return
        self.take([body], since)
        self.end(is_whole=True)

    def end(self, *, is_whole: bool) -> None:
        """Read what is left; no more will come.

        Args:
            is_whole: Whether the transport says that this is all.

        """
        if self.is_unread:
            return
        if self._events is None:
            body = b"".join(self._pending)
            self._pending = []
            if is_whole and _is_hostile(body):
                self.is_unread = True
            elif is_whole:
                self.body = body
                self.dialect.read_whole(self.answer, body)
            return
        self._read_events()
        rest = self._events.rest()
        if rest and _is_hostile(rest[0]):
            self._give_up()
        elif rest and (is_whole or self._can_read(rest)):
            self.dialect.read_events(self.answer, rest)
        self.answer.has_gaps = self._events.skipped > 0

    @property
    def is_events(self) -> bool:
        """Whether the answer comes as server-sent events, in no coding."""
        return (
            not self.is_unread
            and self._inflater is None
            and isinstance(self._events, ServerSentEvents)
        )

    @property
    def awaits_content(self) -> bool:
        """Whether the answer is a stream that is read, and has brought no content yet."""
        is_read = self.is_begun and self.is_stream and not self.is_unread
        return is_read and not self.answer.has_content

    @property
    def is_between_events(self) -> bool:
        """Whether a stream, in no coding, has just ended an event: one more may follow."""
        if self._events is None or self._inflater is not None or self.is_unread:
            return False
        self._read_events()
        return self._events.is_between  # of what is too long, it is not

    @property
    def events_skipped(self) -> int:
        """Events that were too long to be read."""
        return 0 if self._events is None else self._events.skipped

    @property
    def usage(self) -> Usage | None:
        """Tokens as reported; else, for text, estimated from the content's events.

        What a stream that broke off had reported is no total: Anthropic's begin with an
        output of 1. Such a figure is an estimate too, of the larger of the two.
        """
        answer, usage = self.answer, self.answer.usage
        said = None if usage is None else usage.output
        is_total = not self.is_stream or answer.is_terminated or answer.is_finished
        if said is not None and is_total:
            return usage
        can_guess = self.is_stream and self.dialect.is_text and answer.content_events
        if said is None and not can_guess:
            return usage
        known = Usage() if usage is None else usage
        return Usage(
            input=known.input,
            cached=known.cached,
            output=max(said or 0, answer.content_events),
            reasoning=known.reasoning,
            is_estimated=True,
        )

    def per_token(self, usage: Usage, ended: float) -> float | None:
        """Give the seconds for each output token after the first; None where unknown.

        That is the time from the first content to the end, shared out among the tokens
        that came in it: those reported, without reasoning, if that was not streamed, for
        it was over before the first content came. Where that leaves fewer than there
        were events with content, and where nothing was reported, each event is a token.

        Args:
            usage: As `usage` says.
            ended: Seconds from the request's arrival to the end.

        """
        first, tokens = self.first_content, usage.output
        if first is None or tokens is None:
            return None
        answer = self.answer
        if usage.reasoning and not answer.shows_reasoning:
            tokens -= usage.reasoning
        tokens = max(tokens, answer.content_events)
        return (ended - first) / (tokens - 1) if tokens > 1 else None

    def _can_read(self, rest: list[bytes]) -> bool:
        """Tell whether a cut left an event whole; a half one is no fault of the server."""
        trial = Answer()
        self.dialect.read_events(trial, rest)
        return not trial.is_garbled

    def _read_events(self) -> None:
        assert self._events is not None  # ruff: ignore[assert]
        pending = self._pending
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        self._pending, self._size = [], 0
        events = self._events.feed(data)
        if not events:
            return
        # Only the first may have begun before these bytes, and so be longer than they.
        if _is_hostile(events[0]) or _is_hostile(data):
            self._give_up()
        else:
            self.dialect.read_events(self.answer, events)

    def _inflated(self, parts: list[bytes]) -> list[bytes]:
        assert self._inflater is not None  # ruff: ignore[assert]
        try:
            return [self._inflater.feed(parts)]
        except NotReadable:
            self._give_up()
            return []

    def _give_up(self) -> None:
        self.is_unread = True
        self._pending, self._size = [], 0
