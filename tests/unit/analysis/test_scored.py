"""A unit's score is that of its exchange; units are settled in the order they came in."""

from collections.abc import Iterator
from math import nan
from typing import Any

import pytest

from gateway.analysis.counts import Came
from gateway.analysis.design import Design, JudgedBy, Kind
from gateway.analysis.judged import Judged, Sampled
from gateway.analysis.scored import GRACE, Scored, ScoredUnits, is_scored
from gateway.domain.evaluation import DRAWS, NOT_DRAWN
from gateway.domain.rollout import Worse
from gateway.domain.units import Seconds
from tests.unit.analysis.exchanges import Seen, design, metric

FLAG, SCORE = 1, 2
EVERYTHING, LONG = 1, 4
ARRIVED, DEADLINE, LASTS = 1000.0, 60.0, 2.0
ENDED = ARRIVED + LASTS
DUE = ENDED + DEADLINE + GRACE
NOT_SAMPLED = ENDED + GRACE


def asked() -> Design:
    """Make a design of a usual metric, and a flag and a score of one evaluator."""
    return design(
        metric("error_rate"),
        metric("judge:hallucination"),
        metric("judge:relevance", Kind.MEAN, worse=Worse.LOWER),
        evaluators=(JudgedBy(name="judge", sample=0.1, deadline=Seconds(DEADLINE)),),
    )


def opened(
    units: ScoredUnits,
    *,
    fresh: int = EVERYTHING,
    window: int | None = None,
    in_window: int = 0,
    **seen: Any,
) -> None:
    units.open(
        Seen(duration=LASTS, **{"arrived": ARRIVED, **seen}),
        revision=3,
        coin=0.25,
        fresh=fresh,
        window=window,
        in_window=in_window,
        step=1,
    )


def sampled(units: ScoredUnits, **more: Any) -> None:
    usual = {"fingerprint": 1, "epoch": 3, "arrived": ARRIVED}
    units.sample(Sampled(evaluator="judge", **usual | more))


def judged(
    units: ScoredUnits,
    score: str = "hallucination",
    value: float | None = 0.0,
    **more: Any,
) -> None:
    usual: dict[str, Any] = {
        "fingerprint": 1,
        "epoch": 3,
        "exchange": 11,
        "is_candidate": False,
        "arrived": ARRIVED,
    }
    units.judge(Judged(signal=f"judge:{score}", value=value, **usual | more))


def both(units: ScoredUnits, value: float | None = 0.0, **more: Any) -> None:
    """Give a verdict in both scores."""
    judged(units, "hallucination", value, **more)
    judged(units, "relevance", value, **more)


@pytest.fixture
def units() -> ScoredUnits:
    """Give awaited units with one in them."""
    made = ScoredUnits(asked())
    opened(made)
    return made


def bins(settled: Iterator[Scored], number: int = FLAG) -> list[int | None]:
    """Give the bins of a metric; None: there is no value."""
    return [
        each.bin if each.came is Came.VALUE else None
        for each in settled
        if each.metric == number
    ]


def came(settled: Iterator[Scored], number: int = FLAG) -> list[Came]:
    return [each.came for each in settled if each.metric == number]


def test_a_unit_is_settled_when_it_is_judged_with_the_coin_of_its_epoch(
    units: ScoredUnits,
) -> None:
    sampled(units)
    judged(units, "hallucination", 1.0)
    assert list(units.close(ENDED)) == []
    judged(units, "relevance", 0.75)
    settled = list(units.close(ENDED))
    assert settled == [
        Scored(FLAG, 0.25, False, EVERYTHING, None, 0, 1, Came.VALUE, 1),
        Scored(SCORE, 0.25, False, EVERYTHING, None, 0, 1, Came.VALUE, 10),
    ]
    assert list(units.close(DUE)) == []
    assert len(units) == 0


def test_who_is_in_no_sample_is_let_go_soon_after_its_end(units: ScoredUnits) -> None:
    list(units.close(NOT_SAMPLED - 0.1))
    assert len(units) == 1
    assert list(units.close(NOT_SAMPLED)) == []
    assert len(units) == 0


def test_a_verdict_that_never_comes_is_lacking_at_the_deadline(
    units: ScoredUnits,
) -> None:
    """As of a worker, or a controller, that died with what it held."""
    sampled(units)
    judged(units, "relevance", 0.5)
    assert list(units.close(DUE - 0.1)) == []
    settled = list(units.close(DUE))
    assert [each.came for each in settled] == [Came.LACKING, Came.VALUE]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"has_failed": True}, Came.FAILED),
        ({"is_unsaid": True}, Came.UNSAID),
        ({}, Came.LACKING),
        ({"value": nan, "has_failed": True}, Came.FAILED),
    ],
)
def test_why_there_is_no_value_is_known(
    units: ScoredUnits, told: dict[str, Any], expected: Came
) -> None:
    both(units, **{"value": None, **told})
    assert came(units.close(ENDED)) == [expected]


def test_verdicts_count_in_the_order_of_assignment(units: ScoredUnits) -> None:
    """The second one ended and was judged sooner: it waits for the first."""
    opened(units, fingerprint=2, arrived=ARRIVED + 1, is_candidate=True)
    sampled(units)
    both(units, 1.0, fingerprint=2, arrived=ARRIVED + 1)
    assert bins(units.close(ENDED + 20)) == []
    both(units, 0.0)
    assert bins(units.close(ENDED + 20)) == [0, 1]


def test_who_is_in_no_sample_holds_nobody_up_for_long(units: ScoredUnits) -> None:
    opened(units, fingerprint=2, arrived=ARRIVED + 1)
    both(units, 1.0, fingerprint=2, arrived=ARRIVED + 1)
    assert bins(units.close(NOT_SAMPLED)) == [1]


INSIDE, OUTSIDE = DRAWS // 10 - 1, DRAWS // 10 + 1
"""Draws, of an evaluator that judges a tenth."""


@pytest.mark.parametrize("draw", [OUTSIDE, DRAWS - 1, NOT_DRAWN])
def test_who_is_outside_the_sample_is_never_awaited(draw: int) -> None:
    units = ScoredUnits(asked())
    opened(units, draw=draw)
    opened(units, fingerprint=2, arrived=ARRIVED + 1, draw=INSIDE)
    assert len(units) == 1
    both(units, 1.0, fingerprint=2, arrived=ARRIVED + 1)
    assert bins(units.close(ENDED)) == [1], "nobody was waited for"


def test_a_sample_that_is_due_is_awaited_for_a_while() -> None:
    """It was lost on its way, or there was no room for it."""
    units = ScoredUnits(asked())
    opened(units, draw=INSIDE)
    both(units, 1.0, fingerprint=2, arrived=ARRIVED + 1)
    opened(units, fingerprint=2, arrived=ARRIVED + 1, draw=INSIDE)
    assert bins(units.close(NOT_SAMPLED - 0.1)) == []
    assert bins(units.close(NOT_SAMPLED)) == [1]


def test_each_evaluator_awaits_those_of_its_own_sample() -> None:
    few, more = (
        JudgedBy(name=name, sample=sample, deadline=Seconds(DEADLINE))
        for name, sample in (("few", 0.1), ("more", 0.5))
    )
    made = design(metric("few:bad"), metric("more:bad"), evaluators=(few, more))
    units = ScoredUnits(made)
    for number, draw in enumerate((INSIDE, OUTSIDE, DRAWS // 2, NOT_DRAWN)):
        opened(units, fingerprint=number, draw=draw)
    assert len(units) == 1 + 2
    for number, name in ((0, "few"), (0, "more"), (1, "more")):
        where = {"fingerprint": number, "epoch": 3, "arrived": ARRIVED}
        verdict = {"exchange": 1, "is_candidate": False, "value": 1.0}
        told: dict[str, Any] = {**where, **verdict}
        units.judge(Judged(signal=f"{name}:bad", **told))
    settled = list(units.close(ENDED))
    assert [each.metric for each in settled] == [0, 1, 1]


def test_another_share_counts_for_those_who_are_recorded_from_then_on() -> None:
    units = ScoredUnits(asked())
    units.use({"judge": 0.5})
    opened(units, draw=OUTSIDE)
    units.use({})
    opened(units, fingerprint=2, draw=0)
    assert len(units) == 1


def test_a_sample_that_came_before_the_share_fell_counts() -> None:
    units = ScoredUnits(asked())
    sampled(units)
    units.use({"judge": 0.01})
    opened(units, draw=INSIDE)
    both(units, 1.0)
    assert bins(units.close(ENDED)) == [1]


def test_what_is_said_of_one_outside_the_sample_is_no_evidence() -> None:
    units = ScoredUnits(asked())
    opened(units, draw=OUTSIDE)
    sampled(units)
    both(units, 1.0)
    assert bins(units.close(DUE)) == []
    assert len(units) == 0


def test_nothing_counts_before_all_that_arrived_before_it_is_known(
    units: ScoredUnits,
) -> None:
    """An exchange that failed is recorded before its turn."""
    both(units, 1.0)
    assert bins(units.close(ARRIVED)) == []
    assert bins(units.close(ARRIVED + 0.1)) == [1]


def test_a_verdict_may_come_before_the_record_of_its_exchange() -> None:
    units = ScoredUnits(asked())
    both(units, 1.0)
    list(units.close(ARRIVED))
    opened(units)
    assert bins(units.close(ENDED)) == [1]


def test_other_exchanges_of_the_key_say_nothing(units: ScoredUnits) -> None:
    both(units, 1.0, arrived=ARRIVED + 5)
    both(units, 0.0)
    both(units, 1.0, epoch=4)
    assert bins(units.close(DUE)) == [0]
    assert len(units) == 0


def test_the_same_again_changes_nothing(units: ScoredUnits) -> None:
    for value in (1.0, 0.0, None):
        both(units, value)
        sampled(units)
    assert bins(units.close(ENDED)) == [1]
    both(units, 0.0)
    sampled(units)
    assert bins(units.close(DUE)) == []
    assert len(units) == 0


def test_another_evaluator_and_score_are_none_of_these(units: ScoredUnits) -> None:
    units.sample(Sampled(evaluator="other", fingerprint=1, epoch=3, arrived=ARRIVED))
    judged(units, "politeness", 1.0)
    assert list(units.close(NOT_SAMPLED)) == []


def test_a_unit_knows_where_it_counts(units: ScoredUnits) -> None:
    far = 1 << 500
    opened(units, fingerprint=2, fresh=LONG, window=7, in_window=EVERYTHING | far)
    both(units, 1.0, fingerprint=2)
    again = ScoredUnits(asked())
    again.load(units.dump(whole=True), units.limit)
    (flag, _score) = again.close(DUE)
    assert (flag.fresh, flag.window, flag.in_window) == (LONG, 7, EVERYTHING | far)


def test_what_is_kept_goes_on_and_what_is_over_is_forgotten(units: ScoredUnits) -> None:
    opened(units, fingerprint=2, arrived=ARRIVED + 1, is_candidate=True)
    opened(units, fingerprint=3, arrived=ARRIVED + 2)
    both(units, 0.0)
    sampled(units, fingerprint=2, arrived=ARRIVED + 1)
    kept = units.dump(whole=True)
    assert len(kept) == 2, "nobody has told of the third one"
    assert all(map(is_scored, kept.values()))
    assert units.dump(whole=False) == {}
    list(units.close(ENDED))
    both(units, 1.0, fingerprint=2, arrived=ARRIVED + 1)
    changed = units.dump(whole=False)
    assert sorted(map(bool, changed.values())) == [False, True]
    again = ScoredUnits(asked())
    again.load(kept | changed, units.limit)
    assert [(each.is_candidate, each.bin) for each in again.close(ENDED)] == [
        (True, 1),
        (True, 0),
    ]


def test_a_clock_that_began_anew_awaits_nothing_of_before(units: ScoredUnits) -> None:
    sampled(units)
    units.dump(whole=True)
    units.forget()
    assert list(units.dump(whole=False).values()) == [b""]
    assert list(units.close(1e9)) == []


def test_too_many_units_are_thinned_by_their_keys_alone() -> None:
    units = ScoredUnits(asked(), most=100)
    step = (1 << 32) // 400 + 1
    for number in range(400):
        opened(units, fingerprint=number * step, is_candidate=bool(number % 2))
    assert (len(units), units.sampled) == (100, 0.25)
    for number in range(400):
        both(units, fingerprint=number * step)
    sides = [each.is_candidate for each in units.close(ENDED) if each.metric == FLAG]
    assert sides.count(True) == sides.count(False) == 50


def test_verdicts_alone_are_bounded_where_nobody_closes() -> None:
    units = ScoredUnits(asked(), most=100)
    for number in range(1000):
        both(units, fingerprint=number << 22)
    assert len(units) <= 100


def test_without_a_score_among_the_metrics_nothing_is_awaited() -> None:
    units = ScoredUnits(design())
    opened(units)
    both(units)
    sampled(units)
    assert not units.is_needed
    assert len(units) == 0
