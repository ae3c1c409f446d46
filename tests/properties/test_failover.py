"""Whatever a candidate does: one answer, and the baseline asked the same, if at all."""

import re
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.failover import Failover, Why
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import BUCKETS, Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.downstream import Downstream
from gateway.proxy.plane import Plane
from gateway.proxy.upstream import Upstream
from tests.properties.exchange import Wire, _never, cut
from tests.properties.test_byte_splits import unchunked

PATH = b"/v1/chat/completions"
BODY = (
    b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
)
WHOLE = (
    b"POST %b HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (PATH, len(BODY), BODY)
)
CHUNKED = (
    b"POST %b HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (PATH, 20, BODY[:20], len(BODY) - 20, BODY[20:])
)
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
SAYS = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
ERROR = b'data: {"error":{"message":"no memory","type":"x","code":500}}\n\n'
DONE = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _stream(*events: bytes, ended: bool = True) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(e), e) for e in events)
    return STREAM + chunks + (b"0\r\n\r\n" if ended else b"")


BY_CANDIDATE = {
    "good": _stream(ROLE, SAYS % b"candidate", DONE),
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\ncandidate",
    "503": b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncandidate\r\n0\r\n\r\n",
    "500": b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\ncandidate",
    "404": b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\ncandidate",
    "error": _stream(ROLE, ERROR, b"data: [DONE]\n\n"),
    "error later": _stream(ROLE, SAYS % b"candidate", ERROR, b"data: [DONE]\n\n"),
    "cut": _stream(ROLE, SAYS % b"candidate", ended=False),
    "cut before": _stream(ROLE, ended=False),
    "long before": _stream(*[ROLE] * 200, SAYS % b"candidate", ERROR, ended=False),
    "none": b"SSH-2.0-OpenSSH\r\n",
    "nothing": b"",
}
FROM_BASELINE = _stream(ROLE, SAYS % b"baseline", DONE)


class Bench:
    """A client in front of a candidate, which gets everything, and its baseline."""

    def __init__(self, on: tuple[Why, ...]) -> None:
        self.plane = Plane(_never)
        self.plane.use(_table(Failover(on=on)))
        self.ends: list[tuple[Upstream, Wire]] = []
        for pool in self.plane.pools():
            wire = Wire()
            upstream = pool.connection()
            upstream.connection_made(cast("object", wire))  # type: ignore[arg-type]
            pool.busy += 1
            upstream.keep()
            self.ends.append((upstream, wire))
        self.client = Downstream(self.plane)
        self.wire = Wire()
        self.client.connection_made(cast("object", self.wire))  # type: ignore[arg-type]

    def says(self, which: int, pieces: list[bytes], *, closes: bool) -> None:
        upstream, wire = self.ends[which]
        for piece in pieces:
            if not wire.is_closed:
                upstream.data_received(piece)
        if wire.is_closed or closes:
            upstream.connection_lost(None)


def _table(failover: Failover) -> RoutingTable:
    versions = tuple(
        Version(name=n, endpoints=(Endpoint(url=f"http://{n}", host=n, port=80),))
        for n in ("v1", "v2")
    )
    service = Service(
        name="chat",
        versions=versions,
        baseline="v1",
        candidate="v2",
        failover=failover,
    )
    routed = RoutedService(service=service, share=Share(BUCKETS), salt="s", revision=1)
    return RoutingTable(epoch=1, services=(routed,))


whys = st.lists(st.sampled_from(list(Why)), unique=True).map(tuple)
places = st.lists(st.integers(0, 20_000), max_size=8)


@given(
    on=whys,
    kind=st.sampled_from(sorted(BY_CANDIDATE)),
    asked=st.sampled_from([WHOLE, CHUNKED]),
    asked_at=places,
    said_at=places,
    early=st.integers(0, 8),
)
def test_one_answer_and_the_same_question(
    on: tuple[Why, ...],
    kind: str,
    asked: bytes,
    asked_at: list[int],
    said_at: list[int],
    early: int,
) -> None:
    """The candidate may speak before it has been asked all; the rest comes later."""
    bench = Bench(on)
    pieces = cut(asked, asked_at)
    for piece in pieces[: early + 1]:
        bench.client.data_received(piece)
    was_asked = bool(bench.ends[1][1].written)
    if was_asked:
        bench.says(1, cut(BY_CANDIDATE[kind], said_at), closes=True)
    told = bytes(bench.wire.written)
    for piece in pieces[early + 1 :]:
        if not bench.wire.is_closed:
            bench.client.data_received(piece)
    covered = bytes(bench.ends[0][1].written)
    if was_asked and covered:
        assert not told  # not a byte of the candidate's was passed on
        assert unchunked(covered)[1] == BODY
        assert covered.count(b"POST ") == 1
        bench.says(0, cut(FROM_BASELINE, said_at), closes=False)

    answer = bytes(bench.wire.written)
    assert len(re.findall(rb"HTTP/1\.1 \d{3} ", answer)) <= 1
    if was_asked:
        assert answer.startswith(b"HTTP/1.1 ")
        body = unchunked(answer)[1]
        assert not (b"candidate" in body and b"baseline" in body)
        assert (b"baseline" in body) == bool(covered)
        _is_counted_once(bench, has_failed_over=bool(covered))


def _is_counted_once(bench: Bench, *, has_failed_over: bool) -> None:
    frame = bench.plane.observe(0, 1, 1)
    series = {each.version: each for each in frame.series}
    (apart,) = frame.covered
    assert sum(series["v2"].outcomes.values()) == 1
    assert not series["v1"].outcomes
    assert sum(apart.outcomes.values()) == has_failed_over
    assert sum(series["v2"].failovers.values()) == has_failed_over
    assert {s.in_flight for s in (*frame.series, apart)} == {0}
