"""Frames survive any cut of the stream; what is not ours is refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.rollout import (
    HeaderMatch,
    MirrorLimits,
    SetHeaderRoute,
    SetMirrorRoute,
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
