"""Feedback counts through the unit that its exchange belongs to, once, at its deadline."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.analysis.counts import FRESH, PROOF, Counts, Place
from gateway.analysis.late import LateUnits, Said
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Margin
from gateway.domain.units import BUCKETS, Seconds
from gateway.domain.verdict import Verdict
from tests.unit.analysis.exchanges import Stage, design, metric

THUMBS = "thumbs_down"
NUMBER = 1
DEADLINE = 60.0
AT = 1000.0
DUE = AT + DEADLINE
LONG = 1


def stage(**more: Any) -> Stage:
    """Give a book at 25 % that counts errors and feedback."""
    more.setdefault("feedback_deadline", Seconds(DEADLINE))
    made = Stage(design(metric("error_rate"), metric(f"feedback:{THUMBS}"), **more))
    made.cells = {(0, 1): LONG}
    made.weight(25)
    return made


def complain(on: Stage, at: float = AT + 1, **more: Any) -> None:
    """Say something of an exchange of the usual key, in the current epoch."""
    usual = {"fingerprint": 1, "epoch": on.revision, "exchange": 5, "is_event": True}
    on.book.hear(Said(name=THUMBS, **usual | more), cells=on.cells, at=at)


def late(on: Stage, now: float = DUE) -> dict[Place, Any]:
    """Close what is due; give what was counted of feedback."""
    on.book.close(now)
    bins = on.book.drain().bins
    return {place: pair for place, pair in bins.items() if place.metric == NUMBER}


def fresh(coin: float = 0.25, cell: int = 0) -> Place:
    return Place(FRESH, coin, NUMBER, cell)


def test_a_key_is_one_unit_whatever_it_says_of_how_many_answers() -> None:
    on = stage()
    on.take(nth=1)
    on.take(nth=2)
    complain(on, exchange=5)
    complain(on, exchange=6)
    assert late(on, DUE - 1) == {}
    assert late(on) == {
        fresh(): ({1: 1}, {}),
        Place(PROOF, 0.25, NUMBER, 0): ({40: 1}, {}),
    }
    assert late(on, DUE + 1e6) == {}


def test_silence_counts_for_the_version_that_was_assigned() -> None:
    on = stage()
    on.take(bucket=100)
    assert late(on)[fresh()] == ({}, {0: 1})


def test_the_coin_is_that_of_its_epoch_however_late_it_closes() -> None:
    """The same key once more at 50 %, with what was known of it: two units, two coins."""
    on = stage()
    first = on.revision
    on.take(bucket=60_000)
    on.weight(50, at=AT + 10)
    on.take(bucket=60_000, arrived=AT + 20)
    complain(on, at=AT + 30, epoch=first)
    found = late(on, DUE + 20)
    assert found[fresh()] == ({1: 1}, {})
    assert found[fresh(25 / 75)] == ({0: 1}, {})


def test_a_unit_of_an_earlier_step_proves_nothing_for_this_one() -> None:
    on = stage()
    on.take()
    on.weight(50, at=AT + 10)
    assert set(late(on)) == {fresh()}


def test_a_unit_of_the_same_step_at_another_weight_proves_too() -> None:
    on = stage()
    on.take()
    on.weight(50, at=AT + 10, step=False)
    assert set(late(on)) == {fresh(), Place(PROOF, 0.25, NUMBER, 0)}


def test_a_key_without_a_coin_is_no_unit_of_feedback() -> None:
    on = stage()
    on.take(bucket=100)
    late(on)
    on.weight(50, at=DUE)
    on.take(bucket=100, arrived=DUE)
    complain(on, at=DUE + 1)
    assert late(on, DUE + DEADLINE) == {}


def test_a_request_without_a_key_is_its_own_unit() -> None:
    on = stage(warmup=Seconds(5.0))
    for fingerprint, arrived in ((7, AT + 4), (8, AT + 6), (9, AT + 6)):
        on.take(fingerprint=fingerprint, bucket=None, arrived=arrived)
        complain(on, fingerprint=fingerprint, exchange=fingerprint, at=AT + 7)
    complain(on, fingerprint=9, exchange=9, at=AT + 8, is_event=False)
    assert late(on, DUE + 6)[fresh()] == ({0: 1, 1: 1}, {})


def test_where_requests_are_units_feedback_still_counts_by_its_key() -> None:
    """An id names the key, and not which of its exchanges it is of."""
    on = stage(by_request=True)
    on.take(nth=1)
    on.take(nth=2)
    complain(on)
    assert late(on)[fresh()] == ({1: 1}, {})


def test_a_segment_has_units_and_complaints_of_its_own() -> None:
    on = stage()
    on.take(nth=1)
    on.take(nth=2, arrived=AT + 10, cell=b"\1")
    complain(on, exchange=5, at=AT + 11)
    found = late(on, DUE + 10)
    assert found[fresh()] == ({1: 1}, {})
    assert found[fresh(cell=LONG)] == ({0: 1}, {})


def test_feedback_of_an_epoch_that_is_none_of_this_attempt_says_nothing() -> None:
    on = stage()
    complain(on, epoch=on.revision + 40)
    on.weight(50, at=AT + 10)
    on.take(arrived=AT + 20)
    assert late(on, DUE + 20)[fresh(0.5)] == ({0: 1}, {})


def test_an_epoch_is_known_by_the_bits_that_an_id_has() -> None:
    on = Stage(stage().book._design)
    on.revision = (1 << 32) + 6
    on.weight(25)
    on.take()
    complain(on, epoch=7)
    assert late(on)[fresh()] == ({1: 1}, {})


def test_no_window_counts_feedback() -> None:
    on = stage()
    for window in (7, 8, 9):
        on.take(nth=window - 6, window=window)
    assert {place.process for place in late(on)} == {FRESH, PROOF}


def test_a_ceiling_counts_the_candidates_units_at_their_deadline() -> None:
    on = Stage(
        design(
            metric("error_rate"),
            metric(f"feedback:{THUMBS}", ceiling=0.1),
            feedback_deadline=Seconds(DEADLINE),
        )
    )
    on.weight(25)
    for number in range(3):
        on.take(fingerprint=number, bucket=number)
    complain(on)
    on.book.close(DUE - 1)
    assert on.book.drain().ceilings == {}
    on.book.close(DUE)
    assert on.book.drain().ceilings == {NUMBER: [3, 1]}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restart_counts_nothing_twice_and_forgets_nothing(when: str) -> None:
    on = stage()
    kept: dict[int, bytes] = {}
    for number in range(10):
        on.take(fingerprint=number, bucket=10_000 * number)
        complain(on, fingerprint=number, exchange=number, is_event=number % 2 > 0)
    book, keys = on.book.dump(whole=True)
    kept |= keys
    counted: dict[Place, Any] = {}
    if when == "after":
        counted = late(on)
        book, keys = on.book.dump(whole=False)
        kept |= keys
    again = UnitBook(on.book._design)
    again.load(book, {each: row for each, row in kept.items() if row})
    on.book = again
    counted |= late(on, DUE + 1)
    assert sum(counted[fresh()][0].values()) + sum(counted[fresh()][1].values()) == 10
    assert counted[fresh()][0].get(1, 0) + counted[fresh()][1].get(1, 0) == 5
    assert late(on, DUE + 2) == {}
    on.take(fingerprint=3, bucket=30_000)
    assert late(on, DUE + 1e6) == {}


def test_a_clock_that_began_anew_awaits_nothing_of_before() -> None:
    on = stage()
    on.take()
    on.book.close(AT)
    on.book.close(5.0)
    assert late(on, DUE) == {}


def test_too_many_units_are_sampled_and_that_is_said() -> None:
    on = stage()
    on.book.later.said = LateUnits(on.book._design, most=50)
    step = (1 << 32) // 400 + 1
    for number in range(400):
        on.take(fingerprint=number * step, bucket=number * BUCKETS // 400)
    assert late(on, AT) == {}
    assert on.book.sampled == pytest.approx(0.125)
    assert late(on)[fresh()] == ({}, {0: 50})  # these keys' buckets lie below 25 %


def trial(*, is_mirrored: bool = False) -> Trial:
    """Begin a step that asks for errors and feedback."""
    usual = stage().book._design
    margins = (Margin(absolute=0.1),) * 4
    begun = Trial(
        replace(
            usual,
            metrics=tuple(replace(each, margins=margins) for each in usual.metrics),
            cell_shares=((0.4,), (0.4,)),
            pairs_part=0.25 if is_mirrored else 0.0,
        )
    )
    begun.step_begins(0, is_mirrored=is_mirrored)
    return begun


def test_a_metric_of_feedback_is_not_without_data_while_its_units_are_awaited() -> None:
    begun = trial()
    names = ("error_rate", f"feedback:{THUMBS}")
    assert begun.look().no_data == names
    assert begun.findings()[NUMBER].verdict is Verdict.NO_DATA

    begun.add(Counts(in_step=[1, 0]))

    assert (begun.look().no_data, begun.look().unproven) == (names[:1], names[1:])
    assert not begun.look().proven
    assert begun.findings()[NUMBER].verdict is Verdict.UNDECIDED


def test_a_step_that_mirrors_asks_for_no_feedback() -> None:
    """Nobody sees the answers to copies."""
    assert trial(is_mirrored=True).look().left_out == (f"feedback:{THUMBS}",)


def test_a_plain_exchange_measures_no_feedback() -> None:
    """Its value is known later, and only then."""
    on = stage()
    on.take()
    assert {place.metric for place in on.book.drain().bins} == {0}
