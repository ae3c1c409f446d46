"""What is said of an answer by the deadline is the unit's value; silence is one as well."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.analysis.design import Design
from gateway.analysis.late import MOST_SAID, Closed, LateUnits, Said
from gateway.domain.rollout import Worse
from gateway.domain.units import Seconds
from tests.unit.analysis.exchanges import Seen, design, metric

DOWN, UP = 1, 2
EVERYTHING, LONG = 1, 4
ARRIVED, DEADLINE = 1000.0, 60.0
DUE = ARRIVED + DEADLINE


def asked() -> Design:
    """Make a design of one usual metric and two of feedback."""
    return design(
        metric("error_rate"),
        metric("feedback:thumbs_down"),
        metric("feedback:thumbs_up", worse=Worse.LOWER),
        feedback_deadline=Seconds(DEADLINE),
    )


def said(name: str = "thumbs_down", **more: Any) -> Said:
    """Make a piece of feedback, on the exchange that `late` awaits."""
    usual = {"fingerprint": 1, "epoch": 3, "exchange": 11, "is_event": True}
    return Said(name=name, **usual | more)


def hear(late: LateUnits, at: float, *, cells: int = EVERYTHING, **more: Any) -> None:
    late.hear(said(**more), cells, at, is_known=True)


def opened(
    late: LateUnits, *, cells: int = EVERYTHING, step: int = 1, **seen: Any
) -> None:
    late.open(Seen(**seen), revision=3, coin=0.25, cells=cells, step=step)


@pytest.fixture
def late() -> LateUnits:
    """Give pending units with one in them."""
    made = LateUnits(asked())
    opened(made)
    return made


def bad(closed: Iterator[Closed], number: int = DOWN) -> list[int]:
    """Give the masks in which a metric was bad news."""
    return [each.bad for each in closed if each.metric == number]


def test_a_unit_closes_at_its_deadline_with_the_coin_of_its_epoch(
    late: LateUnits,
) -> None:
    assert list(late.close(DUE - 0.1)) == []
    assert list(late.close(DUE)) == [
        Closed(DOWN, 0.25, False, 0, EVERYTHING, 1),
        Closed(UP, 0.25, False, EVERYTHING, 0, 1),
    ]
    assert list(late.close(DUE + 1e6)) == []
    assert len(late) == 0


def test_what_is_said_by_the_deadline_counts_and_what_comes_later_does_not(
    late: LateUnits,
) -> None:
    opened(late, fingerprint=2)
    hear(late, DUE)
    hear(late, DUE + 0.1, fingerprint=2)
    assert bad(late.close(DUE + 1)) == [EVERYTHING, 0]


def test_where_less_is_worse_silence_is_bad_news(late: LateUnits) -> None:
    opened(late, fingerprint=2)
    hear(late, DUE, name="thumbs_up")
    assert bad(late.close(DUE), UP) == [0, EVERYTHING]


def test_another_name_and_another_epoch_say_nothing(late: LateUnits) -> None:
    hear(late, DUE, name="resolved")
    hear(late, DUE, epoch=4)
    assert bad(late.close(DUE)) == [0]


def test_a_correction_counts_before_the_deadline_and_changes_nothing_after_it(
    late: LateUnits,
) -> None:
    opened(late, fingerprint=2)
    for fingerprint, moment in ((1, DUE - 1), (2, DUE + 1)):
        hear(late, ARRIVED + 1, fingerprint=fingerprint)
        hear(late, moment, fingerprint=fingerprint, is_event=False)
    assert bad(late.close(DUE + 2)) == [0, EVERYTHING]


def test_the_same_again_changes_nothing(late: LateUnits) -> None:
    """Who does not remember what was said may say it again; one no takes it all back."""
    for _ in range(3):
        hear(late, ARRIVED + 1)
    hear(late, ARRIVED + 2, is_event=False)
    assert bad(late.close(DUE)) == [0]


def test_one_exchange_that_is_taken_back_leaves_what_was_said_of_another(
    late: LateUnits,
) -> None:
    hear(late, ARRIVED + 1)
    hear(late, ARRIVED + 2, exchange=12)
    hear(late, ARRIVED + 3, is_event=False)
    assert bad(late.close(DUE)) == [EVERYTHING]


def test_feedback_that_is_faster_than_its_record_is_not_lost() -> None:
    late = LateUnits(asked())
    hear(late, ARRIVED + 1)
    hear(late, ARRIVED + 1, fingerprint=2)
    hear(late, ARRIVED + 2, fingerprint=2, is_event=False)
    opened(late)
    opened(late, fingerprint=2)
    assert bad(late.close(DUE)) == [EVERYTHING, 0]


def test_a_record_that_comes_after_its_deadline_has_what_was_said_before_it() -> None:
    """A long answer: its client said so while it was still coming."""
    late = LateUnits(asked())
    hear(late, ARRIVED + 1)
    list(late.close(DUE + 0.5))
    opened(late)
    assert bad(late.close(DUE + 0.5)) == [EVERYTHING]


def test_feedback_whose_unit_never_comes_is_forgotten() -> None:
    late = LateUnits(asked())
    hear(late, ARRIVED + 1)
    assert len(late) == 1
    list(late.close(ARRIVED + 1 + DEADLINE))
    assert len(late) == 0


def test_feedback_of_another_attempt_is_not_held() -> None:
    late = LateUnits(asked())
    late.hear(said(), EVERYTHING, ARRIVED, is_known=False)
    assert len(late) == 0


def test_each_cell_has_its_own_deadline_and_what_was_said_in_it(
    late: LateUnits,
) -> None:
    """The key's first long prompt came later; only that was complained about."""
    opened(late, arrived=ARRIVED + 30, cells=LONG)
    hear(late, ARRIVED + 31, cells=EVERYTHING | LONG, exchange=12)
    assert bad(late.close(DUE)) == [EVERYTHING]
    assert bad(late.close(DUE + 30)) == [LONG]


def test_a_complaint_in_no_cell_is_none_in_a_cell(late: LateUnits) -> None:
    opened(late, cells=LONG)
    hear(late, ARRIVED + 1, cells=EVERYTHING)
    assert bad(late.close(DUE)) == [EVERYTHING, 0]


def test_there_may_be_more_cells_than_a_word_has_bits(late: LateUnits) -> None:
    far = 1 << 500
    opened(late, cells=far)
    hear(late, ARRIVED + 1, cells=EVERYTHING | far)
    again = LateUnits(asked())
    again.load(late.dump(whole=True), late.limit)
    assert bad(again.close(DUE)) == [EVERYTHING, far]


def test_what_one_unit_can_be_told_is_bounded(late: LateUnits) -> None:
    for exchange in range(10 * MOST_SAID):
        hear(late, ARRIVED + 1, exchange=exchange)
    row = late.dump(whole=True).popitem()[1]
    assert len(row) < 32 * MOST_SAID
    assert bad(late.close(DUE)) == [EVERYTHING]


def test_too_many_units_are_thinned_by_their_keys_alone() -> None:
    late = LateUnits(asked(), most=100)
    step = (1 << 32) // 400 + 1
    for number in range(400):
        opened(late, fingerprint=number * step, is_candidate=bool(number % 2))
    list(late.close(ARRIVED))
    assert (len(late), late.sampled) == (100, 0.25)
    opened(late, fingerprint=399 * step)
    hear(late, ARRIVED, fingerprint=398 * step)
    assert len(late) == 100
    sides = [each.is_candidate for each in late.close(DUE) if each.metric == DOWN]
    assert sides.count(True) == sides.count(False) == 50


def test_feedback_alone_is_bounded_where_nobody_closes() -> None:
    late = LateUnits(asked(), most=100)
    for number in range(1000):
        hear(late, ARRIVED, fingerprint=number << 22)
    assert len(late) <= 100


def test_what_is_kept_goes_on_and_what_is_over_is_forgotten(late: LateUnits) -> None:
    opened(late, fingerprint=2, arrived=ARRIVED + 30, is_candidate=True)
    hear(late, ARRIVED + 31, fingerprint=2)
    kept = late.dump(whole=True)
    assert late.dump(whole=False) == {}
    list(late.close(DUE))
    hear(late, DUE + 1, fingerprint=2, exchange=12)
    changed = late.dump(whole=False)
    assert sorted(map(bool, changed.values())) == [False, True]
    again = LateUnits(asked())
    again.load(kept | changed, late.limit)
    assert list(again.close(DUE + 1e6)) == [
        Closed(DOWN, 0.25, True, EVERYTHING, 0, 1),
        Closed(UP, 0.25, True, EVERYTHING, 0, 1),
    ]


def test_a_clock_that_began_anew_awaits_nothing_of_before(late: LateUnits) -> None:
    late.dump(whole=True)
    late.forget()
    assert list(late.dump(whole=False).values()) == [b""]
    assert list(late.close(1e9)) == []


def test_without_a_metric_of_feedback_nothing_is_awaited() -> None:
    late = LateUnits(design())
    opened(late)
    hear(late, ARRIVED)
    assert not late.is_needed
    assert len(late) == 0
