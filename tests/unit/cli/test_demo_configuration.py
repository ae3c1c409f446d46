"""What the demo's gateway runs on: a release like any other, but for shorter waits."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.cli.demo.script import FAST, FULL, JUDGED, METRICS
from gateway.domain.rollout import AnalysisPlan
from gateway.domain.service import Service
from gateway.domain.units import Seconds
from tests.unit.cli.demo_scenes import configured


def _service(act: int) -> Service:
    (service,) = configured(act).services
    return service


@pytest.mark.parametrize("act", [0, 1])
def test_nothing_but_waiting_is_other_than_by_default(act: int) -> None:
    """No cheating with the statistics: alpha, beta, margins, washout, minimum units."""
    plan = _service(act).rollout
    assert plan is not None
    waits: dict[str, Any] = {
        name: Seconds(0.0)
        for name in ("dwell", "closes_after", "grace", "bake", "step_timeout")
    }
    usual = replace(AnalysisPlan(), metrics=plan.analysis.metrics, **waits)
    assert replace(plan.analysis, **waits) == usual
    assert [rule.signal for rule in plan.analysis.metrics] == list(METRICS)
    assert all(rule.margin is None for rule in plan.analysis.metrics)
    assert {rule.importance for rule in plan.analysis.metrics} == {1.0}


@pytest.mark.parametrize(("act", "pair"), [(0, ("v1", "v2")), (1, ("v2", "v3"))])
def test_each_act_releases_its_candidate(act: int, pair: tuple[str, str]) -> None:
    """The second begins where the first has ended; all three versions stay."""
    service = _service(act)
    assert (service.baseline, service.candidate) == pair
    assert [version.name for version in service.versions] == ["v1", "v2", "v3"]


def test_the_short_script_has_the_acts_of_the_full_one() -> None:
    """So that what is tested is what is shown."""
    assert FAST.acts == FULL.acts
    assert FAST.steps[-1] == FULL.steps[-1] == 100


def test_one_judge_reads_everybody_s_answers_and_guards_the_release() -> None:
    """The users whose answers are not read would be waited for, and there is no time."""
    service = _service(1)
    (judge,) = service.evaluators
    assert [judge.signal(score.name) for score in judge.scores] == [JUDGED]
    assert judge.sample >= 1
    assert judge.price is not None
