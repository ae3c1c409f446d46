"""Who holds what is known to all workers at once, and only of what was written whole."""

import multiprocessing
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.handoff.held_states import (
    IN_A_ROW,
    LASTS_S,
    ROWS,
    Held,
    HeldStates,
    code_of,
    id_of,
    make_shared,
)

NOW = 1_764_000_000
V1, V2 = Held(code_of("chat", "v1"), 11), Held(code_of("chat", "v2"), 22)


@pytest.fixture
def states() -> Iterator[HeldStates]:
    table = HeldStates()
    yield table
    table.close()


def test_what_was_kept_is_found_and_nothing_else(states: HeldStates) -> None:
    place = id_of("chat", b"state", b"resp_1")
    states.keep(place, V1, NOW)

    assert states.find(place, NOW) == V1
    assert states.find(id_of("chat", b"state", b"resp_2"), NOW) is None
    assert states.find(id_of("chat", b"key", b"resp_1"), NOW) is None
    assert states.find(id_of("other", b"state", b"resp_1"), NOW) is None


def test_the_last_word_counts(states: HeldStates) -> None:
    states.keep(7, V1, NOW)
    states.keep(7, V2, NOW)

    assert states.find(7, NOW) == V2


def test_in_a_full_row_the_one_used_longest_ago_makes_way(states: HeldStates) -> None:
    places = [1 + number * ROWS for number in range(IN_A_ROW + 1)]
    for age, place in enumerate(places[:-1]):
        states.keep(place, V1, NOW + age)
    assert states.find(places[0], NOW + 100) == V1  # used again

    states.keep(places[-1], V2, NOW + 100)

    found = [states.find(place, NOW + 100) for place in places]
    assert found == [V1, None, *[V1] * (IN_A_ROW - 2), V2]


def test_what_nobody_has_used_for_a_month_is_forgotten(states: HeldStates) -> None:
    states.keep(7, V1, NOW)

    assert states.find(7, NOW + LASTS_S) == V1  # a use, which counts from here
    assert states.find(7, NOW + 2 * LASTS_S) == V1
    assert states.find(7, NOW + 3 * LASTS_S + 1) is None


def _keep(fd: int) -> None:
    HeldStates(fd).keep(7, V2, NOW)
    os._exit(0)


def test_what_one_process_writes_another_reads_and_it_outlives_the_writer() -> None:
    fd = make_shared()
    states = HeldStates(fd)
    writer = multiprocessing.get_context("fork").Process(target=_keep, args=(fd,))
    writer.start()
    writer.join()

    assert states.find(7, NOW) == V2

    states.close()
    os.close(fd)


def _rewrite(fd: int, held: Held, offset: int) -> None:
    """Write a row's worth of ids again and again, all in one row."""
    states = HeldStates(fd)
    for turn in range(4_000):
        states.keep(1 + (offset + 2 * (turn % 12)) * ROWS, held, NOW + turn)
    os._exit(0)


def test_no_race_makes_anybodys_id_anothers() -> None:
    """Two write one row and make way for each other; each id has one version."""
    fd = make_shared()
    states = HeldStates(fd)
    fork = multiprocessing.get_context("fork")
    writers = [
        fork.Process(target=_rewrite, args=(fd, held, offset))
        for offset, held in enumerate((V1, V2))
    ]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        for number in range(24):
            found = states.find(1 + number * ROWS, NOW)
            if found is not None:
                seen += 1
                assert found.code != (V2, V1)[number % 2].code

    assert seen
    states.close()
    os.close(fd)


words = st.integers(1, 2**64 - 1)
codes = st.integers(0, 2**32 - 1)


@given(one=words, other=words, of_one=codes, of_other=codes, origin=words)
def test_a_place_that_two_have_written_at_once_is_no_versions(
    one: int, other: int, of_one: int, of_other: int, origin: int
) -> None:
    """One's id beside the other's note: it names the version of neither."""
    states = HeldStates()
    states.keep(one, Held(of_one, origin), NOW)
    at = one % ROWS * (3 * IN_A_ROW * 8)
    words_of_one = bytearray(states._memory[at : at + 3 * IN_A_ROW * 8])
    note_at = IN_A_ROW * 8
    other_states = HeldStates()
    other_states.keep(other, Held(of_other, origin), NOW)
    from_other = other % ROWS * (3 * IN_A_ROW * 8) + note_at
    words_of_one[note_at : note_at + 8] = other_states._memory[
        from_other : from_other + 8
    ]
    states._memory[at : at + 3 * IN_A_ROW * 8] = bytes(words_of_one)

    found = states.find(one, NOW)

    states.close()
    other_states.close()
    folded = (one ^ other) ^ (one ^ other) >> 32
    if folded & 0xFFFFFFFF:  # else the two stand in for each other, once in 2**32
        assert found is not None
        assert found.code != of_other
