"""From a service and its plan to the design of its analysis."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.analysis.design import Design
from gateway.analysis.design import Kind as Compared
from gateway.analysis.metrics import (
    MEASURES,
    Measure,
    Surroundings,
    design_of,
    longest_of,
    mirrors,
)
from gateway.answers.signal import Kind
from gateway.domain.rollout import RolloutPlan
from gateway.domain.service import Service
from gateway.settings.guards import Measured, measured_by

_COMPARED: Final[Mapping[Kind, Compared]] = {
    Kind.FLAG: Compared.RATE,
    Kind.SCORE: Compared.MEAN,
    Kind.AMOUNT: Compared.DISTRIBUTION,
}


def design_for(service: Service, plan: RolloutPlan) -> Design:
    """Design the analysis of *plan* for *service*.

    Raises:
        BadConfiguration: See metrics.design_of.

    """
    measured = measured_by(service)
    return design_of(
        plan.analysis,
        Surroundings(
            signals=dict(_signals(measured, plan)) | dict(_scores(service)),
            cells=tuple(
                (segment.name, label)
                for segment in service.segments
                for label in segment.labels
            ),
            streams=measured.is_read,
            is_read=measured.is_read,
            longest=longest_of(plan),
            mirrors=mirrors(plan),
            feedback_deadline=service.feedback.deadline,
            evaluators=service.evaluators,
        ),
    )


def _signals(measured: Measured, plan: RolloutPlan) -> Iterator[tuple[str, Measure]]:
    """Give what is known of the plan's signals that every service does not have."""
    for rule in plan.analysis.metrics:
        known = measured.measure(rule.signal)
        if rule.signal not in MEASURES and known is not None and known.kind is not None:
            yield rule.signal, Measure(_COMPARED[known.kind], known.worse)


def _scores(service: Service) -> Iterator[tuple[str, Measure]]:
    """Give what is known of the scores of a service's evaluators."""
    for evaluator in service.evaluators:
        for score in evaluator.scores:
            kind = Compared.RATE if score.is_flag else Compared.MEAN
            yield evaluator.signal(score.name), Measure(kind, score.worse)
