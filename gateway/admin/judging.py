"""Judging as operators see it: the evaluators, and the worst examples that are kept."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from gateway.admin.errors import json_response
from gateway.admin.ports import Example, Judging, Ports
from gateway.admin.statistics import Json
from gateway.admin.times import iso
from gateway.domain.errors import Refused
from gateway.domain.evaluation import Evaluator
from gateway.domain.service import Service
from gateway.telemetry.judging import EvaluatorFigures
from gateway.telemetry.traffic import Traffic

_ASKED: Final = ("judged", "failed")
"""Results of those samples that a judge was asked about."""


def evaluators_view(service: Service, judging: Judging, traffic: Traffic) -> list[Json]:
    """Show what each evaluator has done since the gateway started."""
    figures = judging.evaluators(service.known_as)
    serving = _serving_cost(service, judging, traffic)
    return [
        {
            **_evaluator(evaluator, figures.get(evaluator.name, EvaluatorFigures())),
            "serving_cost_usd": serving,
        }
        for evaluator in service.evaluators
    ]


def _evaluator(evaluator: Evaluator, told: EvaluatorFigures) -> Json:
    asked = sum(told.results.get(result, 0) for result in _ASKED)
    limit = evaluator.budget
    return {
        "name": evaluator.name,
        "kind": evaluator.kind.value,
        "model": evaluator.model or None,
        "identity": told.identity or None,
        "scores": [evaluator.signal(score.name) for score in evaluator.scores],
        "sample": evaluator.sample,
        "results": dict(sorted(told.results.items())),
        "failures": dict(sorted(told.failures.items())),
        "queued": told.queued,
        "cut": told.cut,
        "seconds_per_verdict": told.seconds / asked if asked else None,
        "tokens": {"input": told.input, "output": told.output},
        "cost_usd": None if evaluator.price is None else told.cost,
        "budget": {
            "tokens_per_hour": limit.tokens_per_hour,
            "tokens_left": told.tokens_left,
            "usd_per_hour": limit.usd_per_hour,
            "usd_left": told.usd_left,
        },
    }


def _serving_cost(service: Service, judging: Judging, traffic: Traffic) -> float:
    """Give what serving has cost for as long as judging is counted, all versions."""
    name = service.known_as
    total = sum(traffic.of(name, version.name).cost for version in service.versions)
    return max(total - judging.served_before(name), 0.0)


class Examples:
    """The handler of /api/v1/services/{service}/examples.

    Args:
        ports: See Ports.

    """

    def __init__(self, ports: Ports) -> None:
        self._gate = ports.gate
        self._judging = ports.judging

    async def show(self, request: web.Request) -> web.Response:
        """GET /api/v1/services/{service}/examples: texts, so for operators only."""
        service = self._gate.lanes(request.match_info["service"])[0].service
        name = service.known_as
        if not service.evaluators:
            raise Refused(
                404,
                f"Nobody judges the answers of {name}.",
                remedy="Give it `evaluators`; see config/README.md.",
            )
        if not service.sampling.keep_worst:
            raise Refused(
                404,
                f"No examples of {name} are kept.",
                remedy="Write `samples: {keep_worst: 5}` at the service, and reload:"
                " then texts stay in memory, and operators see them here.",
            )
        worst = self._judging.worst(name)
        return json_response({"service": name, "versions": _versions(worst)})


def _versions(worst: Mapping[str, Mapping[str, Sequence[Example]]]) -> Json:
    return {
        version: {
            signal: [_example(each) for each in examples]
            for signal, examples in sorted(by_signal.items())
        }
        for version, by_signal in sorted(worst.items())
    }


def _example(example: Example) -> Json:
    texts = example.texts
    return {
        "at": iso(example.at),
        "value": example.value,
        "said": example.said,
        "prompt": texts.prompt,
        "context": list(texts.context),
        "reference": texts.reference,
        "answer": texts.answer,
        "is_cut": texts.is_cut,
    }
