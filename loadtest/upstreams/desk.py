"""The state that all connections of one server share: behaviour, dice and counts."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import cast

from loadtest.upstreams import http_message
from loadtest.upstreams.behaviour import (
    Behaviour,
    BehaviourError,
    Word,
    from_mapping,
    parse_cached,
)
from loadtest.upstreams.dialects.openai_responses import OpenAiResponses
from loadtest.upstreams.kept import RESPONSES, Kept, asked_in, unknown
from loadtest.upstreams.request import Request
from loadtest.upstreams.script import Ending, Step, write_script
from loadtest.upstreams.speech import json_bytes
from loadtest.upstreams.variety import varied
from loadtest.upstreams.voice import Order
from loadtest.upstreams.voices import Voices

_RESET = "reset"


@dataclass(slots=True)
class Counts:
    """Totals since the start, or since `DELETE /_stats`."""

    requests: int = 0  # chat requests; the server's own paths are not counted
    streamed: int = 0
    failed_by_dice: int = 0
    ended_clean: int = 0
    ended_cut: int = 0
    ended_stall: int = 0
    cancelled: int = 0  # the client left before the end of its answer
    cancelled_at: float = 0.0  # when the last one did, CLOCK_MONOTONIC; 0: none
    body_bytes: int = 0
    connections: int = 0  # accepted so far
    open_connections: int = 0


def _words(body: bytes) -> dict[str, Word]:
    try:
        given = json.loads(body)
    except ValueError as mistake:
        message = "the body is not JSON. Send an object of behaviours."
        raise BehaviourError(message) from mistake
    if not isinstance(given, dict):
        message = "the body is no JSON object. Send an object of behaviours."
        raise BehaviourError(message)
    return cast("dict[str, Word]", given)


class Desk:
    """Decides what each request gets; knows nothing of sockets."""

    def __init__(self, name: str, how: Behaviour, dice: Callable[[], float]) -> None:
        self.counts = Counts()
        self._served_by = name.encode()
        self._name = name
        self._voices = Voices(name)
        self._kept = Kept(name)
        self._as_started = how
        self._how = how
        self._warm: set[bytes] = set()  # users whose prompts would be in the cache
        self._dice = dice  # gives 0 to 1, seeded by whoever starts the server
        self._replies: dict[tuple[bytes, bytes], Callable[[Request], Iterator[Step]]]
        self._replies = {
            (b"GET", b"/health"): self._health,
            (b"HEAD", b"/health"): self._health,
            (b"GET", b"/v1/models"): self._models,
            (b"GET", b"/_stats"): self._stats,
            (b"DELETE", b"/_stats"): self._forget,
            (b"GET", b"/_behave"): self._behaviour,
            (b"POST", b"/_behave"): self._behave,
        }

    def behaviour_for(self, wish: str) -> Behaviour:
        """Merge the header's words into the live behaviour; raise BehaviourError."""
        return parse_cached(wish, self._how) if wish else self._how

    def answer(self, request: Request) -> Iterator[Step]:
        """Choose the script for a request; a mistake in it becomes a 400."""
        try:
            return self._answer(request)
        except BehaviourError as mistake:
            return self._plain(request, 400, {"error": {"message": str(mistake)}})

    def ended(self, ending: Ending) -> None:
        """Count how an answer ended."""
        match ending:
            case Ending.CLEAN:
                self.counts.ended_clean += 1
            case Ending.CUT:
                self.counts.ended_cut += 1
            case Ending.STALL:
                self.counts.ended_stall += 1

    def left(self) -> None:
        """Count a client that left before the end of its answer."""
        self.counts.cancelled += 1
        self.counts.cancelled_at = time.monotonic()

    def _answer(self, request: Request) -> Iterator[Step]:
        reply = self._replies.get((request.method, request.path))
        if reply is not None:
            return reply(request)
        kept = self._kept.answer(request)
        if kept is not None:
            return self._bytes(request, *kept)
        if request.method == b"POST":
            return self._chat(request)
        return self._plain(request, 404, {"error": {"message": "no such path"}})

    def _health(self, request: Request) -> Iterator[Step]:
        return self._plain(request, 503 if self._how.unhealthy else 200, {})

    def _models(self, request: Request) -> Iterator[Step]:
        return self._bytes(request, 200, self._voices.models())

    def _stats(self, request: Request) -> Iterator[Step]:
        return self._plain(request, 200, asdict(self.counts))

    def _forget(self, request: Request) -> Iterator[Step]:
        self.counts = Counts(open_connections=self.counts.open_connections)
        self._warm.clear()
        self._kept.forget()
        return self._plain(request, 200, {})

    def _behaviour(self, request: Request) -> Iterator[Step]:
        return self._plain(request, 200, asdict(self._how))

    def _behave(self, request: Request) -> Iterator[Step]:
        words = _words(bytes(request.body_start))
        start = self._as_started if words.pop(_RESET, False) else self._how
        self._how = from_mapping(words, start)
        return self._behaviour(request)

    def _chat(self, request: Request) -> Iterator[Step]:
        how = self.behaviour_for(request.wish)
        how, fails = varied(how, self._dice, request.body_bytes)
        if how.cold and request.user not in self._warm:
            how = replace(how, first_token=how.first_token + how.cold)
        self._warm.add(request.user)
        self.counts.requests += 1
        voice = self._voices.of(request.path)
        if request.path == RESPONSES:
            asked = asked_in(request)
            lacks = self._kept.lacks(asked)
            if lacks is not None:
                return self._bytes(request, 404, unknown(lacks))
            if asked.get("store") is True:
                voice = OpenAiResponses(self._name, self._kept.new("resp"))
        streamed = request.is_streamed(unasked=voice.streams_unasked)
        self.counts.streamed += streamed
        self.counts.failed_by_dice += fails
        return write_script(Order(how, streamed, request.wants_usage, fails), voice)

    def _plain(
        self, request: Request, status: int, body: dict[str, object]
    ) -> Iterator[Step]:
        return self._bytes(request, status, json_bytes(body))

    def _bytes(self, request: Request, status: int, body: bytes) -> Iterator[Step]:
        start = http_message.head(status, self._served_by, http_message.JSON, len(body))
        shown = b"" if request.method == b"HEAD" else body
        return iter([(start + shown, 0.0), (Ending.CLEAN, 0.0)])
