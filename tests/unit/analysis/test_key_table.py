"""What is known of a key's bucket, and the coin that follows."""

import msgspec
import pytest

from gateway.analysis.key_table import Key, KeyTable
from gateway.domain.units import Share
from gateway.handoff.evidence import Arrival
from tests.unit.analysis.exchanges import Seen


def heard(
    table: KeyTable, revision: int, share: int, bucket: int = 60_000
) -> Key | None:
    """Hear of the key 1, whose bucket is not told."""
    return table.heard(1, revision, Share(share), is_candidate=bucket < share)


def test_the_coin_of_a_new_key_is_the_weight() -> None:
    key = heard(KeyTable(), 1, 5_000)
    assert key is not None
    assert key.coin == pytest.approx(0.05)


def test_a_key_that_stayed_behind_has_the_coin_of_what_is_left() -> None:
    table = KeyTable()
    heard(table, 1, 5_000)
    key = heard(table, 2, 25_000)
    assert key is not None
    assert key.coin == pytest.approx(20 / 95)
    assert (key.low, key.high) == (25_000, 100_000)


def test_a_key_on_the_candidate_has_no_coin_at_a_higher_weight() -> None:
    table = KeyTable()
    heard(table, 1, 5_000, bucket=3_000)
    key = heard(table, 2, 25_000, bucket=3_000)
    assert key is not None
    assert key.coin == pytest.approx(0.0)


def test_after_a_weight_taken_back_the_coin_lies_between_both() -> None:
    table = KeyTable()
    heard(table, 1, 50_000, bucket=30_000)
    heard(table, 2, 10_000, bucket=30_000)
    key = heard(table, 3, 20_000, bucket=30_000)
    assert key is not None
    assert key.coin == pytest.approx((20 - 10) / (50 - 10))


def test_the_same_weight_once_more_is_no_coin_for_who_was_there() -> None:
    table = KeyTable()
    heard(table, 1, 25_000)
    key = heard(table, 2, 25_000)
    assert key is not None
    assert key.coin == pytest.approx(0.0)


def test_what_is_seen_in_an_epoch_does_not_change_its_own_coin() -> None:
    table = KeyTable()
    heard(table, 1, 25_000)
    key = heard(table, 1, 25_000)
    assert key is not None
    assert key.coin == pytest.approx(0.25)


def test_what_is_heard_late_of_an_earlier_epoch_only_reveals() -> None:
    table = KeyTable()
    key = heard(table, 2, 50_000)
    assert key is not None
    assert heard(table, 1, 20_000) is None
    assert (key.revision, key.coin, key.low) == (2, 0.5, 50_000)
    heard(table, 1, 70_000)
    assert key.high == 70_000


def test_keys_are_let_go_by_their_hash_and_do_not_come_back() -> None:
    table = KeyTable(most=100)
    step = (1 << 32) // 1000
    for number in range(150):
        table.heard(number * step * 6, 1, Share(5_000), is_candidate=False)
    table.bound()
    assert table.sampled == pytest.approx(0.5)
    assert len(table) == 84
    late = table.heard((1 << 32) - 1, 1, Share(5_000), is_candidate=False)
    assert late is None


def test_what_has_changed_is_written_once_and_read_back() -> None:
    table = KeyTable()
    heard(table, 1, 5_000)
    table.heard((1 << 64) - 1, 1, Share(5_000), is_candidate=True)
    first = table.dump(whole=False)
    assert first.keys() == {1, (1 << 64) - 1}
    assert table.dump(whole=False) == {}
    heard(table, 2, 25_000)
    again = KeyTable()
    again.load({**first, **table.dump(whole=False)}, 1 << 32)
    key = again.get(1)
    assert key == table.get(1)
    assert again.dump(whole=True) == table.dump(whole=True)


def test_keys_that_were_let_go_are_not_taken_up_again() -> None:
    table = KeyTable()
    table.heard((1 << 32) - 1, 1, Share(5_000), is_candidate=False)
    again = KeyTable()
    again.load(table.dump(whole=True), 1 << 31)
    assert len(again) == 0


def test_a_key_of_more_cells_than_a_word_has_bits_is_kept() -> None:
    """A service may have 16 segments of 32 values each."""
    table, again = KeyTable(10), KeyTable(10)
    key = table.heard(7, 1, Share(25_000), is_candidate=True)
    assert key is not None
    key.fresh = key.in_step = 1 | 1 << 300
    table.changed.add(7)

    again.load(table.dump(whole=False), 1 << 32)

    kept = again.get(7)
    assert kept is not None
    assert (kept.fresh, kept.in_step, kept.high) == (key.fresh, key.in_step, 25_000)


# Where a key came


def comes(
    table: KeyTable,
    revision: int,
    share: int,
    *,
    worker: int = 1,
    at: float = 10.0,
    window: int = 7,
    bucket: int = 60_000,
    fingerprint: int = 1,
) -> float:
    """Let the key come to a worker; give the coin it is counted with."""
    arrival = Arrival(fingerprint, at, window, bucket < share)
    return table.comes(arrival, revision, Share(share), worker)


def is_first(
    table: KeyTable, revision: int, *, worker: int, at: float, window: int = 7
) -> bool:
    key = table.get(1)
    assert key is not None
    return key.is_first(Seen(arrived=at, window=window), revision, worker)


def test_a_key_comes_once_in_an_epoch_whatever_workers_tell() -> None:
    table = KeyTable()
    coins = [comes(table, 1, 5_000, worker=worker) for worker in (1, 2, 1)]
    assert coins == pytest.approx([0.05, 0.0, 0.0])


def test_the_coin_of_who_comes_again_is_conditional_on_where_it_was_sent() -> None:
    table = KeyTable()
    comes(table, 1, 5_000)
    assert comes(table, 2, 25_000) == pytest.approx(20 / 95)
    assert comes(table, 3, 25_000) == pytest.approx(0.0)


def test_who_comes_takes_its_coin_from_no_exchange_that_is_still_running() -> None:
    """What began under the first weight ends when the second one is known of."""
    table = KeyTable()
    comes(table, 1, 5_000)
    comes(table, 2, 25_000)
    key = heard(table, 1, 5_000)
    assert key is not None
    assert key.coin == pytest.approx(0.05)


def test_an_epoch_that_is_told_of_late_only_reveals() -> None:
    table = KeyTable()
    comes(table, 2, 50_000)
    assert comes(table, 1, 20_000) == pytest.approx(0.0)
    assert comes(table, 3, 80_000) == pytest.approx((80 - 50) / (100 - 50))


def test_keys_that_were_let_go_do_not_come() -> None:
    table = KeyTable()
    table.limit = 1 << 31
    assert comes(table, 1, 5_000, fingerprint=(1 << 32) - 1) == pytest.approx(0.0)
    assert len(table) == 0


@pytest.mark.parametrize("told", [((1, 10.0), (2, 20.0)), ((2, 20.0), (1, 10.0))])
def test_the_worker_that_a_key_came_to_first_is_ahead(
    told: tuple[tuple[int, float], ...],
) -> None:
    table = KeyTable()
    for worker, at in told:
        comes(table, 1, 5_000, worker=worker, at=at)
    assert is_first(table, 1, worker=1, at=10.0)
    assert is_first(table, 1, worker=1, at=19.9)
    assert not is_first(table, 1, worker=1, at=20.1)  # the other may have another
    assert not is_first(table, 1, worker=2, at=20.0)
    assert not is_first(table, 2, worker=1, at=10.0)


def test_a_worker_that_forgot_a_key_is_ahead_with_it_no_more() -> None:
    table = KeyTable()
    comes(table, 1, 5_000, at=10.0)
    comes(table, 1, 5_000, at=20.0)
    assert is_first(table, 1, worker=1, at=10.0)
    assert not is_first(table, 1, worker=1, at=20.0)


@pytest.mark.parametrize(
    ("workers", "expected"),
    [((1, 1, 1), True), ((2, 1, 1), False), ((1, 2, 1), False), ((1, 1, 2), False)],
)
def test_in_a_later_window_it_may_be_first_in_that_alone(
    workers: tuple[int, ...], expected: bool
) -> None:
    """It comes to workers in three windows; the last one is asked for."""
    table = KeyTable()
    for window, worker in enumerate(workers):
        comes(table, 1, 5_000, worker=worker, at=10.0 * window, window=window)
    key = table.get(1)
    assert key is not None
    assert is_first(table, 1, worker=workers[-1], at=20.0, window=2)
    assert not is_first(table, 1, worker=workers[-1], at=20.0, window=1)
    assert key.is_first_in_epoch(workers[-1]) is expected


def test_another_weight_begins_anew_with_who_is_first() -> None:
    table = KeyTable()
    comes(table, 1, 5_000, worker=1)
    comes(table, 1, 5_000, worker=2)
    comes(table, 2, 25_000, worker=2)
    key = table.get(1)
    assert key is not None
    assert key.is_first_in_epoch(2)


def test_where_a_key_came_is_kept_and_to_whom_is_not() -> None:
    table, again = KeyTable(), KeyTable()
    comes(table, 1, 5_000)
    again.load(table.dump(whole=False), 1 << 32)
    assert not is_first(again, 1, worker=1, at=10.0)
    assert comes(again, 1, 5_000) == pytest.approx(0.0)
    assert comes(again, 2, 25_000) == pytest.approx(20 / 95)


def test_a_key_of_the_release_before_came_where_it_is_known_to_be() -> None:
    """Its rows end where now come the epoch it came in, and its interval."""
    table, again = KeyTable(), KeyTable()
    heard(table, 4, 5_000)
    rows = {
        each: msgspec.msgpack.encode(msgspec.msgpack.decode(row)[:13])
        for each, row in table.dump(whole=True).items()
    }
    again.load(rows, 1 << 32)
    assert comes(again, 4, 5_000) == pytest.approx(0.0)
    assert comes(again, 5, 25_000) == pytest.approx(20 / 95)
