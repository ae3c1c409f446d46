"""What is fuzzed: each target takes bytes, and fails where a promise is broken."""

import logging
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import orjson

from gateway.answers.answer import Answer
from gateway.answers.dialect import Dialect
from gateway.answers.dialects import DIALECTS
from gateway.answers.events import Events, JsonLines, ServerSentEvents
from gateway.answers.inflate import Inflater, NotReadable
from gateway.answers.redaction import BUILT_IN, redact, rules_for
from gateway.answers.usage_injection import UsageStrip, to_ask_for_usage
from gateway.domain.errors import Refused
from gateway.domain.ticket_key import KEY_BYTES, TicketKey
from gateway.handoff.ticket import Forged, read
from gateway.routing.json_pointer import JsonText, split_pointer
from gateway.wire.forwarded import client_address, parse_networks
from gateway.wire.json_splice import splice_all
from gateway.wire.trace import continued
from tests.conformance.talk import read_answers
from tests.conformance.through import cut_evenly, through
from tests.properties.exchange import Bench

Target = Callable[[bytes], None]

_REQUESTS: Final = (
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
)
_FINAL: Final = "200"


class Complaint(logging.Handler):
    """Fails where the gateway logs that its own code failed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise AssertionError(record.getMessage()) from (record.exc_info or (0, None))[1]


@contextmanager
def _no_complaint() -> Generator[None]:
    logger, handler = logging.getLogger("sluicegate"), Complaint(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def request_stream(data: bytes) -> None:
    """Pass only whole requests of a client's, the same however they are cut."""
    size, stream = _size_and_rest(data)
    with _no_complaint():
        whole = through([stream])
        pieces = through(cut_evenly(stream, size))

    assert pieces == whole
    assert len(whole.statuses) >= len(whole.seen)


def answer_stream(data: bytes) -> None:
    """Pass one answer of an endpoint's, the same however it is cut."""
    size, stream = _size_and_rest(data)
    asked = _REQUESTS[stream[:1][0] % len(_REQUESTS)] if stream else _REQUESTS[0]
    stream = stream[1:]
    with _no_complaint():
        whole = _answered(asked, [stream])
        pieces = _answered(asked, cut_evenly(stream, size))

    assert "garbage" not in whole + pieces
    finals = [each for each in whole if not each.startswith("1")]
    assert len(finals) <= 1
    if finals and finals[0].startswith(_FINAL) and not finals[0].endswith("cut"):
        assert pieces == whole


def _answered(asked: bytes, pieces: list[bytes]) -> list[str]:
    bench = Bench()
    bench.ask([asked])
    for piece in pieces:
        if not bench.endpoints[0][1].is_closed and bench.client.transport is not None:
            bench.answer([piece])
    written = bytes(bench.wire.written)
    if written.startswith(b"HTTP/1.1 101 "):
        return ["101"]
    return read_answers(written, "closed", to_head=asked.startswith(b"HEAD"))


def events(data: bytes) -> None:
    """Cut the same events out of a stream, however its bytes come."""
    size, stream = _size_and_rest(data)
    for make in (ServerSentEvents, JsonLines):
        assert _events(make(), [stream]) == _events(make(), cut_evenly(stream, size))


def _events(cutter: Events, pieces: list[bytes]) -> list[bytes]:
    found = [event for piece in pieces for event in cutter.feed(piece)]
    return found + cutter.rest()


def usage(data: bytes) -> None:
    """Take usage out of a stream, the same however it is cut."""
    size, stream = _size_and_rest(data)

    assert _stripped([stream]) == _stripped(cut_evenly(stream, size))
    for pointer, value in to_ask_for_usage(stream):
        assert pointer
        orjson.loads(value)


def _stripped(pieces: list[bytes]) -> bytes:
    strip = UsageStrip()
    return b"".join(strip.feed(piece) for piece in pieces) + strip.rest()


def dialect(data: bytes) -> None:
    """Read anything, and the same however a stream is cut."""
    size, rest = _size_and_rest(data)
    every = tuple(DIALECTS.values())
    chosen = every[rest[:1][0] % len(every)] if rest else every[0]
    body = rest[1:]
    chosen.read_request(body, True)
    chosen.read_request(body, False)
    chosen.read_whole(Answer(), body)
    whole, pieces = _read(chosen, [body]), _read(chosen, cut_evenly(body, size))

    assert whole.text.kept == pieces.text.kept
    assert whole.finishes == pieces.finishes
    assert whole.usage == pieces.usage


def _read(chosen: Dialect, pieces: list[bytes]) -> Answer:
    answer, cutter = Answer(), ServerSentEvents()
    for piece in pieces:
        chosen.read_events(answer, cutter.feed(piece))
    chosen.read_events(answer, cutter.rest())
    return answer


def splice(data: bytes) -> None:
    """Set a value in JSON, and change nothing else."""
    pointer, _, body = data.partition(b"\x00")
    steps = split_pointer("/" + pointer.decode("utf-8", "replace"))
    try:
        spliced = splice_all(body, [(steps, b'{"set":1}')])
    except Refused:
        return
    before, after = orjson.loads(body), orjson.loads(spliced)
    assert _put(before, steps) == after


def _put(document: Any, steps: tuple[str, ...]) -> Any:
    here = document
    for step in steps[:-1]:
        here = here[int(step) if isinstance(here, list) else step]
    last = steps[-1]
    here[int(last) if isinstance(here, list) else last] = {"set": 1}
    return document


def pointer(data: bytes) -> None:
    """Look something up in any text, by any pointer."""
    steps, _, body = data.partition(b"\x00")
    text = JsonText(body)
    text.find(split_pointer("/" + steps.decode("utf-8", "replace")))


def redaction(data: bytes) -> None:
    """Redact any text, in time; what is left of it stands in the same order.

    Not asked: that a second pass finds nothing. A key glued to a telephone number is at
    no word's beginning until the number has gone.
    """
    text = data.decode("utf-8", "replace")
    kept = re.split(r"\[[A-Z_]+\]", redact(text, _RULES))
    place = 0
    for part in kept:
        place = text.index(part, place) + len(part)


def ticket(data: bytes) -> None:
    """Believe no id that nobody made."""
    for length in (len(data), 56):
        assert read(data[:length], {1: _KEY}, 0.0) is Forged.ID


def claims(data: bytes) -> None:
    """Read what proxies claim of a client, whatever it is."""
    first, _, second = data.partition(b"\x00")
    client_address("10.0.0.1", first, _TRUSTED)
    lines = continued({b"traceparent": first, b"tracestate": second}, 7)
    assert lines is None or lines[0].endswith(b"\r\n")


def inflating(data: bytes) -> None:
    """Undo a coding, or tell that it is not readable."""
    size, stream = _size_and_rest(data)
    inflater = Inflater()
    with suppress(NotReadable):
        for piece in cut_evenly(stream, size):
            assert len(inflater.feed([piece])) <= 1024 * 1024


_RULES: Final = rules_for(BUILT_IN)
_KEY: Final = TicketKey(number=1, secret=bytes(KEY_BYTES), made_at=0.0)
_TRUSTED: Final = parse_networks(["10.0.0.0/8", "::/0"])

TARGETS: Final[dict[str, Target]] = {
    target.__name__: target
    for target in (
        request_stream,
        answer_stream,
        events,
        usage,
        dialect,
        splice,
        pointer,
        redaction,
        ticket,
        claims,
        inflating,
    )
}


def _size_and_rest(data: bytes) -> tuple[int, bytes]:
    """Give the size of pieces, from the first byte, and what is to be cut."""
    return 1 + (data[0] % 40 if data else 0), data[1:]
