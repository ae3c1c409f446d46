"""What came of judging: fair on both versions, or nothing can be proven by it."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest

from gateway.analysis.counts import (
    CONTROL,
    FRESH,
    JUDGING,
    PROOF,
    Bins,
    Came,
    Counts,
    Place,
)
from gateway.analysis.design import LOSS_BINS, Design, Kind
from gateway.analysis.ladder import LADDER
from gateway.analysis.metrics import Measure, Surroundings, design_of
from gateway.analysis.trial import Trial, _code_of
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.domain.rollout import AnalysisPlan, MetricRule, OnFailure, Worse
from gateway.domain.units import Seconds
from gateway.domain.verdict import Finding, Verdict
from tests.unit.analysis.trial_play import counted, events, paired, play

BAD = "judge:hallucination"
GOOD = "judge:relevance"
JUDGE = Evaluator(
    name="judge",
    kind=EvaluatorKind.LLM_JUDGE,
    scores=(
        Score(name="hallucination", is_flag=True, worse=Worse.HIGHER),
        Score(name="relevance"),
    ),
    sample=0.1,
    deadline=Seconds(30.0),
)
SCORES = {BAD: Measure(Kind.RATE), GOOD: Measure(Kind.MEAN, Worse.LOWER)}
COIN = 0.25


def designed(*rules: MetricRule) -> Design:
    around = Surroundings(
        longest=Seconds(6000.0), signals=SCORES, evaluators=(JUDGE,), mirrors=True
    )
    return design_of(AnalysisPlan(metrics=rules), around)


def trial(*rules: MetricRule, is_mirrored: bool = False) -> Trial:
    """Begin a step that asks for hallucinations."""
    made = Trial(designed(*(rules or (MetricRule(signal=BAD),))))
    made.step_begins(2, is_mirrored=is_mirrored)
    return made


def judging(
    baseline: Sequence[int], candidate: Sequence[int], *, coin: float = COIN
) -> Counts:
    """Count what came of judging, in the order of Came."""
    sides: list[Bins] = [
        {place: count for place, count in enumerate(side) if count}
        for side in (baseline, candidate)
    ]
    return Counts(bins={Place(JUDGING, coin, 0, 0): (sides[0], sides[1])})


def found(on: Trial) -> Finding:
    return on.findings()[0]


def test_a_judge_that_fails_more_on_the_candidate_is_a_breach_of_integrity() -> None:
    on = play(trial(), *[judging((29, 1), (9, 1))] * 4)
    assert on.look().integrity is None
    play(on, *[judging((29, 1), (5, 5))] * 6)
    said = on.look().integrity or ""
    assert said.startswith(f"{BAD} could be judged in 290 of 300 units of the baseline")
    assert "in 66 of 100 of the candidate" in said


def test_a_judge_that_fails_more_on_the_baseline_is_one_too() -> None:
    """Fewer of the baseline's values would prove a candidate that is worse."""
    on = play(trial(), *[judging((18, 12), (10, 0))] * 20)
    assert on.look().integrity is not None


@pytest.mark.parametrize("came", [Came.LACKING, Came.UNSAID])
def test_values_that_are_missing_for_another_reason_are_compared_too(
    came: Came,
) -> None:
    broken = [5 if place == came else 0 for place in Came]
    on = play(trial(), *[judging((30, 0), (5, *broken[1:]))] * 10)
    assert on.look().integrity is not None


def test_samples_that_never_came_are_seen_by_the_coin() -> None:
    """A worker that had no room for long answers told of none of them."""
    on = play(trial(), *[judging((300, 0), (50, 0))] * 10)
    assert on.look().integrity is not None


def test_a_judge_that_is_down_for_both_is_silence_and_no_breach() -> None:
    on = play(trial(), *[judging((30, 0), (10, 0))] * 5, events((90, 3), (30, 1)))
    assert on.look().no_data == ()
    play(on, *[judging((0, 30), (0, 10))] * 20)
    known = on.look()
    assert (known.integrity, known.regressed) == (None, ())
    assert (known.no_data, known.proven) == ((BAD,), False)
    assert found(on).verdict is Verdict.NO_DATA
    play(on, judging((30, 0), (10, 0)))
    assert on.look().no_data == ()


def test_an_outage_holds_although_all_was_proven_before() -> None:
    keys = counted({0: 3000}, {0: 1000}, process=PROOF)
    on = play(trial(), events((900, 9), (300, 3)), keys)
    assert on.look().proven
    play(on, judging((0, 30), (0, 10)))
    assert not on.look().proven
    play(on, judging((3, 0), (1, 0)))
    assert on.look().proven


def test_equal_judging_raises_no_alarm() -> None:
    """0.1 % may; in 80 rollouts more than two never do."""
    alarms = 0
    for seed in range(80):
        dice, on = Random(seed), trial()
        for _ in range(40):
            sides = [[0] * len(Came), [0] * len(Came)]
            for _ in range(40):
                came = dice.choices(list(Came), weights=(70, 10, 15, 5))[0]
                sides[dice.random() < COIN][came] += 1
            play(on, judging(*sides))
        alarms += on.look().integrity is not None
    assert alarms <= 2


def test_a_metric_that_only_warns_stops_nothing() -> None:
    on = trial(
        MetricRule(signal=BAD, on_failure=OnFailure.WARN),
        MetricRule(signal="error_rate"),
    )
    play(on, *[judging((30, 0), (0, 10))] * 10)
    assert on.look().integrity is None


def test_the_order_in_which_counts_come_changes_no_verdict() -> None:
    """Within a block: what is journalled is its sum."""
    some = [
        judging((29, 1), (8, 2)),
        judging((0, 30), (0, 10)),
        judging((9, 0), (3, 0)),
    ]
    whole = Counts()
    for each in some:
        whole.merge(each)
    ahead, behind, at_once = trial(), trial(), trial()
    for each in some:
        ahead.add(each)
    for each in reversed(some):
        behind.add(each)
    at_once.add(whole)
    known = []
    for on in (ahead, behind, at_once):
        on.close_block()
        known.append((on.look(), found(on).judgements))
    assert known[0][0] == known[1][0] == known[2][0]
    told = [msgspec.to_builtins(each[1]) for each in known]
    for each in told:
        each["log_e"] = pytest.approx(each["log_e"])
    assert told[0] == told[1] == told[2]


def test_what_is_kept_goes_on() -> None:
    on = play(trial(), *[judging((29, 1), (5, 5))] * 3, judging((0, 8), (0, 2)))
    noise = {LOSS_BINS - 1 + 20: 1, LOSS_BINS - 1: 3}
    on.add(Counts(bins={Place(CONTROL, 0.0, 0, 0): ({}, noise)}))
    again = Trial.load(on.design, on.dump())
    assert again.findings() == on.findings()
    assert again.look() == on.look()
    for each in (on, again):
        play(each, judging((20, 10), (2, 8)))
    assert again.findings() == on.findings()


def test_what_came_of_judging_is_told() -> None:
    on = play(trial(), judging((40, 3, 2, 1), (9, 1, 0, 0)))
    noise = {LOSS_BINS - 1 + 20: 1, LOSS_BINS - 1 - 20: 1, LOSS_BINS - 1: 2}
    on.add(Counts(bins={Place(CONTROL, 0.0, 0, 0): ({}, noise)}))
    told = found(on).judgements
    assert told is not None
    assert (told.sample, told.sampled, told.judged) == (0.1, 56, 49)
    assert (told.failed, told.unsaid, told.is_down) == (4, 1, False)
    assert (told.controls, told.noise) == (4, 0.25)
    assert trial(MetricRule(signal="error_rate")).findings()[0].judgements is None


def test_pairs_decide_a_preview_and_their_failures_are_an_outage() -> None:
    on = play(trial(is_mirrored=True), *[paired(400, 0)] * 8)
    known = on.look()
    assert known.proven
    assert known.is_mirrored
    play(on, judging((), (0, 12), coin=0.0))
    assert on.look().no_data == (BAD,)
    assert on.look().integrity is None


def test_a_candidate_that_breaks_the_judge_of_pairs_is_not_proven() -> None:
    """Nobody knows which half broke it; an outage is none of its doing."""
    on = play(trial(is_mirrored=True), *[paired(400, 0)] * 8)
    play(on, judging((), (80, 10), coin=0.0))
    assert on.look().unproven == (BAD,)
    again = Trial.load(on.design, on.dump())
    for each in (on, again):
        play(each, judging((), (20, 0), coin=0.0))
        assert each.look().proven
        play(each, *[judging((), (0, 30), coin=0.0)] * 5)
        assert not each.look().proven
        play(each, judging((), (1, 0), coin=0.0))
        assert each.look().proven


def test_pairs_find_a_candidate_that_is_judged_worse() -> None:
    on = play(trial(is_mirrored=True), *[paired(80, 20)] * 3)
    assert [finding.metric for finding in on.look().regressed] == [BAD]


def test_a_score_is_awaited_while_there_are_units() -> None:
    on = trial()
    assert on.look().no_data == (BAD,)
    on.add(Counts(in_step=[3, 1]))
    assert (on.look().no_data, on.look().unproven) == ((), (BAD,))


def test_scores_of_evaluators_guard_by_default() -> None:
    made = designed()
    judged = [metric for metric in made.metrics if metric.evaluator]
    assert [metric.name for metric in judged] == [BAD, GOOD]
    assert [metric.kind for metric in judged] == [Kind.RATE, Kind.MEAN]
    assert all(metric.has_pairs for metric in judged)
    assert [each.name for each in made.evaluators] == ["judge"]
    assert sum(metric.share for metric in made.metrics) == pytest.approx(0.9)
    flag, score = judged
    assert score.margins == LADDER[Kind.MEAN]
    assert flag.margins == LADDER[Kind.RATE]


def test_a_default_score_of_which_a_judge_can_say_nothing_is_left_out() -> None:
    """No request carries a context: no answer can be faithful to it."""
    on = Trial(designed())
    on.step_begins(2)
    place = [metric.name for metric in on.design.metrics].index(BAD)
    unsaid: Bins = {Came.UNSAID: 100}
    for _ in range(2):
        on.add(Counts(bins={Place(JUDGING, 0.5, place, 0): (unsaid, unsaid)}))
    assert on.look().left_out == (BAD,)
    on.add(Counts(bins={Place(JUDGING, 0.5, place, 0): ({Came.VALUE: 1}, {})}))
    assert on.look().left_out == ()


def test_a_judge_that_was_never_reached_is_not_left_out() -> None:
    on = Trial(designed())
    on.step_begins(2)
    play(on, *[events((300, 0), (100, 0))] * 5)
    assert BAD not in on.look().left_out
    assert BAD in on.look().unproven


def test_evidence_of_before_there_were_judges_is_taken_up() -> None:
    """The code of a design of former days, and a trial that was kept then."""
    cells = (("tenant", "a"), ("tenant", "b"))
    around = Surroundings(longest=Seconds(86_400.0), cells=cells)
    former = design_of(AnalysisPlan(), around)
    assert _code_of(former) == 1_449_626_413
    assert _code_of(former) != _code_of(replace(former, alpha=0.02))

    on = play(Trial(former), events((90, 9), (30, 3)))
    *fields, _judging = msgspec.msgpack.decode(on.dump())
    again = Trial.load(former, msgspec.msgpack.encode(fields))
    assert again.findings() == on.findings()


def test_a_fresh_unit_and_a_judged_one_are_counted_apart() -> None:
    on = trial()
    on.add(counted({0: 3}, {0: 1}, process=FRESH))
    on.add(judging((3, 1), (1, 0)))
    told = found(on)
    assert (told.baseline_units, told.candidate_units) == (3, 1)
    assert told.judgements is not None
    assert told.judgements.sampled == 5
