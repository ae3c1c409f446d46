"""What succeeds counts in the order of arrival; what fails, at once where it is ahead."""

import msgspec
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
    """Waiting records, and those whose turn it was.

    Attributes:
        behind: Arrivals of exchanges whose key another worker saw before.

    """

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.behind: set[float] = set()
        self.waiting = Waiting(self._take, self._is_ahead)

    def _is_ahead(self, _split: Split, asked: Record) -> bool:
        return asked.arrived not in self.behind

    def settles(self, before: float, until: float = 100.0) -> list[float]:
        """Give all arrivals that were taken until now."""
        self.waiting.settle(before, until)
        return self.arrivals

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

    assert taken.settles(2.0) == []
    taken.hears(1.0)
    assert taken.arrivals == [1.0]
    assert taken.settles(3.0) == [1.0, 2.0]
    assert taken.settles(9.0) == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("outcome", ["upstream_error", "client_error", OVERDUE])
def test_what_fails_does_not_wait_for_those_ahead_of_it(outcome: str) -> None:
    taken = Taken()
    taken.hears(5.0)
    taken.hears(7.0, outcome=outcome)

    assert taken.settles(1.0) == [7.0]


def test_what_fails_waits_until_all_that_arrived_before_it_is_known_to_have() -> None:
    taken = Taken()
    taken.hears(7.0, outcome="upstream_error")

    assert taken.settles(1.0, until=7.0) == []
    assert taken.settles(1.0, until=7.1) == [7.0]


def test_what_fails_behind_another_workers_exchange_of_its_key_waits_its_turn() -> None:
    taken = Taken()
    taken.behind = {7.0}
    taken.hears(7.0, outcome="upstream_error")
    taken.hears(5.0)

    assert taken.settles(5.0) == []
    assert taken.settles(8.0) == [5.0, 7.0]


def test_what_fails_is_settled_with_the_others_where_no_arrivals_are_told() -> None:
    """As by workers of the release before."""
    taken = Taken()
    taken.hears(7.0, outcome="upstream_error")

    assert taken.settles(7.0, until=0.0) == []
    assert taken.settles(7.1, until=0.0) == [7.0]


def test_what_is_settled_stays_settled() -> None:
    taken = Taken()
    taken.settles(9.0)
    taken.settles(1.0)
    taken.hears(8.0)

    assert taken.arrivals == [8.0]


def test_who_waits_outlives_a_restart() -> None:
    before, after = Taken(), Taken()
    before.hears(6.0, 5.0)
    before.hears(4.0, outcome="upstream_error")
    after.waiting.load(before.waiting.dump())

    assert after.settles(10.0) == [4.0, 5.0, 6.0]


def test_what_the_release_before_left_waiting_says_less() -> None:
    rows = [(Split(3, Share(20_000), (), 0, 1), record())]
    (split, row), *_ = msgspec.msgpack.decode(msgspec.msgpack.encode(rows))
    taken: list[Record] = []
    waiting = Waiting(lambda _split, each: taken.append(each), lambda *_: True)

    waiting.load(msgspec.msgpack.encode([(split, row[:-2])]))
    waiting.settle(10.0, 10.0)

    assert [(each.firsts, each.draw) for each in taken] == [(0, None)]


def test_the_slowest_worker_says_what_is_settled() -> None:
    settled = Settled(Clock())
    assert settled.before() is None
    assert settled.until() == pytest.approx(0.0)

    settled.tell(0, 90.0, 99.0)
    settled.tell(1, 80.0, 98.0)
    assert settled.before() == pytest.approx(80.0)
    assert settled.until() == pytest.approx(98.0)


def test_what_was_settled_once_is_not_unsettled() -> None:
    settled = Settled(Clock())
    settled.tell(0, 90.0, 99.0)
    assert settled.before() == pytest.approx(90.0)

    settled.tell(1, 80.0, 99.0)

    assert settled.before() == pytest.approx(90.0)


def test_a_worker_that_is_gone_holds_nobody_up() -> None:
    clock = Clock()
    settled = Settled(clock)
    settled.tell(0, 10.0, 99.0)
    settled.tell(1, 99.0, 100.0)
    assert settled.before() == pytest.approx(10.0)

    clock.now += 3
    settled.tell(1, 102.0, 103.0)

    assert settled.before() == pytest.approx(102.0)
    assert settled.until() == pytest.approx(103.0)
