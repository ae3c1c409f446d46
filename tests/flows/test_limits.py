"""What clients may ask is bounded, one by one and together; who asks more harms nobody."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.failover import Failover
from gateway.domain.service import PoolLimits, Service, Timeouts
from gateway.domain.units import Bytes, Seconds
from tests.flows.chat import CHUNKED, SSE, ask, asked, chunks, event, head
from tests.flows.scripted import (
    PATIENCE_S,
    Client,
    Message,
    Upstream,
    Wire,
    answering,
    get,
    ok,
    post,
)
from tests.flows.stage import USUAL, Stage, service, table, until, version
from tests.flows.test_tunnels import ended, switched, switching

CALM = replace(USUAL, lag=None)  # whatever else the machine does
SLOW = replace(USUAL, body_timeout=Seconds(0.4), body_rate=Bytes(100))
FEW = replace(USUAL, headers=4)
SHORT = replace(USUAL, stream=Seconds(0.5))
HALF = 50_000


async def serve(stage: Stage, limits: ClientLimits, upstream: Upstream) -> Client:
    stage.serve(table(service(version("v1", upstream)), limits=limits), upstream)
    return await stage.client()


# Heads.


@pytest.mark.parametrize("cut", [None, 20, 45])
@pytest.mark.parametrize(("count", "status"), [(4, 200), (5, 431)])
async def test_headers_are_counted_however_they_come(
    stage: Stage, count: int, status: int, cut: int | None
) -> None:
    client = await serve(stage, FEW, await answering(ok()))
    request = get(b"/", *(b"X-A: %d" % number for number in range(1, count)))

    await client.send(request[:cut], *([request[cut:]] if cut else []), gap=0.02)
    answer = await client.answer()

    assert answer.status == status
    if status == 431:
        assert b"limits.headers" in answer.body
        assert stage.gateway.refused() == {431: 1}


async def test_trailers_are_counted_too(stage: Stage) -> None:
    client = await serve(stage, FEW, await answering(ok()))
    start = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = b"".join(b"X-T: %d\r\n" % number for number in range(5))

    answer = await client.ask(start + b"2\r\nhi\r\n0\r\n" + trailers + b"\r\n")

    assert answer.status == 431


async def test_blank_lines_do_not_keep_a_connection(stage: Stage) -> None:
    limits = replace(USUAL, keep_alive=Seconds(0.4))
    client = await serve(stage, limits, await answering(ok()))

    async def trickle() -> None:
        with suppress(ConnectionError):
            while True:
                await client.send(b"\r\n", gap=0.05)

    async with asyncio.TaskGroup() as tasks:
        trickling = tasks.create_task(trickle())
        assert await client.is_closed()
        trickling.cancel()


async def test_each_of_many_heads_has_its_own_time(stage: Stage) -> None:
    """Also where every read ends in the middle of one."""
    limits = replace(USUAL, head_timeout=Seconds(0.4))
    client = await serve(stage, limits, await answering(ok()))
    first, rest = get()[:9], get()[9:]

    statuses = []
    await client.send(first)
    for _ in range(20):
        statuses.append((await client.ask(rest + first)).status)
        await asyncio.sleep(0.05)

    assert statuses == [200] * 20


# Bodies.

UPLOAD = b"POST / HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (UPLOAD + b"Content-Length: 1000\r\n\r\n", b"a"),
        (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"0"),
    ],
    ids=["length", "chunks", "framing alone"],
)
async def test_a_body_that_trickles_in_is_a_408(
    stage: Stage, start: bytes, piece: bytes
) -> None:
    """And nobody is charged for it but the client."""
    client = await serve(stage, SLOW, await answering(ok()))

    async def trickle() -> None:
        await client.send(start)
        with suppress(ConnectionError):
            while True:
                await client.send(piece, gap=0.05)

    async with asyncio.TaskGroup() as tasks:
        trickling = tasks.create_task(trickle())
        answer = await client.answer()
        trickling.cancel()

    assert answer.status == 408
    assert stage.gateway.outcomes() == {"client_error": 1}
    assert stage.gateway.series().failures == {}


async def test_a_body_without_a_byte_waits_as_long_as_a_silence_may(
    stage: Stage,
) -> None:
    """The client may wait for the endpoint's 100 (Continue)."""
    client = await serve(stage, SLOW, await answering(ok()))

    await client.send(UPLOAD + b"Content-Length: 2\r\n\r\n")
    await asyncio.sleep(0.8)

    assert (await client.ask(b"hi")).status == 200


async def test_a_slow_upload_that_goes_on_is_let_through(stage: Stage) -> None:
    client = await serve(stage, SLOW, await answering(ok()))

    await client.send(
        UPLOAD + b"Content-Length: 200\r\n\r\n", *[b"0123456789"] * 20, gap=0.05
    )

    assert (await client.answer()).status == 200


async def test_a_slow_endpoint_is_not_held_against_the_client(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        await asyncio.sleep(1.2)
        await wire.read_exactly(8_000_000)
        await wire.send(ok())

    upstream = await Upstream(script).start(receive_buffer=4096)
    limits = replace(SLOW, body_rate=Bytes(50_000_000))
    client = await serve(stage, limits, upstream)

    client.writer.write(post(bytes(8_000_000)))

    assert (await client.answer()).status == 200


# What lasts.


async def endless() -> Upstream:
    """Start a server whose answers do not end."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(head(SSE, CHUNKED))
        while True:
            await wire.send(chunks(event('{"content":"word"}')), gap=0.02)

    upstream = Upstream(script)
    return await upstream.start()


async def test_an_answer_that_does_not_end_is_cut_as_one_that_broke_off(
    stage: Stage,
) -> None:
    """With an error that the client understands, and charged to its version."""
    client = await serve(stage, SHORT, await endless())

    answer = await client.ask(ask(asked(stream=True)))

    assert answer.status == 200
    assert answer.is_cut
    *events, last = answer.body.strip().split(b"\n\n")
    assert len(events) > 5
    assert b"limits.stream" in last
    assert stage.gateway.outcomes() == {"truncated": 1}
    assert stage.gateway.series().failures == {"too_long": 1}


async def test_one_that_does_not_begin_is_a_504(stage: Stage) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await upstream.until_lost(wire)

    upstream = await Upstream(script).start()
    client = await serve(stage, SHORT, upstream)

    assert (await client.ask(get())).status == 504
    assert stage.gateway.series().failures == {"too_long": 1}
    assert await until(lambda: not upstream.open)


async def test_a_client_that_takes_that_long_is_not_the_versions_fault(
    stage: Stage,
) -> None:
    upstream = await answering(ok(bytes(20_000_000)))
    stage.serve(table(service(version("v1", upstream)), limits=SHORT), upstream)
    reading = await stage.client(receive_buffer=4096)
    sending = await stage.client()

    await reading.send(get())
    await sending.send(UPLOAD + b"Content-Length: 10\r\n\r\nhalf")

    assert (await sending.answer()).status == 408
    over = {"client_cancelled": 1, "client_error": 1}
    assert await until(lambda: stage.gateway.outcomes() == over)
    assert stage.gateway.series().failures == {}


async def test_what_is_over_in_time_is_left_alone_and_so_is_an_old_connection(
    stage: Stage,
) -> None:
    client = await serve(stage, SHORT, await answering(ok()))

    statuses = []
    for _ in range(8):
        statuses.append((await client.ask(get())).status)
        await asyncio.sleep(0.2)

    assert statuses == [200] * 8


async def test_a_tunnel_ends_with_its_time(stage: Stage) -> None:
    upstream = await switching()
    client = await serve(stage, SHORT, upstream)
    await switched(client)

    said = b""
    while data := await client.read_some():
        said += data
        await asyncio.sleep(0.02)

    assert await ended(stage) == {"limit": 1}
    assert stage.gateway.outcomes() == {"complete": 1}


# Connections.


async def from_address(stage: Stage, address: str) -> Client:
    port = stage.gateway.port
    here = (address, 0)
    return Client(*await asyncio.open_connection("127.0.0.1", port, local_addr=here))


async def test_who_has_many_connections_leaves_room_for_others(stage: Stage) -> None:
    upstream = await answering(ok())
    limits = replace(USUAL, connections_per_client=3)
    stage.serve(table(service(version("v1", upstream)), limits=limits), upstream)

    greedy = [await from_address(stage, "127.0.0.1") for _ in range(6)]
    answers = [await client.ask(get()) for client in greedy[:3]]
    answers += [await client.answer() for client in greedy[3:]]
    other = await from_address(stage, "127.0.0.2")

    assert [answer.status for answer in answers] == [200] * 3 + [429] * 3
    assert answers[-1]["retry-after"] == "1"
    assert (await other.ask(get())).status == 200
    for client in greedy:
        client.close()
    assert await until(lambda: stage.gateway.clients() == 1)
    again = await from_address(stage, "127.0.0.1")
    assert (await again.ask(get())).status == 200
    for client in (other, again):
        client.close()
    assert stage.gateway.refused() == {429: 3}


async def test_a_tunnel_counts_as_the_connection_it_is(stage: Stage) -> None:
    limits = replace(USUAL, connections_per_client=1)
    client = await serve(stage, limits, await switching())
    await switched(client)

    assert (await (await stage.client()).answer()).status == 429

    client.close()
    assert await until(lambda: not stage.gateway.clients())
    await switched(await stage.client())


# Requests.


class Slowly(Upstream):
    """A server that answers each request after a while.

    Attributes:
        most: Requests there ever were at once.

    """

    def __init__(self, seconds: float) -> None:
        super().__init__(self._script)
        self._seconds = seconds
        self._now = self.most = 0

    async def _script(self, wire: Wire) -> None:
        while True:
            await self.read(wire)
            self._now += 1
            self.most = max(self.most, self._now)
            await asyncio.sleep(self._seconds)
            self._now -= 1
            await wire.send(ok())


async def crowd(stage: Stage, keys: list[bytes], at_once: int) -> dict[bytes, Message]:
    """Ask once with each key."""
    waiting, answers = list(keys), {}

    async def one() -> None:
        client = await stage.client()
        while waiting:
            key = waiting.pop()
            answers[key] = await client.ask(get(b"/", b"X-User-Id: " + key))

    async with asyncio.timeout(3 * PATIENCE_S), asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(one())
    return answers


def keys(count: int) -> list[bytes]:
    return [b"user-%d" % number for number in range(count)]


async def test_requests_in_flight_are_bounded_and_the_rest_is_told_to_come_again(
    stage: Stage,
) -> None:
    upstream = await Slowly(0.1).start()
    limits = replace(USUAL, requests=5)
    stage.serve(table(service(version("v1", upstream)), limits=limits), upstream)

    answers = await crowd(stage, keys(60), 20)
    statuses = Counter(answer.status for answer in answers.values())

    assert statuses.keys() == {200, 503}
    assert upstream.most == 5
    refused = next(answer for answer in answers.values() if answer.status == 503)
    assert refused["retry-after"] == "1"
    assert b"limits.requests" in refused.body
    assert "x-sluicegate-version" not in refused
    assert stage.gateway.refused() == {503: statuses[503]}
    assert stage.gateway.outcomes() == {"complete": statuses[200]}
    again = await crowd(stage, keys(20), 5)
    assert {answer.status for answer in again.values()} == {200}


def would_be(answers: dict[bytes, Message], sure: dict[bytes, Message]) -> Counter[str]:
    """Count whom the refused would have gone to."""
    return Counter(
        sure[key]["x-sluicegate-version"]
        for key, answer in answers.items()
        if answer.status == 503
    )


async def test_what_is_shed_is_shed_evenly_over_versions_however_slow_one_is(
    stage: Stage,
) -> None:
    """Of those whose requests were refused, as many belong to either as of all keys."""
    quick, slow = await Slowly(0.02).start(), await Slowly(0.15).start()
    made = service(version("v1", quick), version("v2", slow))
    busy = table(made, share=HALF, limits=replace(CALM, requests=10), epoch=1)
    stage.serve(busy, quick, slow)

    shed: Counter[str] = Counter()
    answers = await crowd(stage, keys(1500), 40)
    stage.gateway.use(replace(busy, limits=CALM, epoch=2))
    refused = [key for key, answer in answers.items() if answer.status == 503]
    shed = would_be(answers, await crowd(stage, refused, 40))

    of_all = sum(shed.values())
    assert of_all > 400
    # Four standard deviations of a fair coin: 1 run in 15,000 fails.
    assert abs(shed["v2"] - of_all / 2) < 4 * (of_all / 4) ** 0.5
    assert set(stage.gateway.outcomes("v1")) == {"complete"}
    assert set(stage.gateway.outcomes("v2")) == {"complete"}


ROOM = PoolLimits(connections=10, pending=100)


def two(one: Upstream, other: Upstream, **settings: object) -> Service:
    patient = {"limits": ROOM, "timeouts": Timeouts(connect=Seconds(10.0))}
    made = [version(n, u, **patient) for n, u in (("v1", one), ("v2", other))]
    return service(*made, **settings)


async def test_when_both_are_full_the_service_is_and_no_version_is_charged(
    stage: Stage,
) -> None:
    one, other = await Slowly(0.05).start(), await Slowly(0.05).start()
    stage.serve(
        table(two(one, other, failover=Failover(on=())), share=HALF, limits=CALM),
        one,
        other,
    )

    answers = await crowd(stage, keys(600), 230)

    refused = sum(answer.status == 503 for answer in answers.values())
    assert refused > 50
    told = stage.gateway.refused().get(503, 0)
    # With so small queues the coin fills one of them now and then.
    assert told > 0.75 * refused


async def test_a_candidate_too_slow_for_its_share_is_charged_with_its_full_queue(
    stage: Stage,
) -> None:
    """And the baseline's users do not notice."""
    one, other = await Slowly(0.002).start(), await Slowly(0.4).start()
    stage.serve(
        table(two(one, other, failover=Failover(on=())), share=HALF, limits=CALM),
        one,
        other,
    )

    answers = await crowd(stage, keys(800), 140)

    refused = [answer for answer in answers.values() if answer.status == 503]
    assert len(refused) > 50
    assert {answer["x-sluicegate-version"] for answer in refused} == {"v2"}
    assert stage.gateway.refused() == {}
    assert stage.gateway.series("v2").failures == {"full": len(refused)}
    assert set(stage.gateway.outcomes("v1")) == {"complete"}


async def test_a_worker_that_lags_sheds_before_it_chooses(stage: Stage) -> None:
    """It answers again, to everybody, when it does not."""
    one, other = await Slowly(0.05).start(), await Slowly(0.05).start()
    limits = replace(USUAL, lag=Seconds(0.05))
    made = service(version("v1", one), version("v2", other))
    stage.serve(table(made, share=HALF, limits=limits), one, other)
    stopping = asyncio.Event()

    async def hold_up() -> None:
        while not stopping.is_set():
            await asyncio.to_thread(stage.gateway._do, lambda: time.sleep(0.2))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold_up())
        await asyncio.sleep(2.2)
        answers = await crowd(stage, keys(120), 60)
        stopping.set()

    assert {answer.status for answer in answers.values()} == {200, 503}
    assert set(stage.gateway.outcomes("v1")) == {"complete"}
    assert set(stage.gateway.outcomes("v2")) == {"complete"}
    later = await crowd(stage, keys(30), 10)
    assert {answer.status for answer in later.values()} == {200}
