"""From a plan to the design of its analysis."""

from typing import Any

import msgspec
import pytest

from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.ladder import LADDER
from gateway.analysis.metrics import (
    Measure,
    Surroundings,
    design_of,
    longest_of,
    mirrors,
)
from gateway.domain.errors import BadConfiguration
from gateway.domain.rollout import (
    AnalysisPlan,
    CountedBy,
    Margin,
    MetricRule,
    OnFailure,
    Pause,
    RolloutPlan,
    SetMirrorRoute,
    SetWeight,
    Statistic,
    Strategy,
    Worse,
)
from gateway.domain.units import Seconds, Share

_DAY = Seconds(86_400.0)
_AROUND = Surroundings(longest=_DAY)


def _design(
    *rules: MetricRule, around: Surroundings = _AROUND, **changes: Any
) -> Design:
    return design_of(AnalysisPlan(metrics=rules, **changes), around)


def _metric(**rule: Any) -> Metric:
    return _design(MetricRule(**rule)).metrics[0]


def test_with_no_metrics_listed_there_are_the_default_ones() -> None:
    design = _design()
    names = [metric.name for metric in design.metrics]
    assert names == [
        "error_rate",
        "client_error_rate",
        "cancel_rate",
        "duration",
        "time_to_first_token",
        "refused",
        "invalid",
    ]
    assert all(metric.is_default for metric in design.metrics)
    shares = {metric.name: metric.share for metric in design.metrics}
    assert shares["error_rate"] == pytest.approx(3 * shares["cancel_rate"])
    assert sum(shares.values()) == pytest.approx(0.9)


def test_default_metrics_are_those_the_service_can_have() -> None:
    plain = Surroundings(longest=_DAY, streams=False, is_read=False)
    names = [metric.name for metric in _design(around=plain).metrics]
    assert names == ["error_rate", "client_error_rate", "cancel_rate", "duration"]


def test_durations_tokens_and_cost_wait_for_the_washout_and_outcomes_do_not() -> None:
    timing = {
        signal: _metric(signal=signal).is_timing
        for signal in ("duration", "cost", "output_tokens", "error_rate")
    }
    assert list(timing.values()) == [True, True, True, False]


def test_a_distribution_must_hold_at_its_median_and_its_tail() -> None:
    metric = _metric(signal="duration")
    assert metric.whole
    assert metric.quantiles == (0.5, 0.95)
    assert metric.margins == LADDER[Kind.DISTRIBUTION]


def test_a_quantile_is_tested_alone() -> None:
    metric = _metric(signal="duration", statistic=Statistic.P99, ceiling=30.0)
    assert (metric.whole, metric.quantiles, metric.ceiling) == (False, (0.99,), 30.0)


def test_a_quantile_of_what_is_worse_when_lower_is_counted_from_the_other_end() -> None:
    metric = _metric(signal="output_tokens", statistic=Statistic.P95, worse=Worse.LOWER)
    assert metric.quantiles == (0.05,)


def test_the_plans_own_margin_is_that_of_every_step() -> None:
    metric = _metric(signal="refused", margin=Margin(relative=0.25, absolute=0.005))
    assert set(metric.margins) == {Margin(relative=0.25, absolute=0.005)}
    assert not metric.is_default


def test_a_signal_with_several_statistics_names_them() -> None:
    design = _design(
        MetricRule(signal="duration", statistic=Statistic.P50),
        MetricRule(signal="duration", statistic=Statistic.P99),
        MetricRule(signal="cost"),
    )
    names = [metric.name for metric in design.metrics]
    assert names == ["duration:p50", "duration:p99", "cost"]


def test_what_the_caller_knows_of_a_signal_is_used() -> None:
    around = Surroundings(
        longest=_DAY, signals={"grounding": Measure(Kind.MEAN, Worse.LOWER)}
    )
    metric = _design(MetricRule(signal="grounding"), around=around).metrics[0]
    assert (metric.kind, metric.worse) == (Kind.MEAN, Worse.LOWER)
    assert metric.margins == LADDER[Kind.MEAN]


def test_a_signal_that_only_the_server_knows_is_what_the_rule_says() -> None:
    metric = _metric(
        signal="tool_depth", statistic=Statistic.DISTRIBUTION, worse=Worse.HIGHER
    )
    assert metric.kind is Kind.DISTRIBUTION


def test_windows_last_ten_minutes_or_a_200th_of_the_plan() -> None:
    short, long = _design(), _design(around=Surroundings(longest=Seconds(4 * _DAY)))
    assert (short.window, short.windows) == (600.0, 145)
    assert (long.window, long.windows) == (1728.0, 201)


def test_the_plans_own_window_is_kept() -> None:
    design = _design(window=Seconds(3600.0))
    assert (design.window, design.windows) == (3600.0, 25)


def test_pairs_have_a_part_only_where_something_is_mirrored() -> None:
    mirrored = Surroundings(longest=_DAY, mirrors=True)
    assert _design().pairs_part == 0
    assert _design(around=mirrored).pairs_part > 0


def test_required_segments_become_cells() -> None:
    around = Surroundings(longest=_DAY, cells=(("tenant", "a"), ("tenant", "b")))
    design = _design(around=around, require_segments=(("tenant", "b"),))
    assert design.required_cells == (2,)
    assert all(len(shares) == 3 for shares in design.cell_shares)


def test_the_plan_says_what_a_unit_is() -> None:
    assert _design(unit=CountedBy.REQUEST).by_request
    assert not _design().by_request


def test_each_answer_has_an_alpha_of_its_own() -> None:
    design = _design(
        MetricRule(signal="error_rate"),
        MetricRule(signal="cost", on_failure=OnFailure.WARN),
    )
    assert [metric.share for metric in design.metrics] == pytest.approx([0.9, 0.9])


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([MetricRule(signal="vibes")], "Nothing is known"),
        (
            [MetricRule(signal="vibes", statistic=Statistic.RATE)],
            "not bad news by itself",
        ),
        ([MetricRule(signal="cost", statistic=Statistic.RATE)], "compared as a dist"),
        ([MetricRule(signal="cost"), MetricRule(signal="cost")], "listed twice"),
        ([MetricRule(signal="cost", margin=Margin())], "margin is 0"),
    ],
)
def test_what_no_analysis_can_be_made_of_is_refused(
    rules: list[MetricRule], says: str
) -> None:
    with pytest.raises(BadConfiguration, match=says):
        _design(*rules)


def test_a_required_segment_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="tenant is c"):
        _design(require_segments=(("tenant", "c"),))


def test_more_comparisons_than_can_be_looked_at_are_refused() -> None:
    cells = tuple(("tenant", str(number)) for number in range(2_000))
    with pytest.raises(BadConfiguration, match="14007 comparisons"):
        _design(around=Surroundings(longest=_DAY, cells=cells))


def test_a_design_can_be_kept_and_comes_back_the_same() -> None:
    design = _design(around=Surroundings(longest=_DAY, cells=(("tenant", "a"),)))
    assert msgspec.json.decode(msgspec.json.encode(design), type=Design) == design


def test_the_longest_a_plan_takes_are_its_timeouts_its_pauses_and_its_bake() -> None:
    plan = RolloutPlan(
        steps=(SetWeight(share=Share(5_000)), Pause(duration=Seconds(60.0)), Pause())
    )
    assert longest_of(plan) == pytest.approx(2 * 86_400 + 60 + 3600)


def test_blue_green_mirrors_and_so_does_a_step_that_says_so() -> None:
    assert not mirrors(RolloutPlan())
    assert mirrors(RolloutPlan(strategy=Strategy.BLUE_GREEN))
    route = SetMirrorRoute(name="shadow", share=Share(20_000))
    assert mirrors(RolloutPlan(steps=(route,)))


THUMBS_UP = {"signal": "feedback:thumbs_up", "statistic": Statistic.RATE}
OF_FEEDBACK = Surroundings(
    longest=_DAY,
    feedback_deadline=Seconds(60.0),
    signals={"feedback:thumbs_up": Measure(Kind.RATE, None)},
)


def test_feedback_is_a_rate_that_is_known_after_the_services_deadline() -> None:
    rule = MetricRule(signal="feedback:thumbs_up", worse=Worse.HIGHER)
    designed = _design(rule, around=OF_FEEDBACK)
    compared = designed.metrics[0]

    assert designed.feedback_deadline == OF_FEEDBACK.feedback_deadline
    assert (compared.kind, compared.is_late, compared.has_pairs) == (
        Kind.RATE,
        True,
        False,
    )
    assert compared.margins == LADDER[Kind.RATE]
    assert not _metric(signal="error_rate").is_late


def test_limits_of_praise_are_of_praise_and_not_of_silence() -> None:
    """Of 4 % that praise, a half is 2 %; of 96 % that do not, a twentieth is all."""
    compared = _metric(**THUMBS_UP, worse=Worse.LOWER)
    silence = 0.96

    passes = [
        1 - silence * (1 + margin.relative) - margin.absolute
        for margin in compared.margins
    ]
    assert passes == pytest.approx([0.02, 0.04 * 2 / 3, 0.04 * 2 / 3, 0.04 * 10 / 11])
    tolerated = compared.tolerance
    edge = 1 - silence * (1 + tolerated.relative) - tolerated.absolute
    assert edge == pytest.approx(0.04 * 0.95 - 0.0005)


def test_a_margin_of_praise_has_its_tolerance_inside() -> None:
    rule = THUMBS_UP | {"worse": Worse.LOWER, "margin": Margin(absolute=0.01)}
    compared = _metric(**rule)

    assert compared.margins[0] == Margin(relative=0.0, absolute=0.01)
    assert compared.tolerance == Margin(relative=0.0, absolute=0.0005)
