"""Who counts, when, and with which coin."""

from collections.abc import Mapping
from itertools import permutations
from random import Random
from typing import Any

import pytest

from gateway.analysis.counts import FRESH, LOST, PAIRS, PROOF, Counts, Place
from gateway.analysis.observe import OVERDUE
from gateway.analysis.sample_ratio import SampleRatio
from gateway.analysis.unit_book import MOST_EPOCHS
from gateway.domain.units import Share
from gateway.handoff.evidence import Record
from tests.unit.analysis.exchanges import Halves, Seen, Stage, design, metric

ERRORS, DURATION = 0, 1
SETTLED = 1000.0 + 600.0 + 30.0 + 5.0
"""When what arrived at 1000 is in the sample ratio."""


def units(counts: Counts, process: int, number: int = ERRORS, cell: int = 0) -> int:
    """Count the units in a process, of whatever coin and version."""
    return sum(
        sum(bins.values())
        for place, pair in counts.bins.items()
        if (place.process, place.metric, place.cell) == (process, number, cell)
        for bins in pair
    )


def windows(counts: Counts) -> list[int]:
    """Name the windows in which errors were counted."""
    found = {place.process for place in counts.bins if place.metric == ERRORS}
    return sorted(each for each in found if each >= 0)


def test_the_first_exchange_of_a_key_counts_for_outcomes_and_the_second_for_times() -> (
    None
):
    stage = Stage()
    stage.weight(50)
    stage.take(nth=1)
    first = stage.book.drain()
    assert (units(first, FRESH), units(first, FRESH, DURATION)) == (1, 0)
    stage.take(nth=2, nth_in_window=2)
    second = stage.book.drain()
    assert (units(second, FRESH), units(second, FRESH, DURATION)) == (0, 1)
    assert units(second, 1, DURATION) == 1
    stage.take(nth=3, nth_in_window=3)
    assert stage.book.drain().bins == {}


def test_a_unit_is_chosen_by_arrival_and_not_by_who_ends_first() -> None:
    stage = Stage()
    stage.weight(50)
    stage.take(nth=2, nth_in_window=2, outcome="upstream_error")
    early = stage.book.drain()
    assert units(early, FRESH) == 0
    stage.take(nth=1)
    place = Place(FRESH, 0.5, ERRORS, 0)
    assert stage.book.drain().bins[place] == ({0: 1}, {})


def test_a_key_that_two_workers_know_counts_once() -> None:
    stage = Stage()
    stage.weight(50)
    stage.take(nth=1)
    stage.take(nth=1, outcome="upstream_error")
    assert units(stage.book.drain(), FRESH) == 1


def test_the_coin_is_conditional_on_earlier_epochs() -> None:
    stage = Stage()
    stage.weight(5)
    stage.take(bucket=60_000)
    stage.weight(25)
    stage.take(bucket=60_000)
    coins = [place.coin for place in stage.book.drain().bins if place.process == FRESH]
    assert coins == pytest.approx([0.05, 20 / 95])


def test_a_key_that_can_only_be_on_one_side_is_no_evidence() -> None:
    stage = Stage()
    stage.weight(5)
    stage.take(bucket=100)
    stage.book.drain()
    stage.weight(25)
    stage.take(bucket=100)
    counts = stage.book.drain()
    assert counts == Counts()


def test_what_is_on_another_side_than_its_bucket_neither_counts_nor_reveals() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(bucket=60_000, is_candidate=True)
    assert stage.book.drain() == Counts()
    assert stage.book.known_keys == 0


def test_each_window_counts_a_key_once_more_with_the_coin_of_the_epochs_start() -> None:
    stage = Stage()
    stage.weight(25)
    for window in (7, 8, 9):
        nth = window - 6
        stage.take(nth=nth, window=window, nth_in_window=1)
        stage.take(nth=nth + 3, window=window, nth_in_window=2)
    counts = stage.book.drain()
    assert windows(counts) == [1, 2, 3]
    assert [units(counts, each) for each in (1, 2, 3)] == [1, 1, 1]
    assert units(counts, FRESH) == 1
    assert {place.coin for place in counts.bins} == {0.25}


def test_a_later_window_counts_times_of_its_first_exchange() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(nth=1, window=7, nth_in_window=1)
    stage.take(nth=2, window=8, nth_in_window=1)
    stage.take(nth=9, window=9, nth_in_window=1)
    counts = stage.book.drain()
    assert [units(counts, each, DURATION) for each in (1, 2, 3)] == [0, 1, 1]


def test_an_exchange_of_a_window_that_is_over_is_left_out() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(nth=5, window=8, nth_in_window=1)
    stage.book.drain()
    stage.take(nth=3, window=7, nth_in_window=1)
    assert windows(stage.book.drain()) == []


def test_a_record_of_an_earlier_epoch_counts_until_its_key_is_heard_of_in_a_later_one() -> (
    None
):
    stage = Stage()
    first = stage.weight(5)
    stage.weight(25)
    stage.take(fingerprint=1, revision=first, share=5_000)
    assert {place.coin for place in stage.book.drain().bins} == {0.05}
    stage.take(fingerprint=2)
    stage.book.drain()
    stage.take(fingerprint=2, revision=first, share=5_000)
    assert stage.book.drain() == Counts()


def test_unknown_revisions_and_other_weights_are_left_out() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(revision=99)
    stage.take(share=24_000)
    assert stage.book.drain() == Counts()
    assert stage.book.known_keys == 0


def test_a_weight_of_all_or_nothing_tosses_no_coin() -> None:
    for percent in (0, 100):
        stage = Stage()
        stage.weight(percent)
        stage.take()
        stage.take(bucket=None)
        assert stage.book.drain() == Counts()


def test_another_attempt_knows_no_bucket() -> None:
    stage = Stage()
    old = stage.weight(5)
    stage.take()
    stage.book.attempt_begins()
    stage.weight(25)
    stage.take(revision=old, share=5_000)
    stage.take()
    assert {place.coin for place in stage.book.drain().bins} == {0.25}


def test_only_so_many_epochs_are_known() -> None:
    stage = Stage()
    oldest = stage.weight(1)
    for _ in range(MOST_EPOCHS):
        stage.weight(2, step=False)
    stage.take(revision=oldest, share=1_000)
    assert stage.book.drain() == Counts()


# Cells


def celled(**more: Any) -> Stage:
    """Make a stage with two segments of two values."""
    cells = (("size", "long"), ("plan", "free"))
    stage = Stage(design(cells=cells, **more))
    stage.cells = {(0, 1): 1, (1, 3): 2}
    return stage


def test_a_key_counts_in_a_segment_with_its_first_exchange_there() -> None:
    stage = celled()
    stage.weight(50)
    stage.take(nth=1, cell=bytes([0, 0]))
    stage.take(nth=2, cell=bytes([1, 0]), outcome="upstream_error")
    stage.take(nth=3, cell=bytes([1, 3]))
    counts = stage.book.drain()
    whole, long, free = (
        counts.bins[Place(FRESH, 0.5, ERRORS, cell)] for cell in (0, 1, 2)
    )
    assert whole == ({0: 1}, {})
    assert long == ({1: 1}, {})
    assert free == ({0: 1}, {})


def test_cells_of_segments_that_were_redefined_are_forgotten() -> None:
    stage = celled()
    stage.weight(50)
    stage.take(fingerprint=1, cell=bytes([1, 0]))
    stage.cells = {}
    stage.take(fingerprint=2, cell=bytes([1, 0]))
    counts = stage.book.drain()
    assert units(counts, FRESH, cell=1) == 1
    assert units(counts, FRESH) == 2


def test_required_cells_count_the_candidates_units_of_the_step() -> None:
    stage = celled(required_cells=(1,))
    stage.weight(50)
    stage.take(fingerprint=1, bucket=1, cell=bytes([1, 3]))
    stage.take(fingerprint=1, bucket=1, nth=2, cell=bytes([1, 3]))
    stage.take(fingerprint=2, bucket=60_000, cell=bytes([1, 3]))
    counts = stage.book.drain()
    assert counts.in_cells == {1: 1}
    assert counts.in_step == [1, 1]
    stage.weight(70)
    stage.take(fingerprint=2, bucket=60_000, cell=bytes([1, 3]))
    assert stage.book.drain().in_cells == {1: 1}


def test_a_key_is_proven_by_what_one_worker_saw_of_it() -> None:
    """Else answers that come soon would take the place of those that fail late."""
    stage = Stage()
    stage.weight(50)
    ends = [
        (arrived + (60.0 if nth % 10 == 0 else 1.0), arrived, worker, nth)
        for worker in (1, 2)
        for nth in range(1, 21)
        for arrived in (1000.0 + nth / 2 + worker / 10,)
    ]
    for ended, arrived, worker, nth in sorted(ends):
        stage.book.close(ended)
        is_slow = ended - arrived > 1.5
        stage.take(
            worker=worker,
            arrived=arrived,
            nth=nth,
            nth_in_window=nth,
            outcome="truncated" if is_slow else "complete",
        )
    stage.book.close(1700.0)
    place = Place(PROOF, 0.5, ERRORS, 0)
    assert stage.book.drain().bins[place] == ({4: 1}, {})  # 2 of 20, on a grid of 40


# Requests without a key, and requests as units


def test_a_request_without_a_key_is_a_unit_in_everything_at_once() -> None:
    stage = Stage()
    stage.weight(25)
    for candidate in (False, False, True):
        stage.take(fingerprint=5, bucket=None, is_candidate=candidate)
    counts = stage.book.drain()
    for process in (FRESH, 1, PROOF):
        assert units(counts, process) == 3
    assert units(counts, FRESH, DURATION) == 3
    assert counts.in_step == [2, 1]
    assert stage.book.known_keys == 0


def test_the_sample_ratio_waits_for_units_that_arrived_together() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(bucket=None, is_candidate=True)
    stage.book.close(SETTLED - 5.0)
    assert stage.book.drain().units == {}
    stage.take(bucket=None)
    book, keys = stage.book.dump(whole=True)
    stage.book.load(book, keys)
    stage.book.close(SETTLED)
    assert stage.book.drain().units == {0.25: [1, 1]}
    stage.take(bucket=None)
    stage.book.close(SETTLED + 1.0)
    assert stage.book.drain().units == {0.25: [1, 0]}


def test_a_faster_candidate_is_no_lost_unit() -> None:
    """Units end as their version is fast; how many got which one is as the coin says."""
    stage, ratio, dice = Stage(), SampleRatio(), Random(4)
    stage.weight(50, at=0.0)
    ends = []
    for arrived in (number / 100 for number in range(20_000)):
        is_candidate = dice.random() < 0.5
        lasts = (15.0 if is_candidate else 20.0) * dice.lognormvariate(0.0, 0.5)
        ends.append((arrived + lasts, arrived, is_candidate))
    most = 0.0
    for ended, arrived, is_candidate in sorted(ends):
        stage.take(bucket=None, arrived=arrived, is_candidate=is_candidate)
        stage.book.close(ended)
        for coin, pair in stage.book.drain().units.items():
            ratio.add(coin, *pair)
            most = max(most, ratio.log_e)
    stage.book.close(900.0)
    for coin, pair in stage.book.drain().units.items():
        ratio.add(coin, *pair)
    assert max(most, ratio.log_e) < 2.0
    assert sum(ratio.totals()[:2]) == 20_000


def test_requests_without_a_key_wait_for_the_warm_up() -> None:
    stage = Stage(design(warmup=60.0))
    stage.weight(25, at=1000.0)
    stage.take(bucket=None, arrived=1059.0)
    assert stage.book.drain() == Counts()
    stage.take(bucket=None, arrived=1060.0)
    assert units(stage.book.drain(), FRESH) == 1


def test_where_requests_are_units_the_sample_ratio_still_goes_by_keys() -> None:
    stage = Stage(design(by_request=True))
    stage.weight(25)
    for nth in (1, 2, 3):
        stage.take(nth=nth, nth_in_window=nth)
    counts = stage.book.drain()
    assert units(counts, FRESH) == 3
    assert units(counts, FRESH, DURATION) == 2
    stage.book.close(SETTLED)
    assert stage.book.drain().units == {0.25: [1, 0]}


# Whole keys


def proven(stage: Stage, number: int = ERRORS) -> dict[Place, tuple[Any, Any]]:
    """Give what was counted of whole keys."""
    return {
        place: pair
        for place, pair in stage.book.drain().bins.items()
        if place.process == PROOF and place.metric == number
    }


def test_a_key_is_proof_when_its_time_is_up_by_the_mean_of_its_exchanges() -> None:
    stage = Stage()
    stage.weight(25)
    for nth in (1, 2, 3, 4):
        outcome = "upstream_error" if nth == 3 else "complete"
        stage.take(nth=nth, arrived=1000.0 + nth, outcome=outcome)
    stage.book.close(1001 + 600 + 29)
    assert proven(stage) == {}
    stage.book.close(1001 + 600 + 30)
    assert proven(stage) == {Place(PROOF, 0.25, ERRORS, 0): ({10: 1}, {})}
    stage.take(nth=5, arrived=1700.0)
    stage.book.close(9999)
    assert proven(stage) == {}


def test_a_key_closes_at_its_last_counted_exchange_if_that_comes_earlier() -> None:
    stage = Stage(design(closes_exchanges=3))
    stage.weight(25)
    for nth in (1, 2, 3, 4):
        outcome = "upstream_error" if nth == 4 else "complete"
        stage.take(nth=nth, arrived=1000.0 + nth, outcome=outcome)
    stage.book.close(1032.9)
    assert proven(stage) == {}
    stage.book.close(1033.0)
    assert proven(stage) == {Place(PROOF, 0.25, ERRORS, 0): ({0: 1}, {})}


def test_which_exchanges_make_up_a_key_does_not_depend_on_which_end_first() -> None:
    found = []
    for order in permutations(range(4)):
        stage = Stage(design(closes_exchanges=2))
        stage.weight(25)
        for nth in order:
            outcome = "complete" if nth == 1 else "upstream_error"
            stage.take(nth=nth + 1, arrived=1000.0 + nth, outcome=outcome)
        stage.book.close(9999)
        found.append(proven(stage))
    assert found == [{Place(PROOF, 0.25, ERRORS, 0): ({20: 1}, {})}] * len(found)


def test_what_arrived_after_its_time_is_not_of_the_key() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(nth=1, arrived=1000.0)
    stage.take(nth=2, arrived=1601.0, outcome="upstream_error")
    stage.book.close(9999)
    assert proven(stage) == {Place(PROOF, 0.25, ERRORS, 0): ({0: 1}, {})}


def test_times_of_a_whole_key_leave_the_washout_out() -> None:
    stage = Stage()
    stage.weight(25)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    for nth, duration in ((1, 9.0), (2, 0.5), (3, 2.0)):
        stage.take(nth=nth, arrived=1000.0 + nth, duration=duration)
    stage.take(fingerprint=2, nth=1, arrived=1000.0, duration=9.0)
    stage.book.close(9999)
    assert proven(stage, DURATION) == {Place(PROOF, 0.25, DURATION, 0): ({20: 1}, {})}


def test_an_overdue_exchange_is_an_error_and_beyond_every_threshold() -> None:
    stage = Stage()
    stage.weight(25)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    stage.take(nth=1, arrived=1000.0, outcome=OVERDUE, is_late=True, duration=0.1)
    stage.take(nth=2, arrived=1001.0, outcome=OVERDUE, is_late=True, duration=0.1)
    stage.book.close(9999)
    counts = stage.book.drain()
    assert counts.bins[Place(FRESH, 0.25, ERRORS, 0)] == ({1: 1}, {})
    assert counts.bins[Place(PROOF, 0.25, ERRORS, 0)] == ({40: 1}, {})
    assert counts.bins[Place(PROOF, 0.25, DURATION, 0)] == ({40: 1}, {})


def test_another_weight_drops_keys_that_have_not_closed() -> None:
    stage = Stage()
    stage.weight(5)
    stage.take(nth=1)
    stage.weight(25, step=False)
    stage.book.close(9999)
    assert proven(stage) == {}


def test_another_step_at_the_same_weight_proves_afresh() -> None:
    stage = Stage()
    revision = stage.weight(25)
    stage.take(nth=1, arrived=1000.0)
    stage.book.close(2000)
    assert len(proven(stage)) == 1
    stage.book.epoch_begins(revision, Share(25_000), 2000.0, is_new_step=True)
    stage.take(nth=2, arrived=1999.0, outcome="upstream_error")
    stage.take(nth=3, arrived=2001.0, window=9)
    counts = stage.book.drain()
    assert counts.in_step == [1, 0]
    assert units(counts, FRESH) == 0
    stage.book.close(9999)
    assert proven(stage) == {Place(PROOF, 0.25, ERRORS, 0): ({0: 1}, {})}


def test_keys_that_come_again_are_told_of_with_the_step_that_they_came_in() -> None:
    stage = Stage()
    first = stage.weight(5)
    stage.take()
    stage.take(nth=2, nth_in_window=2)
    stage.take(nth=3, window=8)
    assert stage.book.drain().visits == 2
    stage.weight(25)
    stage.take(fingerprint=2, revision=first, share=5_000)  # it ends in this step
    assert stage.book.drain().visits == 0
    stage.take(bucket=None)
    stage.take(window=8)
    assert stage.book.drain().visits == 2


def test_a_late_record_of_an_earlier_step_is_no_unit_of_this_one() -> None:
    stage = Stage()
    first = stage.weight(5)
    stage.weight(25)
    stage.take(revision=first, share=5_000)
    stage.take(bucket=None, revision=first, share=5_000)
    counts = stage.book.drain()
    assert counts.in_step == [0, 0]
    assert units(counts, PROOF) == 0
    assert units(counts, FRESH) == 2


# Ceilings and pairs


def test_ceilings_hold_for_the_candidate_even_where_no_coin_is_left() -> None:
    stage = Stage(design(metric("error_rate", ceiling=0.01)))
    stage.weight(5)
    stage.take(bucket=100)
    stage.weight(25)
    stage.book.drain()
    stage.take(bucket=100, outcome="upstream_error")
    stage.take(bucket=100, nth=2, nth_in_window=2)
    stage.take(bucket=100, nth=3, window=8, nth_in_window=1)
    counts = stage.book.drain()
    assert counts.ceilings == {0: [2, 1]}
    assert counts.bins == {}


def test_a_pair_counts_by_the_difference_of_its_losses() -> None:
    stage = Stage()
    stage.weight(25)
    bad, good = Seen(outcome="upstream_error"), Seen()
    for halves in ((good, bad), (bad, good), (good, good)):
        stage.book.take_pair(Halves(*halves), names=())
    counts = stage.book.drain()
    assert counts.bins == {
        Place(PAIRS, 0.0, ERRORS, 0): ({0: 2, 40: 1}, {80: 1, 0: 1, 40: 1})
    }
    assert counts.pairs == [3, 0, 0]
    assert counts.in_step == [0, 0]


def test_a_lost_half_leaves_open_what_the_difference_was() -> None:
    """The least that it can have been on one side, the most on the other."""
    stage = Stage()
    stage.weight(0)
    bad, good = Seen(outcome="upstream_error"), Seen()
    for known, least, most in (
        ((good, None), 40, 80),  # an error less than none there cannot be
        ((bad, None), 0, 40),
        ((None, good), 0, 40),
        ((None, bad), 40, 80),
    ):
        stage.book.take_pair(Halves(*known), names=())
        counts = stage.book.drain()
        assert counts.bins == {Place(LOST, 0.0, ERRORS, 0): ({least: 1}, {most: 1})}
        assert counts.pairs == [0, 1, 0]
        assert counts.in_step == [0, 0], "no unit of anybody's"
    stage.book.take_pair(Halves(None, None), names=())
    assert stage.book.drain().pairs == [0, 1, 0]


def test_a_half_that_a_stopping_worker_cut_off_is_counted_and_says_nothing() -> None:
    stage = Stage()
    stage.weight(0)
    stage.book.take_pair(Halves(Seen(), None, is_stopped=True), names=())
    counts = stage.book.drain()
    assert counts.bins == {}
    assert (counts.pairs, counts.in_step) == ([0, 0, 1], [0, 0])


@pytest.mark.parametrize("percent", [0, 100])
def test_where_no_coin_is_tossed_a_pair_is_a_unit_of_both(percent: int) -> None:
    stage = celled(required_cells=(1,))
    stage.weight(percent)
    half = Seen(cell=bytes([1, 0]))
    pair = Halves(half, half)
    stage.book.take_pair(pair, names=(), revision=1, cells=stage.cells)
    stage.book.take_pair(pair, names=(), revision=99, cells=stage.cells)
    counts = stage.book.drain()
    assert counts.in_step == [1, 1]
    assert counts.in_cells == {1: 1}
    assert {place.cell for place in counts.bins} == {0, 1}


def test_a_new_step_knows_no_thresholds_until_they_are_set() -> None:
    stage = Stage()
    stage.weight(5)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 9.0)})
    stage.weight(25)
    stage.take(nth=2, arrived=1000.0, duration=2.0)
    stage.take(nth=3, arrived=1001.0, duration=2.0)
    stage.book.close(9999)
    assert proven(stage, DURATION) == {}


# What is kept


def test_it_goes_on_from_what_was_kept_as_if_nothing_had_happened() -> None:
    def before(stage: Stage) -> None:
        stage.weight(5)
        stage.take(fingerprint=1, nth=1)
        stage.take(fingerprint=2, bucket=7, nth=1)
        stage.weight(25)
        stage.take(fingerprint=1, nth=1, arrived=1010.0)
        stage.book.close(1011.0)

    def after(stage: Stage) -> Counts:
        stage.take(fingerprint=1, nth=1, outcome="upstream_error", arrived=1011.0)
        stage.take(fingerprint=1, nth=4, window=8, arrived=1012.0)
        stage.take(fingerprint=2, bucket=7, nth=1)
        stage.take(fingerprint=3, nth=1)
        stage.book.close(9999)
        return stage.book.drain()

    straight, torn = Stage(), Stage()
    before(straight)
    before(torn)
    straight.book.drain()
    resumed = Stage()
    resumed.revision, resumed.share = torn.revision, torn.share
    resumed.book.load(*torn.book.dump(whole=True))
    assert after(resumed) == after(straight)


def test_keys_that_changed_complete_what_was_kept_before() -> None:
    stage = Stage()
    stage.weight(5)
    for fingerprint in range(10):
        stage.take(fingerprint=fingerprint)
    _book, keys = stage.book.dump(whole=True)
    stage.take(fingerprint=3, nth=2, nth_in_window=2)
    book, changed = stage.book.dump(whole=False)
    assert changed.keys() == {3}
    again = Stage()
    again.book.load(book, {**keys, **changed})
    assert again.book.dump(whole=True) == stage.book.dump(whole=True)


def test_after_a_reboot_windows_count_again_and_half_gathered_keys_are_dropped() -> (
    None
):
    stage = Stage()
    stage.weight(25)
    stage.take(fingerprint=1, window=500, arrived=299_990.0)
    stage.book.close(300_000.0)
    stage.book.drain()
    stage.take(fingerprint=2, window=500, arrived=299_999.0)
    stage.book.drain()
    stage.book.close(20.0)
    stage.take(fingerprint=1, nth=1, window=0, arrived=21.0)
    counts = stage.book.drain()
    assert units(counts, FRESH) == 0
    assert windows(counts) == [3]
    stage.book.close(9999.0)
    assert proven(stage) == {Place(PROOF, 0.25, ERRORS, 0): ({0: 1}, {})}


def test_a_full_table_takes_fewer_keys_and_says_so() -> None:
    stage = Stage(most_keys=100)
    stage.weight(25)
    for number in range(198):
        stage.take(fingerprint=number * ((1 << 32) // 198))
    assert stage.book.sampled == pytest.approx(1.0)
    stage.book.close(1000.0)
    assert stage.book.sampled == pytest.approx(0.5)
    assert stage.book.known_keys == 100


def test_records_of_the_workers_are_exchanges() -> None:
    stage = Stage()
    stage.weight(25)
    said: Mapping[str, Any] = vars(Seen())
    cells: dict[tuple[int, int], int] = {}
    record = Record(**said)
    stage.book.take(record, revision=1, share=stage.share, names=(), cells=cells)
    assert units(stage.book.drain(), FRESH) == 1
