"""A worker takes as many clients as it can serve, and tells the others."""

import asyncio
import logging
import math
from dataclasses import replace

import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.deadlines import SWEEP
from gateway.proxy.downstream import Downstream
from gateway.proxy.listen import Door, Entering
from gateway.proxy.plane import Plane

V1 = Version(
    name="v1", endpoints=(Endpoint(url="http://model:1", host="model", port=1),)
)
TABLE = RoutingTable(
    epoch=1,
    services=(
        RoutedService(
            service=Service(name="chat", versions=(V1,), baseline="v1"),
            share=Share(0),
            salt="chat",
            revision=1,
        ),
    ),
)


class Transport(asyncio.Transport):
    """A client's end of nothing."""

    def __init__(self, peer: tuple[str, int] | None = None) -> None:
        super().__init__({"peername": peer})
        self.written = b""
        self.protocol: asyncio.BaseProtocol | None = None
        self.closed = self.has_ended = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data

    def write_eof(self) -> None:
        self.has_ended = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


@pytest.fixture
def plane() -> Plane:
    made = Plane(lambda _coroutine: None)
    made.use(TABLE)
    return made


def come(door: Door) -> tuple[Entering, Transport]:
    entering, transport = Entering(door), Transport()
    entering.connection_made(transport)
    return entering, transport


def crowd(door: Door, count: int) -> list[Transport]:
    return [come(door)[1] for _ in range(count)]


@pytest.mark.parametrize(
    ("files", "most"),
    [(math.inf, None), (20_000, 19_424), (1024, 480), (256, 96), (64, 1), (10, 1)],
)
def test_room_is_kept_for_the_endpoints_connections(
    plane: Plane, files: float, most: int | None
) -> None:
    assert Door(plane, lambda: files).most() == most


def test_who_finds_room_is_a_client_like_any_other(plane: Plane) -> None:
    _, transport = come(Door(plane, lambda: math.inf))

    assert isinstance(transport.protocol, Downstream)
    assert len(plane.clients) == 1
    assert plane.refused == {}


def test_who_finds_no_room_is_told_so_and_counted(
    plane: Plane, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(plane, lambda: 70)
    first, *others = crowd(door, 3 + 40)
    taken, turned_away = [first, *others[:2]], others[2:]

    assert all(isinstance(one.protocol, Downstream) for one in taken)
    assert len(plane.clients) == 3
    assert plane.refused == {503: 40}
    for transport in turned_away:
        assert transport.written.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in transport.written
        assert b"connection: close\r\n" in transport.written
        assert b"ulimit -n" in transport.written
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1


def test_a_few_may_read_why_and_nobody_holds_a_file_for_long(
    plane: Plane,
) -> None:
    door = Door(plane, lambda: 66)
    crowd(door, 1)
    turned_away = [come(door) for _ in range(40)]
    lingering = [pair for pair in turned_away if not pair[1].closed]
    assert len(lingering) == 24
    assert all(transport.has_ended for _, transport in lingering)

    start = plane.wheel.now
    for tick in range(13):
        plane.wheel.sweep(start + tick * SWEEP)
    for entering, transport in lingering:
        assert transport.closed
        entering.connection_lost(None)
    assert door.lingering == 0


def test_when_a_client_leaves_the_next_may_come(plane: Plane) -> None:
    door = Door(plane, lambda: 66)
    [first] = crowd(door, 1)
    assert not door.may_enter()
    assert isinstance(first.protocol, Downstream)
    first.protocol.connection_lost(None)

    assert door.may_enter()


def _from(door: Door, address: str) -> Transport:
    transport = Transport((address, 1))
    Entering(door).connection_made(transport)
    return transport


def _limited(plane: Plane, trusted: tuple[str, ...] = (), **limits: int) -> Door:
    made = ClientLimits(**limits)  # type: ignore[arg-type]
    plane.use(replace(TABLE, limits=made, trusted_proxies=trusted))
    return Door(plane, lambda: math.inf)


def test_one_address_has_so_many_connections_and_others_have_theirs(
    plane: Plane,
) -> None:
    door = _limited(plane, connections_per_client=2)
    first, second, third = (_from(door, "192.0.2.1") for _ in range(3))

    assert second.written == b""
    assert third.written.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 1\r\n" in third.written
    assert b"limits.connections_per_client" in third.written
    assert third.has_ended
    assert _from(door, "192.0.2.2").written == b""
    assert plane.refused == {429: 1}
    assert plane.overload.shed == {"connections_per_client": 1}

    assert isinstance(first.protocol, Downstream)
    first.protocol.connection_lost(None)
    assert _from(door, "192.0.2.1").written == b""


def test_all_addresses_of_a_network_of_ipv6_count_together(plane: Plane) -> None:
    door = _limited(plane, connections_per_client=2)
    neighbours = [_from(door, f"2001:db8::{number}") for number in range(1, 5)]

    assert [bool(each.written) for each in neighbours] == [False, False, True, True]
    assert _from(door, "2001:db8:0:1::1").written == b""


def test_a_trusted_proxy_is_many_clients(plane: Plane) -> None:
    door = _limited(plane, ("192.0.2.0/24",), connections_per_client=1)

    assert not any(_from(door, "192.0.2.1").written for _ in range(50))
    assert [bool(_from(door, "198.51.100.1").written) for _ in range(2)] == [0, 1]


def test_all_together_have_as_many_connections_as_the_configuration_allows(
    plane: Plane,
) -> None:
    door = _limited(plane, ("0.0.0.0/0",), connections=3)
    written = [_from(door, f"192.0.2.{number}").written for number in range(5)]

    assert [text[:12] for text in written] == [b""] * 3 + [b"HTTP/1.1 503"] * 2
    assert b"limits.connections)" in written[-1]
    assert plane.overload.shed == {"connections": 2}
