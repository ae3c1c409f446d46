"""What health checks found, shared by processes; and who asks."""

import multiprocessing
import os
from multiprocessing.connection import Connection

from gateway.handoff.endpoint_health import (
    MOST_CHECKED,
    EndpointHealth,
    Found,
    make_shared,
    place_of,
)


def test_what_one_process_finds_the_others_know() -> None:
    fd = make_shared()
    one, other = EndpointHealth(fd), EndpointHealth(fd)

    for found in (Found(True, 1.5), Found(False, 2.5), Found(None, 3.5)):
        one.keep(place_of("a"), found)
        assert other.find(place_of("a")) == found

    assert other.find(place_of("b")) is None
    one.close()
    other.close()
    os.close(fd)


def test_the_one_that_was_found_longest_ago_makes_way() -> None:
    health = EndpointHealth()
    places = [number * (MOST_CHECKED // 8) + 7 for number in range(1, 10)]

    for when, place in enumerate(places, start=1):
        health.keep(place, Found(True, float(when)))

    assert health.find(places[0]) is None
    assert all(health.find(place) for place in places[1:])
    health.close()


def _ask(fd: int, told: "Connection[object, object]") -> None:
    health = EndpointHealth(fd)
    told.send(health.may_ask())
    told.recv()
    health.close()


def test_one_process_asks_and_another_when_that_is_gone() -> None:
    fd = make_shared()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_ask, args=(fd, there))
    process.start()
    ours = EndpointHealth(fd)

    assert here.recv() is True
    assert ours.may_ask() is False
    process.kill()
    process.join()
    assert ours.may_ask() is True

    ours.close()
    os.close(fd)


def test_alone_a_process_asks() -> None:
    health = EndpointHealth()

    assert health.may_ask() is True
    health.close()
