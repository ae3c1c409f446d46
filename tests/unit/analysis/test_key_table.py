"""What is known of a key's bucket, and the coin that follows."""

import pytest

from gateway.analysis.key_table import Key, KeyTable
from gateway.domain.units import Share


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
