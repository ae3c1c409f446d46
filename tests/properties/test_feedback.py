"""Whatever is sent, in whatever order and however often: sums are of the last values."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.segments import code_of
from gateway.control.feedback import FeedbackDesk
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.ticket import TicketMaker, route_code

NOW = 1_700_000_000
KEY = TicketKey(number=3, secret=b"k" * 32, made_at=0.0)
SEGMENTS = (Segment(name="tenant", by=SegmentBy.HEADER, key="x-t", values=("a", "b")),)
CHAT = Service(
    name="chat",
    versions=(Version(name="v1", endpoints=(Endpoint(url="u", host="h", port=1),)),),
    baseline="v1",
    segments=SEGMENTS,
)
TABLE = RoutingTable(
    epoch=1,
    services=(RoutedService(service=CHAT, share=Share(0), salt="s", revision=1),),
)
MAKER = TicketMaker(
    KEY, route=route_code("chat", "v1"), segments=code_of(SEGMENTS), epoch=1
)
IDS = [
    MAKER.make(NOW, number, cell=bytes([number % 3])).decode() for number in range(9)
]

_pieces = st.lists(
    st.tuples(
        st.integers(0, len(IDS) - 1),
        st.sampled_from(["ok", "stars"]),
        st.integers(-5, 5).map(float),
    )
)


@given(pieces=_pieces)
def test_sums_are_of_the_last_value_of_each_request_and_signal(
    pieces: list[tuple[int, str, float]],
) -> None:
    desk = FeedbackDesk(lambda: TABLE, lambda: {KEY.number: KEY}, lambda: float(NOW))
    for number, signal, value in pieces:
        desk.take(IDS[number], signal, value)
    last = {(number, signal): value for number, signal, value in pieces}

    for signal, sums in desk.of("chat", "v1").items():
        values = [value for (_, name), value in last.items() if name == signal]
        parts = sums.segments["tenant"].values()
        assert (sums.whole.count, sums.whole.total) == (len(values), sum(values))
        assert sum(part.count for part in parts) == len(values)
        assert sum(part.total for part in parts) == sums.whole.total
