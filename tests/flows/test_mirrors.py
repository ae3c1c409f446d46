"""Copies of requests, whose answers nobody sees: what is sent, counted and told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from gateway.answers.usage import Usage
from gateway.domain.price import Price
from gateway.domain.rollout import (
    HeaderMatch,
    MirrorLimits,
    SetHeaderRoute,
    SetMirrorRoute,
)
from gateway.domain.service import Deadlines, Override, Service
from gateway.domain.units import Bytes, Seconds, Share
from gateway.handoff.evidence import OVERDUE, PairRecord, Record
from tests.flows.chat import (
    IS_JSON,
    PATH,
    ask,
    asked,
    hanging,
    whole,
)
from tests.flows.scripted import Upstream, Wire, answering, get, ok
from tests.flows.stage import ALL, Stage, service, table, until, version
from tests.unit.proxy.test_counting import replaces_code

EVERY = SetMirrorRoute(name="shadow", share=ALL)
NOTHING: Mapping[str, object] = {}
QUESTION = ask(asked(), b"X-User-Id: ann")
NEVER = SetMirrorRoute(name="shadow", share=Share(0))


@dataclass
class Mirrored:
    """A baseline whose requests are copied to a candidate."""

    stage: Stage
    one: Upstream
    two: Upstream
    taken: list[PairRecord] = field(default_factory=list)

    def service(
        self,
        first: Mapping[str, object] = NOTHING,
        second: Mapping[str, object] = NOTHING,
        **settings: object,
    ) -> Service:
        return service(
            version("v1", self.one, **first),
            version("v2", self.two, **second),
            **settings,
        )

    def serve(
        self,
        chat: Service | None = None,
        *,
        rule: SetMirrorRoute = EVERY,
        share: int = 0,
        **routed: Any,
    ) -> None:
        made = table(
            chat or self.service(), share=share, mirror_routes=(rule,), **routed
        )
        self.stage.serve(made, self.one, self.two)

    async def pairs(self, number: int = 1) -> list[PairRecord]:
        """Wait for pairs; give all there are by then."""

        def take() -> bool:
            self.taken += self.stage.gateway.pairs()
            return len(self.taken) >= number

        assert await until(take)
        return self.taken

    async def quiet(self) -> int:
        """Wait until nothing runs; give how many copies the candidate got."""
        assert await until(lambda: not self.stage.gateway.unrest())
        return len(self.two.requests)


async def both_answer(stage: Stage) -> Mirrored:
    return Mirrored(stage, await answering(whole()), await answering(whole()))


def halves(pair: PairRecord) -> tuple[Record, Record]:
    assert pair.baseline is not None
    assert pair.candidate is not None
    return pair.baseline, pair.candidate


# What is sent.


async def test_the_candidate_gets_what_the_baseline_got(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve()
    request = ask(asked(), b"X-User-Id: ann", b"X-Mine: 1", b"X-Request-Id: r-1")

    answer = await (await stage.client()).ask(request)
    await mirrored.pairs()

    (original,), (copy,) = mirrored.one.requests, mirrored.two.requests
    assert answer["x-sluicegate-version"] == "v1"
    assert (copy.first, copy.body) == (original.first, original.body)
    assert copy["x-mine"] == "1"
    assert copy["x-request-id"] == "r-1"
    assert copy["x-forwarded-for"] == original["x-forwarded-for"]


async def test_each_half_gets_what_its_version_sets(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve(
        mirrored.service(
            {"set_json": (("/model", '"one"'),), "set_headers": (("x-key", "1"),)},
            {"set_json": (("/model", '"number two"'),)},
        )
    )

    await (await stage.client()).ask(QUESTION)
    await mirrored.pairs()

    (original,), (copy,) = mirrored.one.requests, mirrored.two.requests
    assert orjson.loads(original.body)["model"] == "one"
    assert orjson.loads(copy.body)["model"] == "number two"
    assert "x-key" not in copy


async def test_a_body_that_comes_in_pieces_is_copied_when_it_is_whole(
    stage: Stage,
) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve()
    client, body = await stage.client(), asked(says="Why? " * 2000)
    first = b"POST " + PATH + b" HTTP/1.1\r\nHost: h\r\n" + IS_JSON
    framed = b"\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"

    await client.send(first + framed + b"%x\r\n%b\r\n" % (50, body[:50]))
    await client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) - 50, body[50:]))
    await mirrored.pairs()

    (copy,) = mirrored.two.requests
    assert copy.body == body
    assert copy["content-length"] == str(len(body))
    assert "expect" not in copy


TOOLS = [{"type": "function", "function": {"name": "pay"}}]


@pytest.mark.parametrize(
    "request_bytes",
    [
        ask(asked(tools=TOOLS)),
        ask(asked(store=True)),
        ask(b'{"input":"Hi","previous_response_id":"r"}', path=b"/v1/responses"),
        ask(b'{"input":"Hi"}', path=b"/v1/responses"),
        ask(b"no JSON"),
        ask(asked(says="Why? " * 500)),
        ask(asked(), path=b"/v1/other"),
        ask(asked(), path=b"/v1/files/chat/completions"),
        ask(asked(), b"X-Staff: 1"),
        ask(asked(), b"X-Sluicegate-Version: v1"),
        get(PATH),
    ],
    ids=[
        *("tools", "store", "a response before", "stored unless told", "no JSON"),
        *("beyond json_limit", "unread", "unsplit", "header route", "override", "GET"),
    ],
)
async def test_what_may_have_effects_or_has_its_place_is_not_copied(
    stage: Stage, request_bytes: bytes
) -> None:
    mirrored = await both_answer(stage)
    staff = SetHeaderRoute(name="s", match=(HeaderMatch(name="x-staff", exact="1"),))
    override = Override(header="x-sluicegate-version", senders=("127.0.0.0/8",))
    mirrored.serve(
        mirrored.service(json_limit=Bytes(1000), override=override),
        header_routes=(staff,),
    )
    client = await stage.client()

    await client.ask(request_bytes)
    await client.ask(QUESTION)
    pairs = await mirrored.pairs()

    assert len(pairs) == 1
    copied = [request.body for request in mirrored.two.requests]
    assert copied.count(asked()) == 1 + (b"X-Staff" in request_bytes)
    assert len(copied) == copied.count(asked())


async def test_what_the_candidate_answers_is_not_copied(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve(share=ALL)

    await (await stage.client()).ask(QUESTION)

    assert await mirrored.quiet() == 1
    assert stage.gateway.pairs() == []


@pytest.mark.parametrize("share", [ALL, 70_000])
async def test_after_a_switch_copies_go_back_to_the_baseline(
    stage: Stage, share: int
) -> None:
    """The client's half is the candidate's then; what the baseline answers is not seen."""
    fails = whole().replace(b"200 OK", b"500 Oh")
    mirrored = Mirrored(stage, await answering(fails), await answering(whole()))
    mirrored.serve(rule=NEVER, share=share, reverse_mirror=ALL)
    client = await stage.client()

    answers = [await client.ask(ask(asked(), b"X-User-Id: %d" % n)) for n in range(10)]
    switched = [a for a in answers if a["x-sluicegate-version"] == "v2"]
    pairs = await mirrored.pairs(len(switched))

    assert {answer.status for answer in switched} == {200}
    assert len(pairs) == len(switched) > 0
    for baseline, candidate in map(halves, pairs):
        assert (baseline.outcome, candidate.outcome) == ("upstream_error", "complete")
        assert (baseline.is_candidate, candidate.is_candidate) == (False, True)
    assert stage.gateway.mirrored().version == "v1"
    assert sum(stage.gateway.outcomes("v1").values()) == 10 - len(switched)


async def test_copies_back_take_part_of_what_may_be_copied(stage: Stage) -> None:
    """By the dice of an arrival, within the same limits, and never with tools."""
    mirrored = await both_answer(stage)
    limits = MirrorLimits(tokens_per_minute=None)
    mirrored.serve(rule=NEVER, share=ALL, reverse_mirror=Share(50_000), mirror=limits)
    client = await stage.client()

    for _ in range(20):
        await client.ask(ask(asked(tools=TOOLS)))
    await mirrored.quiet()
    assert len(mirrored.one.requests) == 0
    for _ in range(100):
        await client.ask(QUESTION)
    await mirrored.quiet()

    assert 20 <= len(mirrored.one.requests) <= 80
    assert len(mirrored.two.requests) == 120


async def test_a_baseline_that_is_gone_is_no_trouble_of_the_clients(
    stage: Stage,
) -> None:
    mirrored = Mirrored(stage, await hanging(), await answering(whole()))
    limits = MirrorLimits(concurrency=1)
    mirrored.serve(rule=NEVER, share=ALL, reverse_mirror=ALL, mirror=limits)
    client = await stage.client()

    for _ in range(3):
        assert (await client.ask(QUESTION)).status == 200
    assert stage.gateway.mirrored().skipped == {"concurrency": 2}
    stage.gateway.abandon_copies()

    (pair,) = await mirrored.pairs()
    assert (pair.baseline, pair.is_stopped) == (None, True)
    assert pair.candidate is not None
    assert stage.gateway.mirrored().skipped == {"concurrency": 2, "stopped": 1}


@replaces_code
async def test_an_answer_that_breaks_the_reading_is_a_lost_half(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no whole one that is as good as any; the client's half is read all the same."""
    mirrored = await both_answer(stage)
    mirrored.serve(mirrored.service(second={"price": Price(input=2.0, output=2.0)}))

    def fail(_usage: Usage, _price: Price) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.proxy.counting.cost_of", fail)
    await (await stage.client()).ask(QUESTION)

    (pair,) = await mirrored.pairs()
    assert (pair.candidate, pair.is_stopped) == (None, False)
    assert pair.baseline is not None
    assert stage.gateway.mirrored().skipped["lost"] == 1


async def test_a_share_of_those_that_fit_is_copied(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    match = (HeaderMatch(name="x-ring", exact="a"),)
    half = SetMirrorRoute(name="shadow", share=Share(50_000), match=match)
    mirrored.serve(rule=half, mirror=MirrorLimits(tokens_per_minute=None))
    client = await stage.client()

    for _ in range(20):
        await client.ask(ask(asked(), b"X-Ring: b"))
    assert await mirrored.quiet() == 0
    for _ in range(100):
        await client.ask(ask(asked(), b"X-Ring: a"))

    assert 20 <= await mirrored.quiet() <= 80


async def test_nothing_is_copied_after_the_table_says_so(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve()
    client = await stage.client()
    await client.ask(QUESTION)
    await mirrored.pairs()

    stage.gateway.use(table(mirrored.service(), epoch=2, mirror_routes=(NEVER,)))
    await client.ask(QUESTION)

    assert await mirrored.quiet() == 1


@pytest.mark.parametrize(("rule", "copies"), [(NEVER, 0), (EVERY, 1)])
async def test_a_request_that_becomes_whole_after_the_end_of_copying_is_not_copied(
    stage: Stage, rule: SetMirrorRoute, copies: int
) -> None:
    """A kill holds for it too; a new weight does not matter."""
    mirrored = await both_answer(stage)
    mirrored.serve()
    client = await stage.client()
    await client.send(QUESTION[:-5])
    assert await until(lambda: stage.gateway.series().in_flight)

    stage.gateway.use(table(mirrored.service(), epoch=2, mirror_routes=(rule,)))
    await client.send(QUESTION[-5:])
    await client.answer()

    def skipped() -> dict[str, int]:
        return stage.gateway.mirrored().skipped

    assert await until(lambda: bool(mirrored.two.requests or skipped()))
    assert await mirrored.quiet() == copies
    assert skipped() == ({} if copies else {"over": 1})


# What it costs the client: nothing.


async def test_a_client_does_not_wait_for_the_copy(stage: Stage) -> None:
    mirrored = Mirrored(stage, await answering(whole()), await hanging())
    mirrored.serve(mirror=MirrorLimits(concurrency=2))
    client = await stage.client()

    for _ in range(5):
        assert (await client.ask(QUESTION)).status == 200

    assert await until(lambda: len(mirrored.two.requests) == 2)
    assert stage.gateway.mirrored().skipped == {"concurrency": 3}
    assert stage.gateway.mirrored().in_flight == 2
    stage.gateway.abandon_copies()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ok(b"{}").replace(b"200 OK", b"500 Oh"), "upstream_error"),
        (b"no HTTP\r\n\r\n", "upstream_error"),
        (whole()[:-9], "truncated"),
        (b"", "upstream_error"),
    ],
    ids=["an error", "garbage", "a cut", "nothing"],
)
async def test_a_client_sees_nothing_of_a_candidate_that_fails(
    stage: Stage, answer: bytes, outcome: str
) -> None:
    async def script(wire: Wire) -> None:
        await two.read(wire)
        await wire.send(answer)

    two = await Upstream(script).start()
    mirrored = Mirrored(stage, await answering(whole()), two)
    mirrored.serve()

    assert (await (await stage.client()).ask(QUESTION)).body == ok_body()
    (pair,) = await mirrored.pairs()

    baseline, candidate = halves(pair)
    assert (baseline.outcome, candidate.outcome) == ("complete", outcome)
    assert candidate.is_candidate
    assert not baseline.is_candidate


def ok_body() -> bytes:
    return whole().partition(b"\r\n\r\n")[2]


async def test_copies_end_with_the_tokens_of_the_minute(stage: Stage) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve(mirror=MirrorLimits(tokens_per_minute=1))
    client = await stage.client()
    await client.ask(QUESTION)
    await mirrored.pairs()

    for _ in range(5):
        await client.ask(QUESTION)

    assert await mirrored.quiet() == 1
    assert stage.gateway.mirrored().skipped == {"tokens": 5}


# What is counted, and told.


async def test_a_copy_is_booked_apart_from_the_candidates_traffic(
    stage: Stage,
) -> None:
    mirrored = await both_answer(stage)
    price = Price(input=1e6, output=1e6)
    mirrored.serve(mirrored.service(second={"price": price}))

    await (await stage.client()).ask(QUESTION)
    await mirrored.pairs()

    gateway = stage.gateway
    assert gateway.outcomes("v1") == {"complete": 1}
    assert gateway.outcomes("v2") == {}
    assert gateway.series("v2").cost == pytest.approx(0.0)
    assert gateway.mirrored().version == "v2"
    assert gateway.mirrored().outcomes == {"complete": 1}
    assert gateway.mirrored().cost == pytest.approx(9.0)
    assert gateway.mirrored().tokens == {"input": 7, "output": 2}


async def test_the_halves_of_a_pair_are_told_together(stage: Stage) -> None:
    """With the split in force, though its weight is nothing and no coin was tossed."""
    mirrored = await both_answer(stage)
    mirrored.serve()
    client = await stage.client()

    await client.ask(QUESTION)
    await client.ask(QUESTION)
    one, other = await mirrored.pairs(2)

    baseline, candidate = halves(one)
    assert baseline.fingerprint == candidate.fingerprint
    assert baseline.bucket == candidate.bucket
    assert baseline.arrived == candidate.arrived < halves(other)[0].arrived
    assert (baseline.nth, candidate.nth) == (0, 0)
    assert baseline.input_tokens == candidate.input_tokens == 7
    assert baseline.values == candidate.values != []
    assert stage.gateway.blocks() == []


async def test_a_pair_does_not_take_the_place_of_the_coins_evidence(
    stage: Stage,
) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve(share=1)

    await (await stage.client()).ask(QUESTION)
    assert await mirrored.quiet() == 1

    (block,) = stage.gateway.blocks()
    assert [record.nth for record in block.records] == [1]
    assert len(block.pairs) == 1
    assert block.share == 1


async def test_a_client_that_leaves_leaves_the_copy_alone(stage: Stage) -> None:
    is_asked = asyncio.Event()

    async def script(wire: Wire) -> None:
        await two.read(wire)
        is_asked.set()
        await asyncio.sleep(0.1)
        await wire.send(whole())

    two = await Upstream(script).start()
    mirrored = Mirrored(stage, await hanging(), two)
    mirrored.serve()
    client = await stage.client()

    await client.send(QUESTION)
    await is_asked.wait()
    client.close()
    (pair,) = await mirrored.pairs()

    baseline, candidate = halves(pair)
    assert baseline.outcome == "client_cancelled"
    assert candidate.first_content is not None or candidate.duration >= 0.1
    assert candidate.outcome == "client_cancelled"  # nobody saw what came after


async def test_a_client_that_leaves_before_its_request_is_whole_has_no_copy(
    stage: Stage,
) -> None:
    mirrored = await both_answer(stage)
    mirrored.serve()
    client = await stage.client()

    await client.send(QUESTION[:-5])
    assert await until(lambda: stage.gateway.series().in_flight)
    client.close()

    assert await until(lambda: stage.gateway.mirrored().skipped == {"cut": 1})
    assert await mirrored.quiet() == 0
    assert stage.gateway.pairs() == []


async def test_a_copy_that_hangs_is_told_at_its_deadline_and_makes_room(
    stage: Stage,
) -> None:
    mirrored = Mirrored(stage, await answering(whole()), await hanging())
    soon = {"deadlines": Deadlines(first_token=Seconds(0.05))}
    one = MirrorLimits(concurrency=1)
    mirrored.serve(mirrored.service(second=soon), mirror=one)
    client = await stage.client()

    await client.ask(QUESTION)
    (pair,) = await mirrored.pairs()

    _, candidate = halves(pair)
    assert (candidate.outcome, candidate.is_late) == (OVERDUE, True)
    assert candidate.is_candidate
    assert stage.gateway.mirrored().late == 1
    assert stage.gateway.series("v2").late == 0
    assert await until(lambda: not stage.gateway.mirrored().in_flight)
    assert stage.gateway.pairs() == []
    await client.ask(QUESTION)
    (_pair,) = await mirrored.pairs()
    assert not stage.gateway.mirrored().skipped


async def test_a_copy_the_gateway_ends_is_a_missing_half(stage: Stage) -> None:
    """Neither a failure of the candidate's nor a success."""
    mirrored = Mirrored(stage, await answering(whole()), await hanging())
    mirrored.serve()
    await (await stage.client()).ask(QUESTION)
    assert await until(lambda: mirrored.two.requests)

    stage.gateway.abandon_copies()

    (pair,) = await mirrored.pairs()
    assert pair.baseline is not None
    assert pair.candidate is None


async def test_an_answer_without_an_end_is_cut(stage: Stage) -> None:
    """A client would have tired of it; here there is none."""
    mirrored = Mirrored(stage, await answering(whole()), await hanging())
    mirrored.serve()
    await (await stage.client()).ask(QUESTION)
    assert await until(stage.gateway.copies_being_answered)

    stage.gateway.let_pass(599.0)
    assert stage.gateway.mirrored().in_flight == 1
    stage.gateway.let_pass(601.0)

    (pair,) = await mirrored.pairs()
    assert halves(pair)[1].outcome == "truncated"
    assert stage.gateway.mirrored().in_flight == 0


async def test_a_worker_that_stops_waits_for_copies_but_not_for_long(
    stage: Stage,
) -> None:
    mirrored = Mirrored(stage, await answering(whole()), await hanging())
    mirrored.serve()
    await (await stage.client()).ask(QUESTION)
    assert await until(lambda: mirrored.two.requests)

    await asyncio.to_thread(stage.gateway.drain_copies, 0.05)
    assert stage.gateway.mirrored().in_flight == 1
    stage.gateway.abandon_copies()

    assert await until(lambda: not mirrored.two.open)
    await asyncio.to_thread(stage.gateway.drain_copies, 10.0)
