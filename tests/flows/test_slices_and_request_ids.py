"""Which slice of the traffic a request belongs to, and what its id tells whom."""

import asyncio
from dataclasses import replace
from time import time as unix_time  # ruff: ignore[banned-api]: ids carry the date

import pytest

from gateway.answers.segments import code_of
from gateway.domain.failover import Failover
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import DialectChoice, Service, Version
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Bytes
from gateway.handoff.ticket import Ticket, read, route_code
from gateway.proxy.inspection import fingerprint_of
from tests.flows.chat import (
    CHUNKED,
    PATH,
    SSE,
    STREAM,
    ask,
    asked,
    streamed,
    whole,
)
from tests.flows.scripted import Message, Upstream, Wire, answering, get
from tests.flows.stage import ALL, Stage, endpoint, service, table, until, version

BY_TENANT = Segment(
    name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a", "b")
)
BY_PATH = Segment(name="path", by=SegmentBy.PATH, values=("/v1/chat", "/v2"))
BY_SIZE = Segment(
    name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(1024), Bytes(8192))
)
BY_MODEL = Segment(name="model", by=SegmentBy.MODEL, values=("small", "large"))
BY_SCRIPT = Segment(name="script", by=SegmentBy.SCRIPT, values=("latin", "cyrillic"))
BY_PLAN = Segment(
    name="plan", by=SegmentBy.JSON, key="/metadata/plan", values=("free", "7", "true")
)
BY_TOPIC = Segment(
    name="topic", by=SegmentBy.PROMPT, patterns=(("money", "refund|invoice"),)
)
SEGMENTS = (BY_TENANT, BY_PATH, BY_SIZE, BY_MODEL, BY_SCRIPT, BY_PLAN, BY_TOPIC)
REQUEST = ask(
    asked(says="Wo ist die invoice?" + " " * 2000, metadata={"plan": "free"}),
    b"X-Tenant: b",
)
PLACES = {
    ("tenant", "b"),
    ("path", "/v1/chat"),
    ("size", "1KiB..8KiB"),
    ("model", "small"),
    ("script", "latin"),
    ("plan", "free"),
    ("topic", "money"),
}
NOWHERE = {(segment.name, "other") for segment in SEGMENTS if segment is not BY_SIZE}


async def _served(stage: Stage, *segments: Segment, **settings: object) -> None:
    upstream = await answering(whole())
    made = service(version("v1", upstream), segments=segments, **settings)
    stage.serve(table(made), upstream)


@pytest.mark.parametrize(
    ("segment", "request_", "value"),
    [
        (BY_TENANT, ask(asked(), b"X-Tenant: a"), "a"),
        (BY_TENANT, ask(asked(), b"X-Tenant: c"), "other"),
        (BY_TENANT, ask(asked()), "other"),
        (BY_PATH, ask(asked(), path=PATH + b"?x=/v2"), "/v1/chat"),
        (BY_PATH, get(b"/v20"), "other"),
        (BY_SIZE, get(), "<1KiB"),
        (BY_SIZE, ask(b"a" * 1023), "<1KiB"),
        (BY_SIZE, ask(b"a" * 1024), "1KiB..8KiB"),
        (BY_SIZE, ask(b"a" * 100_000), ">=8KiB"),
        (BY_MODEL, ask(asked(model="large")), "large"),
        (BY_MODEL, ask(asked(model="own")), "other"),
        (BY_MODEL, ask(b"{"), "other"),
        (BY_SCRIPT, ask(asked(says="Почему?")), "cyrillic"),
        (BY_SCRIPT, ask(asked(says="42")), "other"),
        (BY_PLAN, ask(asked(metadata={"plan": "free"})), "free"),
        (BY_PLAN, ask(asked(metadata={"plan": 7})), "7"),
        (BY_PLAN, ask(asked(metadata={"plan": True})), "true"),
        (BY_PLAN, ask(asked(metadata={"plan": ["free"]})), "other"),
        (BY_TOPIC, ask(asked(says="My invoice is wrong.")), "money"),
        (BY_TOPIC, ask(asked(says="Why?")), "other"),
    ],
)
async def test_a_request_belongs_to_the_slice_it_names_itself(
    stage: Stage, segment: Segment, request_: bytes, value: str
) -> None:
    await _served(stage, segment)

    await (await stage.client()).ask(request_)

    slices = stage.gateway.slices()
    assert set(slices) == {(segment.name, value)}
    assert slices[segment.name, value].outcomes == stage.gateway.outcomes()


async def test_a_slice_is_told_from_json_that_no_dialect_reads(stage: Stage) -> None:
    await _served(stage, BY_PLAN, BY_SIZE, dialect=DialectChoice.PLAIN)
    client = await stage.client()

    await client.ask(ask(asked(metadata={"plan": "free"})))

    assert set(stage.gateway.slices()) == {("plan", "free"), ("size", "<1KiB")}


async def test_a_slice_is_told_from_what_the_client_wrote(stage: Stage) -> None:
    """And not from what a version sets in its place."""
    upstream = await answering(whole())
    sets = version("v1", upstream, set_json=(("/model", '"large"'),))
    stage.serve(table(service(sets, segments=(BY_MODEL, BY_SIZE))), upstream)

    await (await stage.client()).ask(ask(asked(model="small")))

    assert set(stage.gateway.slices()) == {("model", "small"), ("size", "<1KiB")}


async def test_a_slice_counts_its_own_exchanges(stage: Stage) -> None:
    upstream = await answering(whole())
    price = version("v1", upstream)
    stage.serve(table(service(price, segments=(BY_TENANT,))), upstream)
    client = await stage.client()

    for tenant in (b"a", b"b", b"a"):
        await client.ask(ask(asked(), b"X-Tenant: " + tenant))

    slices = stage.gateway.slices()
    assert {value: n.outcomes for (_, value), n in slices.items()} == {
        "a": {"complete": 2},
        "b": {"complete": 1},
    }
    assert slices["tenant", "a"].tokens == {"input": 14, "output": 4}
    assert slices["tenant", "a"].codes == {200: 2}
    assert slices["tenant", "b"].signals["output_length"] == (1, 8.0, 64.0)
    assert stage.gateway.series().outcomes == {"complete": 3}


# The slice depends on the request alone.


def _refusing(name: str) -> Version:
    """Make a version at whose port nobody listens: port 1 needs a privileged server."""
    return Version(name=name, endpoints=(endpoint(1),))


def _half_refused(good: Upstream) -> Service:
    passes_on = Failover(on=())
    return service(
        version("v1", good),
        _refusing("v2"),
        segments=SEGMENTS,
        failover=passes_on,
    )


async def test_a_refused_connection_is_counted_where_an_answer_would_be(
    stage: Stage,
) -> None:
    upstream = await answering(whole())
    made = _half_refused(upstream)
    stage.serve(table(made), upstream)
    client = await stage.client()

    assert (await client.ask(REQUEST)).status == 200
    stage.gateway.use(table(made, share=ALL))
    assert (await client.ask(REQUEST)).status == 502

    assert set(stage.gateway.slices("v1")) == PLACES
    assert set(stage.gateway.slices("v2")) == PLACES
    failed = stage.gateway.slices("v2")["model", "small"]
    assert failed.outcomes == {"upstream_error": 1}


async def test_the_size_is_what_was_announced_when_the_refusal_comes_first(
    stage: Stage,
) -> None:
    """Of a body that has not come nothing else is known."""
    upstream = await answering(whole())
    stage.serve(table(_half_refused(upstream), share=ALL), upstream)
    client = await stage.client()
    lines = b"POST / HTTP/1.1\r\nHost: h\r\nX-User-Id: u\r\n"

    await client.send(lines + b"Content-Length: 5000\r\n\r\n", b"{")
    assert (await client.answer()).status == 502

    assert set(stage.gateway.slices("v2")) == {*NOWHERE, ("size", "1KiB..8KiB")}


async def test_a_size_that_nobody_knows_yet_is_other(stage: Stage) -> None:
    upstream = await answering(whole())
    stage.serve(table(_half_refused(upstream), share=ALL), upstream)
    client = await stage.client()
    lines = b"POST / HTTP/1.1\r\nHost: h\r\nX-User-Id: u\r\n"

    await client.send(lines + CHUNKED + b"\r\n\r\n", b"1\r\n{\r\n")
    assert (await client.answer()).status == 502

    assert set(stage.gateway.slices("v2")) == {*NOWHERE, ("size", "other")}


# Slices that are none any more.


async def test_slices_that_the_table_does_not_have_are_dropped(stage: Stage) -> None:
    upstream = await answering(whole())
    made = version("v1", upstream)
    before = service(made, segments=(BY_TENANT, BY_MODEL))
    stage.serve(table(before), upstream)
    client = await stage.client()
    await client.ask(ask(asked(), b"X-Tenant: a"))
    await client.ask(ask(asked(), b"X-Tenant: b"))

    stage.gateway.use(table(service(made, segments=(BY_TENANT,)), epoch=2))

    assert set(stage.gateway.slices()) == {("tenant", "a"), ("tenant", "b")}
    await client.ask(ask(asked(), b"X-Tenant: a"))
    assert stage.gateway.slices()["tenant", "a"].outcomes == {"complete": 2}


async def test_a_segment_that_is_defined_anew_begins_anew(stage: Stage) -> None:
    """Though its values are called the same; other segments go on."""
    upstream = await answering(whole())
    made = version("v1", upstream)
    stage.serve(table(service(made, segments=(BY_TENANT, BY_MODEL))), upstream)
    client = await stage.client()
    await client.ask(ask(asked(), b"X-Tenant: a"))

    anew = replace(BY_TENANT, key="x-customer")
    stage.gateway.use(table(service(made, segments=(anew, BY_MODEL)), epoch=2))
    await client.ask(ask(asked(), b"X-Tenant: a"))

    slices = stage.gateway.slices()
    assert set(slices) == {("tenant", "other"), ("model", "small")}
    assert slices["model", "small"].outcomes == {"complete": 2}


@pytest.mark.parametrize("gone", ["version", "service"])
async def test_what_has_vanished_has_no_slices(stage: Stage, gone: str) -> None:
    """Its totals stay: counters do not go down."""
    upstream = await answering(whole())
    first, second = version("v1", upstream), version("v2", upstream)
    both = service(first, second, segments=(BY_TENANT,))
    stage.serve(table(both, share=ALL), upstream)
    await (await stage.client()).ask(ask(asked(), b"X-User-Id: u"))
    assert stage.gateway.slices("v2")

    alone = service(first, segments=(BY_TENANT,))
    renamed = service(first, second, segments=(BY_TENANT,), name="talk")
    stage.gateway.use(table(alone if gone == "version" else renamed, epoch=2))

    assert not stage.gateway.slices("v2")
    assert stage.gateway.series("v2").outcomes == {"complete": 1}


@pytest.mark.parametrize("then", [(), (replace(BY_TENANT, key="x-customer"),)])
async def test_an_exchange_that_ends_later_brings_no_slice_back(
    stage: Stage, then: tuple[Segment, ...]
) -> None:
    """Nor does it count in one that is called the same."""
    goes_on = asyncio.Event()

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await goes_on.wait()
        await wire.send(whole())
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    made = version("v1", upstream)
    stage.serve(table(service(made, segments=(BY_TENANT, BY_MODEL))), upstream)
    client = await stage.client()
    await client.send(ask(asked(), b"X-Tenant: a"))
    assert await until(lambda: upstream.requests)

    stage.gateway.use(table(service(made, segments=(BY_MODEL, *then)), epoch=2))
    goes_on.set()

    assert (await client.answer()).status == 200
    assert set(stage.gateway.slices()) == {("model", "small")}
    assert stage.gateway.outcomes() == {"complete": 1}


# Request ids.

KEY = TicketKey(number=3, secret=b"k" * 32, made_at=0.0)


def _read(answer: Message) -> Ticket:
    text = answer["x-sluicegate-request-id"].encode()
    ticket = read(text, {KEY.number: KEY}, unix_time())
    assert isinstance(ticket, Ticket)
    return ticket


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_the_request_id_tells_the_gateway_all_about_its_exchange(
    stage: Stage, is_stream: bool
) -> None:
    upstream = await answering(streamed(STREAM, SSE) if is_stream else whole())
    made = service(
        version("v1", upstream),
        version("v2", upstream),
        segments=(BY_TENANT, BY_MODEL, BY_SIZE),
    )
    stage.serve(table(made, share=ALL, ticket_key=KEY, epoch=7), upstream)
    client, before = await stage.client(), int(unix_time()) - 1
    body = asked(stream=is_stream, model="large")

    got = await client.ask(ask(body, b"X-User-Id: u", b"X-Tenant: b"))

    ticket = _read(got)
    assert got["x-sluicegate-version"] == "v2"
    assert ticket.route == route_code("chat", "v2")
    assert ticket.epoch == 1  # the revision of the split, not the table's epoch
    assert ticket.fingerprint == fingerprint_of(b"u")
    assert ticket.segments == code_of(made.segments)
    assert ticket.cell == bytes((2, 2, 1))
    assert before <= ticket.issued <= unix_time()
    assert not ticket.is_evidence


async def test_a_refused_connection_has_an_id_of_its_version_too(stage: Stage) -> None:
    """Users say what they think of errors, and more so."""
    upstream = await answering(whole())
    stage.serve(
        table(_half_refused(upstream), share=ALL, ticket_key=KEY, epoch=7), upstream
    )

    got = await (await stage.client()).ask(REQUEST)

    assert got.status == 502
    assert _read(got).route == route_code("chat", "v2")
    assert _read(got).cell[: len(SEGMENTS)] == bytes((2, 1, 2, 1, 1, 1, 1))


async def test_without_a_key_there_is_no_fingerprint(stage: Stage) -> None:
    upstream = await answering(whole())
    made = service(version("v1", upstream), version("v2", upstream))
    stage.serve(table(made, ticket_key=KEY), upstream)

    assert _read(await (await stage.client()).ask(ask(asked()))).fingerprint == 0


async def test_no_two_requests_have_the_same_id(stage: Stage) -> None:
    upstream = await answering(whole())
    stage.serve(table(service(version("v1", upstream)), ticket_key=KEY), upstream)
    client = await stage.client()

    answers = [await client.ask(ask(asked(), b"X-User-Id: u")) for _ in range(20)]

    ids = {answer["x-sluicegate-request-id"] for answer in answers}
    assert len(ids) == len({_read(answer).unique for answer in answers}) == 20


async def test_a_client_that_may_not_know_is_not_told_the_version(
    stage: Stage,
) -> None:
    """Nor by the length of its id, nor by any part that stays the same."""
    upstream = await answering(whole())
    made = service(version("v1", upstream), version("v2", upstream), expose=False)
    stage.serve(table(made, ticket_key=KEY), upstream)
    client = await stage.client()
    found: dict[str, list[str]] = {}
    for share, name in ((0, "v1"), (ALL, "v2")):
        stage.gateway.use(table(made, share=share, ticket_key=KEY))
        for _ in range(8):
            got = await client.ask(ask(asked(), b"X-User-Id: u"))
            assert "x-sluicegate-version" not in got
            assert _read(got).route == route_code("chat", name)
            found.setdefault(name, []).append(got["x-sluicegate-request-id"])

    assert len({len(text) for texts in found.values() for text in texts}) == 1
    assert _same_at(found["v1"]) == _same_at(found["v2"])


def _same_at(texts: list[str]) -> set[tuple[int, str]]:
    """Give the places whose character is the same in all *texts*."""
    first, *others = texts
    return {
        (place, character)
        for place, character in enumerate(first)
        if all(text[place] == character for text in others)
    }
