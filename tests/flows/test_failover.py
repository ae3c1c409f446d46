"""The baseline answers what a candidate fails at: on the wire, and in the books."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest

from gateway.domain.failover import Budget, Failover, Guard, Why
from gateway.domain.service import Endpoint, Override, Service, Timeouts, Version
from gateway.domain.units import Bytes, Seconds
from tests.flows.chat import (
    CHUNKED,
    DONE,
    ERROR,
    IS_JSON,
    SSE,
    STREAM,
    ask,
    asked,
    by_length,
    chunks,
    event,
    head,
    streamed,
    whole,
)
from tests.flows.scripted import Message, Upstream, Wire, answering, post
from tests.flows.stage import ALL, Stage, service, table, version

HALF = 50_000
EVERYTHING = Failover(on=tuple(Why))
QUICK = Timeouts(first_byte=Seconds(0.3), idle=Seconds(0.3))
ROLE = event('{"role":"assistant","content":""}')
NO_GUARD = {"guard": None}


def _refusing(name: str = "v2") -> Version:
    """Make a version at a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    return Version(
        name=name, endpoints=(Endpoint(url=url, host="127.0.0.1", port=port),)
    )


async def _closing() -> Upstream:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)

    upstream = Upstream(script)
    return await upstream.start()


async def _saying(*pieces: bytes) -> Upstream:
    """Start a server that sends these, and closes the connection."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(*pieces)

    upstream = Upstream(script)
    return await upstream.start()


async def _silent() -> Upstream:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await upstream.until_lost(wire)

    upstream = Upstream(script)
    return await upstream.start()


_Start = Callable[[], Awaitable[Upstream]]


def _status(line: bytes) -> _Start:
    return lambda: answering(by_length(b"{}", IS_JSON, status=line))


FAULTS: dict[str, tuple[Why, _Start]] = {
    "closed": (Why.BAD_GATEWAY, _closing),
    "garbage": (Why.BAD_GATEWAY, lambda: _saying(b"SSH-2.0-OpenSSH\r\n")),
    "502": (Why.BAD_GATEWAY, _status(b"502 Bad Gateway")),
    "503": (Why.UNAVAILABLE, _status(b"503 Not Now")),
    "500": (Why.SERVER_ERROR, _status(b"500 Oh")),
    "504": (Why.SERVER_ERROR, _status(b"504 Late")),
    "silent": (Why.TIMEOUT, _silent),
    "error": (Why.ERROR_EVENT, lambda: answering(streamed(ROLE + ERROR + DONE))),
    "cut": (Why.ERROR_EVENT, lambda: _saying(head(SSE, CHUNKED) + chunks(ROLE))),
}


async def _tried(
    stage: Stage, good: Upstream, bad: Version, *others: Upstream, **settings: object
) -> Message:
    made = service(version("v1", good), bad, **settings)
    stage.serve(table(made, share=ALL), good, *others)
    return await (await stage.client()).ask(ask(asked(stream=True), b"X-User-Id: u"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_it_is_told_to_cover_no_client_sees(
    stage: Stage, fault: str
) -> None:
    why, start = FAULTS[fault]
    good, bad = await answering(streamed(STREAM)), await start()
    got = await _tried(
        stage,
        good,
        version("v2", bad, timeouts=QUICK),
        bad,
        failover=Failover(on=(why,)),
    )

    assert (got.status, got.body) == (200, STREAM)
    assert got["x-sluicegate-version"] == "v1"
    assert got["x-sluicegate-failover"] == "v2"
    assert good.requests[0].body == bad.requests[0].body
    failed = stage.gateway.series("v2")
    assert failed.failovers == {why.value: 1}
    assert sum(failed.outcomes.values()) == 1
    assert not failed.outcomes.get("complete")
    assert not stage.gateway.series("v1").outcomes


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_it_is_not_told_to_cover_is_passed_on(
    stage: Stage, fault: str
) -> None:
    why, start = FAULTS[fault]
    others = tuple(
        w for w in Why if w is not why and Failover(on=(w,)).covers(why) is False
    )
    if why is not Why.ERROR_EVENT:
        others = tuple(w for w in others if w is not Why.ERROR_EVENT)
    good, bad = await answering(streamed(STREAM)), await start()
    got = await _tried(
        stage,
        good,
        version("v2", bad, timeouts=QUICK),
        bad,
        failover=Failover(on=others),
    )

    assert got["x-sluicegate-version"] == "v2"
    assert not good.requests


async def test_a_refused_connection_is_covered_by_default(stage: Stage) -> None:
    good = await answering(streamed(STREAM))
    got = await _tried(stage, good, _refusing())
    assert (got.status, got.body) == (200, STREAM)
    assert stage.gateway.series("v2").failures == {"connect": 1}


async def test_a_body_that_is_still_being_sent_is_sent_to_the_end(
    stage: Stage,
) -> None:
    good = await answering(whole())
    stage.serve(table(service(version("v1", good), _refusing()), share=ALL), good)
    client = await stage.client()
    text = asked()
    request = ask(text, b"X-User-Id: u")
    at = request.index(b"\r\n\r\n") + 9
    await client.send(request[:at], request[at:], gap=0.1)
    assert (await client.answer()).status == 200
    assert good.requests[0].body == text


async def test_the_baseline_gets_its_own_settings_and_none_of_the_candidates(
    stage: Stage,
) -> None:
    good, bad = (
        await answering(whole()),
        await answering(by_length(b"", status=b"503 No")),
    )
    versions = (
        version("v1", good, set_json=(("/model", '"one"'),)),
        version(
            "v2",
            bad,
            set_json=(("/model", '"two"'), ("/extra", "1")),
            set_headers=(("x-secret", "two"),),
        ),
    )
    stage.serve(table(service(*versions), share=ALL), good, bad)
    got = await (await stage.client()).ask(ask(asked(), b"X-User-Id: u"))

    assert got.status == 200
    first, second = json.loads(bad.requests[0].body), json.loads(good.requests[0].body)
    assert first == json.loads(asked()) | {"model": "two", "extra": 1}
    assert second == json.loads(asked()) | {"model": "one"}
    assert "x-secret" not in good.requests[0]


async def test_after_content_there_is_an_error_event_and_a_cut(stage: Stage) -> None:
    begun = event('{"content":"Hi"}')
    good = await answering(streamed(STREAM))
    bad = await _saying(head(SSE, CHUNKED) + chunks(begun))
    got = await _tried(stage, good, version("v2", bad), bad, failover=EVERYTHING)

    assert got.is_cut
    assert not good.requests
    assert got.body.startswith(begun)
    told = json.loads(got.body[len(begun) :].removeprefix(b"data: "))
    assert told["error"]["type"] == "upstream_error"
    assert stage.gateway.series("v2").outcomes == {"truncated": 1}


@pytest.mark.parametrize(
    ("path", "kind", "begun", "after"),
    [
        (
            b"/v1/messages",
            SSE,
            b'event: ping\ndata: {"type": "ping"}\n\n',
            b'event: error\ndata: {"type":"error","error":{"type":"api_error"',
        ),
        (
            b"/v1/responses",
            SSE,
            b'data: {"type":"response.output_text.delta","delta":"Hi"}\n\n',
            b'event: error\ndata: {"type":"error","code":"upstream_error"',
        ),
        (
            b"/api/chat",
            b"Content-Type: application/x-ndjson",
            b'{"message":{"content":"Hi"},"done":false}\n',
            b'{"error":"The model server',
        ),
        (b"/v1/chat/completions", SSE, b'data: {"choices":[{"del', b""),
    ],
)
async def test_an_error_event_is_of_the_clients_dialect_and_behind_a_whole_event(
    stage: Stage, path: bytes, kind: bytes, begun: bytes, after: bytes
) -> None:
    bad = await _saying(head(kind, CHUNKED) + chunks(begun))
    stage.serve(table(service(version("v1", bad))), bad)
    request = ask(asked(stream=True), b"X-User-Id: u", path=path)
    got = await (await stage.client()).ask(request)

    assert got.is_cut
    assert got.body.startswith(begun + after)
    assert bool(after) == (len(got.body) > len(begun))


async def test_what_is_held_back_is_bounded_and_passes_whole(stage: Stage) -> None:
    long = ROLE * 40 + STREAM
    good, bad = await answering(streamed(STREAM)), await answering(streamed(long))
    rule = Failover(on=(Why.ERROR_EVENT,), hold=Bytes(1024))
    got = await _tried(stage, good, version("v2", bad), bad, failover=rule)
    assert got.body == long
    assert not good.requests


async def test_an_override_means_that_version_and_no_other(stage: Stage) -> None:
    good = await answering(whole())
    made = service(
        version("v1", good),
        _refusing(),
        override=Override(header="x-sluicegate-version", senders=("127.0.0.0/8",)),
    )
    stage.serve(table(made, share=HALF), good)
    line = b"X-Sluicegate-Version: v2"
    got = await (await stage.client()).ask(ask(asked(), line))
    assert got.status == 502


async def test_what_the_candidate_holds_nobody_else_can_go_on_with(
    stage: Stage,
) -> None:
    """The baseline would answer without what was said before, and look healthy."""
    good = await answering(whole())

    async def script(wire: Wire) -> None:
        await bad.read(wire)
        if len(bad.requests) == 1:
            made = b'{"id": "resp_1", "object": "response", "output": []}'
            await wire.send(by_length(made, IS_JSON, b"Connection: close"))

    bad = await Upstream(script).start()
    made = service(version("v1", good), version("v2", bad))
    stage.serve(table(made, share=ALL), good, bad)
    client, path = await stage.client(), b"/v1/responses"
    assert (await client.ask(ask(b"{}", b"X-User-Id: u", path=path))).status == 200
    goes_on = b'{"previous_response_id": "resp_1"}'
    got = await client.ask(ask(goes_on, b"X-User-Id: u", path=path))

    assert (got.status, got["x-sluicegate-version"]) == (502, "v2")
    assert not good.requests


async def test_a_post_that_may_have_been_acted_on_goes_to_nobody_else(
    stage: Stage,
) -> None:
    good, bad = await answering(whole()), await _closing()
    got = await _tried(stage, good, version("v2", bad), bad, repeat=False)
    assert got.status == 502
    assert stage.gateway.series("v2").uncovered == {"begun": 1}


async def test_a_body_that_is_too_long_to_be_kept_goes_to_nobody_else(
    stage: Stage,
) -> None:
    good, bad = await answering(whole()), await _closing()
    made = service(version("v1", good), version("v2", bad), json_limit=Bytes(64))
    stage.serve(table(made, share=ALL), good, bad)
    got = await (await stage.client()).ask(post(b"x" * 65, b"X-User-Id: u"))
    assert got.status == 502
    assert stage.gateway.series("v2").uncovered == {"body": 1}


async def test_beyond_the_budget_failures_are_passed_on(stage: Stage) -> None:
    good = await answering(whole())
    rule = Failover(budget=Budget(ratio=0.0, min_per_second=0.3))
    made = service(version("v1", good), _refusing(), failover=rule, **NO_GUARD)
    stage.serve(table(made, share=ALL), good)
    client = await stage.client()
    got = [(await client.ask(ask(asked(), b"X-User-Id: u"))).status for _ in range(6)]
    assert got == [200, 200, 200, 502, 502, 502]
    assert stage.gateway.series("v2").uncovered == {"budget": 3}


# The guard.


async def _asked_by(stage: Stage, users: int) -> list[Message]:
    client = await stage.client()
    return [
        await client.ask(ask(asked(), b"X-User-Id: %d" % number))
        for number in range(users)
    ]


def _guarded(good: Upstream, **settings: object) -> Service:
    return service(version("v1", good), _refusing(), **settings)


async def test_a_dead_candidate_is_diverted_after_five_requests(stage: Stage) -> None:
    good = await answering(whole())
    stage.serve(table(_guarded(good), share=ALL), good)
    got = await _asked_by(stage, 20)

    assert [message.status for message in got] == [200] * 20
    assert sum("x-sluicegate-failover" in message for message in got) == 5
    assert sum("x-sluicegate-diverted" in message for message in got) == 15
    candidate = stage.gateway.series("v2")
    assert candidate.diverting
    assert candidate.diverted == 15
    assert candidate.outcomes == {"upstream_error": 5}


async def test_what_tripped_it_is_evidence_and_what_it_diverts_is_none(
    stage: Stage,
) -> None:
    """Of neither version: the split would not be as tossed."""
    good = await answering(whole())
    stage.serve(table(_guarded(good), share=HALF), good)
    await _asked_by(stage, 200)

    (block,) = stage.gateway.blocks()
    failed = [record for record in block.records if record.is_candidate]
    assert {record.outcome for record in failed} == {"upstream_error"}
    assert 5 <= len(failed) < 9  # a try or two among them
    assert len(block.records) == len(block.arrivals) < 40
    assert stage.gateway.series("v1").outcomes["complete"] > 150


async def test_without_failover_it_diverts_all_the_same(stage: Stage) -> None:
    good = await answering(whole())
    made = _guarded(good, failover=Failover(on=()))
    stage.serve(table(made, share=HALF), good)
    got = [message.status for message in await _asked_by(stage, 100)]
    assert got.count(502) == 5
    assert 502 not in got[-80:]


async def test_off_is_off(stage: Stage) -> None:
    good = await answering(whole())
    made = _guarded(good, failover=Failover(on=()), **NO_GUARD)
    stage.serve(table(made, share=ALL), good)
    got = await _asked_by(stage, 20)
    assert {message.status for message in got} == {502}


async def test_a_shared_outage_diverts_nothing(stage: Stage) -> None:
    made = service(_refusing("v1"), _refusing())
    stage.serve(table(made, share=HALF))
    got = await _asked_by(stage, 40)
    assert {message.status for message in got} == {502}
    assert not stage.gateway.series("v2").diverting


async def test_it_tries_the_candidate_again_and_lets_it_have_all(
    stage: Stage,
) -> None:
    """With a request that the baseline answers should that fail."""
    good, is_up = await answering(whole()), asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            await coming.read(wire)
            up = is_up.is_set()
            await wire.send(whole() if up else by_length(b"", status=b"503 No"))

    coming = await Upstream(script).start()
    made = service(
        version("v1", good),
        version("v2", coming),
        guard=Guard(failures=5, keys=1, within=Seconds(10.0)),
    )
    stage.serve(table(made, share=ALL), good, coming)
    await _asked_by(stage, 10)
    assert stage.gateway.series("v2").diverting
    is_up.set()
    async with asyncio.timeout(5):
        while stage.gateway.series("v2").diverting:
            (got,) = await _asked_by(stage, 1)
            assert got.status == 200
            await asyncio.sleep(0.05)
    (got,) = await _asked_by(stage, 1)
    assert got["x-sluicegate-version"] == "v2"
