"""What a judge makes of two answers of one version: balanced, or nothing is proven by it."""

from math import log
from random import Random

import pytest

from gateway.analysis.control_pairs import (
    BLIND,
    ControlPairs,
    Preferred,
    log_e_of,
    log_threshold,
)
from gateway.analysis.counts import CONTROL, PAIRS, Bins, Counts, Place
from gateway.analysis.design import LOSS_BINS
from gateway.analysis.lost_halves import TOLERATED
from gateway.analysis.trial import Trial
from gateway.domain.rollout import MetricRule, OnFailure
from tests.unit.analysis.test_judging import BAD, found, trial
from tests.unit.analysis.trial_play import paired, play

ALPHA = 0.001
TOP = LOSS_BINS - 1


def preferring(first: int, second: int, neither: int = 0) -> Bins:
    """Give differences of losses: the second answer's, less the first one's."""
    every = {2 * TOP: first, 0: second, TOP: neither}
    return {at: count for at, count in every.items() if count}


def controls(shown: Bins, served: Bins) -> Counts:
    return Counts(bins={Place(CONTROL, 0.0, 0, 0): (shown, served)})


def test_a_judge_that_takes_what_it_is_shown_first_cannot_tell() -> None:
    on = play(trial(is_mirrored=True), *[paired(400, 0)] * 8)
    assert on.look().proven
    on.add(controls(preferring(30, 0), preferring(15, 15)))

    known = on.look()

    assert known.integrity == (
        f"{BAD}: of 30 pairs of answers of the same version it preferred the one it was"
        " shown first in 30 and the second in 0: the judge cannot tell answers apart, it"
        " goes by their order (odds of more than 2000 : 1)."
    )
    assert not known.proven
    assert known.regressed == ()


def test_one_that_takes_the_second_cannot_either() -> None:
    on = trial()
    on.add(controls(preferring(2, 90, 3), preferring(46, 46, 3)))
    assert "and the second in 90" in (on.look().integrity or "")


def test_copies_that_are_answered_otherwise_than_clients_are_a_breach() -> None:
    on = trial()
    on.add(controls(preferring(60, 60), preferring(90, 30)))
    said = on.look().integrity or ""
    assert "the client's in 90 and the copy's in 30: copies are not answered" in said


def test_a_strong_model_is_let_pass() -> None:
    """It leans to the first answer of equals, 30 : 5, and finds what differs."""
    on = trial()
    on.add(controls(preferring(3000, 500, 6500), preferring(1750, 1750, 6500)))
    assert on.look().integrity is None


def test_a_judge_that_is_never_sure_is_no_breach() -> None:
    on = trial()
    on.add(controls(preferring(0, 0, 9000), preferring(0, 0, 9000)))
    assert on.look().integrity is None
    assert found(on).judgements is not None


def test_what_only_warns_stops_nothing() -> None:
    on = trial(
        MetricRule(signal=BAD, on_failure=OnFailure.WARN),
        MetricRule(signal="error_rate"),
    )
    on.add(controls(preferring(90, 0), preferring(45, 45)))
    assert on.look().integrity is None
    told = found(on).judgements
    assert told is not None
    assert told.log_e_controls > told.log_threshold_controls


def test_what_control_pairs_came_to_is_told_and_kept() -> None:
    on = trial()
    on.add(controls(preferring(5, 2, 3), preferring(3, 4, 3)))
    again = Trial.load(on.design, on.dump())
    for each in (on, again):
        told = found(each).judgements
        assert told is not None
        assert (told.controls, told.controls_won) == (10, 7)
        assert (told.served_first, told.served_second) == (3, 4)
        assert (told.shown_first, told.shown_second, told.shown_tied) == (5, 2, 3)
        assert told.noise == pytest.approx(0.7)
        assert (told.judged, told.sampled) == (0, 0)
    assert again.findings() == on.findings()


def test_pairs_are_told_by_who_won() -> None:
    """Losses of the candidate less those of the baseline."""
    on = trial(is_mirrored=True)
    on.add(Counts(bins={Place(PAIRS, 0.0, 0, 0): ({0: 9}, preferring(4, 2, 3))}))
    told = found(on).judgements
    assert told is not None
    assert (told.pairs_won, told.pairs_tied, told.pairs_lost) == (2, 3, 4)
    assert told.controls == 0


def test_nothing_is_nothing() -> None:
    assert log_e_of(Preferred(0, 0, 0), BLIND) == pytest.approx(0.0)
    assert ControlPairs().integrity(ALPHA) is None
    assert ControlPairs().noise is None
    assert log_threshold(ALPHA) == pytest.approx(log(2000))


@pytest.mark.parametrize(
    ("weights", "tolerated"),
    [((0.5, 0.5, 0.0), TOLERATED), ((0.6, 0.6 - BLIND, 0.0), BLIND)],
    ids=["balanced", "as much as is tolerated"],
)
def test_what_is_tolerated_raises_no_alarm(
    weights: tuple[float, float, float], tolerated: float
) -> None:
    """Looked at after each pair: 5 % may ever be beyond 20 : 1, of 400 about 20."""
    spare = 1.0 - sum(weights)
    dice, beyond = Random(7), 0
    for _ in range(400):
        counts, is_beyond = [0, 0, 0], False
        for kind in dice.choices(
            (0, 1, 2), (weights[0], weights[1], weights[2] + spare), k=150
        ):
            counts[kind] += 1
            is_beyond = is_beyond or (
                log_e_of(Preferred(*counts), tolerated) >= log(20)
            )
        beyond += is_beyond
    assert beyond <= 30


def test_so_many_controls_tell() -> None:
    """Figures of decision 0020: alpha 0.001, one score that is judged."""
    needed = {
        lean: next(
            n
            for n in range(1, 5000)
            if log_e_of(_leaning(n, lean), BLIND) >= log_threshold(ALPHA)
        )
        for lean in (1.0, 0.8, 0.6)
    }
    assert needed == {1.0: 27, 0.8: 73, 0.6: 232}


def _leaning(pairs: int, lean: float) -> Preferred:
    """Give pairs of which so many more go to the first place; the others have a winner."""
    first = round(pairs * (1 + lean) / 2)
    return Preferred(first, pairs - first, 0)
