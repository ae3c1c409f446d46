"""Recorded exchanges wait for the controller in bounded number."""

import random

from gateway.domain.outcome import Outcome
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.link import FrameReader, Spans, encode
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.seen import Seen
from gateway.proxy.spans import MOST, Recorder
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.wire.request_head import RequestHead
from gateway.wire.trace import Trace

VERSION = Version(name="v1", endpoints=(Endpoint(url="http://h", host="h", port=80),))
SERVICE = Service(name="chat", versions=(VERSION,), baseline="v1")
TRACE = Trace(b"a" * 32, b"b" * 16)
TOTALS = Seen(Outcome.TRUNCATED, 200, 0.5, 0.1)


def _seen() -> Observation:
    routed = RoutedService(service=SERVICE, share=Share(0), salt="s", revision=1)
    tracing = Tracing(random.Random(1), 0.0)
    head = RequestHead(b"GET", b"/v1/x?key=hush", 1, {}, b"/v1/x")
    target = Target(routed, VERSION, Tally("chat", "v1"), tracing)
    route = Route(routed, {"v1": target}, random.Random(1))
    seen = Observation(target, route, head, RequestBody(head), None)
    seen.duration = 0.5
    return seen


def test_a_recorded_exchange_is_taken_once() -> None:
    """With its ids, its outcome and its path without query; it passes the link."""
    recorder = Recorder(now=lambda: 1000.0)
    recorder.add(TRACE, _seen(), TOTALS)

    (message,) = FrameReader().feed(encode(Spans(spans=recorder.take())))

    assert isinstance(message, Spans)
    (span,) = message.spans
    assert (span.trace, span.span, span.parent) == ("a" * 32, "b" * 16, None)
    assert (span.service, span.version, span.outcome) == ("chat", "v1", "truncated")
    assert (span.path, span.ended, span.duration) == ("/v1/x", 1000.0, 0.5)
    assert recorder.take() == []


def test_more_than_fit_between_two_frames_are_dropped_and_counted() -> None:
    """A client that records everything cannot fill the link."""
    recorder = Recorder(now=lambda: 1000.0)
    for _ in range(MOST + 3):
        recorder.add(TRACE, _seen(), TOTALS)

    assert recorder.dropped == 3
    assert len(recorder.take()) == MOST
