"""Counts in the journal are the counts that were counted, exactly."""

import msgspec
import pytest

from gateway.analysis.counts import FRESH, PAIRS, PROOF, Counts, Place
from gateway.control.blocks import is_empty, read, written


def _counts() -> Counts:
    return Counts(
        bins={
            Place(FRESH, 0.2, 0, 0): ({0: 80, 1: 2}, {0: 19, 1: 4}),
            Place(PROOF, 0.2 / 0.95, 1, 3): ({40: 1}, {}),
            Place(PAIRS, 0.0, 0, 0): ({0: 5}, {41: 5}),
            Place(7, 0.1 + 0.2, 0, 2): ({}, {12: 1}),
        },
        units={0.2: [80, 20], 0.1 + 0.2: [0, 1]},
        came={0.2: [90, 22]},
        in_step=[80, 20],
        in_cells={2: 9},
        ceilings={0: [20, 3]},
        pairs=[7, 2, 1],
        visits=110,
    )


def test_what_is_written_is_read_back() -> None:
    assert read(written(_counts())) == _counts()


def test_nothing_counted_is_a_word() -> None:
    assert is_empty(Counts())
    assert len(written(Counts())) < 50
    assert read(written(Counts())) == Counts()


@pytest.mark.parametrize(
    "part",
    ["bins", "units", "came", "in_step", "in_cells", "ceilings", "pairs", "visits"],
)
def test_whatever_was_counted_is_not_nothing(part: str) -> None:
    some = Counts()
    setattr(some, part, getattr(_counts(), part))

    assert not is_empty(some)


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"bins":[[1,2]]}', b'{"units":7}'])
def test_what_is_no_block_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(text)


def test_a_block_of_the_release_before_is_read() -> None:
    before = _counts()
    before.came, before.visits = {}, 0

    assert b"came" not in written(before)
    assert b"visits" not in written(before)
    assert read(written(before)) == before
