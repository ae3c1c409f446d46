"""Counts of units, and how they merge."""

import msgspec

from gateway.analysis.counts import FRESH, PROOF, Counts, KeptCounts, Place

_FRESH = Place(FRESH, 0.05, 0, 0)
_PROOF = Place(PROOF, 0.25, 1, 1)


def _counts() -> Counts:
    counts = Counts(
        units={0.05: [3, 1]}, in_step=[3, 1], in_cells={2: 1}, ceilings={0: [4, 1]}
    )
    counts.count(_FRESH, 1, is_candidate=True)
    counts.count(_FRESH, 0, is_candidate=False)
    counts.count(_PROOF, 40, is_candidate=False)
    return counts


def test_what_is_merged_is_the_sum_and_leaves_the_other_alone() -> None:
    sums, more = _counts(), _counts()
    more.count(Place(7, 0.5, 0, 0), 1, is_candidate=True)
    sums.merge(more)
    sums.merge(_counts())
    assert sums.bins[_FRESH] == ({0: 3}, {1: 3})
    assert sums.bins[Place(7, 0.5, 0, 0)] == ({}, {1: 1})
    assert sums.units == {0.05: [9, 3]}
    assert (sums.in_step, sums.in_cells) == ([9, 3], {2: 3})
    assert sums.ceilings == {0: [12, 3]}
    assert more.bins[_FRESH] == ({0: 1}, {1: 1})


def test_merging_into_nothing_shares_nothing() -> None:
    sums, more = Counts(), _counts()
    sums.merge(more)
    sums.count(_FRESH, 1, is_candidate=True)
    sums.merge(more)
    assert more.bins == _counts().bins
    assert more.units == {0.05: [3, 1]}


def test_counts_come_back_from_a_journal_as_they_were() -> None:
    text = msgspec.json.encode(_counts().kept())
    assert Counts.of_kept(msgspec.json.decode(text, type=KeptCounts)) == _counts()
