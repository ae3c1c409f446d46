"""For all ids and requests: nothing forged is believed, nothing is out of bounds."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.segments import Facts, SegmentPlan
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.ticket_key import KEY_BYTES, TicketKey
from gateway.domain.units import Bytes
from gateway.handoff.ticket import Forged, Ticket, TicketMaker, read, route_code

NOW = 1_700_000_000
_u16 = st.integers(0, 2**16 - 1)
_u32 = st.integers(0, 2**32 - 1)
_u64 = st.integers(0, 2**64 - 1)
_cells = st.lists(st.integers(0, 31), max_size=16).map(bytes)
_keys = st.builds(
    TicketKey,
    number=_u16,
    secret=st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES),
    made_at=st.just(0.0),
)


@given(key=_keys, unique=_u64, fingerprint=_u64, cell=_cells, data=st.data())
def test_a_bit_flipped_anywhere_in_an_id_makes_it_forged(
    key: TicketKey, unique: int, fingerprint: int, cell: bytes, data: st.DataObject
) -> None:
    maker = TicketMaker(key, route=route_code("chat", "v2"), segments=1, epoch=1)
    text = maker.make(NOW, unique, fingerprint, cell)
    bit = data.draw(st.integers(0, 8 * len(text) - 1))
    flipped = bytearray(text)
    flipped[bit // 8] ^= 1 << bit % 8

    assert isinstance(read(text, {key.number: key}, NOW), Ticket)
    assert read(bytes(flipped), {key.number: key}, NOW) is Forged.ID


@given(text=st.binary(max_size=120), key=_keys)
def test_no_bytes_make_reading_fail(text: bytes, key: TicketKey) -> None:
    assert read(text, {key.number: key}, NOW) is Forged.ID


@given(
    issued=_u32, unique=_u64, fingerprint=_u64, cell=_cells, epoch=_u32, evidence=...
)
def test_every_field_comes_back(
    issued: int, unique: int, fingerprint: int, cell: bytes, epoch: int, evidence: bool
) -> None:
    key = TicketKey(number=1, secret=bytes(KEY_BYTES), made_at=0.0)
    route = route_code("chat", "v2")
    maker = TicketMaker(key, route=route, segments=5, epoch=epoch)

    ticket = read(
        maker.make(issued, unique, fingerprint, cell, evidence), {1: key}, issued
    )

    assert ticket == Ticket(
        route=route,
        segments=5,
        cell=cell + bytes(-len(cell) % 3),
        epoch=epoch,
        fingerprint=fingerprint,
        is_evidence=evidence,
        issued=issued,
        unique=unique,
    )


_values = st.lists(st.text(max_size=5), max_size=31, unique=True).map(tuple)
_segments = st.lists(
    st.builds(
        Segment,
        name=st.text(max_size=5),
        by=st.sampled_from([by for by in SegmentBy if by is not SegmentBy.PROMPT]),
        key=st.sampled_from(["x-a", "/a", ""]),
        values=_values,
        edges=st.lists(st.integers(0, 99).map(Bytes), max_size=30, unique=True).map(
            lambda edges: tuple(sorted(edges))
        ),
    ),
    max_size=16,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
)
_facts = st.builds(
    Facts,
    fields=st.dictionaries(st.sampled_from([b"x-a", b""]), st.binary(max_size=5)),
    path=st.binary(max_size=9),
    size=st.none() | st.integers(0, 120),
    model=st.none() | st.text(max_size=5),
    prompt=st.none() | st.text(max_size=5),
    json=st.dictionaries(st.sampled_from(["/a", "x-a", ""]), _json),
)


@given(segments=_segments, facts=_facts)
def test_a_cell_is_always_within_its_bounds(
    segments: list[Segment], facts: Facts
) -> None:
    cell = SegmentPlan(segments, lambda text: text).cell(facts)

    assert len(cell) == len(segments)
    assert all(
        0 <= number < len(segment.labels)
        for number, segment in zip(cell, segments, strict=True)
    )
    assert len(bytes(cell)) <= 16
