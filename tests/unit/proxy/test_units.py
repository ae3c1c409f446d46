"""The first exchanges of each key are recorded, within bounds, blind to the version."""

import pytest

from gateway.domain.segment import MOST_SEGMENTS
from gateway.domain.units import Seconds, Share
from gateway.handoff.evidence import Arrival, PairRecord, Record
from gateway.proxy import units as limits
from gateway.proxy.units import Split, Unit, Units

SPLIT = Split(
    service="chat",
    revision=1,
    versions=("v1", "v2"),
    share=Share(50_000),
    names=("refusal",),
    segments=7,
    window=Seconds(600.0),
)
KEY = 0x1234_5678_0000_0001  # its low bits are low: any sample has it


def came(
    units: Units, split: Split, key: int, now: float, *, is_keyless: bool = False
) -> Unit | None:
    """Let an exchange come; on the candidate's side where nothing else is said."""
    return units.arrived(split, key, now, is_candidate=True, is_keyless=is_keyless)


def record(fingerprint: int = KEY) -> Record:
    return Record(
        fingerprint=fingerprint,
        bucket=3,
        is_candidate=True,
        arrived=1.0,
        nth=1,
        window=0,
        nth_in_window=1,
        outcome="complete",
        duration=0.5,
        is_stream=False,
        first_content=None,
        per_token=None,
        input_tokens=None,
        output_tokens=None,
        cost=None,
        is_late=False,
        values=[],
        cell=b"",
    )


def test_the_exchanges_of_a_key_are_numbered() -> None:
    units = Units()

    seen = [came(units, SPLIT, KEY, 10.0) for _ in range(3)]

    assert [(u.nth, u.nth_in_window) for u in seen if u] == [(1, 1), (2, 2), (3, 3)]


def test_after_twenty_a_key_is_recorded_twice_in_each_window_and_no_more() -> None:
    units = Units()

    first = [came(units, SPLIT, KEY, 10.0) for _ in range(100)]
    later = [came(units, SPLIT, KEY, 10.0 + SPLIT.window) for _ in range(100)]

    assert sum(unit is not None for unit in first) == limits.RECORDED
    assert [u.nth_in_window for u in later if u] == [1, 2]
    assert {u.window for u in later if u} == {u.window + 1 for u in first if u}


def test_a_window_is_as_long_as_the_plan_says() -> None:
    units = Units()
    split = SPLIT._replace(window=Seconds(3600.0))

    moments = (0.0, 1000.0, 3599.0, 3600.0)
    seen = [came(units, split, KEY & 0xFFFF_FFFF, now) for now in moments]

    assert [(u.window, u.nth_in_window) for u in seen if u] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 1),
    ]


def test_a_change_of_the_weight_begins_anew() -> None:
    units = Units()
    for _ in range(50):
        came(units, SPLIT, KEY, 10.0)

    again = came(units, SPLIT._replace(revision=2), KEY, 10.0)

    assert again is not None
    assert (again.nth, again.nth_in_window) == (1, 1)


def test_the_windows_of_different_keys_begin_at_different_moments() -> None:
    units = Units()
    keys = [(n << 32) * 0x0400_0000 % (1 << 64) for n in range(64)]

    at_once = [came(units, SPLIT, key, 10.0) for key in keys]

    assert len({unit.window for unit in at_once if unit}) == 2


def test_services_do_not_share_what_is_known_of_a_key() -> None:
    units = Units()
    came(units, SPLIT, KEY, 10.0)

    other = came(units, SPLIT._replace(service="code"), KEY, 10.0)

    assert other == Unit(KEY, 1, other.window if other else -1, 1)


def test_what_is_known_of_keys_is_bounded() -> None:
    units = Units()

    for n in range(3 * limits.MOST_KEYS):
        came(units, SPLIT, n << 32, 10.0)

    assert len(units._known) + len(units._before) <= 2 * limits.MOST_KEYS
    known_last = came(units, SPLIT, (3 * limits.MOST_KEYS - 1) << 32, 10.0)
    assert known_last is not None
    assert known_last.nth == 2


def test_keys_that_come_often_do_not_lift_the_bound() -> None:
    """They are kept in the place of others, and not beside them."""
    units = Units()
    often = [n << 32 for n in range(200)]
    for key in often:
        for _ in range(limits.RECORDED + 2):
            came(units, SPLIT, key, 10.0)

    for n in range(3 * limits.MOST_KEYS):
        came(units, SPLIT, (n + 1000) << 32, 10.0)
        came(units, SPLIT, often[n % len(often)], 10.0)

    assert len(units._known) <= limits.MOST_KEYS
    assert len(units._before) <= limits.MOST_KEYS
    assert all(came(units, SPLIT, key, 10.0) is None for key in often)


def test_records_are_given_once_by_split() -> None:
    units = Units()
    units.ended(SPLIT, record())
    units.ended(SPLIT._replace(revision=2, share=Share(10)), record())

    blocks = units.take(can_send=True)

    assert [(b.revision, b.share, len(b.records)) for b in blocks] == [
        (1, 50_000, 1),
        (2, 10, 1),
    ]
    assert blocks[0].names == ("refusal",)
    assert units.take(can_send=True) == []
    assert units.dropped == 0


def test_pairs_travel_with_the_records_of_their_split() -> None:
    units = Units()
    pair = PairRecord(baseline=record(), candidate=None)
    units.ended(SPLIT, record())
    units.paired(SPLIT, pair)
    units.paired(SPLIT._replace(revision=2), pair)

    blocks = units.take(can_send=True)

    assert [(len(b.records), b.pairs) for b in blocks] == [(1, [pair]), (0, [pair])]
    assert units.take(can_send=True) == []


def test_what_cannot_be_sent_is_held() -> None:
    units = Units()
    for _ in range(3):
        units.ended(SPLIT, record())

    assert units.take(can_send=False) == []
    assert units.dropped == 0
    assert [len(block.records) for block in units.take(can_send=True)] == [3]


def test_what_cannot_be_sent_for_long_is_dropped_whole_and_counted() -> None:
    units = Units()
    for _ in range(limits.MOST_HELD + 1):
        units.ended(SPLIT, record())

    assert units.take(can_send=False) == []
    assert units.dropped == limits.MOST_HELD + 1
    assert units.sampled == pytest.approx(0.0)  # of no key is all known
    assert units.take(can_send=True) == []
    assert units.sampled == pytest.approx(1.0)


def test_many_that_end_at_once_are_all_kept() -> None:
    """A candidate that breaks down ends all its exchanges in one moment."""
    units = Units()
    for _ in range(3 * limits.MOST_BEGUN):
        units.ended(SPLIT, record())

    (block,) = units.take(can_send=True)

    assert len(block.records) == 3 * limits.MOST_BEGUN
    assert units.dropped == 0


def test_where_too_many_arrive_half_of_the_keys_is_left_out() -> None:
    """By bits of the key's hash that know nothing of its version, and on arrival."""
    units = Units()
    for n in range(limits.MOST_BEGUN + 1):
        came(units, SPLIT, n << 32, 10.0)

    assert units.sampled == pytest.approx(0.5)
    assert came(units, SPLIT, 0xFFFF_FFFF, 10.0) is None
    assert came(units, SPLIT, 0x7FFF_FFFF, 10.0) is not None


def test_workers_share_what_the_controller_can_take() -> None:
    units = Units(workers=5)
    for n in range(limits.MOST_BEGUN // 5):
        came(units, SPLIT, n << 32, 10.0)
    assert units.sampled == pytest.approx(1.0)

    came(units, SPLIT, 1 << 62, 10.0)

    assert units.sampled == pytest.approx(0.5)


def test_all_keys_are_taken_again_when_there_is_little() -> None:
    units = Units()
    for n in range(limits.MOST_BEGUN + 1):
        came(units, SPLIT, n << 32, 10.0)
    units.take(can_send=True)

    units.take(can_send=True)

    assert came(units, SPLIT, 0xFFFF_FFFF, 10.0) is not None
    assert units.sampled == pytest.approx(1.0)


def test_requests_without_a_key_push_no_key_out_of_memory() -> None:
    units = Units()
    came(units, SPLIT, KEY, 10.0)

    for n in range(3 * limits.MOST_KEYS):
        own = came(units, SPLIT, n << 32, 10.0, is_keyless=True)
        assert own is None or (own.nth, own.nth_in_window) == (1, 1)

    again = came(units, SPLIT, KEY, 10.0)
    assert again is not None
    assert again.nth == 2


def test_whoever_comes_often_is_not_forgotten() -> None:
    units = Units()
    seen = []
    for n in range(4 * limits.MOST_KEYS):
        came(units, SPLIT, (n + 1) << 40, 10.0)
        if n % 10_000 == 0:
            seen.append(came(units, SPLIT, KEY, 10.0))

    assert [unit.nth for unit in seen if unit] == list(range(1, len(seen) + 1))


def test_a_weight_of_nothing_or_all_is_no_coin() -> None:
    assert SPLIT.is_coin
    assert not SPLIT._replace(share=Share(0)).is_coin
    assert not SPLIT._replace(share=Share(100_000)).is_coin


def ended(arrived: float) -> Record:
    made = record()
    made.arrived = arrived
    return made


def test_others_are_told_since_when_the_oldest_is_running() -> None:
    units = Units()
    assert units.since(9.0) == pytest.approx(9.0)

    for arrived in (10.0, 10.0, 11.0):
        came(units, SPLIT, KEY, arrived)
    units.ended(SPLIT, ended(10.0))
    assert units.since(12.0) == pytest.approx(10.0)
    units.ended(SPLIT, ended(10.0))
    assert units.since(12.0) == pytest.approx(11.0)
    units.over(11.0)  # it could not be recorded
    assert units.since(12.0) == pytest.approx(12.0)


def test_what_runs_for_very_long_holds_nobody_up() -> None:
    units = Units()
    came(units, SPLIT, KEY, 10.0)
    came(units, SPLIT, KEY, 400.0)

    assert units.since(11.0 + limits.LONGEST_S) == pytest.approx(400.0)
    units.ended(SPLIT, ended(10.0))
    assert units.since(12.0 + limits.LONGEST_S) == pytest.approx(400.0)


# Of what an exchange is its key's first


IN_EPOCH, IN_WINDOW, WASHED, WASHED_IN_WINDOW = (
    1 << MOST_SEGMENTS * number for number in range(4)
)


def claims(
    units: Units, *cell: int, split: Split = SPLIT, now: float = 10.0, key: int = KEY
) -> int:
    unit = came(units, split, key, now)
    assert unit is not None
    return units.claim(split, unit, cell)


def test_the_first_in_each_value_of_a_segment_is_told_when_it_is_sent() -> None:
    """Two segments: the second's value is another one each time but the last."""
    units = Units()

    firsts = [claims(units, 2, value) & 0xFFFF for value in (0, 1, 31, 1)]

    assert firsts == [0b11, 0b10, 0b10, 0]


def test_the_first_after_the_washout_is_another_one() -> None:
    units = Units()
    split = SPLIT._replace(washout=2)

    firsts = [claims(units, value, split=split) for value in (0, 1, 0, 0, 1)]

    early, late = IN_EPOCH | IN_WINDOW, WASHED | WASHED_IN_WINDOW
    assert firsts == [early, early, late, 0, late]


def test_each_window_has_firsts_of_its_own() -> None:
    units = Units()
    later = 10.0 + SPLIT.window

    before = [claims(units, 1) for _ in range(3)]
    after = [claims(units, 1, now=later) for _ in range(3)]

    assert before == [IN_EPOCH | IN_WINDOW, WASHED | WASHED_IN_WINDOW, 0]
    assert after == [IN_WINDOW | WASHED_IN_WINDOW, 0, 0]


def test_each_weight_has_firsts_of_its_own() -> None:
    units = Units()
    claims(units, 1)

    again = claims(units, 1, split=SPLIT._replace(revision=2))

    assert again == IN_EPOCH | IN_WINDOW


def test_who_is_sent_after_the_weight_has_changed_is_first_in_nothing() -> None:
    """Its body was long in coming: under the new weight its key has other firsts."""
    units = Units()
    unit = came(units, SPLIT, KEY, 10.0)
    assert unit is not None
    came(units, SPLIT._replace(revision=2), KEY, 11.0)

    assert units.claim(SPLIT, unit, (1,)) == 0


def test_who_is_sent_in_a_later_window_is_first_in_no_window() -> None:
    units = Units()
    unit = came(units, SPLIT, KEY, 10.0)
    assert unit is not None
    came(units, SPLIT, KEY, 10.0 + SPLIT.window)

    assert units.claim(SPLIT, unit, (1,)) == IN_EPOCH


def test_a_key_that_was_forgotten_claims_nothing() -> None:
    units = Units()
    unit = came(units, SPLIT, KEY, 10.0)
    assert unit is not None
    for number in range(2 * limits.MOST_KEYS):
        came(units, SPLIT, (number + 1) << 40, 10.0)

    assert units.claim(SPLIT, unit, (1,)) == 0


def test_four_sets_of_segments_fit_into_a_message() -> None:
    units = Units()
    split = SPLIT._replace(washout=0)

    everything = claims(units, *range(MOST_SEGMENTS), split=split)

    assert everything == (1 << 64) - 1  # the largest whole number of MessagePack


# Where units went is told when they come


def test_a_key_is_told_of_when_it_comes_and_once_in_each_window_of_a_weight() -> None:
    units = Units()
    later = 10.0 + SPLIT.window
    for split in (SPLIT, SPLIT._replace(revision=2)):
        for now in (10.0, 11.0, later, later + 1.0):
            units.arrived(split, KEY, now, is_candidate=split is SPLIT)

    blocks = units.take(can_send=True)

    assert [block.records for block in blocks] == [[], []]
    assert [block.arrivals for block in blocks] == [
        [Arrival(KEY, 10.0, 0, True), Arrival(KEY, later, 1, True)],
        [Arrival(KEY, 10.0, 0, False), Arrival(KEY, later, 1, False)],
    ]
    assert units.take(can_send=True) == []


def test_requests_without_a_key_are_told_as_numbers() -> None:
    units = Units()
    for key, is_candidate in enumerate((True, False, False)):
        units.arrived(SPLIT, key, 10.0, is_candidate=is_candidate, is_keyless=True)

    (block,) = units.take(can_send=True)

    assert (block.keyless, block.arrivals) == ((2, 1), [])


def test_keys_out_of_the_sample_are_not_told_of() -> None:
    units = Units()
    for number in range(limits.MOST_BEGUN + 1):
        came(units, SPLIT, number << 32, 10.0)

    came(units, SPLIT, 0xFFFF_FFFF, 10.0)

    (block,) = units.take(can_send=True)
    assert len(block.arrivals) == limits.MOST_BEGUN + 1


def test_the_smallest_sample_since_the_last_message_is_told() -> None:
    units = Units()
    for number in range(limits.MOST_BEGUN + 1):
        came(units, SPLIT, number << 32, 10.0)

    for can_send in (False, False, True):
        assert units.sampled == pytest.approx(0.5)
        units.take(can_send=can_send)

    assert units.sampled == pytest.approx(1.0)
