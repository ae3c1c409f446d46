"""Pairs with a missing half: neither a way to look healthy, nor a way to be blamed."""

from dataclasses import replace

from gateway.analysis.counts import LOST, Counts, Place
from gateway.analysis.lost_halves import LostHalves
from gateway.analysis.trial import Trial
from tests.unit.analysis.trial_play import ERRORS, design, paired, play

DESIGN = design(ERRORS, mirrors=True)
FINE, WORST = 40, 80


def without(candidates: int, *, whole: int = 0) -> Counts:
    """Make counts of pairs that lack the candidate's half, of a baseline without errors."""
    there = paired(whole, 0) if whole else Counts()
    place = Place(LOST, 0.0, 0, 0)
    bins = {**there.bins, place: ({FINE: candidates}, {WORST: candidates})}
    in_step = [whole, whole]
    return replace(there, bins=bins, pairs=[whole, candidates, 0], in_step=in_step)


def previewed() -> Trial:
    judged = Trial(DESIGN)
    judged.step_begins(2, is_mirrored=True)
    return play(judged, replace(paired(100, 0), pairs=[100, 0, 0]))


def test_a_candidate_that_loses_its_halves_is_not_proven_by_the_others() -> None:
    """Where it answered it was fine; three in a hundred times nobody knows."""
    fine = play(previewed(), replace(paired(3000, 0), pairs=[3000, 0, 0])).look()
    assert fine.proven

    known = play(previewed(), without(93, whole=3000)).look()
    assert not known.proven
    assert known.lost_pairs == 93


def test_a_candidate_that_loses_its_halves_is_paused_and_not_rolled_back() -> None:
    known = play(previewed(), without(40, whole=200)).look()
    assert not known.regressed
    assert known.integrity is not None
    assert "40 of 340 mirrored pairs lack a half" in known.integrity


def test_losing_every_half_pauses_too() -> None:
    known = play(previewed(), without(10)).look()
    assert known.integrity is not None
    assert not known.regressed


def test_a_few_lost_halves_are_no_breach() -> None:
    known = play(previewed(), without(5, whole=1000)).look()
    assert (known.integrity, known.lost_pairs) == (None, 5)


def test_stopped_halves_are_counted_and_change_nothing() -> None:
    before = previewed()
    after = play(previewed(), Counts(pairs=[0, 0, 16])).look()
    assert after.stopped_pairs == 16
    assert replace(after, stopped_pairs=0) == before.look()


def test_what_is_known_of_them_is_kept() -> None:
    judged = play(previewed(), without(40, whole=200))
    again = Trial.load(judged.design, judged.dump())
    assert again.look() == judged.look()
    assert again.dump() == judged.dump()


def test_more_than_is_tolerated_late_in_a_long_trial_is_noticed() -> None:
    """Its bets are split anew as others are: a healthy past does not bury them."""
    halves = LostHalves(DESIGN)
    for _ in range(40):
        halves.add([2_500, 3, 0])
        halves.block_ends()
    assert halves.integrity() is None
    halves.add([900, 100, 0])
    assert halves.integrity() is not None
