"""Requests that name what a server keeps go to the server that keeps it."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from gateway.domain.lane import lane_name
from gateway.domain.rollout import (
    HeaderMatch,
    RolloutPlan,
    SetHeaderRoute,
    Strategy,
)
from gateway.domain.service import DialectChoice, Override, Service
from gateway.domain.units import Share
from gateway.handoff.evidence import Record
from gateway.handoff.routing_table import RoutingTable
from tests.flows.chat import ask, by_length, streamed
from tests.flows.scripted import Client, Upstream, Wire, get
from tests.flows.stage import ALL, Stage, service, table, version

RESPONSES = b"/v1/responses"
CONVERSATIONS = b"/v1/conversations"
JSON = b"Content-Type: application/json"
HALF = 50_000
ANN = b"X-User-Id: ann"
STAFF = SetHeaderRoute(name="staff", match=(HeaderMatch(name="x-staff", exact="1"),))


async def keeping(name: str) -> Upstream:
    """Start a model server that gives everything an id of its own."""
    numbers = count(1)

    async def script(wire: Wire) -> None:
        while True:
            asked = await upstream.read(wire)
            made = {"id": f"{name}_{next(numbers)}", "object": "response"}
            whole = {**made, "status": "completed", "output": [], "served_by": name}
            if b'"stream": true' in asked.body:
                await wire.send(streamed(_events(whole)))
            else:
                await wire.send(by_length(json.dumps(whole).encode(), JSON))

    upstream = Upstream(script)
    return await upstream.start()


def _events(whole: dict[str, Any]) -> bytes:
    """Write a stream whose members come in an order of their own."""
    created = {"status": "in_progress", "id": whole["id"]}
    delta = {"type": "response.output_text.delta", "delta": "Hi"}
    events = [
        {"response": created, "type": "response.created"},
        delta,
        {"type": "response.completed", "response": whole},
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(e).encode() for e in events)


async def serve(stage: Stage, share: int, **routed: Any) -> Service:
    return await serve_as(stage, share, {}, **routed)


async def serve_as(
    stage: Stage, share: int, settings: dict[str, Any], **routed: Any
) -> Service:
    one, two = await keeping("v1"), await keeping("v2")
    chat = service(version("v1", one), version("v2", two), **settings)
    stage.serve(table(chat, share=share, **routed), one, two)
    return chat


def at(chat: Service, share: int, epoch: int, **routed: Any) -> RoutingTable:
    """Give the next table; its split is another one."""
    made = table(chat, share=share, epoch=epoch, **routed)
    (only,) = made.services
    return replace(made, services=(replace(only, revision=epoch),))


async def say(
    client: Client, *lines: bytes, path: bytes = RESPONSES, **members: object
) -> tuple[str, str]:
    """Ask for a response; give its id and the version that answered."""
    body = {"model": "m", "input": "Hi", **members}
    answer = await client.ask(ask(json.dumps(body).encode(), *lines, path=path))
    if body.get("stream"):
        last = answer.body.strip().rpartition(b"data: ")[2]
        whole = json.loads(last)["response"]
    else:
        whole = json.loads(answer.body)
    assert answer["x-sluicegate-version"] == whole["served_by"]
    return whole["id"], whole["served_by"]


def records(stage: Stage) -> list[Record]:
    return [r for block in stage.gateway.blocks() for r in block.records]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_stays_where_it_began_when_weights_change(
    stage: Stage, *, stream: bool
) -> None:
    chat = await serve(stage, 0)
    client = await stage.client()
    first, began_on = await say(client, stream=stream)
    assert began_on == "v1"

    stage.gateway.use(at(chat, ALL, 2))

    second, went_on = await say(client, stream=stream, previous_response_id=first)
    assert went_on == "v1"
    assert (await say(client, previous_response_id=second))[1] == "v1"
    assert (await say(client))[1] == "v2"
    assert stage.gateway.series("v1").pinned == {"followed": 2}


async def test_a_conversation_and_paths_with_ids_are_pinned_too(stage: Stage) -> None:
    chat = await serve(stage, ALL)
    client = await stage.client()
    made, on = await say(client, path=CONVERSATIONS)
    response, _ = await say(client)
    assert on == "v2"

    stage.gateway.use(at(chat, 1, 2))

    said = await say(client, conversation={"id": made})
    assert said[1] == "v2"
    assert (await say(client, conversation=made))[1] == "v2"
    for path in (
        b"%b/%b" % (RESPONSES, response.encode()),
        b"%b/%b/items?limit=2" % (CONVERSATIONS, made.encode()),
    ):
        answer = await client.ask(get(path))
        assert answer["x-sluicegate-version"] == "v2"


async def test_the_body_may_come_in_pieces_and_is_waited_for(stage: Stage) -> None:
    chat = await serve(stage, 0)
    client = await stage.client()
    first, _ = await say(client)
    stage.gateway.use(at(chat, ALL, 2))

    body = json.dumps({"input": "Hi", "previous_response_id": first}).encode()
    request = ask(body, path=RESPONSES)
    await client.send(request[:-20], request[-20:], gap=0.02)

    assert (await client.answer())["x-sluicegate-version"] == "v1"


async def test_nobody_is_pinned_to_a_candidate_without_traffic(stage: Stage) -> None:
    """A rollback always wins."""
    chat = await serve(stage, ALL)
    client = await stage.client()
    first, _ = await say(client)

    stage.gateway.use(at(chat, 0, 2))

    assert (await say(client, ANN, previous_response_id=first))[1] == "v1"
    assert stage.gateway.series("v1").pinned == {"taken_back": 1}


async def test_what_nobody_knows_goes_where_its_key_goes(stage: Stage) -> None:
    await serve(stage, ALL)
    client = await stage.client()

    assert (await say(client, previous_response_id="resp_x"))[1] == "v2"
    assert stage.gateway.series("v2").pinned == {"unknown": 1}


async def test_a_version_that_served_before_is_still_asked(stage: Stage) -> None:
    chat = await serve(stage, 0)
    client = await stage.client()
    first, _ = await say(client)
    promoted = replace(chat, baseline="v2", candidate=None)
    stage.gateway.use(at(promoted, 0, 2, outlived=("v1", "v0")))
    second, went_on = await say(client, previous_response_id=first)
    assert went_on == "v1"

    stage.gateway.use(at(promoted, 0, 3))
    assert (await say(client, previous_response_id=second))[1] == "v2"


async def test_a_pin_goes_before_headers_and_after_an_override(stage: Stage) -> None:
    override = Override(header="x-sluicegate-version", senders=("127.0.0.0/8",))
    settings = {"override": override}
    await serve_as(stage, HALF, settings, header_routes=(STAFF,))
    client = await stage.client()
    to_v1 = b"X-Sluicegate-Version: v1"
    first, began_on = await say(client, to_v1)
    assert began_on == "v1"

    went_on = await say(client, b"X-Staff: 1", previous_response_id=first)
    named = await say(client, b"X-Sluicegate-Version: v2", previous_response_id=first)

    assert (went_on[1], named[1]) == ("v1", "v2")


async def test_nothing_is_learnt_where_answers_are_not_read(stage: Stage) -> None:
    settings = {"dialect": DialectChoice.PLAIN}
    chat = await serve_as(stage, 0, settings)
    client = await stage.client()
    first, _ = await say(client)

    stage.gateway.use(at(chat, ALL, 2))

    assert (await say(client, previous_response_id=first))[1] == "v2"


# Evidence.


async def test_a_conversation_that_began_under_its_coin_is_evidence(
    stage: Stage,
) -> None:
    await serve(stage, HALF)
    client = await stage.client()
    first, began_on = await say(client, ANN)

    second, _ = await say(client, ANN, previous_response_id=first)
    third, went_on = await say(client, ANN, previous_response_id=second)

    assert went_on == began_on
    assert [r.nth for r in records(stage)] == [1, 2, 3]
    assert third


@pytest.mark.parametrize("to", [1, ALL - 1])
async def test_what_began_before_is_none_on_either_side(stage: Stage, to: int) -> None:
    """Also where the new coin says the same: the others are left out too."""
    chat = await serve(stage, 0)
    client = await stage.client()
    first, _ = await say(client, ANN)
    stage.gateway.use(at(chat, to, 2))

    second, on = await say(client, ANN, previous_response_id=first)
    await say(client, ANN, previous_response_id=second)

    assert on == "v1"
    assert not records(stage)
    await say(client, ANN)
    assert len(records(stage)) == 1


async def test_anothers_conversation_and_one_of_nobody_are_none(stage: Stage) -> None:
    await serve(stage, HALF)
    client = await stage.client()
    anns, _ = await say(client, ANN)
    nobodys, _ = await say(client)
    assert len(records(stage)) == 2

    await say(client, b"X-User-Id: bob", previous_response_id=anns)
    await say(client, previous_response_id=anns)
    await say(client, ANN, previous_response_id=nobodys)
    await say(client, previous_response_id=nobodys)
    await say(client, ANN, previous_response_id="resp_x")

    assert not records(stage)


# Drains.


def drained(chat: Service, epoch: int) -> RoutingTable:
    return at(chat, 0, epoch, is_draining=True)


async def test_in_a_drain_what_began_there_goes_on_and_nothing_begins(
    stage: Stage,
) -> None:
    chat = await serve(stage, HALF, notes_keys=True)
    client = await stage.client()
    keys = [b"X-User-Id: user-%d" % number for number in range(40)]
    path = b"/v1/chat/completions"
    served = {key: (await say(client, key, path=path))[1] for key in keys}
    assert set(served.values()) == {"v1", "v2"}
    records(stage)

    stage.gateway.use(drained(chat, 2))

    for key in keys:
        assert (await say(client, key, path=path))[1] == served[key]
    for number in range(40, 80):
        key = b"X-User-Id: user-%d" % number
        assert (await say(client, key, path=path))[1] == "v1"
    assert not records(stage)
    moved = sum(on == "v2" for on in served.values())
    assert stage.gateway.series("v2").pinned == {"drained": moved}

    stage.gateway.use(at(chat, 0, 3))
    for key in keys:
        assert (await say(client, key, path=path))[1] == "v1"


async def test_in_a_drain_state_is_followed_and_after_it_no_more(stage: Stage) -> None:
    chat = await serve(stage, ALL)
    client = await stage.client()
    first, _ = await say(client)
    stage.gateway.use(drained(chat, 2))

    second, on = await say(client, previous_response_id=first)
    assert on == "v2"
    assert (await say(client))[1] == "v1"

    stage.gateway.use(at(chat, 0, 3))
    assert (await say(client, previous_response_id=second))[1] == "v1"


async def test_a_key_that_the_baseline_has_served_since_does_not_drain(
    stage: Stage,
) -> None:
    chat = await serve(stage, ALL, notes_keys=True)
    client = await stage.client()
    assert (await say(client, ANN))[1] == "v2"
    stage.gateway.use(at(chat, 1, 2, notes_keys=True))
    assert (await say(client, ANN))[1] == "v1"

    stage.gateway.use(drained(chat, 3))

    assert (await say(client, ANN))[1] == "v1"


# Several candidates.


async def test_a_conversation_finds_its_candidate_from_any_lane(stage: Stage) -> None:
    one, two, three = [await keeping(name) for name in ("v1", "v2", "v3")]
    plan = RolloutPlan(strategy=Strategy.AB, lanes=("v2", "v3"))
    whole = service(
        version("v1", one), version("v2", two), version("v3", three), rollout=plan
    )
    lanes = [
        replace(whole, name=lane_name("chat", name), candidate=name)
        for name in plan.lanes
    ]

    def split(epoch: int, **shares: int) -> RoutingTable:
        made = table(*lanes, epoch=epoch)
        services = tuple(
            replace(
                lane,
                share=Share(shares[str(lane.service.candidate)]),
                revision=epoch,
                is_draining=epoch == 3 and lane.service.candidate == "v3",
            )
            for lane in made.services
        )
        return replace(made, services=services)

    stage.serve(split(1, v2=ALL, v3=ALL), one, two, three)
    client = await stage.client()
    keys = [b"X-User-Id: user-%d" % number for number in range(8)]
    said = {(await say(client, key))[::-1] for key in keys}
    on = dict(said)
    assert set(on) == {"v2", "v3"}

    for key in keys:
        assert (await say(client, key, previous_response_id=on["v3"]))[1] == "v3"
    stage.gateway.use(split(2, v2=ALL, v3=0))
    assert (await say(client, previous_response_id=on["v3"]))[1] in {"v1", "v2"}
    assert (await say(client, previous_response_id=on["v2"]))[1] == "v2"
    stage.gateway.use(split(3, v2=ALL, v3=0))
    for key in keys:
        assert (await say(client, key, previous_response_id=on["v3"]))[1] == "v3"
