"""Whatever comes in whatever order: a trial is its counts, however they arrive."""

from collections import deque
from itertools import islice

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.analysis.counts import FRESH, PAIRS, PROOF, Counts, Place
from gateway.analysis.design import LOSS_BINS, Design, Kind
from gateway.analysis.metrics import Surroundings, design_of
from gateway.analysis.trial import Trial
from gateway.domain.rollout import AnalysisPlan, MetricRule, Statistic, Worse
from gateway.domain.units import Seconds
from gateway.domain.verdict import Finding

_RULES = (
    MetricRule(signal="error_rate", ceiling=0.1),
    MetricRule(signal="duration"),
    MetricRule(signal="score", statistic=Statistic.MEAN, worse=Worse.LOWER),
)
_BINS = {Kind.RATE: 2, Kind.MEAN: LOSS_BINS, Kind.DISTRIBUTION: 161}


def _design() -> Design:
    around = Surroundings(
        longest=Seconds(6000.0), cells=(("tenant", "a"),), mirrors=True
    )
    return design_of(AnalysisPlan(metrics=_RULES), around)


_DESIGN = _design()


@st.composite
def _deltas(draw: st.DrawFn) -> Counts:
    counts = Counts()
    for _ in range(draw(st.integers(0, 4))):
        number = draw(st.integers(0, len(_RULES) - 1))
        metric = _DESIGN.metrics[number]
        process = draw(st.sampled_from([FRESH, FRESH, PROOF, PAIRS, 1, 2, 3]))
        coin = 0.0 if process == PAIRS else draw(st.sampled_from([0.05, 0.3, 0.9]))
        cells = len(metric.quantiles) if process == PROOF else 2
        cell = draw(st.integers(0, max(cells - 1, 0)))
        most = LOSS_BINS if process in {PROOF, PAIRS} else _BINS[metric.kind]
        bins = st.dictionaries(st.integers(0, most - 1), st.integers(1, 60), max_size=3)
        counts.bins[Place(process, coin, number, cell)] = (draw(bins), draw(bins))
        counts.units[0.3] = [draw(st.integers(0, 70)), draw(st.integers(0, 30))]
        counts.in_step = [draw(st.integers(0, 70)), draw(st.integers(0, 30))]
        counts.ceilings = {0: [30, draw(st.integers(0, 30))]}
    return counts


_ACTS = st.one_of(
    _deltas(),
    st.sampled_from(["close", "epoch", "look"]),
    st.tuples(st.just("step"), st.sampled_from([None, 0, 2])),
)


def _play(trial: Trial, act: object) -> None:
    match act:
        case Counts():
            trial.add(act)
        case "close":
            trial.close_block()
        case "epoch":
            trial.epoch_begins()
        case ("step", int() | None as rung):
            trial.step_begins(rung)
        case _:
            trial.look()


def _log_es(found: list[Finding]) -> list[float]:
    return [finding.log_e for finding in found]


@settings(max_examples=60, deadline=None)
@given(st.lists(_ACTS, max_size=12), st.integers(0, 12))
def test_a_trial_that_was_kept_in_the_middle_ends_the_same(
    acts: list[object], middle: int
) -> None:
    whole, halved = Trial(_DESIGN), Trial(_DESIGN)
    for place, act in enumerate(acts):
        _play(whole, act)
        _play(halved, act)
        if place == middle:
            halved = Trial.load(_DESIGN, halved.dump())
    assert halved.look() == whole.look()
    assert halved.findings() == whole.findings()
    assert msgspec.msgpack.decode(halved.dump()) == msgspec.msgpack.decode(whole.dump())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_ACTS, st.integers(0, 3)), max_size=12))
def test_what_is_done_in_slices_or_when_it_is_needed_comes_to_the_same(
    acts: list[tuple[object, int]],
) -> None:
    busy, rested = Trial(_DESIGN), Trial(_DESIGN)
    for act, slices in acts:
        _play(busy, act)
        _play(rested, act)
        deque(islice(rested.rest(), slices), maxlen=0)
        assert rested.look() == busy.look()
    assert rested.findings() == busy.findings()
    assert rested.dump() == busy.dump()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_deltas(), max_size=3), max_size=4))
def test_a_block_may_come_in_any_number_of_deltas(blocks: list[list[Counts]]) -> None:
    """As replay does: it has the counts of a block in one piece."""
    lived, replayed = Trial(_DESIGN), Trial(_DESIGN)
    for trial in (lived, replayed):
        trial.step_begins(2)
        trial.window_begins(3)
    for deltas in blocks:
        for delta in deltas:
            lived.add(delta)
            lived.look()
        replayed.add(lived.close_block())
        replayed.close_block()
    assert _log_es(replayed.findings()) == _log_es(lived.findings())
    assert replayed.thresholds() == lived.thresholds()
    one, other = replayed.look(), lived.look()
    assert (one.proven, one.unproven) == (other.proven, other.unproven)
    assert [f.metric for f in one.regressed] == [f.metric for f in other.regressed]
    assert one.no_data == other.no_data
    assert one.candidate_units == other.candidate_units
