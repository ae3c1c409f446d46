"""Units are counted when they come, once, with the coin of what was known of them."""

import msgspec
import pytest

from gateway.analysis.counts import FRESH, Place
from gateway.domain.units import Share
from gateway.handoff.evidence import Arrival
from tests.unit.analysis.exchanges import Seen, Stage, design


def came(
    stage: Stage,
    *buckets: int,
    worker: int = 1,
    at: float = 1000.0,
    window: int = 7,
    revision: int | None = None,
) -> dict[float, list[int]]:
    """Let keys come, each with its bucket for a fingerprint; give what is counted."""
    arrivals = [Arrival(bucket, at, window, bucket < stage.share) for bucket in buckets]
    stage.book.assigned.come(
        arrivals,
        revision=stage.revision if revision is None else revision,
        share=stage.share,
        worker=worker,
    )
    return stage.book.drain().came


def test_keys_are_counted_when_they_come_on_the_side_they_were_sent_to() -> None:
    stage = Stage()
    stage.weight(25)
    assert came(stage, 1_000, 30_000, 60_000) == {0.25: [2, 1]}
    assert came(stage, 1_000, 30_000, worker=2) == {}


def test_keys_that_come_again_under_another_weight_have_another_coin() -> None:
    stage = Stage()
    stage.weight(5)
    came(stage, 1_000, 30_000, 60_000)
    stage.weight(25)
    again = came(stage, 1_000, 20_000, 30_000, 60_000)
    assert again == {0.25: [0, 1], 20 / 95: [2, 0]}


def test_where_keys_were_sent_is_what_counts_and_not_where_they_belong() -> None:
    """Exchanges on another side than their bucket's are no evidence; this is about them."""
    stage = Stage()
    stage.weight(25)
    stage.book.assigned.come(
        [Arrival(1_000, 1000.0, 7, False)],
        revision=stage.revision,
        share=stage.share,
        worker=1,
    )
    assert stage.book.drain().came == {0.25: [1, 0]}


def test_requests_without_a_key_come_as_numbers() -> None:
    stage = Stage()
    revision = stage.weight(25)
    for share in (stage.share, Share(30_000)):
        stage.book.assigned.come_without_key((7, 2), revision=revision, share=share)
    assert stage.book.drain().came == {0.25: [7, 2]}


@pytest.mark.parametrize("percent", [0, 100])
def test_where_no_coin_is_tossed_nothing_comes(percent: float) -> None:
    stage = Stage()
    stage.weight(percent)
    assert came(stage, 1_000) == {}


def test_who_comes_under_a_weight_that_is_not_known_does_not_count() -> None:
    stage = Stage()
    stage.weight(25)
    assert came(stage, 1_000, revision=9) == {}


def test_keys_that_were_left_out_once_never_count() -> None:
    """Of those that came unseen, they come back sooner whose version is quick."""
    stage = Stage()
    stage.weight(25)
    for sampled in (1.0, 1 / (1 << 17), 1.0):
        stage.book.assigned.thin_out(sampled)
    assert came(stage, 1_000, (1 << 15) + 1_000) == {0.25: [0, 1]}
    book, keys = stage.book.dump(whole=True)
    stage.book.load(book, keys)
    assert came(stage, 2_000, (1 << 15) + 2_000) == {0.25: [0, 1]}


def test_a_book_of_the_release_before_has_left_nobody_out() -> None:
    stage = Stage()
    stage.weight(25)
    book, keys = stage.book.dump(whole=True)
    state, *limits = msgspec.msgpack.decode(book)
    stage.book.load(msgspec.msgpack.encode([state[:-1], *limits]), keys)
    assert came(stage, 1_000, 60_000) == {0.25: [1, 1]}


def test_an_exchange_is_ahead_where_no_other_worker_saw_its_key_before() -> None:
    stage = Stage()
    revision = stage.weight(25)
    came(stage, 60_000, worker=1, at=1000.0)
    came(stage, 60_000, worker=2, at=1001.0)
    is_ahead = stage.book.assigned.is_ahead
    asked = [
        is_ahead(Seen(fingerprint=key, arrived=at), revision=revision, worker=worker)
        for key, worker, at in (
            (60_000, 1, 1000.0),
            (60_000, 1, 1002.0),
            (60_000, 2, 1001.0),
            (70_000, 1, 1000.0),
        )
    ]
    assert asked == [True, False, False, False]
    assert is_ahead(Seen(bucket=None), revision=revision, worker=1)


@pytest.mark.parametrize(
    ("nth", "firsts", "expected"),
    [(9, 0, True), (9, 1 << 16 | 1 << 48, True), (9, 1, False), (2, 0, False)],
    ids=["the window", "segments in it", "a segment", "times"],
)
def test_who_came_to_others_in_earlier_windows_is_ahead_in_this_one_alone(
    nth: int, firsts: int, expected: bool
) -> None:
    """And waits where it is the first of anything since the weight changed."""
    stage = Stage()
    revision = stage.weight(25)
    came(stage, 60_000, worker=1, at=1000.0)
    came(stage, 60_000, worker=2, at=1600.0, window=8)
    asked = Seen(
        fingerprint=60_000,
        arrived=1600.0,
        nth=nth,
        window=8,
        nth_in_window=1,
        firsts=firsts,
    )
    found = stage.book.assigned.is_ahead(asked, revision=revision, worker=2)
    assert found is expected


@pytest.mark.parametrize(
    ("counted", "expected"),
    [(0, [False, False]), (1, [True, False]), (2, [True, True])],
    ids=["nothing", "but no times", "all"],
)
def test_what_was_counted_of_a_key_has_no_other_first_in_the_epoch(
    counted: int, expected: list[bool]
) -> None:
    stage = Stage()
    revision = stage.weight(25)
    came(stage, 60_000, worker=1)
    for nth in range(1, counted + 1):
        stage.take(fingerprint=60_000, nth=nth, nth_in_window=nth)
    came(stage, 60_000, worker=2, at=1600.0, window=8)
    late = [
        Seen(fingerprint=60_000, arrived=1600.0, nth=nth, window=8, firsts=0)
        for nth in (1, 2)
    ]
    is_ahead = stage.book.assigned.is_ahead
    found = [is_ahead(each, revision=revision, worker=2) for each in late]
    assert found == expected


# Of what an exchange is its key's first


def test_a_cell_counts_the_exchange_that_its_worker_chose() -> None:
    stage = Stage(design(cells=(("size", "long"),)))
    stage.cells = {(0, 1): 1}
    stage.weight(50)
    stage.take(nth=2, nth_in_window=2, outcome="upstream_error", cell=b"\x01", firsts=0)
    assert all(place.metric for place in stage.book.drain().bins)
    stage.take(nth=1, cell=b"\x01", firsts=0b1)
    assert stage.book.drain().bins[Place(FRESH, 0.5, 0, 1)] == ({0: 1}, {})


def test_what_is_first_in_one_segment_is_not_in_another() -> None:
    stage = Stage(design(cells=(("size", "long"), ("model", "m"))))
    stage.cells = {(0, 1): 1, (1, 1): 2}
    stage.weight(50)
    stage.take(nth=2, nth_in_window=2, cell=b"\x01\x01", firsts=0b10)
    places = {place.cell for place in stage.book.drain().bins if place.metric == 0}
    assert places == {2}


def test_times_in_a_cell_are_of_the_exchange_after_the_washout() -> None:
    stage = Stage(design(cells=(("size", "long"),)))
    stage.cells = {(0, 1): 1}
    stage.weight(50)
    stage.take(nth=1, cell=b"\x01", firsts=0b1)
    stage.book.drain()
    stage.take(nth=3, nth_in_window=3, cell=b"\x01", firsts=0)
    assert stage.book.drain().bins == {}
    stage.take(nth=2, nth_in_window=2, cell=b"\x01", firsts=1 << 32 | 1 << 48)
    found = {(place.metric, place.cell) for place in stage.book.drain().bins}
    assert found == {(1, 0), (1, 1)}
