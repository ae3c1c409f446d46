"""The outlook on a rollout: keys, hours, and what is impossible."""

from dataclasses import replace

import pytest

from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.expected import Assumed
from gateway.analysis.plan import (
    Outlook,
    Traffic,
    chance_of_nobody,
    outlook,
)
from gateway.analysis.plan_told import tell, told_duration, told_margin
from gateway.domain.rollout import (
    Advance,
    AnalysisPlan,
    Margin,
    OnFailure,
    Pause,
    RolloutPlan,
    SetWeight,
    Strategy,
    Worse,
)
from gateway.domain.units import Seconds, Share

LADDER = (
    Margin(relative=1.0, absolute=0.05),
    Margin(relative=0.5, absolute=0.02),
    Margin(relative=0.5, absolute=0.01),
    Margin(relative=0.1, absolute=0.002),
)
ERRORS = Metric(
    name="error_rate", signal="error_rate", kind=Kind.RATE, share=1.0, margins=LADDER
)
DESIGN = Design(metrics=(ERRORS,), cell_shares=((1.0,),))
PLENTY = Traffic(units_per_hour=10_000.0)
ALIKE = Assumed(exchanges=10)


def ahead(
    plan: RolloutPlan | None = None,
    traffic: Traffic | None = PLENTY,
    design: Design = DESIGN,
) -> Outlook:
    return outlook(plan or RolloutPlan(), design, ALIKE, traffic)


def test_each_step_that_compares_is_looked_at() -> None:
    """Nothing is compared at 100 %."""
    assert [step.share for step in ahead().steps] == [5_000, 25_000, 50_000]


def test_keys_that_have_moved_before_do_not_count_again() -> None:
    """From 5 to 25 %, 20 of 95 % move; they are what comes to the candidate as units."""
    _, second, _ = ahead().steps

    assert second.coin == pytest.approx(0.2 / 0.95)
    assert second.units_per_hour == pytest.approx(2_000)


def test_requests_without_a_key_toss_the_whole_weight_in_each_step() -> None:
    _, second, _ = ahead(traffic=replace(PLENTY, by_request=True)).steps

    assert second.coin == pytest.approx(0.25)
    assert second.units_per_hour == pytest.approx(2_500)


def test_more_traffic_passes_sooner() -> None:
    slow, quick = ahead(traffic=Traffic(units_per_hour=1_000.0)), ahead()

    assert slow.duration is not None
    assert quick.duration is not None
    assert quick.duration < slow.duration


def test_without_traffic_there_are_units_and_no_hours() -> None:
    found = ahead(traffic=None)

    assert found.duration is None
    assert not found.unprovable
    assert all(metric.units for step in found.steps for metric in step.metrics)


def test_forty_tenants_are_too_few_and_the_plan_says_so() -> None:
    found = ahead(traffic=Traffic(units_per_hour=40.0, keys=40))

    assert len(found.unprovable) == 3
    _, last = found.unprovable[-1]
    assert last.smallest is not None
    assert last.smallest.absolute > last.margin.absolute
    text = "\n".join(tell(found, DESIGN, candidate="v2"))
    assert "v2 will not reach 100 % by evidence" in text
    assert "there will be 2." in text


def test_nobody_of_forty_is_on_one_percent_with_two_chances_in_three() -> None:
    assert chance_of_nobody(40, Share(1_000)) == pytest.approx(0.669, abs=0.001)


def test_a_likely_nobody_is_named() -> None:
    plan = RolloutPlan(steps=(SetWeight(share=Share(1_000)),))
    found = ahead(plan, Traffic(units_per_hour=40.0, keys=40))

    ((share, chance),) = found.nobody
    assert share == 1_000
    assert chance == pytest.approx(0.669, abs=0.001)
    assert "67%" in "\n".join(tell(found, DESIGN, candidate="v2"))


def test_a_margin_that_takes_longer_than_the_step_may_is_not_provable() -> None:
    analysis = AnalysisPlan(step_timeout=Seconds(3_600.0))
    slow = Traffic(units_per_hour=300.0)

    found = ahead(RolloutPlan(analysis=analysis), slow)

    assert found.unprovable
    assert ahead(RolloutPlan(), slow).duration is not None


def test_strict_margins_hold_on_the_last_step_that_compares() -> None:
    found = ahead(RolloutPlan(analysis=AnalysisPlan(strict=True)))

    assert [step.metrics[0].margin for step in found.steps] == [
        LADDER[0],
        LADDER[1],
        LADDER[3],
    ]


def test_steps_that_end_by_time_need_no_proof() -> None:
    plan = RolloutPlan(
        advance=Advance.TIME,
        steps=(SetWeight(share=Share(5_000)), Pause(duration=Seconds(600.0))),
    )

    found = ahead(plan, Traffic(units_per_hour=1.0))

    assert not found.unprovable
    assert found.duration == pytest.approx(600.0 + plan.analysis.bake)


def test_a_pause_for_people_is_named() -> None:
    plan = RolloutPlan(steps=(SetWeight(share=Share(5_000)), Pause()))

    assert "not counting pauses" in tell(ahead(plan), DESIGN, candidate="v2")[0]


def test_a_switch_is_watched_beside_what_was_held_back() -> None:
    found = ahead(RolloutPlan(strategy=Strategy.BLUE_GREEN))

    assert [step.share for step in found.steps] == [95_000]
    assert found.steps[0].duration == RolloutPlan().analysis.watch
    assert "the watch, 95 %" in tell(found, DESIGN, candidate="v2")[1]


def test_what_was_held_back_tells_little() -> None:
    """At 95 % a fault takes more units to find than at 5 %."""
    switched = ahead(RolloutPlan(strategy=Strategy.BLUE_GREEN)).steps[0].metrics[0]
    early = ahead().steps[0].metrics[0]

    for late, soon in zip(switched.finds, early.finds, strict=True):
        assert late.units is not None
        assert soon.units is not None
        assert late.units > soon.units


def test_larger_faults_are_found_sooner() -> None:
    for step in ahead().steps:
        units = [find.units for find in step.metrics[0].finds]
        assert units == sorted(units, key=lambda found: -(found or 0))


def test_what_only_warns_holds_no_step() -> None:
    """Its margin could never be proven with this traffic."""
    warning = replace(
        ERRORS,
        name="refusal",
        on_failure=OnFailure.WARN,
        margins=(Margin(relative=0.001),) * 4,
    )
    design = Design(metrics=(ERRORS, warning), cell_shares=((1.0,), (1.0,)))

    found = ahead(design=design)

    assert not found.unprovable
    assert found.duration == ahead().duration


def test_brief_is_a_line_a_step() -> None:
    assert len(tell(ahead(), DESIGN, candidate="v2", is_brief=True)) == 4


@pytest.mark.parametrize(
    ("margin", "kind", "told"),
    [
        (
            Margin(relative=0.5, absolute=0.01),
            Kind.RATE,
            "\N{MULTIPLICATION SIGN}1.5 + 1 pp",
        ),
        (Margin(absolute=0.05), Kind.MEAN, "0.05"),
        (Margin(relative=0.2), Kind.DISTRIBUTION, "\N{MULTIPLICATION SIGN}1.2"),
    ],
)
def test_margins_are_told_as_people_say_them(
    margin: Margin, kind: Kind, told: str
) -> None:
    assert told_margin(margin, kind) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (20, "20 s"),
        (600, "10 min"),
        (5_400, "1.5 h"),
        (50_000, "14 h"),
        (200_000, "2.3 days"),
    ],
)
def test_durations_are_no_more_exact_than_they_are_known(
    seconds: float, told: str
) -> None:
    assert told_duration(Seconds(seconds)) == told


THUMBS = replace(ERRORS, name="feedback:thumbs_down", signal="feedback:thumbs_down")


def late(
    *, hours: float = 24.0, timeout: float = 86_400.0, metric: Metric = THUMBS
) -> tuple[Outlook, str]:
    """Look ahead at a plan with a metric of feedback; and in words."""
    design = replace(
        DESIGN,
        metrics=(metric,),
        feedback_deadline=Seconds(hours * 3600),
    )
    plan = RolloutPlan(analysis=AnalysisPlan(step_timeout=Seconds(timeout)))
    seen = ahead(plan, design=design)
    return seen, "\n".join(tell(seen, design, candidate="v2"))


def test_a_step_waits_for_feedbacks_deadline() -> None:
    seen, told = late(hours=2)

    assert not seen.unprovable
    assert all(step.duration and step.duration > 7_200 for step in seen.steps)
    assert seen.steps[0].metrics[0].known_after == Seconds(7_200)
    assert all(find.duration > 7_200 for find in seen.steps[0].metrics[0].finds)  # type: ignore[operator]
    assert "feedback:thumbs_down: known 2.0 h after each answer" in told
    assert "No step passes before that." in told


def test_feedback_that_is_known_after_the_steps_timeout_proves_nothing() -> None:
    """Both are a day, unless somebody says otherwise; whatever the traffic is."""
    seen, told = late()

    assert len(seen.unprovable) == len(seen.steps)
    assert "v2 will not reach 100 % by evidence with this plan." in told
    assert "Write a longer step_timeout or a shorter feedback.deadline." in told
    assert not late(timeout=90_000.0 + 86_400.0)[0].unprovable


def test_feedback_that_only_warns_holds_no_step() -> None:
    seen, told = late(metric=replace(THUMBS, on_failure=OnFailure.WARN))

    assert seen.steps[0].metrics == ()
    assert "known" not in told


def test_of_praise_it_is_asked_when_its_end_would_be_found() -> None:
    praise = replace(
        THUMBS, worse=Worse.LOWER, tolerance=Margin(relative=-0.05, absolute=0.0505)
    )
    found = late(metric=praise)[0].steps[0].metrics[0].finds

    assert [find.fault for find in found] == ["none of it any more"]
    assert found[0].units is not None


def switching(holdback: int, reverse: int, watch: float = 600.0) -> Outlook:
    """Look ahead at a blue-green plan, with a part of alpha for pairs."""
    analysis = AnalysisPlan(holdback=Share(holdback), watch=Seconds(watch))
    plan = RolloutPlan(
        strategy=Strategy.BLUE_GREEN, analysis=analysis, reverse_mirror=Share(reverse)
    )
    return ahead(plan, design=replace(DESIGN, pairs_part=0.25))


def test_a_switch_that_keeps_nothing_back_is_found_out_by_pairs_or_not_at_all() -> None:
    """With nothing to toss there is no step that compares; and it says so."""
    told = tell(switching(0, 10_000), DESIGN, candidate="v2")
    assert told[0] == "An equal v2 reaches 100 % after about 10 min."
    assert told[1].startswith(
        "the watch, by reversed pairs: copies of 10 % of the requests to v2"
    )
    assert "not protected by alpha" in tell(switching(0, 0), DESIGN, candidate="v2")[-1]
    assert "over at once" in tell(switching(0, 0, 0.0), DESIGN, candidate="v2")[-1]
    both = tell(switching(5_000, 10_000), DESIGN, candidate="v2", is_brief=True)
    assert [line[:13] for line in both[1:]] == ["the watch, 95", "the watch, by"]


def test_worse_faults_are_found_by_fewer_pairs() -> None:
    often, tenth, everything = [find.pairs for find in switching(0, 1).after.finds]
    assert often and tenth and everything
    assert often > tenth > everything > 1


def test_of_several_candidates_each_is_tossed_in_its_lane() -> None:
    """20 % of the service come to it, by a coin of 40 % in a half of the keys."""
    plan = RolloutPlan(
        strategy=Strategy.AB,
        steps=(SetWeight(share=Share(20_000)),),
        lanes=("A", "B"),
    )

    [step] = ahead(plan).steps

    assert step.share == 20_000
    assert step.coin == pytest.approx(0.4)
    assert step.units_per_hour == pytest.approx(2_000)
