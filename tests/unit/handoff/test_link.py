"""Frames survive any cut of the stream; what is not ours is refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.evaluation import (
    Budget,
    Evaluator,
    EvaluatorKind,
    Sampling,
    Score,
)
from gateway.domain.price import Price
from gateway.domain.rollout import (
    HeaderMatch,
    MirrorLimits,
    SetHeaderRoute,
    SetMirrorRoute,
    Worse,
)
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Seconds, Share
from gateway.handoff.evidence import (
    OVERDUE,
    Arrival,
    Block,
    Evidence,
    PairRecord,
    Record,
)
from gateway.handoff.link import Applied, FrameReader, Hello, Message, Publish, encode
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.samples import Sample, Samples, Texts

TABLE = RoutingTable(
    epoch=7,
    services=(
        RoutedService(
            service=Service(
                name="chat",
                versions=(
                    Version(
                        name="v1",
                        endpoints=(Endpoint(url="http://a:1", host="a", port=1),),
                        set_headers=(("authorization", "secret"),),
                    ),
                ),
                baseline="v1",
                evaluators=(
                    Evaluator(
                        name="judge",
                        kind=EvaluatorKind.LLM_JUDGE,
                        scores=(Score(name="toxicity", worse=Worse.HIGHER),),
                        budget=Budget(usd_per_hour=5.0),
                        price=Price(input=0.15, output=0.6),
                    ),
                ),
                sampling=Sampling(patterns=(("order", "ORDER-[0-9]{3}"),)),
            ),
            share=Share(10),
            salt="chat",
            revision=3,
            header_routes=(
                SetHeaderRoute(
                    name="staff", match=(HeaderMatch(name="x-staff", exact="1"),)
                ),
            ),
            mirror_routes=(SetMirrorRoute(name="shadow", share=Share(20_000)),),
            reverse_mirror=Share(10_000),
            mirror=MirrorLimits(concurrency=4, tokens_per_minute=None),
            window=Seconds(900.0),
            washout=3,
        ),
    ),
)
HUNG = Record(
    fingerprint=1,
    bucket=None,
    is_candidate=True,
    arrived=1.5,
    nth=0,
    window=0,
    nth_in_window=0,
    outcome=OVERDUE,
    duration=30.0,
    is_stream=False,
    first_content=None,
    per_token=None,
    input_tokens=None,
    output_tokens=None,
    cost=None,
    is_late=True,
    values=[(0, 1.0)],
    cell=b"\x01",
    firsts=(1 << 64) - 1,
    draw=1 << 32,
)
BLOCK = Block(
    service="chat",
    revision=3,
    versions=("v1", "v2"),
    share=Share(10),
    names=("refusal",),
    segments=7,
    arrivals=[Arrival((1 << 64) - 1, 1.25, 7, True)],
    keyless=(3, 1),
    records=[HUNG],
    pairs=[PairRecord(baseline=HUNG, candidate=None)],
)
SAMPLE = Sample(
    service="chat",
    versions=("v1", "v2"),
    revision=3,
    is_candidate=True,
    fingerprint=2**64 - 1,
    draw=2**32 - 1,
    exchange=2**64 - 1,
    arrived=1.5,
    ended=2.5,
    is_evidence=True,
    segments=7,
    cell=b"\x01",
    outcome="complete",
    texts=Texts(
        prompt="Wo?", context=("é漢😀",), reference=None, answer="Da.", is_cut=True
    ),
    other="Dort.",
    other_outcome="refused",
    trace="4bf92f3577b34da6a3ce929d0e0e4736",
    span="00f067aa0ba902b7",
)
MESSAGES: list[Message] = [
    Hello(worker=0, pid=1, table=None),
    Hello(worker=1, pid=2, table=TABLE),
    Publish(table=TABLE),
    Applied(epoch=7),
    Evidence(
        worker=0,
        pid=1,
        sequence=1,
        sampled=0.5,
        since=3.5,
        until=4.5,
        blocks=[BLOCK],
    ),
    Samples(worker=0, pid=1, sequence=1, dropped={"chat": 2}, samples=[SAMPLE]),
]


@given(cuts=st.lists(st.integers(0, 3000), max_size=12))
def test_messages_arrive_whole_whatever_the_pieces(cuts: list[int]) -> None:
    stream = b"".join(map(encode, MESSAGES))
    edges = sorted({0, *(cut % len(stream) for cut in cuts), len(stream)})
    reader = FrameReader()

    received = [
        message
        for start, end in itertools.pairwise(edges)
        for message in reader.feed(stream[start:end])
    ]

    assert received == MESSAGES


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_stream_that_is_not_ours_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"\d+"):
        FrameReader().feed(junk)
