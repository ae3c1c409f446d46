"""What versions look like, in a metric's own unit."""

from dataclasses import replace
from math import inf, isinf

import pytest

from gateway.analysis.design import Metric
from gateway.analysis.estimates import amount_at, estimates, interval
from gateway.analysis.geometric import FAILED_BIN, bin_of
from gateway.domain.rollout import MetricRule, Statistic, Worse
from tests.unit.analysis.trial_play import ERRORS, design


def _metric(signal: str, statistic: Statistic, worse: Worse = Worse.HIGHER) -> Metric:
    rule = MetricRule(signal=signal, statistic=statistic, worse=worse)
    return design(rule).metrics[0]


_RATE = design(ERRORS).metrics[0]
_SCORE = _metric("score", Statistic.MEAN, Worse.LOWER)
_P95 = _metric("duration", Statistic.P95)


def test_the_baseline_is_weighted_like_the_candidate() -> None:
    """By night 1 % fail, by day 10 %, on both; most of the candidate came by day."""
    by_coin = {
        0.05: ({0: 990, 1: 10}, {0: 99, 1: 1}),
        0.5: ({0: 90, 1: 10}, {0: 810, 1: 90}),
    }
    baseline, candidate = estimates(_RATE, by_coin)
    assert baseline == pytest.approx(candidate)
    assert candidate == pytest.approx(91 / 1000)


def test_without_a_candidate_the_baseline_is_shown_as_it_is() -> None:
    baseline, candidate = estimates(_RATE, {0.05: ({0: 9, 1: 1}, {})})
    assert baseline == pytest.approx(0.1)
    assert candidate is None
    assert estimates(_RATE, {}) == (None, None)


def test_a_score_is_shown_as_a_score() -> None:
    baseline, candidate = estimates(_SCORE, {0.5: ({8: 50}, {10: 50})})
    assert [baseline, candidate] == pytest.approx([0.8, 0.75])
    found = interval(_SCORE, {0.5: ({8: 5000, 6: 5000}, {10: 5000, 12: 5000})})
    assert found is not None
    assert found.low < -0.1 < found.high < 0


def test_a_quantile_is_shown_as_an_amount() -> None:
    fast, slow = bin_of(1.0, 0.001), bin_of(3.0, 0.001)
    baseline, candidate = estimates(_P95, {0.5: ({fast: 100}, {fast: 90, slow: 10})})
    assert baseline == pytest.approx(1.0, rel=0.1)
    assert candidate == pytest.approx(3.0, rel=0.1)


def test_a_quantile_among_failures_is_infinite() -> None:
    _, candidate = estimates(_P95, {0.5: ({5: 100}, {5: 90, FAILED_BIN: 10})})
    assert candidate is not None
    assert isinf(candidate)


def test_amounts_of_which_less_is_worse_are_turned_back() -> None:
    speed = replace(_P95, worse=Worse.LOWER, smallest=1.0)
    turned = FAILED_BIN - 1 - bin_of(40.0, 1.0)
    assert amount_at(speed, turned) == pytest.approx(40.0, rel=0.1)
    assert amount_at(speed, FAILED_BIN) == inf
    half_as_fast = FAILED_BIN - 1 - bin_of(20.0, 1.0)
    found = interval(speed, {0.5: ({turned: 4000}, {half_as_fast: 4000})})
    assert found is not None
    assert found.low < 0.5 < found.high < 0.7


def test_the_interval_of_a_rate_is_a_ratio() -> None:
    found = interval(_RATE, {0.5: ({0: 980, 1: 20}, {0: 900, 1: 100})})
    assert found is not None
    assert 1 < found.low < 5 < found.high
