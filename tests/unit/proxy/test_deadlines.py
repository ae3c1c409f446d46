"""Deadlines come when they are due, once, and not before."""

import weakref

import pytest

from gateway.proxy.deadlines import NEVER, SWEEP, Wheel


class Watched:
    """Writes down when it was told."""

    def __init__(self) -> None:
        self.deadline = self.looked_at = NEVER
        self.told: list[float] = []

    def on_deadline(self, now: float) -> None:
        self.told.append(now)


def sweep(wheel: Wheel, start: float, end: float) -> None:
    for tick in range(int((end - start) / SWEEP) + 1):
        wheel.sweep(start + tick * SWEEP)


def started(now: float) -> Wheel:
    wheel = Wheel()
    wheel.sweep(now)
    return wheel


def test_a_deadline_is_noticed_within_two_sweeps() -> None:
    wheel, watched = started(1000.0), Watched()
    wheel.set(watched, 1007.03)
    sweep(wheel, 1000.0, 1030.0)

    assert len(watched.told) == 1
    assert 1007.03 <= watched.told[0] <= 1007.03 + 2 * SWEEP


def test_a_deadline_put_off_again_and_again_never_comes() -> None:
    wheel, watched = started(1000.0), Watched()
    for now in range(1000, 1060):
        wheel.set(watched, now + 2.0)
        sweep(wheel, now, now + 0.9)

    assert watched.told == []


def test_a_deadline_may_be_brought_forward() -> None:
    wheel, watched = started(1000.0), Watched()
    wheel.set(watched, 1600.0)
    wheel.set(watched, 1000.5)
    sweep(wheel, 1000.0, 1002.0)

    assert len(watched.told) == 1


def test_a_deadline_taken_back_never_comes_and_is_let_go() -> None:
    wheel, watched = started(1000.0), Watched()
    wheel.set(watched, 1001.0)
    watched.deadline = NEVER
    sweep(wheel, 1000.0, 1010.0)

    assert watched.told == []
    assert watched.looked_at == NEVER


def test_many_places_in_the_wheel_tell_only_once() -> None:
    wheel, watched = started(1000.0), Watched()
    for deadline in (1004.0, 1003.0, 1002.0, 1001.0):
        wheel.set(watched, deadline)
    wheel.set(watched, 1004.5)
    sweep(wheel, 1000.0, 1020.0)

    assert len(watched.told) == 1
    assert watched.told[0] >= 1004.5


class Faulty(Watched):
    """Its code fails."""

    def on_deadline(self, now: float) -> None:
        super().on_deadline(now)
        raise ZeroDivisionError("injected")


class FaultyConnection(Faulty):
    """Its code fails, and it can be closed."""

    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def test_a_connection_whose_code_fails_is_closed_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wheel, faulty, sound = started(1000.0), FaultyConnection(), Watched()
    for watched in (faulty, sound):
        wheel.set(watched, 1001.0)
    sweep(wheel, 1000.0, 1010.0)

    assert faulty.is_aborted
    assert len(faulty.told) == len(sound.told) == 1
    assert "ZeroDivisionError: injected" in caplog.text


def test_what_cannot_be_closed_is_told_again_later() -> None:
    wheel, faulty = started(1000.0), Faulty()
    wheel.set(faulty, 1001.0)
    sweep(wheel, 1000.0, 1002.9)

    assert len(faulty.told) == 2


@pytest.mark.parametrize("deadline", [1000.05, 1001.0, 1004.99, 1600.0])
def test_what_is_gone_is_neither_told_nor_held(deadline: float) -> None:
    wheel, watched = started(1000.0), Watched()
    gone = weakref.ref(watched)
    wheel.set(watched, deadline)
    wheel.forget(watched)
    wheel.forget(watched)
    told = watched.told
    del watched

    assert gone() is None
    sweep(wheel, 1000.0, 1602.0)
    assert told == []


def test_what_is_forgotten_may_be_watched_again() -> None:
    wheel, watched = started(1000.0), Watched()
    wheel.set(watched, 1001.0)
    wheel.forget(watched)
    wheel.set(watched, 1002.0)
    sweep(wheel, 1000.0, 1003.0)

    assert len(watched.told) == 1
