"""What one exchange adds to the totals and to the evidence."""

import random
from dataclasses import dataclass, replace

import pytest

from gateway.domain.outcome import Outcome
from gateway.domain.price import Price
from gateway.domain.service import (
    Deadlines,
    Endpoint,
    Service,
    Signals,
    Version,
)
from gateway.domain.units import Seconds, Share
from gateway.handoff.evidence import OVERDUE, Record
from gateway.handoff.observations import Series
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.counting import count
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.seen import Seen
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.proxy.units import Units
from gateway.wire.answer_head import ANSWER_LINES, AnswerHead, read_answer_head
from gateway.wire.request_head import RequestHead

PATH = b"/v1/chat/completions"
VERSION = Version(
    name="v1",
    endpoints=(Endpoint(url="http://h", host="h", port=80),),
    price=Price(input=1.0, output=2.0),
    deadlines=Deadlines(first_token=Seconds(1.0)),
)
SERVICE = Service(name="chat", versions=(VERSION,), baseline="v1")
SHOWS_NOTHING = replace(SERVICE, signals=Signals(names=()))
ROUTED = RoutedService(service=SERVICE, share=Share(0), salt="s", revision=1)

USAGE = b'"usage":{"prompt_tokens":1000000,"completion_tokens":1000000}'
SAID = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],%b}' % USAGE
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
STREAMED = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],%b}\n\n'
    b"data: [DONE]\n\n" % USAGE
)
JSON, SSE = b"application/json", b"text/event-stream"


@dataclass
class Exchange:
    """One after another, on the same worker."""

    tally: Tally
    units: Units

    def begin(
        self,
        path: bytes = PATH,
        method: bytes = b"POST",
        body: bytes = b"{}",
        routed: RoutedService = ROUTED,
        *,
        is_tossed: bool = True,
    ) -> Observation:
        target = Target(routed, VERSION, self.tally, Tracing(random.Random(1), 0.0))
        route = Route(routed, {"v1": target}, random.Random(1))
        head = RequestHead(method, path, 1, {}, path, content_length=len(body))
        seen = Observation(target, route, head, RequestBody(head, body), None)
        if is_tossed:
            seen.was_tossed(self.units, 0.0)
        return seen

    def answered(
        self,
        kind: bytes,
        *pieces: tuple[float, bytes],
        ended: float,
        path: bytes = PATH,
        outcome: Outcome = Outcome.COMPLETE,
        status: int = 200,
    ) -> Seen:
        """Let an answer come in pieces, each with the seconds until it came."""
        seen = self.begin(path)
        seen.answer_began(head_of(kind, status))
        for since, piece in pieces:
            seen.passed([piece], since, False)
        return self.end(seen, ended, outcome, status)

    def end(
        self,
        seen: Observation,
        ended: float,
        outcome: Outcome = Outcome.COMPLETE,
        status: int | None = 200,
    ) -> Seen:
        seen.outcome, seen.status, seen.duration = outcome, status, ended
        return count(seen, self.units, _fail)

    def series(self) -> Series:
        return self.tally.series()

    def records(self) -> list[Record]:
        return [
            record
            for block in self.units.take(can_send=True)
            for record in block.records
        ]


def _fail(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def head_of(kind: bytes, status: int = 200) -> AnswerHead:
    field = ANSWER_LINES[b"Content-Type: " + kind]
    return read_answer_head(status, b"OK", [field], False)


@pytest.fixture
def exchange() -> Exchange:
    """Give a worker that has seen nothing."""
    return Exchange(Tally("chat", "v1"), Units())


# Time to the first token, which OpenTelemetry has of streams.


def test_a_stream_has_a_first_content_that_comes_after_its_first_byte(
    exchange: Exchange,
) -> None:
    exchange.answered(SSE, (0.1, ROLE), (0.3, STREAMED), ended=0.5)

    series, (record,) = exchange.series(), exchange.records()
    assert series.first_byte.total == pytest.approx(0.1)
    assert series.first_content.total == pytest.approx(0.3)
    assert record.first_content == pytest.approx(0.3)


@pytest.mark.parametrize("comes_at_once", [True, False])
def test_a_whole_answer_has_a_first_byte_and_no_first_content(
    exchange: Exchange, comes_at_once: bool
) -> None:
    """Its first byte comes with its last: mixed with those of streams, says nothing."""
    if comes_at_once:
        seen = exchange.begin()
        seen.first_byte, seen.whole = 0.4, (head_of(JSON), SAID)
        exchange.end(seen, 0.4)
    else:
        exchange.answered(JSON, (0.4, SAID[:9]), (0.4, SAID[9:]), ended=0.4)

    series, (record,) = exchange.series(), exchange.records()
    assert series.outcomes == {"complete": 1}
    assert series.first_byte.read().count == 1
    assert series.first_content.read().count == 0
    assert record.first_content is None
    assert record.duration == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("kind", "pieces", "path", "is_late"),
    [
        (SSE, ((0.1, ROLE), (2.0, STREAMED)), PATH, True),
        (SSE, ((0.1, ROLE), (0.9, STREAMED)), PATH, False),
        (SSE, ((0.1, ROLE),), PATH, True),
        (JSON, ((0.9, SAID[:9]), (3.0, SAID[9:])), PATH, False),
        (JSON, ((1.1, SAID[:9]), (3.0, SAID[9:])), PATH, True),
        (JSON, (), PATH, True),
        (SSE, ((0.1, ROLE), (2.0, STREAMED)), b"/other", False),
    ],
    ids=[
        "a stream's content is late",
        "and not late",
        "and never came",
        "a whole answer's first byte is in time",
        "and late",
        "and never came",
        "what is not read is in time with its first byte",
    ],
)
def test_which_answer_is_late(
    exchange: Exchange,
    kind: bytes,
    pieces: tuple[tuple[float, bytes], ...],
    path: bytes,
    is_late: bool,
) -> None:
    """A long answer that began in time is not late, whatever it is made of."""
    totals = exchange.answered(kind, *pieces, ended=3.0, path=path)

    assert totals.is_late is is_late
    assert exchange.series().late == is_late


# Evidence at the deadline.


def test_what_hangs_is_evidence_at_its_deadline_and_not_again(
    exchange: Exchange,
) -> None:
    seen = exchange.begin()

    seen.note_overdue(1.25, exchange.units)
    (record,) = exchange.records()
    exchange.end(seen, 600.0, Outcome.UPSTREAM_ERROR, 504)

    assert (record.outcome, record.is_late) == (OVERDUE, True)
    assert record.duration == pytest.approx(1.25)
    assert (record.nth, record.values, record.cost) == (1, [], None)
    assert exchange.records() == []
    assert exchange.series().outcomes == {"upstream_error": 1}
    assert exchange.series().late == 1


def test_its_answer_is_read_all_the_same_when_it_comes_at_last(
    exchange: Exchange,
) -> None:
    seen = exchange.begin(body=b'{"n":2}')
    seen.note_overdue(1.25, exchange.units)

    seen.whole = (head_of(JSON), SAID)
    exchange.end(seen, 5.0)

    assert exchange.series().outcomes == {"truncated": 1}  # one of two answers


def test_a_client_that_has_not_sent_its_request_makes_nobody_late(
    exchange: Exchange,
) -> None:
    """What is asked is not known yet; and no version could have answered."""
    seen = exchange.begin(body=b'{"n":')
    seen.body.is_whole = False

    seen.note_overdue(1.25, exchange.units)
    assert exchange.records() == []
    exchange.end(seen, 5.0, Outcome.CLIENT_CANCELLED, None)

    assert [record.outcome for record in exchange.records()] == ["client_cancelled"]


def test_what_is_no_unit_is_no_evidence_at_its_deadline(exchange: Exchange) -> None:
    seen = exchange.begin()
    untossed = exchange.begin(is_tossed=False)

    for each in (seen, untossed):
        each.note_overdue(1.25, exchange.units)

    assert len(exchange.records()) == 1
    assert exchange.series().late == 2


# What is no answer of a model.


@pytest.mark.parametrize("comes_at_once", [True, False])
@pytest.mark.parametrize(
    ("method", "status", "body"),
    [
        (b"OPTIONS", 200, b""),
        (b"OPTIONS", 204, b""),
        (b"HEAD", 200, b""),
        (b"GET", 200, b'{"object":"list","data":[]}'),
        (b"DELETE", 200, b'{"deleted":true}'),
        (b"POST", 204, b""),
        (b"POST", 205, b""),
    ],
)
def test_what_is_no_answer_of_a_model_is_told_by_its_transport(
    exchange: Exchange, method: bytes, status: int, body: bytes, comes_at_once: bool
) -> None:
    """A browser asks with OPTIONS before it asks; clients list what is stored."""
    seen = exchange.begin(method=method, body=b"")
    if comes_at_once:
        seen.whole = (head_of(JSON, status), body)
    else:
        seen.answer_began(head_of(JSON, status))
        seen.passed([body] if body else [], 0.1, True)
    exchange.end(seen, 0.1, status=status)

    series = exchange.series()
    assert series.outcomes == {"complete": 1}
    assert not series.signals
    assert not series.skipped


@pytest.mark.parametrize(
    ("body", "is_whole", "skipped"),
    [
        (b'{"n":1}', True, {}),
        (b"", True, {}),
        (b"no JSON", True, {"request": 1}),
        (b'{"n":1', False, {"request": 1}),
        (b'{"user":"%b"}' % (b"x" * 1024 * 1024), True, {"request": 1}),
    ],
    ids=["read", "none", "no JSON", "not whole", "beyond json_limit"],
)
def test_a_request_that_was_not_read_is_counted(
    exchange: Exchange, body: bytes, is_whole: bool, skipped: dict[str, int]
) -> None:
    """Nobody can say whether its answer is what it asked for."""
    seen = exchange.begin(body=body)
    seen.body.is_whole = is_whole
    seen.whole = (head_of(JSON), SAID)
    exchange.end(seen, 0.1)

    series = exchange.series()
    assert series.skipped == skipped
    assert series.outcomes == {"complete": 1}


def test_an_answer_that_is_only_a_head_is_an_error(exchange: Exchange) -> None:
    """A 200 promises a body to whoever asks a model."""
    exchange.answered(JSON, ended=0.1)

    assert exchange.series().outcomes == {"stream_error": 1}


def test_an_outcome_needs_no_signal_to_be_shown(exchange: Exchange) -> None:
    """JSON was asked for, and what came is none."""
    routed = replace(ROUTED, service=SHOWS_NOTHING)
    body = b'{"response_format":{"type":"json_object"}}'
    seen = exchange.begin(body=body, routed=routed)
    seen.whole = (head_of(JSON), SAID)
    exchange.end(seen, 0.1)

    series = exchange.series()
    assert series.outcomes == {"invalid": 1}
    assert not series.signals


def test_one_of_two_answers_is_not_complete(exchange: Exchange) -> None:
    seen = exchange.begin(body=b'{"n":2}')
    seen.whole = (head_of(JSON), SAID)
    exchange.end(seen, 0.1)

    assert exchange.series().outcomes == {"truncated": 1}


# Time for each token.

WORD = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
THOUGHT = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"completion_tokens":1010,'
    b'"completion_tokens_details":{"reasoning_tokens":1000}}}\n\ndata: [DONE]\n\n'
)


def test_hidden_reasoning_does_not_make_a_stream_fast(exchange: Exchange) -> None:
    words = [(1.0 + at / 10, WORD) for at in range(10)]

    totals = exchange.answered(SSE, *words, (1.9, THOUGHT), ended=1.9)

    assert totals.per_token == pytest.approx(0.1)
    assert exchange.series().per_token.total == pytest.approx(0.1)


# Cost.


def test_the_exchanges_whose_cost_is_known_are_counted(exchange: Exchange) -> None:
    """What broke off told no tokens; it cost something, and nobody knows what."""
    exchange.answered(JSON, (0.1, SAID), ended=0.1)
    exchange.answered(SSE, (0.1, STREAMED), ended=0.1)
    exchange.answered(JSON, (0.1, SAID[:9]), ended=0.1, outcome=Outcome.TRUNCATED)
    exchange.answered(JSON, (0.1, b"{}"), ended=0.1, status=500)

    series = exchange.series()
    assert sum(series.outcomes.values()) == 4
    assert series.priced == 2
    assert series.cost == pytest.approx(6.0)
