"""What the demo reads out of the journal and of the analysis."""

import pytest

from gateway.cli.demo.evidence import Way, proof_threshold, rows, threshold
from gateway.cli.demo.script import JUDGED, LONG, METRICS, SEGMENT, SHORT
from gateway.cli.demo.story import moves_in, stretches_of
from gateway.cli.views import FindingView, read
from tests.unit.cli.demo_scenes import CLIMB, FALL, PROMOTED, SPOKE, entry, finding

BLOCK = {"seq": 9, "unix": 1.0, "kind": "block", "body": {"number": 1}}


def test_decisions_are_what_the_journal_has_beside_blocks() -> None:
    """In its order and its words."""
    moves = moves_in([BLOCK, *CLIMB, {"seq": 10}])
    assert [move.said[:7] for move in moves] == ["Attempt", "Begun. ", "Step 1 "]
    assert [move.is_beginning for move in moves] == [True, False, False]
    assert [move.units for move in moves] == [None, None, 155]


def test_the_weight_is_one_from_each_move_of_it_to_the_next() -> None:
    """The next candidate begins at nothing, which is no fall of its own."""
    stretches = stretches_of(moves_in([*CLIMB, PROMOTED, *FALL]))
    told = [(one.candidate, one.weight, one.is_fall) for one in stretches]
    assert told == [
        ("v2", 0, False),
        ("v2", 5, False),
        ("v2", 25, False),
        ("v2", 100, False),
        ("v3", 0, False),
        ("v3", 5, False),
        ("v3", 0, True),
    ]


def test_a_decision_knows_whether_the_judge_alone_was_reason_enough() -> None:
    """By long contexts: that is what the second act is about."""
    slow = entry(1, "duration regressed.", findings=(finding("duration"), SPOKE))
    everywhere = entry(2, "It regressed.", findings=(finding(JUDGED),))
    caught, by_both, by_all = moves_in([FALL[-1], slow, everywhere])
    assert caught.by_the_judge is not None
    assert caught.by_the_judge.candidate_units == 4
    assert caught.by_others == []
    assert by_both.by_others == ["duration"]
    assert by_all.by_the_judge is None


def _found(*found: object) -> list[FindingView]:
    return [read(FindingView, one) for one in found]


def test_the_table_has_a_row_for_each_metric_and_a_way_for_each_slice() -> None:
    """Also before anything is known."""
    assert [row.metric for row in rows([])] == list(METRICS)
    whole, slow = finding(JUDGED, log_e=3.0), finding("duration", log_e=-0.2)
    table = rows(_found(whole, SPOKE, slow))
    row = table[-1]
    assert row.against[None] == Way(3.0, 7.48)
    assert row.against[SEGMENT, LONG].is_there
    assert (SEGMENT, SHORT) not in row.against
    assert row.proof == Way(1.5, 3.0)
    assert (threshold(table, None), threshold(table, (SEGMENT, LONG))) == (7.48, 8.58)
    assert threshold(table, (SEGMENT, SHORT)) is None
    assert proof_threshold(table) == pytest.approx(3.0)


def test_what_has_no_units_has_no_way() -> None:
    """No data is not the same as no evidence."""
    assert not rows(_found(finding("duration", baseline_units=0)))[1].against


def test_a_way_is_written_to_a_tenth_and_nothing_has_no_sign() -> None:
    """-0.0 would look like news."""
    assert [Way(log, 3.0).told for log in (-0.01, 0.04, -0.3, 2.96)] == [
        "0.0",
        "0.0",
        "-0.3",
        "3.0",
    ]
