"""Scores count through the unit that they were given on, once, with its coin."""

from typing import Any

import pytest

from gateway.analysis.counts import (
    CONTROL,
    FRESH,
    JUDGING,
    PAIRS,
    PROOF,
    Came,
    Place,
)
from gateway.analysis.design import JudgedBy, Kind
from gateway.analysis.judged import Judged, JudgedPair
from gateway.analysis.scored import ALL_KEYS, GRACE
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Worse
from gateway.domain.units import Seconds
from tests.unit.analysis.exchanges import Stage, design, metric

FLAG, SCORE = 1, 2
AT, DEADLINE = 1000.0, 60.0
DUE = AT + 1.0 + DEADLINE + GRACE
LONG = 1


def stage(**more: Any) -> Stage:
    """Give a book at 25 % that counts errors, a flag and a score."""
    made = Stage(
        design(
            metric("error_rate"),
            metric("judge:bad", **more),
            metric("judge:good", Kind.MEAN, worse=Worse.LOWER),
            evaluators=(
                JudgedBy(name="judge", sample=1.0, deadline=Seconds(DEADLINE)),
            ),
        )
    )
    made.cells = {(0, 1): LONG}
    made.weight(25)
    return made


def judge(
    on: Stage, bad: float | None = 0.0, good: float | None = 1.0, **more: Any
) -> None:
    """Judge the usual exchange."""
    usual: dict[str, Any] = {
        "fingerprint": 1,
        "epoch": on.revision,
        "exchange": 5,
        "is_candidate": False,
        "arrived": AT,
    }
    for name, value in (("bad", bad), ("good", good)):
        told = Judged(signal=f"judge:{name}", value=value, **usual | more)
        on.book.later.judge(told)


def scored(on: Stage, number: int = FLAG, now: float = DUE) -> dict[Place, Any]:
    """Settle what can be; give what was counted of a score."""
    on.book.close(now)
    bins = on.book.drain().bins
    return {place: pair for place, pair in bins.items() if place.metric == number}


def fresh(number: int = FLAG, cell: int = 0, coin: float = 0.25) -> Place:
    return Place(FRESH, coin, number, cell)


def test_a_key_is_one_unit_by_its_first_exchange_and_one_in_each_window() -> None:
    on = stage()
    on.take(nth=1)
    on.take(nth=2, nth_in_window=2, arrived=AT + 1)
    on.take(nth=3, arrived=AT + 2, window=8)
    judge(on, 1.0)
    judge(on, 1.0, arrived=AT + 1)
    judge(on, 0.0, arrived=AT + 2)
    found = scored(on)
    assert found == {
        fresh(): ({1: 1}, {}),
        Place(PROOF, 0.25, FLAG, 0): ({40: 1}, {}),
        Place(JUDGING, 0.25, FLAG, 0): ({Came.VALUE: 1}, {}),
        Place(min(p.process for p in found if p.process >= 0), 0.25, FLAG, 0): (
            {1: 1},
            {},
        ),
        Place(max(p.process for p in found), 0.25, FLAG, 0): ({0: 1}, {}),
    }


def test_a_mean_counts_its_loss_and_proves_with_it() -> None:
    on = stage()
    on.take(bucket=100)
    judge(on, good=0.75)
    found = scored(on, SCORE)
    assert found[fresh(SCORE)] == ({}, {10: 1})
    assert found[Place(PROOF, 0.25, SCORE, 0)] == ({}, {10: 1})


def test_a_unit_of_an_earlier_step_proves_nothing_for_this_one() -> None:
    on = stage()
    on.take()
    judge(on)
    on.weight(50, at=AT + 10)
    found = {place.process for place in scored(on)}
    assert FRESH in found
    assert PROOF not in found


def test_a_segment_has_units_and_scores_of_its_own() -> None:
    on = stage()
    on.take(nth=1)
    on.take(nth=2, nth_in_window=2, arrived=AT + 10, cell=b"\1")
    judge(on, 1.0)
    judge(on, 0.0, arrived=AT + 10)
    found = scored(on, now=DUE + 10)
    assert found[fresh()] == ({1: 1}, {})
    assert found[fresh(cell=LONG)] == ({0: 1}, {})


def test_what_has_no_value_counts_for_nobody_and_is_counted() -> None:
    on = stage()
    on.take()
    on.take(fingerprint=2, bucket=100)
    judge(on, None, has_failed=True)
    judge(on, None, has_failed=True, fingerprint=2)
    assert scored(on) == {
        Place(JUDGING, 0.25, FLAG, 0): ({Came.FAILED: 1}, {Came.FAILED: 1})
    }


def test_a_key_without_a_coin_is_no_unit_of_scores() -> None:
    on = stage()
    on.take(bucket=100)
    scored(on)
    on.weight(50, at=DUE)
    on.take(bucket=100, arrived=DUE)
    judge(on, fingerprint=1, arrived=DUE)
    assert scored(on, now=DUE + DUE) == {}


def test_requests_without_a_key_are_units_of_their_own() -> None:
    on = stage()
    for fingerprint in (7, 8):
        on.take(fingerprint=fingerprint, bucket=None, arrived=AT + 1)
        judge(on, float(fingerprint == 8), fingerprint=fingerprint, arrived=AT + 1)
    assert scored(on)[fresh()] == ({0: 1, 1: 1}, {})


def test_a_ceiling_counts_the_candidates_units_once() -> None:
    on = stage(ceiling=0.1)
    for number in range(3):
        on.take(fingerprint=number, bucket=number)
        judge(on, float(number == 1), fingerprint=number)
    on.book.close(DUE)
    assert on.book.drain().ceilings == {FLAG: [3, 1]}


def test_a_plain_exchange_measures_no_score() -> None:
    on = stage()
    on.take()
    assert {place.metric for place in on.book.drain().bins} == {0}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restart_counts_nothing_twice_and_forgets_nothing(when: str) -> None:
    on = stage()
    for number in range(10):
        on.take(fingerprint=number, bucket=10_000 * number)
        judge(on, float(number % 2), fingerprint=number)
    book, kept = on.book.dump(whole=True)
    counted: dict[Place, Any] = {}
    if when == "after":
        counted = scored(on)
        book, changed = on.book.dump(whole=False)
        kept |= changed
    again = UnitBook(on.book._design)
    again.load(book, {each: row for each, row in kept.items() if row})
    on.book = again
    counted |= scored(on)
    assert [sum(side.values()) for side in counted[fresh()]] == [7, 3]
    assert sum(side.get(1, 0) for side in counted[fresh()]) == 5
    on.take(fingerprint=3, bucket=30_000)
    judge(on, fingerprint=3)
    assert scored(on, now=DUE + 1e6) == {}


def test_a_book_that_was_kept_before_there_were_scores_is_read() -> None:
    on = stage()
    on.take()
    written, keys = on.book.dump(whole=True)
    former = written.replace(b"\x94", b"\x93", 1)[: -len(b"\xcf" + 8 * b"\0")]
    again = UnitBook(on.book._design)
    again.load(former, keys)
    assert again.known_keys == 1
    assert again.later.scored.limit == ALL_KEYS


def pair(on: Stage, **more: Any) -> JudgedPair:
    usual: dict[str, Any] = {
        "signal": "judge:good",
        "fingerprint": 1,
        "epoch": on.revision,
        "arrived": AT,
        "baseline": 0.75,
        "candidate": 0.25,
    }
    return JudgedPair(**usual | more)


def test_a_judged_pair_counts_the_difference_of_its_losses_in_its_cells() -> None:
    on = stage()
    on.book.take_judged_pair(pair(on, cell=b"\1"), cells=on.cells)
    assert on.book.drain().bins == {
        Place(PAIRS, 0.0, SCORE, 0): ({10: 1}, {60: 1}),
        Place(PAIRS, 0.0, SCORE, LONG): ({10: 1}, {60: 1}),
        Place(JUDGING, 0.0, SCORE, 0): ({}, {Came.VALUE: 1}),
    }


def test_a_pair_without_a_verdict_counts_for_nobody_and_is_counted() -> None:
    on = stage()
    on.book.take_judged_pair(pair(on, candidate=None), cells={})
    on.book.take_judged_pair(pair(on, baseline=None, has_failed=True), cells={})
    on.book.take_judged_pair(pair(on, epoch=99), cells={})
    on.book.take_judged_pair(pair(on, signal="judge:what"), cells={})
    assert on.book.drain().bins == {
        Place(JUDGING, 0.0, SCORE, 0): ({}, {Came.LACKING: 1, Came.FAILED: 1})
    }


def test_a_control_pair_is_noise_and_never_judged() -> None:
    on = stage()
    on.book.take_judged_pair(pair(on, is_control=True), cells={})
    on.book.take_judged_pair(pair(on, is_control=True, candidate=None), cells={})
    assert on.book.drain().bins == {Place(CONTROL, 0.0, SCORE, 0): ({}, {60: 1})}


def test_a_control_pair_tells_which_of_the_two_was_shown_first() -> None:
    """Here the copy's is the worse one, by half."""
    for is_swapped, shown in ((False, 60), (True, 20)):
        on = stage()
        control = pair(on, is_control=True, is_swapped=is_swapped)
        on.book.take_judged_pair(control, cells={})
        assert on.book.drain().bins == {
            Place(CONTROL, 0.0, SCORE, 0): ({shown: 1}, {60: 1})
        }
