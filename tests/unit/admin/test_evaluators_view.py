"""What operators are shown of evaluators."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway.admin.judging import evaluators_view
from gateway.analysis.sums import SlicedSum
from gateway.domain.evaluation import Budget, Evaluator, EvaluatorKind, Score
from gateway.domain.price import Price
from gateway.domain.service import Service, Version
from gateway.telemetry.judging import EvaluatorFigures
from gateway.telemetry.traffic import Traffic, VersionTraffic

JUDGE = Evaluator(
    name="judge",
    kind=EvaluatorKind.LLM_JUDGE,
    scores=(Score(name="relevance"),),
    url="http://me:swordfish@h/v1",
    headers=(("authorization", "swordfish"),),
    model="m",
    budget=Budget(tokens_per_hour=1000),
    price=Price(input=1.0, output=2.0),
)
LANE = Service(
    name="chat:v2",
    versions=(Version(name="v1", endpoints=()), Version(name="v2", endpoints=())),
    baseline="v1",
    candidate="v2",
    evaluators=(JUDGE,),
)
FIGURES = EvaluatorFigures(
    results={"judged": 3, "failed": 1, "late": 5},
    failures={"garbage": 1},
    input=120,
    output=7,
    cost=0.25,
    seconds=6.0,
    queued=2,
    tokens_left=873,
    identity="m, rubric 1",
)
TRAFFIC = Traffic(
    versions={
        ("chat", "v1"): VersionTraffic(cost=3.0),
        ("chat", "v2"): VersionTraffic(cost=0.5),
        ("other", "v1"): VersionTraffic(cost=100.0),
    }
)


class _Judging:
    """What judged in the service chat, of which others know nothing."""

    def __init__(self, figures: EvaluatorFigures, before: float = 0.0) -> None:
        self._figures = figures
        self._before = before

    def evaluators(self, service: str) -> Mapping[str, EvaluatorFigures]:
        return {"judge": self._figures} if service == "chat" else {}

    def scores(self, _service: str, _version: str) -> Mapping[str, SlicedSum]:
        return {}

    def worst(self, _service: str) -> Mapping[str, Any]:
        return {}

    def served_before(self, service: str) -> float:
        return self._before if service == "chat" else 0.0


def _view(judging: _Judging, service: Service = LANE) -> dict[str, Any]:
    (one,) = json.loads(json.dumps(evaluators_view(service, judging, TRAFFIC)))
    shown: dict[str, Any] = one
    return shown


def test_an_evaluator_is_shown_with_what_it_took_and_no_secret() -> None:
    """Of a lane it is the service's; the mean is of those that were asked about."""
    one = _view(_Judging(FIGURES))

    assert (one["name"], one["model"], one["identity"]) == ("judge", "m", "m, rubric 1")
    assert one["scores"] == ["judge:relevance"]
    assert one["results"] == {"judged": 3, "failed": 1, "late": 5}
    assert one["seconds_per_verdict"] == pytest.approx(1.5)
    assert one["tokens"] == {"input": 120, "output": 7}
    assert one["budget"] == {
        "tokens_per_hour": 1000,
        "tokens_left": 873,
        "usd_per_hour": None,
        "usd_left": None,
    }
    assert "swordfish" not in str(one)


def test_judging_costs_beside_what_serving_cost_in_the_same_time() -> None:
    """A controller that was restarted counts judging anew, and traffic not."""
    assert _view(_Judging(FIGURES))["serving_cost_usd"] == pytest.approx(3.5)
    later = _view(_Judging(FIGURES, before=3.0))
    assert (later["cost_usd"], later["serving_cost_usd"]) == (0.25, pytest.approx(0.5))
    assert _view(_Judging(FIGURES, before=9.0))["serving_cost_usd"] == pytest.approx(0)


def test_what_nobody_knows_is_nothing() -> None:
    """No price, no cost; nobody asked, no mean."""
    free = replace(LANE, evaluators=(replace(JUDGE, price=None),))
    one = _view(_Judging(EvaluatorFigures()), free)

    assert one["cost_usd"] is one["seconds_per_verdict"] is one["identity"] is None
