"""What succeeds counts in the order of arrival; what fails counts at once."""

import pytest

from gateway.control.arrivals import Settled, Split, Waiting
from gateway.domain.units import Share
from gateway.handoff.evidence import OVERDUE, Block, Record
from tests.unit.proxy.test_units import record


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Taken:
    """Waiting records, and those whose turn it was."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.waiting = Waiting(self._take)

    def _take(self, split: Split, taken: Record) -> None:
        assert (split.revision, split.share) == (3, 20_000)
        self.arrivals.append(taken.arrived)

    def hears(self, *arrivals: float, outcome: str = "complete") -> None:
        self.waiting.add(block(*arrivals, outcome=outcome), 0)


def block(*arrivals: float, outcome: str = "complete") -> Block:
    records = []
    for arrived in arrivals:
        made = record(int(arrived))
        made.arrived, made.outcome = arrived, outcome
        records.append(made)
    return Block(
        service="chat",
        revision=3,
        versions=("v1", "v2"),
        share=Share(20_000),
        names=(),
        segments=0,
        records=records,
    )


def test_what_ended_first_waits_for_what_arrived_before_it() -> None:
    taken = Taken()
    taken.hears(2.0, 4.0)

    taken.waiting.settle(2.0)
    assert taken.arrivals == []
    taken.hears(1.0)
    assert taken.arrivals == [1.0]
    taken.waiting.settle(3.0)
    assert taken.arrivals == [1.0, 2.0]
    taken.waiting.settle(9.0)
    assert taken.arrivals == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("outcome", ["upstream_error", "client_error", OVERDUE])
def test_what_fails_waits_for_nothing(outcome: str) -> None:
    taken = Taken()
    taken.hears(5.0)
    taken.hears(7.0, outcome=outcome)

    assert taken.arrivals == [7.0]


def test_what_is_settled_stays_settled() -> None:
    taken = Taken()
    taken.waiting.settle(9.0)
    taken.waiting.settle(1.0)
    taken.hears(8.0)

    assert taken.arrivals == [8.0]


def test_who_waits_outlives_a_restart() -> None:
    before, after = Taken(), Taken()
    before.hears(6.0, 5.0)
    after.waiting.load(before.waiting.dump())

    after.waiting.settle(10.0)

    assert after.arrivals == [5.0, 6.0]


def test_the_slowest_worker_says_what_is_settled() -> None:
    settled = Settled(Clock())
    assert settled.before() is None

    settled.tell(0, 90.0)
    settled.tell(1, 80.0)
    assert settled.before() == pytest.approx(80.0)


def test_what_was_settled_once_is_not_unsettled() -> None:
    settled = Settled(Clock())
    settled.tell(0, 90.0)
    assert settled.before() == pytest.approx(90.0)

    settled.tell(1, 80.0)

    assert settled.before() == pytest.approx(90.0)


def test_a_worker_that_is_gone_holds_nobody_up() -> None:
    clock = Clock()
    settled = Settled(clock)
    settled.tell(0, 10.0)
    settled.tell(1, 99.0)
    assert settled.before() == pytest.approx(10.0)

    clock.now += 3
    settled.tell(1, 102.0)

    assert settled.before() == pytest.approx(102.0)
