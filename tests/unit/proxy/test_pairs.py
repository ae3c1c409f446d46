"""What a mirrored pair is evidence of, where its client did not wait for the end."""

from msgspec.structs import replace

from gateway.domain.rollout import MirrorLimits
from gateway.handoff.evidence import OVERDUE, PairRecord, Record
from gateway.proxy.mirror_budget import MirrorBudget
from gateway.proxy.pairs import Books, Pair
from gateway.proxy.tally import Tally
from gateway.proxy.units import Unit, Units
from tests.unit.proxy.test_units import KEY, SPLIT, record

_BROKEN = replace(
    record(), outcome="truncated", duration=9.0, is_late=True, values=[(0, 1.0)]
)
_LEFT = replace(record(), outcome="client_cancelled", duration=2.0)


def paired(baseline: Record, candidate: Record) -> PairRecord:
    """Hand both halves to a pair, and take what comes of it."""
    units = Units()
    budget = MirrorBudget(MirrorLimits(), 0.0)
    books = Books(budget, Tally("chat", "v2"))
    pair = Pair(units, SPLIT, Unit(KEY, 0, 0, 0), 1.0, books)
    pair.copied(replace(candidate))
    pair.answered(replace(baseline))
    [block] = units.take(can_send=True)
    return block.pairs[0]


def halved(*, is_reverse: bool = False, **how: bool) -> tuple[PairRecord, Tally]:
    """Hand a client's half and no copy's to a pair."""
    units, tally = Units(), Tally("chat", "v2")
    books = Books(MirrorBudget(MirrorLimits(), 0.0), tally, is_reverse=is_reverse)
    pair = Pair(units, SPLIT, Unit(KEY, 0, 0, 0), 1.0, books)
    pair.answered(replace(record()))
    pair.copied(None, **how)
    pair.copied(replace(record()))  # too late: what was not known is not known
    [block] = units.take(can_send=True)
    return block.pairs[0], tally


def test_a_missing_half_is_told_with_why_and_counted() -> None:
    lost, tally = halved()
    assert (lost.candidate, lost.is_stopped) == (None, False)
    assert lost.baseline is not None
    assert tally.skipped == {"lost": 1}

    cut, tally = halved(is_stopping=True)
    assert (cut.candidate, cut.is_stopped) == (None, True)
    assert tally.skipped == {"stopped": 1}


def test_a_copy_back_makes_the_clients_half_the_candidates() -> None:
    pair, _tally = halved(is_reverse=True)
    assert pair.baseline is None
    assert pair.candidate is not None
    assert pair.candidate.is_candidate


def test_what_a_copy_did_after_the_client_had_left_is_not_held_against_it() -> None:
    for failed in (_BROKEN, replace(_BROKEN, outcome=OVERDUE)):
        pair = paired(_LEFT, failed)
        assert pair.candidate is not None
        assert (pair.candidate.outcome, pair.candidate.is_late) == (
            "client_cancelled",
            False,
        )
        assert pair.candidate.values == []


def test_a_copy_that_failed_before_the_client_left_has_failed() -> None:
    early = replace(_BROKEN, duration=1.0)
    assert paired(_LEFT, early).candidate == early


def test_a_client_that_waited_changes_nothing() -> None:
    assert paired(record(), _BROKEN).candidate == _BROKEN


def test_a_control_pair_is_no_evidence_of_the_candidate() -> None:
    units, tally = Units(), Tally("chat", "v1")
    books = Books(MirrorBudget(MirrorLimits(), 0.0), tally, is_control=True)
    for copy in (record(), None):
        pair = Pair(units, SPLIT, Unit(KEY, 0, 0, 0), 1.0, books)
        pair.answered(replace(record()))
        pair.copied(copy)
    assert units.take(can_send=True) == []
    assert tally.skipped == {"lost": 1}
