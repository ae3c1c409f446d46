"""A worker that lags takes fewer requests; one that paused once does not."""

import math

import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.service import Endpoint, PoolLimits, Service, Version
from gateway.domain.units import Seconds, Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.overload import Overload
from gateway.proxy.plane import Plane

LIMITS = ClientLimits(lag=Seconds(0.5))
USUAL, LATE = 0.1, 0.7  # seconds between two sweeps


class Clock:
    """Sweeps, punctually or late."""

    def __init__(self, limits: ClientLimits = LIMITS) -> None:
        self.overload = Overload()
        self.overload.use(limits, ())
        self.now = 100.0
        self.sweep(USUAL)

    def sweep(self, *after: float) -> None:
        for seconds in after:
            self.now += seconds
            self.overload.sweep(self.now)

    @property
    def room(self) -> float:
        return self.overload.worker.room


def test_a_pause_sheds_nothing_however_long() -> None:
    clock = Clock()
    clock.overload.worker.running = 1000

    clock.sweep(60.0, USUAL, 5.0, USUAL, LATE, LATE, LATE, USUAL)

    assert clock.room == math.inf
    assert not clock.overload.is_short


def test_who_is_late_for_long_takes_less_and_less_but_never_nothing() -> None:
    clock = Clock()
    clock.overload.worker.running = 1000
    clock.sweep(LATE, LATE, LATE)
    assert clock.room == math.inf

    clock.sweep(LATE)
    assert clock.room == 800
    clock.sweep(LATE)
    assert clock.room == 640
    clock.sweep(*[LATE] * 40)
    assert clock.room == 16
    assert str(clock.overload.refusal()).startswith("The gateway has more to do")
    assert clock.overload.shed == {"lag": 1}


def test_when_it_is_in_time_again_it_takes_more_again_and_then_everything() -> None:
    clock = Clock()
    clock.overload.worker.running = 1000
    clock.sweep(*[LATE] * 40)

    rooms = []
    for _ in range(250):
        clock.sweep(USUAL)
        rooms.append(clock.room)

    assert rooms == sorted(rooms)
    assert rooms[10] < 60
    assert rooms[-1] == math.inf


def test_with_few_requests_in_flight_there_is_no_overload() -> None:
    """Where the machine itself is starved, refusing does not help anybody."""
    clock = Clock()
    clock.overload.worker.running = 3
    clock.sweep(*[LATE] * 40)

    assert clock.room == 16


def test_nobody_asks_about_the_lag_where_it_is_null() -> None:
    clock = Clock(ClientLimits(lag=None))
    clock.overload.worker.running = 1000
    clock.sweep(*[LATE] * 40)

    assert clock.room == math.inf


def test_the_limit_of_requests_is_kept_while_it_lags_and_after() -> None:
    clock = Clock(ClientLimits(lag=Seconds(0.5), requests=50))
    clock.overload.worker.running = 51
    assert clock.room == 50
    assert "limits.requests" in str(clock.overload.refusal())

    clock.sweep(*[LATE] * 4)
    assert clock.room == 40
    clock.overload.use(ClientLimits(lag=Seconds(0.5), requests=30), ())
    assert clock.room == 30
    clock.overload.use(ClientLimits(lag=Seconds(0.5)), ())
    clock.sweep(*[USUAL] * 250)
    assert clock.room == math.inf


def _version(name: str, connections: int, pending: int = 10) -> Version:
    where = Endpoint(url=f"http://{name}:1", host="192.0.2.1", port=1)
    limits = PoolLimits(connections=connections, pending=pending)
    return Version(name=name, endpoints=(where,), limits=limits)


def _room(share: int, baseline: int, candidate: int) -> float:
    versions = (_version("v1", baseline), _version("v2", candidate))
    service = Service(name="chat", versions=versions, baseline="v1", candidate="v2")
    routed = RoutedService(service=service, share=Share(share), salt="", revision=1)
    plane = Plane(lambda _coroutine: None)
    plane.use(RoutingTable(epoch=1, services=(routed,)))
    assert plane.routes is not None
    [(_, route)] = plane.routes.by_service()
    return route.load.room


@pytest.mark.parametrize(
    ("share", "baseline", "candidate", "room"),
    [
        (50_000, 90, 90, 180),  # both are full at 200
        (50_000, 90, 40, 90),  # the candidate is, at 100
        (20_000, 70, 40, 90),  # the baseline is, at 100
        (20_000, 70, 10, 90),  # both are, at 100: a small one for its small part
        (0, 70, 10, math.inf),
        (100_000, 70, 10, math.inf),
    ],
)
def test_a_service_takes_what_its_versions_take_at_their_weights(
    share: int, baseline: int, candidate: int, room: float
) -> None:
    assert _room(share, baseline, candidate) == pytest.approx(room)
