"""Requests whose headers send them to the candidate, whatever the weight."""

import pytest

from gateway.domain.rollout import HeaderMatch, SetHeaderRoute
from gateway.domain.service import Override, Service
from tests.flows.scripted import answering, get, ok
from tests.flows.stage import ALL, Stage, service, table, version

STAFF = SetHeaderRoute(name="staff", match=(HeaderMatch(name="x-staff", exact="1"),))
BETA = SetHeaderRoute(
    name="beta",
    match=(
        HeaderMatch(name="x-ring", prefix="beta"),
        HeaderMatch(name="user-agent", regex="curl/.{1,20}"),
    ),
)
GONE = SetHeaderRoute(name="gone")
"""A route that was taken away again: it must not fit everything."""


async def serve(
    stage: Stage, share: int, *routes: SetHeaderRoute, **settings: object
) -> Service:
    one, two = await answering(ok(b"v1")), await answering(ok(b"v2"))
    chat = service(version("v1", one), version("v2", two), **settings)
    stage.serve(table(chat, share=share, header_routes=routes), one, two)
    return chat


@pytest.mark.parametrize(
    ("lines", "answered_by"),
    [
        ((b"X-Staff: 1",), b"v2"),
        ((b"X-Staff: 1", b"X-User-Id: ann"), b"v2"),
        ((b"X-Staff: 11",), b"v1"),
        ((b"X-Ring: beta-2", b"User-Agent: curl/8"), b"v2"),
        ((b"X-Ring: beta-2", b"User-Agent: wget/1"), b"v1"),
        ((), b"v1"),
    ],
)
async def test_headers_that_fit_lead_to_the_candidate(
    stage: Stage, lines: tuple[bytes, ...], answered_by: bytes
) -> None:
    await serve(stage, 0, STAFF, BETA, GONE)

    answer = await (await stage.client()).ask(get(b"/", *lines))

    assert answer.body == answered_by
    assert answer["x-sluicegate-version"].encode() == answered_by


async def test_what_headers_decide_is_no_evidence(stage: Stage) -> None:
    """No coin was tossed; nor does it say where a key's bucket lies."""
    await serve(stage, 50_000, STAFF)
    client = await stage.client()

    for key in range(20):
        lines = (b"X-Staff: 1", b"X-User-Id: user-%d" % key)
        assert (await client.ask(get(b"/", *lines))).body == b"v2"
    assert not stage.gateway.blocks()
    await client.ask(get(b"/", b"X-User-Id: ann"))

    assert [len(block.records) for block in stage.gateway.blocks()] == [1]
    assert sum(stage.gateway.outcomes("v2").values()) >= 20


async def test_an_override_and_an_unsplit_path_come_before_them(stage: Stage) -> None:
    override = Override(header="x-sluicegate-version", senders=("127.0.0.0/8",))
    await serve(stage, ALL, STAFF, unsplit=("/v1/files",), override=override)
    client = await stage.client()

    named = get(b"/", b"X-Staff: 1", b"X-Sluicegate-Version: v1")
    assert (await client.ask(named)).body == b"v1"
    assert (await client.ask(get(b"/v1/files", b"X-Staff: 1"))).body == b"v1"


async def test_a_route_is_gone_with_the_next_table(stage: Stage) -> None:
    chat = await serve(stage, 0, STAFF)
    client = await stage.client()
    request = get(b"/", b"X-Staff: 1")
    assert (await client.ask(request)).body == b"v2"

    stage.gateway.use(table(chat, epoch=2))

    assert (await client.ask(request)).body == b"v1"


async def test_without_a_candidate_they_lead_nowhere(stage: Stage) -> None:
    one = await answering(ok(b"v1"))
    alone = table(service(version("v1", one)), header_routes=(STAFF,))
    stage.serve(alone, one)

    answer = await (await stage.client()).ask(get(b"/", b"X-Staff: 1"))

    assert answer.body == b"v1"
