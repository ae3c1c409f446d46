"""When a worker diverts a candidate's requests on its own, and when it stops."""

import pytest

from gateway.domain.failover import Budget
from gateway.domain.failover import Guard as Rule
from gateway.domain.units import Seconds
from gateway.proxy.failover_budget import LOOKS_BACK_S, FailoverBudget
from gateway.proxy.guard import FIRST_PAUSE_S, LONGEST_PAUSE_S, QUICK_TRIES, Guard
from gateway.proxy.tally import Tally

RULE = Rule(failures=5, keys=3, within=Seconds(10.0))
KEYS = (b"a", b"b", b"c", b"a", b"b")


class Bench:
    """A candidate and a baseline, and a guard over them."""

    def __init__(self) -> None:
        self.candidate = Tally("chat", "v2")
        self.baseline = Tally("chat", "v1")
        self.covering = Tally("chat", "v1")
        both = (self.baseline, self.covering)
        self.guard = Guard(RULE, self.candidate, both, lambda: 1.0)

    def diverts(self) -> bool:
        return self.guard.is_diverting

    def fails(self, at: float, keys: tuple[bytes | None, ...] = KEYS) -> None:
        for key in keys:
            self.guard.failed(at, key)


@pytest.fixture
def bench() -> Bench:
    """Give one whose baseline has just answered."""
    bench = Bench()
    bench.baseline.answered_at = 99.0
    return bench


def test_five_failures_of_three_keys_divert(bench: Bench) -> None:
    bench.fails(100.0, KEYS[:4])
    assert not bench.diverts()
    bench.fails(100.0, KEYS[4:])
    assert bench.diverts()
    assert not bench.guard.is_open(100.0 + 0.9 * FIRST_PAUSE_S)


def test_two_keys_are_too_few_and_requests_without_one_are_each_their_own(
    bench: Bench,
) -> None:
    bench.fails(100.0, (b"a", b"b") * 10)
    assert not bench.diverts()
    bench.fails(100.0, (None,) * 3)
    assert bench.diverts()


def test_an_answer_between_them_begins_the_count_anew(bench: Bench) -> None:
    bench.fails(100.0, KEYS[:4])
    bench.candidate.answered_at = 100.5
    bench.fails(101.0, KEYS[:4])
    assert not bench.diverts()


def test_failures_that_lie_far_apart_are_no_row(bench: Bench) -> None:
    for number, key in enumerate(KEYS * 3):
        at = 100.0 + 4 * number
        bench.baseline.answered_at = at
        bench.fails(at, (key,))
    assert not bench.diverts()


@pytest.mark.parametrize("last", [-1.0e9, 80.0])
def test_an_outage_of_both_diverts_nothing(bench: Bench, last: float) -> None:
    bench.baseline.answered_at = last
    bench.fails(100.0, KEYS * 4)
    assert not bench.diverts()


def test_a_baseline_that_answers_in_the_candidates_place_lives(bench: Bench) -> None:
    bench.baseline.answered_at = -1.0e9
    bench.covering.answered_at = 99.5
    bench.fails(100.0)
    assert bench.diverts()


def test_it_is_tried_after_pauses_that_grow(bench: Bench) -> None:
    guard, now, pauses = bench.guard, 100.0, []
    bench.fails(now)
    for _ in range(10):
        begun = now
        while not guard.is_open(now):
            now += 0.0625
        pauses.append(now - begun)
        guard.try_it(now)
        guard.failed(now, b"a")
    assert pauses[:5] == [FIRST_PAUSE_S, 0.25, 0.5, 1.0, 2.0]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_where_the_baseline_answers_for_them_tries_stay_quick_for_a_while(
    bench: Bench,
) -> None:
    """They cost nobody an error, and are all that the analysis learns from."""
    guard, now, pauses = bench.guard, 100.0, []
    guard.is_covered = True
    bench.fails(now)
    for _ in range(QUICK_TRIES + 5):
        begun = now
        while not guard.is_open(now):
            now += 0.0625
        pauses.append(now - begun)
        guard.try_it(now)
        guard.failed(now, b"a")
    assert pauses[:QUICK_TRIES] == [FIRST_PAUSE_S] * QUICK_TRIES
    assert pauses[QUICK_TRIES:] == [0.125, 0.25, 0.5, 1.0, 2.0]


def test_one_answer_ends_it(bench: Bench) -> None:
    bench.fails(100.0)
    bench.candidate.answered_at = 101.0
    assert bench.guard.is_open(101.1)
    assert not bench.diverts()


def test_pauses_go_on_from_where_they_were_if_it_fails_soon_again(bench: Bench) -> None:
    bench.fails(100.0)
    bench.candidate.answered_at = 101.0
    bench.guard.is_open(101.0)
    bench.baseline.answered_at = 102.0
    bench.fails(102.0)
    assert not bench.guard.is_open(102.0 + FIRST_PAUSE_S)
    assert bench.guard.is_open(102.0 + 2 * FIRST_PAUSE_S)


def test_without_traffic_it_forgets(bench: Bench) -> None:
    bench.fails(100.0)
    bench.guard.rest()
    assert not bench.diverts()
    bench.fails(101.0, KEYS[:4])
    assert not bench.diverts()


# The budget of failovers.


def test_a_rare_failure_is_covered_however_little_comes() -> None:
    budget = FailoverBudget(Budget(), 64, 0.0)
    assert budget.spend(1, 1.0)


def test_without_a_least_number_only_the_part_counts() -> None:
    budget = FailoverBudget(Budget(ratio=0.2, min_per_second=0.0), 1, 0.0)
    covered = sum(budget.spend(1000, 1.0) for _ in range(1000))
    assert 180 <= covered <= 200


def test_a_candidate_that_fails_at_everything_adds_no_more_than_its_part() -> None:
    """However high its weight: the baseline's load cannot double."""
    budget, covered, come = FailoverBudget(Budget(), 1, 0.0), 0, 0
    for tick in range(1, 6001):  # a minute, 1,000 requests a second, half of them fail
        come += 10
        covered += sum(budget.spend(come, tick / 100) for _ in range(5))
    assert 0.2 * come <= covered <= 0.2 * come + 10 * (60 + 2 * LOOKS_BACK_S)


def test_what_came_long_ago_counts_no_more() -> None:
    budget = FailoverBudget(Budget(ratio=0.5, min_per_second=0.0), 1, 0.0)
    budget.spend(100_000, 1.0)
    assert not budget.spend(100_000, 1.0 + 20 * LOOKS_BACK_S)


def test_workers_share_the_least_number() -> None:
    budget = FailoverBudget(Budget(ratio=0.0, min_per_second=10.0), 4, 0.0)
    covered = sum(budget.spend(0, 0.0) for _ in range(1000))
    assert covered == 25
