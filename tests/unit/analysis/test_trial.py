"""A rollout on trial: what counts become verdicts, and which do not."""

from dataclasses import replace
from math import log

import msgspec
import pytest

from gateway.analysis.ceiling import CeilingWealth
from gateway.analysis.counts import FRESH, PAIRS, PROOF, Bins, Counts
from gateway.analysis.geometric import FAILED_BIN, bin_of
from gateway.analysis.lost_halves import TOLERATED
from gateway.analysis.sample_ratio import log_beta_binomial
from gateway.analysis.trial import Trial
from gateway.domain.rollout import Margin, MetricRule, OnFailure, Statistic, Worse
from gateway.domain.verdict import Verdict
from tests.unit.analysis.trial_play import (
    CELLS,
    ERRORS,
    counted,
    design,
    events,
    paired,
    play,
    proven,
    trial,
)

_HEALTHY = events((3000, 30), (1000, 10))
_BROKEN = events((30, 0), (10, 10))
_KEYS = proven((3000, 15), (1000, 5))
_DURATION = MetricRule(signal="duration")
_COST = MetricRule(signal="cost", on_failure=OnFailure.WARN)


def _seconds(units: int, value: float) -> dict[int, int]:
    return {bin_of(value, 0.001): units}


# What regresses


def test_a_candidate_that_fails_regresses_and_says_by_how_much() -> None:
    (finding,) = play(trial(), _HEALTHY, _BROKEN).look().regressed
    assert finding.metric == "error_rate"
    assert finding.verdict is Verdict.REGRESSED
    assert finding.log_e >= finding.log_threshold == pytest.approx(-log(0.01 * 0.45))
    assert (finding.baseline_units, finding.candidate_units) == (3030, 1010)
    assert finding.baseline == pytest.approx(30 / 3030)
    assert finding.candidate == pytest.approx(20 / 1010)


def test_a_candidate_like_its_baseline_does_not() -> None:
    assert not play(trial(), *[_HEALTHY] * 20).look().regressed


def test_a_failing_segment_is_named() -> None:
    judged = trial(cells=CELLS)
    play(judged, _HEALTHY, events((40, 0), (15, 15), cell=2))
    assert [f.segment for f in judged.look().regressed] == [("tenant", "b")]


def test_of_several_processes_that_cross_the_furthest_is_told() -> None:
    judged = play(trial(), _HEALTHY)
    judged.window_begins(7)
    judged.add(_BROKEN)
    judged.add(events((300, 0), (100, 100), process=7))
    (finding,) = judged.look().regressed
    assert finding.window == 7
    assert finding.candidate_units == 100


def test_what_rolls_back_comes_before_what_pauses_or_warns() -> None:
    judged = trial(
        replace(ERRORS, on_failure=OnFailure.WARN),
        MetricRule(signal="refused", on_failure=OnFailure.PAUSE),
        MetricRule(signal="invalid"),
    )
    for metric, units in ((0, 300), (1, 200), (2, 30)):
        play(judged, events((units, 0), (units, units), metric=metric))
    found = [finding.metric for finding in judged.look().regressed]
    assert found == ["invalid", "refused", "error_rate"]


def test_wealth_that_is_lost_again_is_no_regression() -> None:
    judged = play(trial(), _HEALTHY, events((60, 0), (20, 14)))
    assert judged.look().regressed
    play(judged, *[_HEALTHY] * 10)
    assert not judged.look().regressed


# Windows


def test_windows_are_never_multiplied() -> None:
    """Each of these falls short of a window's threshold; together they would not."""
    together, apart = trial(), trial()
    for number in range(1, 9):
        some = events((30, 0), (10, 2), process=number)
        play(apart, some)
        play(together, events((30, 0), (10, 2)))
    assert together.look().regressed
    assert not apart.look().regressed


def test_a_late_fault_is_found_by_its_window_when_all_keys_were_seen() -> None:
    judged = play(trial(), *[_HEALTHY] * 5)
    judged.window_begins(40)
    play(judged, events((90, 1), (30, 20), process=40))
    (finding,) = judged.look().regressed
    assert finding.window == 40
    assert finding.log_threshold == pytest.approx(-log(0.01 * 0.45 / 11))


def test_windows_that_are_over_are_dropped_and_no_longer_counted() -> None:
    judged = trial()
    play(judged, events((90, 1), (30, 20), process=3))
    assert judged.look().regressed
    judged.window_begins(6)
    play(judged, events((90, 1), (30, 20), process=3))
    assert not judged.look().regressed


def test_two_windows_are_open_when_a_rollout_begins() -> None:
    judged = trial()
    play(judged, events((90, 1), (30, 1), process=8))
    play(judged, events((90, 1), (30, 20), process=7))
    assert judged.look().regressed[0].window == 7


def test_a_clock_that_began_anew_begins_windows_anew() -> None:
    judged = trial()
    judged.window_begins(90_000)
    judged.window_begins(2)
    play(judged, events((90, 1), (30, 20), process=2))
    assert judged.look().regressed[0].window == 2


# Proof


def test_a_step_passes_when_every_metric_is_proven() -> None:
    judged = play(trial(ERRORS, MetricRule(signal="refused")), _HEALTHY, _KEYS)
    known = judged.look()
    assert (known.proven, known.no_data) == (False, ("refused",))
    play(judged, events((300, 3), (100, 1), metric=1))
    assert judged.look().unproven == ("refused",)
    place, pair = next(iter(_KEYS.bins.items()))
    play(judged, *[Counts(bins={place._replace(metric=1): pair})] * 2)
    known = judged.look()
    assert known.proven
    assert known.unproven == known.no_data == ()
    assert known.units_needed == 0


def test_an_absence_of_harm_is_no_proof() -> None:
    known = play(trial(), _HEALTHY, proven((90, 0), (30, 0))).look()
    assert not known.proven
    assert known.unproven == ("error_rate",)
    assert known.units_needed is not None
    assert 50 < known.units_needed < 2000


def test_a_candidate_worse_than_its_margin_is_not_proven() -> None:
    known = play(trial(), _HEALTHY, *[proven((300, 3), (100, 5))] * 10).look()
    assert not known.proven
    assert known.units_needed is None


def test_a_new_step_asks_for_new_proof_at_its_own_margin() -> None:
    judged = play(trial(rung=0), _HEALTHY, proven((900, 9), (300, 3)))
    assert judged.look().proven
    judged.step_begins(2)
    known = play(judged, _HEALTHY, proven((300, 3), (100, 1))).look()
    assert not known.proven
    assert known.candidate_units == 1000


def test_what_regressed_is_never_proven_and_a_warning_holds_nothing() -> None:
    warned = trial(ERRORS, replace(_COST, signal="refused"))
    play(warned, _HEALTHY, _KEYS, events((30, 0), (30, 30), metric=1))
    known = warned.look()
    assert known.proven
    assert [finding.metric for finding in known.regressed] == ["refused"]
    paused = trial(replace(ERRORS, on_failure=OnFailure.PAUSE))
    assert not play(paused, _HEALTHY, _KEYS, _BROKEN).look().proven


def test_with_nothing_to_prove_nothing_is_proven() -> None:
    known = play(trial(rung=None), _HEALTHY, _KEYS).look()
    assert (known.proven, known.unproven, known.no_data) == (False, (), ())
    assert not play(trial(_COST), _HEALTHY).look().proven


def test_a_proof_that_was_lost_since_holds_the_step() -> None:
    judged = play(trial(), _HEALTHY, _KEYS)
    assert judged.look().proven
    assert not play(judged, proven((300, 3), (100, 60))).look().proven


# Quantiles


def test_thresholds_wait_for_the_baseline_and_then_stay_for_the_step() -> None:
    judged = trial(_DURATION)
    assert judged.thresholds() == {}
    play(judged, counted(_seconds(100, 1.0), _seconds(30, 1.0)))
    first = dict(judged.thresholds())
    assert set(first) == {(0, 0), (0, 1)}
    baseline, candidate = first[0, 0]
    assert baseline < 1.0 <= 1.1 * baseline
    assert candidate == pytest.approx(1.2 * baseline)
    play(judged, counted(_seconds(1000, 9.0), {}))
    assert judged.thresholds() == first
    judged.step_begins(0)
    baseline, candidate = judged.thresholds()[0, 0]
    assert baseline < 9 <= 1.1 * baseline
    assert candidate == pytest.approx(1.5 * baseline)


def test_amounts_that_are_all_alike_can_be_proven() -> None:
    """Of a price, or of a server that always takes as long."""
    judged = play(trial(_DURATION), counted(_seconds(100, 1.0), _seconds(30, 1.0)))
    baseline, candidate = judged.thresholds()[0, 0]
    assert baseline < 1.0 < candidate
    for place in range(2):
        play(
            judged,
            counted({40: 300}, {0: 100}, process=PROOF, cell=place),
        )
    assert judged.look().proven


def test_an_absolute_margin_is_added_to_the_candidates_threshold() -> None:
    margin = Margin(absolute=0.5)
    judged = trial(replace(_DURATION, statistic=Statistic.P95, margin=margin))
    play(judged, counted(_seconds(100, 1.0), {}))
    ((baseline, candidate),) = judged.thresholds().values()
    assert candidate == pytest.approx(baseline + 0.5)


def test_where_less_is_worse_the_candidates_threshold_lies_below() -> None:
    judged = trial(MetricRule(signal="output_tokens", worse=Worse.LOWER))
    turned_round = FAILED_BIN - 1 - bin_of(100, 1.0)
    play(judged, counted({turned_round: 100}, {}))
    baseline, candidate = judged.thresholds()[0, 0]
    assert 100 <= baseline <= 110
    assert candidate == pytest.approx(0.8 * baseline)


def test_a_distribution_is_proven_at_each_quantile() -> None:
    spread = [_seconds(45, 1.1**place) for place in range(20)]
    baseline = {place: n for bins in spread for place, n in bins.items()}
    judged = play(trial(_DURATION), counted(baseline, _seconds(300, 1.0)))
    median = counted({0: 1500, 40: 1500}, {0: 800, 40: 200}, process=PROOF)
    tail = counted({0: 2850, 40: 150}, {0: 990, 40: 10}, process=PROOF, cell=1)
    assert not play(judged, median).look().proven
    assert play(judged, tail).look().proven


def test_slower_answers_regress_and_what_failed_is_slowest() -> None:
    slow = play(
        trial(_DURATION),
        counted(_seconds(900, 1.0), _seconds(300, 1.0)),
        counted(_seconds(90, 1.0), _seconds(60, 2.0)),
    )
    assert slow.look().regressed[0].candidate == pytest.approx(2.1, rel=0.1)
    failed = counted(_seconds(90, 1.0), {FAILED_BIN: 30})
    assert (
        play(trial(_DURATION), counted(_seconds(900, 1.0), {}), failed).look().regressed
    )


# What is missing


def _defaults(*, streamed: Bins, timed: int = 300) -> Trial:
    """Judge by default metrics; *timed*: keys of each version that came back."""
    rules = (ERRORS, _DURATION, MetricRule(signal="time_to_first_token"))
    listed = design(*rules)
    metrics = tuple(replace(metric, is_default=True) for metric in listed.metrics)
    judged = Trial(replace(listed, metrics=metrics))
    judged.step_begins(2)
    seconds = _seconds(timed, 1.0)
    play(judged, _HEALTHY, _KEYS, counted(seconds, seconds, metric=1))
    for cell, good in enumerate((1000, 1900)):
        keys = {0: good, 40: 2000 - good}, {0: 1950, 40: 50}
        play(judged, counted(*keys, process=PROOF, metric=1, cell=cell))
        play(judged, counted(*keys, process=PROOF, metric=1, cell=cell))
    return play(judged, counted(streamed, streamed, metric=2))


def test_a_default_metric_that_this_traffic_has_not_got_is_left_out_and_told() -> None:
    judged = _defaults(streamed={})
    known = judged.look()
    assert known.proven
    assert known.left_out == ("time_to_first_token",)
    finding = judged.findings()[2]
    assert (finding.is_left_out, finding.verdict) == (True, Verdict.NO_DATA)


def test_failures_alone_do_not_make_answers_streams() -> None:
    assert _defaults(streamed={FAILED_BIN: 2}).look().left_out == (
        "time_to_first_token",
    )


def test_a_default_metric_that_is_there_holds_the_step_until_it_is_proven() -> None:
    known = _defaults(streamed=_seconds(1, 0.3)).look()
    assert (known.proven, known.unproven) == (False, ("time_to_first_token",))


def test_with_few_units_nothing_is_left_out_yet() -> None:
    known = _defaults(streamed={}, timed=149).look()
    assert (known.proven, known.no_data) == (False, ("time_to_first_token",))


def test_where_no_key_comes_twice_nobody_knows_that_there_is_no_first_token() -> None:
    known = _defaults(streamed={}, timed=0).look()
    assert (known.proven, known.left_out) == (False, ())
    assert known.no_data == ("duration", "time_to_first_token")


def test_a_metric_that_was_listed_holds_the_step_without_data() -> None:
    judged = trial(ERRORS, MetricRule(signal="time_to_first_token"))
    known = play(judged, _HEALTHY, _KEYS).look()
    assert (known.proven, known.no_data) == (False, ("time_to_first_token",))
    assert known.left_out == ()


def test_required_segments_that_lack_units_are_named() -> None:
    judged = trial(cells=CELLS, require_segments=(("tenant", "b"),), minimum_units=10)
    few = Counts(in_step=[90, 30], in_cells={2: 9})
    assert play(judged, few).look().short_segments == (("tenant", "b"),)
    assert play(judged, Counts(in_cells={2: 1})).look().short_segments == ()


# Integrity


def test_units_that_do_not_follow_their_coins_make_proof_impossible() -> None:
    judged = play(trial(), _HEALTHY, _KEYS)
    assert judged.look().integrity is None
    known = play(judged, Counts(units={0.25: [3000, 600]})).look()
    assert known.integrity is not None
    assert "600 of 3600 units" in known.integrity
    assert "about 900" in known.integrity
    assert not known.proven


def test_units_that_were_sent_otherwise_are_told_from_units_that_were_lost() -> None:
    sent = play(trial(), _HEALTHY, Counts(came={0.25: [3000, 600]})).look()
    lost = play(trial(), _HEALTHY, Counts(units={0.25: [3000, 600]})).look()
    assert sent.integrity is not None
    assert "600 of 3600 units were sent to the candidate" in sent.integrity
    assert lost.integrity is not None
    assert "lost" in lost.integrity


def test_what_questions_integrity_shares_one_alpha() -> None:
    """Two sample ratios and lost halves: with a half of it, or all, these would ring."""
    split = {0.5: [1098, 902]}
    assert log(2000) < log_beta_binomial(0.5, *split[0.5]) < log(3000)
    lost = CeilingWealth(TOLERATED)
    lost.add(100, 8)
    assert log(1000) < lost.log_e < log(3000)
    fewest = Counts(pairs=[92, 8, 0])
    for counts in (Counts(units=split), Counts(came=split), fewest):
        assert play(trial(), counts).look().integrity is None


# Pairs


def test_pairs_of_which_the_candidate_is_worse_regress() -> None:
    judged = Trial(design(ERRORS, mirrors=True))
    judged.step_begins(2, is_mirrored=True)
    play(judged, paired(100, 0))
    (finding,) = play(judged, paired(60, 40)).look().regressed
    assert finding.is_mirrored
    assert (finding.candidate_units, finding.baseline) == (200, 0.0)
    assert finding.candidate == pytest.approx(0.2)


def test_pairs_prove_where_the_candidate_has_no_weight() -> None:
    judged = Trial(design(ERRORS, _DURATION, mirrors=True))
    judged.step_begins(2, is_mirrored=True)
    play(judged, paired(100, 0))
    known = judged.look()
    assert (known.proven, known.unproven) == (False, ("error_rate",))
    assert known.left_out == ("duration",)
    known = play(judged, paired(3000, 3, failing=15)).look()
    assert known.proven
    assert known.candidate_units == 3103


def test_pairs_have_no_say_where_none_were_planned() -> None:
    judged = play(trial(), paired(100, 0), paired(0, 100))
    assert not judged.look().regressed


def test_pairs_prove_nothing_in_a_step_that_has_a_weight() -> None:
    judged = trial(mirrors=True)
    play(judged, paired(100, 0), paired(3000, 3))
    assert judged.look().unproven == ("error_rate",)


# Ceilings


def test_a_ceiling_that_is_passed_is_told_whatever_the_baseline_does() -> None:
    judged = trial(replace(ERRORS, ceiling=0.05))
    play(judged, _HEALTHY, Counts(ceilings={0: [200, 10]}))
    assert not judged.look().regressed
    (finding,) = play(judged, Counts(ceilings={0: [100, 40]})).look().regressed
    assert finding.is_ceiling
    assert finding.candidate == pytest.approx(50 / 300)
    assert finding.baseline is None


def test_a_quantiles_ceiling_is_one_for_what_lies_beyond_it() -> None:
    slow = replace(_DURATION, statistic=Statistic.P95, ceiling=30.0)
    judged = play(trial(slow), Counts(ceilings={0: [200, 8]}))
    assert not judged.look().regressed
    assert play(judged, Counts(ceilings={0: [100, 30]})).look().regressed


def test_the_ceiling_of_a_mean_goes_by_its_losses() -> None:
    score = MetricRule(
        signal="toxicity", statistic=Statistic.MEAN, worse=Worse.HIGHER, ceiling=0.1
    )
    judged = play(trial(score), counted({4: 1500}, {4: 500}))
    assert not judged.look().regressed
    (finding,) = play(judged, counted({12: 600}, {12: 200})).look().regressed
    assert (finding.is_ceiling, finding.candidate_units) == (True, 700)


# For people


def test_findings_have_every_metric_and_the_segments_that_have_units() -> None:
    judged = trial(ERRORS, _DURATION, cells=CELLS)
    play(judged, _HEALTHY, _KEYS, events((90, 1), (30, 1), cell=1))
    found = judged.findings()
    assert [(f.metric, f.segment) for f in found] == [
        ("error_rate", None),
        ("error_rate", ("tenant", "a")),
        ("duration", None),
    ]
    errors, tenant, duration = found
    assert (errors.verdict, duration.verdict) == (Verdict.SAFE, Verdict.NO_DATA)
    assert tenant.verdict is Verdict.UNDECIDED
    assert tenant.log_proof is None
    assert errors.log_proof is not None
    assert errors.log_proof >= -log(0.05)
    assert errors.log_proof_threshold == pytest.approx(-log(0.05))
    assert errors.low is not None
    assert errors.high is not None
    assert errors.low < 1 < errors.high


def test_attribution_names_what_the_wealth_is_in() -> None:
    judged = trial(ERRORS, MetricRule(signal="refused"), cells=CELLS)
    play(judged, _HEALTHY, events((30, 0), (30, 0), metric=1))
    play(judged, events((90, 1), (60, 50), cell=2))
    assert judged.attribution()[0] == ("error_rate", ("tenant", "b"), None)


# Blocks


def test_bets_of_a_block_know_nothing_of_its_own_counts() -> None:
    """However a block's units are cut into deltas, its wealth is the same."""
    whole, cut = play(trial(), _HEALTHY), play(trial(), _HEALTHY)
    whole.add(events((900, 90), (300, 10)))
    for _ in range(10):
        cut.add(events((90, 9), (30, 1)))
    assert whole.findings()[0].log_e == pytest.approx(cut.findings()[0].log_e)
    assert whole.close_block() == cut.close_block()


def test_a_closed_block_is_what_was_counted_in_it() -> None:
    judged = trial()
    judged.add(_BROKEN)
    judged.add(_KEYS)
    block = judged.close_block()
    assert block.bins == {**_BROKEN.bins, **_KEYS.bins}
    assert judged.close_block() == Counts()


def test_the_weight_may_change_without_the_wealth_beginning_anew() -> None:
    judged = play(trial(), _HEALTHY, events((30, 0), (10, 4)))
    before = judged.findings()[0].log_e
    judged.epoch_begins()
    assert judged.findings()[0].log_e == pytest.approx(before)
    assert not judged.look().regressed
    play(judged, events((90, 0), (90, 20), coin=0.5))
    assert judged.look().regressed


# Keeping


def _everything() -> Trial:
    rules = (
        replace(ERRORS, ceiling=0.2),
        _DURATION,
        MetricRule(signal="s", statistic=Statistic.MEAN, worse=Worse.LOWER),
    )
    judged = Trial(design(*rules, cells=CELLS, mirrors=True))
    judged.step_begins(1)
    play(
        judged,
        _HEALTHY,
        _KEYS,
        paired(100, 0),
        counted(_seconds(900, 1.0), _seconds(300, 1.0), metric=1),
        counted({8: 90, 3: 9}, {8: 30}, metric=2),
        events((90, 1), (30, 3), cell=1, process=5),
        Counts(units={0.25: [300, 100]}, ceilings={0: [30, 1]}, in_cells={1: 3}),
    )
    judged.add(events((90, 3), (30, 3)))
    return judged


def test_a_trial_goes_on_where_it_was_kept() -> None:
    judged = _everything()
    again = Trial.load(judged.design, judged.dump())
    assert again.dump() == judged.dump()
    for _ in range(2):
        for each in (judged, again):
            play(each, _HEALTHY, paired(50, 3), _KEYS)
            each.add(events((90, 3), (30, 3), process=6))
            each.epoch_begins()
        assert again.look() == judged.look()
        assert again.findings() == judged.findings()
        assert again.thresholds() == judged.thresholds()


def test_units_that_came_are_kept() -> None:
    judged = play(trial(), Counts(came={0.25: [3000, 600]}))
    again = Trial.load(judged.design, judged.dump())
    assert again.look() == judged.look()
    assert again.look().integrity is not None


def test_a_trial_of_the_release_before_goes_on_without_units_that_came() -> None:
    """Its format is 2, and it ends where they come now."""
    judged = _everything()
    _, code, block, *rest, _ = msgspec.msgpack.decode(judged.dump(), strict=False)
    before = msgspec.msgpack.encode([2, code, block[:-1], *rest])
    again = Trial.load(judged.design, before)
    assert again.look() == judged.look()
    assert again.findings() == judged.findings()


def test_a_trial_of_an_unknown_format_is_refused() -> None:
    judged = trial()
    kept = msgspec.msgpack.decode(judged.dump())
    for unknown in (1, 4):
        with pytest.raises(ValueError, match="another design"):
            Trial.load(judged.design, msgspec.msgpack.encode([unknown, *kept[1:]]))


def test_a_mirrored_step_is_kept_too() -> None:
    judged = Trial(design(ERRORS, mirrors=True))
    judged.step_begins(2, is_mirrored=True)
    play(judged, paired(100, 0), paired(3000, 3))
    again = Trial.load(judged.design, judged.dump())
    assert again.look() == judged.look()
    assert again.look().proven


def test_what_was_kept_of_another_design_or_is_broken_is_refused() -> None:
    judged = trial()
    with pytest.raises(ValueError, match="another design"):
        Trial.load(design(ERRORS, alpha=0.02), judged.dump())
    with pytest.raises(ValueError, match="cannot be read"):
        Trial.load(judged.design, b"\x93")


def test_processes_have_names_that_are_no_windows() -> None:
    assert max(FRESH, PROOF, PAIRS) < 0
