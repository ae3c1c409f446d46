"""Several endpoints of a version: who is left out, who is checked, and where names lead.

Servers and sockets are real. The resolver is replaced where a name has several addresses:
they are 127.0.0.1, 127.0.0.2 and so on, at one port.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gateway.domain.health import EndpointCare, HealthCheck, OutlierDetection
from gateway.domain.service import Endpoint, Timeouts
from gateway.domain.units import Seconds
from gateway.handoff.observations import EndpointTold
from gateway.handoff.routing_table import RoutingTable
from gateway.proxy import names
from tests.flows.scripted import Client, Upstream, Wire, get, ok, post
from tests.flows.stage import Stage, service, table, until, version

BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
SHORT = OutlierDetection(
    base_ejection_time=Seconds(0.3), max_ejection_time=Seconds(0.3)
)
LONG = OutlierDetection()


class Model(Upstream):
    """A server that answers with what is in `answer`, and to checks with `health`."""

    def __init__(self, name: bytes = b"") -> None:
        super().__init__(self._talk)
        self.answer = self.health = ok(name)
        self.served = self.checks = 0

    async def _talk(self, wire: Wire) -> None:
        while True:
            request = await self.read(wire)
            if request.target == "/health":
                self.checks += 1
                await wire.send(self.health)
            else:
                self.served += 1
                await wire.send(self.answer)


async def models(number: int) -> list[Model]:
    return [await Model(b"m%d" % n).start() for n in range(number)]


def cared(
    detection: OutlierDetection | None = LONG,
    health: HealthCheck | None = None,
    *,
    slow_start: float = 0.0,
    resolve: float = 0.2,
) -> EndpointCare:
    return EndpointCare(
        outlier_detection=detection,
        health=health,
        slow_start=Seconds(slow_start),
        resolve=Seconds(resolve),
    )


CHECKED = HealthCheck(
    path="/health",
    interval=Seconds(0.1),
    timeout=Seconds(0.5),
    healthy_threshold=2,
    unhealthy_threshold=2,
)


async def statuses(client: Client, times: int) -> Counter[int]:
    return Counter([(await client.ask(get())).status for _ in range(times)])


def told(stage: Stage) -> list[EndpointTold]:
    plane = stage.gateway._plane
    assert plane is not None
    return stage.gateway._do(lambda: plane.observe(0, 1, 1)).endpoints


def states(stage: Stage) -> list[str]:
    return [one.state for one in told(stage)]


async def test_one_that_answers_badly_costs_five_answers_and_then_none(
    stage: Stage,
) -> None:
    """Counted: what clients see before it is left out is bounded."""
    servers = await models(3)
    servers[1].answer = BAD
    stage.serve(table(service(version("v1", *servers, care=cared()))), *servers)
    client = await stage.client()

    first = await statuses(client, 100)
    then = await statuses(client, 100)

    assert first == {200: 95, 503: 5}
    assert then == {200: 100}
    assert servers[1].served == 5
    assert states(stage) == ["up", "ejected", "up"]
    series = stage.gateway.series()
    assert series.ejections == {"failures": 1}
    assert series.outcomes["upstream_error"] == 5  # charged to the version as ever


async def test_one_that_is_dead_is_left_out_and_comes_back_without_a_request(
    stage: Stage,
) -> None:
    servers = await models(3)
    port = servers[0].port
    await servers[0].stop()
    stage.serve(table(service(version("v1", *servers, care=cared(SHORT)))), *servers)
    client = await stage.client()

    assert await statuses(client, 60) == {200: 60}  # another one is asked
    assert stage.gateway.series().ejections == {"unreachable": 1}
    assert stage.gateway.series().retried == 5
    await asyncio.sleep(0.8)  # it is tried, and is still not there
    assert states(stage)[0] == "ejected"
    assert await statuses(client, 30) == {200: 30}

    back = Model(b"back")
    back._server = await asyncio.start_server(back._serve, "127.0.0.1", port)
    stage._upstreams.append(back)
    assert await until(lambda: states(stage)[0] == "up")
    assert await statuses(client, 60) == {200: 60}
    assert back.served


async def test_a_request_asks_no_more_than_three_endpoints(stage: Stage) -> None:
    servers = await models(5)
    for server in servers:
        await server.stop()
    stage.serve(table(service(version("v1", *servers, care=cared(None)))), *servers)
    client = await stage.client()

    assert await statuses(client, 1) == {502: 1}
    assert stage.gateway.series().retried == 2
    assert stage.gateway.outcomes() == {"upstream_error": 1}


async def test_a_body_on_its_way_goes_whole_to_the_endpoint_that_takes_it(
    stage: Stage,
) -> None:
    dead, lives = await models(2)
    await dead.stop()
    stage.serve(table(service(version("v1", dead, lives, care=cared()))), dead, lives)
    body = bytes(range(256)) * 100

    for _ in range(8):
        client = await stage.client()
        request = post(body)
        await client.send(request[:200], request[200:], gap=0.02)
        assert (await client.answer()).status == 200
        client.close()

    assert [request.body for request in lives.requests] == [body] * 8
    assert stage.gateway.series().retried


async def test_a_kept_connection_that_died_with_its_endpoint_is_no_error(
    stage: Stage,
) -> None:
    """The second try of the same bytes finds nobody there, and goes elsewhere."""
    servers = await models(2)
    stage.serve(table(service(version("v1", *servers, care=cared()))), *servers)
    clients = [await stage.client() for _ in range(6)]
    await asyncio.gather(*(statuses(client, 4) for client in clients))

    await servers[0].stop()
    all_of = await asyncio.gather(*(statuses(client, 6) for client in clients))

    assert sum(all_of, Counter()) == {200: 36}


async def test_a_server_that_is_still_bad_after_its_return_costs_one_answer(
    stage: Stage,
) -> None:
    servers = await models(2)
    servers[0].answer = BAD
    stage.serve(table(service(version("v1", *servers, care=cared(SHORT)))), *servers)
    client = await stage.client()
    await statuses(client, 30)
    assert await until(lambda: states(stage)[0] == "up")

    assert (await statuses(client, 30))[503] == 1
    assert states(stage)[0] == "ejected"


async def test_the_only_endpoint_is_never_left_out(stage: Stage) -> None:
    [server] = await models(1)
    server.answer = BAD
    stage.serve(table(service(version("v1", server, care=cared()))), server)
    client = await stage.client()

    assert await statuses(client, 20) == {503: 20}
    server.answer = ok()
    assert await statuses(client, 20) == {200: 20}


# Health checks.


async def test_an_endpoint_whose_check_fails_gets_no_requests_until_it_passes(
    stage: Stage,
) -> None:
    servers = await models(2)
    stage.serve(
        table(service(version("v1", *servers, care=cared(None, CHECKED)))), *servers
    )
    client = await stage.client()
    assert await until(lambda: [one.health for one in told(stage)] == [True, True])

    servers[0].health = BAD
    assert await until(lambda: states(stage) == ["down", "up"])
    before = servers[0].served
    assert await statuses(client, 30) == {200: 30}
    assert servers[0].served == before
    assert stage.gateway.series().ejections == {"health_check": 1}

    servers[0].health = ok()
    assert await until(lambda: states(stage) == ["up", "up"])
    await statuses(client, 60)
    assert servers[0].served > before


async def test_a_check_that_is_not_answered_in_time_fails(stage: Stage) -> None:
    async def silent(wire: Wire) -> None:
        await mute.until_lost(wire)

    mute = await Upstream(silent).start()
    servers = await models(1)
    stage.serve(
        table(service(version("v1", mute, *servers, care=cared(None, CHECKED)))),
        mute,
        *servers,
    )

    assert await until(lambda: states(stage) == ["down", "up"])
    assert await statuses(await stage.client(), 30) == {200: 30}


async def test_where_every_check_fails_all_are_asked(stage: Stage) -> None:
    servers = await models(2)
    for server in servers:
        server.health = BAD
    stage.serve(
        table(service(version("v1", *servers, care=cared(None, CHECKED)))), *servers
    )
    assert await until(lambda: states(stage) == ["down", "down"])

    assert await statuses(await stage.client(), 40) == {200: 40}
    assert all(server.served for server in servers)


async def test_a_check_says_who_asks_and_what_the_version_sets(stage: Stage) -> None:
    servers = await models(1)
    stage.serve(
        table(
            service(
                version(
                    "v1",
                    *servers,
                    care=cared(None, CHECKED),
                    set_headers=(("authorization", "Bearer secret"),),
                )
            )
        ),
        *servers,
    )
    assert await until(lambda: servers[0].checks)

    request = servers[0].requests[0]
    assert request["host"] == f"127.0.0.1:{servers[0].port}"
    assert request["user-agent"] == "sluicegate-health-check"
    assert request["authorization"] == "Bearer secret"


async def test_versions_with_one_server_check_it_once(stage: Stage) -> None:
    servers = await models(1)
    both = [version(name, *servers, care=cared(None, CHECKED)) for name in ("v1", "v2")]
    stage.serve(table(service(*both)), *servers)
    began = asyncio.get_running_loop().time()
    assert await until(lambda: servers[0].checks >= 5)

    took = asyncio.get_running_loop().time() - began
    assert servers[0].checks <= took / 0.09 + 2
    assert [one.health for one in told(stage)] == [True, True]


# Names.


class Resolver:
    """Knows one name, whose addresses the test sets."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: tuple[str, ...] | Exception = addresses

    async def __call__(self, _host: str, _port: int) -> names.Found:
        if isinstance(self.addresses, Exception):
            raise self.addresses
        return [(socket.AF_INET, address) for address in self.addresses]


@asynccontextmanager
async def _farm(*addresses: str) -> AsyncGenerator[dict[str, Model]]:
    """Run a server at each address, at one port."""
    farm: dict[str, Model] = {}
    port = 0
    for address in addresses:
        farm[address] = model = Model(address.encode())
        model._server = await asyncio.start_server(model._serve, address, port)
        port = model.port = model._server.sockets[0].getsockname()[1]
    try:
        yield farm
    finally:
        for model in farm.values():
            await model.stop()


ALL = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def named(port: int, **settings: object) -> RoutingTable:
    endpoint = Endpoint(url=f"http://models:{port}", host="models", port=port)
    return table(service(version("v1", endpoints=(endpoint,), **settings)))


async def test_all_addresses_of_a_name_are_used_and_changes_followed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(*ALL[:2])
    monkeypatch.setattr(names, "look_up", resolver)
    async with _farm(*ALL) as farm:
        stage.serve(named(farm[ALL[0]].port, care=cared()))
        assert await until(lambda: len(told(stage)) == 2)
        client = await stage.client()

        await statuses(client, 60)
        assert [bool(farm[a].served) for a in ALL] == [True, True, False]

        resolver.addresses = ALL[1:]
        moved = lambda: [one.address for one in told(stage)] == list(ALL[1:])  # ruff: ignore[lambda-assignment]
        assert await until(moved)
        before = farm[ALL[0]].served
        await statuses(client, 60)
        assert farm[ALL[0]].served == before
        assert farm[ALL[2]].served
        assert await until(lambda: farm[ALL[0]].open == 0)  # drained


async def test_an_answer_that_runs_when_its_address_goes_is_answered_whole(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(ALL[0])
    monkeypatch.setattr(names, "look_up", resolver)
    gate = asyncio.Event()

    async def slow(wire: Wire) -> None:
        await model.read(wire)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await gate.wait()
        await wire.send(b"cd")

    model = await Upstream(slow).start()
    stage.serve(named(model.port, care=cared()), model)
    assert await until(lambda: [one.address for one in told(stage)] == [ALL[0]])
    client = await stage.client()
    await client.send(get())
    assert (await client.read_head()).status == 200

    resolver.addresses = (ALL[1],)
    assert await until(lambda: [one.address for one in told(stage)] == [ALL[1]])
    gate.set()

    assert await client.read_exactly(4) == b"abcd"


async def test_a_dead_address_of_a_name_is_left_out_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "look_up", Resolver(*ALL))
    async with _farm(*ALL[:2]) as farm:
        stage.serve(named(farm[ALL[0]].port, care=cared()))
        assert await until(lambda: len(told(stage)) == 3)
        client = await stage.client()

        assert await statuses(client, 100) == {200: 100}
        assert stage.gateway.series().retried == 5
        assert await statuses(client, 50) == {200: 50}
        assert stage.gateway.series().retried == 5


async def test_requests_go_on_while_the_resolver_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(*ALL[:2])
    monkeypatch.setattr(names, "look_up", resolver)
    async with _farm(*ALL[:2]) as farm:
        stage.serve(
            named(
                farm[ALL[0]].port,
                care=cared(),
                timeouts=Timeouts(pool_idle=Seconds(0.05)),
            )
        )
        assert await until(lambda: len(told(stage)) == 2)
        resolver.addresses = OSError("no resolver")
        client = await stage.client()

        for _ in range(5):
            await asyncio.sleep(0.2)  # a connection of its own each time
            assert await statuses(client, 4) == {200: 4}


async def test_a_name_that_is_not_known_is_told_and_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then every connection asks for itself, and fails as it did before."""
    resolver = Resolver()
    resolver.addresses = OSError("Name or service not known")
    monkeypatch.setattr(names, "look_up", resolver)
    async with _farm(ALL[0]) as farm:
        port = farm[ALL[0]].port
        endpoint = Endpoint(url="http://x.invalid", host="x.invalid", port=port)
        stage.serve(table(service(version("v1", endpoints=(endpoint,), care=cared()))))
        client = await stage.client()
        assert (await client.ask(get())).status == 502

        resolver.addresses = (ALL[0],)
        assert await until(lambda: [one.address for one in told(stage)] == [ALL[0]])
        assert await statuses(client, 5) == {200: 5}
