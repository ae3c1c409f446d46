"""Which keys may prove something of a quantile whose threshold was fixed inside a step."""

from gateway.analysis.counts import PROOF, Pair, Place
from tests.unit.analysis.exchanges import Stage

ERRORS, DURATION = 0, 1


def proven(stage: Stage, number: int) -> dict[Place, Pair]:
    """Give the whole keys that were counted for a metric."""
    bins = stage.book.drain().bins.items()
    return {
        place: pair
        for place, pair in bins
        if (place.process, place.metric) == (PROOF, number)
    }


def test_a_key_from_before_a_threshold_was_fixed_proves_nothing_of_it() -> None:
    """Also if it goes on; by arrival, so that it does not matter which answer came first."""
    stage = Stage()
    stage.weight(25)
    stage.take(fingerprint=1, nth=1, arrived=1000.0)
    stage.take(fingerprint=2, nth=1, arrived=1001.0)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    stage.take(fingerprint=3, nth=1, arrived=1000.5)
    for fingerprint in (1, 3, 4):
        for nth in (2, 3):
            stage.take(fingerprint=fingerprint, nth=nth, arrived=1002.0 + nth)
    stage.book.close(9999)
    counts = stage.book.drain()
    assert counts.bins[Place(PROOF, 0.25, ERRORS, 0)] == ({0: 4}, {})
    assert counts.bins[Place(PROOF, 0.25, DURATION, 0)] == ({0: 1}, {})


def test_what_comes_after_a_restart_is_held_to_when_the_threshold_was_fixed() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(fingerprint=1, nth=1, arrived=1000.0)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    stage.take(fingerprint=2, nth=1, arrived=1001.0)
    state, keys = stage.book.dump(whole=True)
    stage.book.load(state, keys)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    for fingerprint in (1, 2):
        for nth in (2, 3):
            stage.take(fingerprint=fingerprint, nth=nth, arrived=1002.0 + nth)
    stage.book.close(9999)
    assert proven(stage, DURATION) == {Place(PROOF, 0.25, DURATION, 0): ({0: 1}, {})}


def test_after_a_reboot_a_key_does_not_come_anew_for_a_threshold_made_of_it() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(fingerprint=1, nth=1, arrived=1000.0)
    stage.book.close(1001.0)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    stage.book.close(1.0)
    for fingerprint in (1, 2):
        for nth in (2, 3):
            stage.take(fingerprint=fingerprint, nth=nth, arrived=10.0 + nth)
    stage.book.close(9999)
    counts = stage.book.drain()
    assert counts.bins[Place(PROOF, 0.25, ERRORS, 0)] == ({0: 2}, {})
    assert counts.bins[Place(PROOF, 0.25, DURATION, 0)] == ({0: 1}, {})


def test_requests_from_before_a_threshold_was_fixed_prove_nothing_of_it() -> None:
    stage = Stage()
    stage.weight(25)
    stage.take(bucket=None, arrived=1000.0)
    stage.book.set_thresholds({(DURATION, 0): (1.0, 1.5)})
    stage.take(bucket=None, arrived=999.0)
    assert proven(stage, DURATION) == {}
    stage.take(bucket=None, arrived=1001.0)
    assert proven(stage, DURATION) == {Place(PROOF, 0.25, DURATION, 0): ({0: 1}, {})}
