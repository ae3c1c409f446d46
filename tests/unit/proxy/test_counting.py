"""Counting harms nobody: what fails in it is told seldom, and nothing is lost by it."""

import logging
from collections.abc import Callable

import pytest

from gateway.app.installed import is_compiled
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy import counting, plane
from gateway.proxy.observe import Observation
from gateway.proxy.plane import Plane, Soon
from gateway.proxy.request_body import RequestBody
from gateway.wire.request_head import RequestHead

PATH = b"/v1/chat/completions"
replaces_code = pytest.mark.skipif(
    is_compiled(), reason="what is compiled calls its own functions directly"
)
VERSION = Version(
    name="v1",
    endpoints=(Endpoint(url="http://127.0.0.1:9", host="127.0.0.1", port=9),),
)


def made(soon: Soon | None = None) -> Plane:
    worker = Plane(lambda connecting: connecting.close(), soon)
    service = Service(name="chat", versions=(VERSION,), baseline="v1")
    routed = RoutedService(service=service, share=Share(0), salt="chat", revision=1)
    worker.use(RoutingTable(epoch=1, services=(routed,)))
    return worker


def over(worker: Plane) -> Observation:
    assert worker.routes is not None
    route = worker.routes.takes_all
    assert route is not None
    head = RequestHead(b"POST", PATH, 1, {}, PATH)
    seen = Observation(route.baseline, route, head, RequestBody(head, b"{}"), None)
    seen.status = 200
    return seen


class Asking:
    """The request that an exchange and the access log know each other by."""

    head = RequestHead(b"POST", PATH, 1, {}, PATH)
    request_id = b"r"


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.ERROR
    ]


@replaces_code
def test_an_answer_that_cannot_be_read_is_counted_by_its_transport(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = made()
    monkeypatch.setattr(counting, "_read", lambda *_anything: 1 / 0)

    for _ in range(50):
        worker.finish(over(worker))

    (series,) = worker.observe(0, 1, 1).series
    assert series.outcomes == {"complete": 50}
    assert series.codes == {200: 50}
    assert complaints(caplog) == [
        "An answer could not be read; it is counted by its transport."
    ]


@replaces_code
def test_one_exchange_that_cannot_be_counted_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = made()
    count = counting.count
    turns = iter([True, *[False] * 9])

    def fail_first(*anything: object) -> object:
        if next(turns):
            raise ZeroDivisionError
        return count(*anything)  # type: ignore[arg-type]

    monkeypatch.setattr(plane, "count", fail_first)
    ended = [over(worker) for _ in range(10)]
    for seen in ended:
        seen.told = Asking()
        worker.finish(seen)

    (series,) = worker.observe(0, 1, 1).series
    assert series.outcomes == {"complete": 9}
    assert complaints(caplog) == ["An exchange could not be counted."]
    assert all(seen.told is None for seen in ended)


def test_a_few_are_counted_in_one_turn_of_the_loop() -> None:
    """So that a burst holds up no connection."""
    turns: list[Callable[[], None]] = []
    worker = made(turns.append)
    for _ in range(40):
        worker.finish(over(worker))
    counted = []

    while turns:
        turns.pop()()
        tally = next(iter(worker._tallies.values()))
        counted.append(sum(tally.outcomes.values()))

    assert counted == [20, 36, 40]


def test_the_last_report_leaves_nothing_out() -> None:
    worker = made(lambda _later: None)
    for _ in range(40):
        worker.finish(over(worker))

    worker.close()
    (series,) = worker.observe(0, 1, 1).series

    assert series.outcomes == {"complete": 40}


def test_a_backlog_is_halved_in_each_turn() -> None:
    """However many end at once, they do not pile up."""
    turns: list[Callable[[], None]] = []
    worker = made(turns.append)
    for _ in range(1000):
        worker.finish(over(worker))

    took = 0
    while turns:
        turns.pop()()
        took += 1

    (series,) = worker.observe(0, 1, 1).series
    assert series.outcomes == {"complete": 1000}
    assert took <= 10
