"""What /metrics says of rollouts."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.domain.rollout import Phase
from gateway.telemetry import names
from gateway.telemetry.traffic import RolloutFigures

KILLED: Final = "killed"
_PHASES: Final = (*(phase.value for phase in Phase), KILLED)


def rollout_metrics(rollouts: Mapping[str, RolloutFigures]) -> Iterator[Metric]:
    """Give the families of all services' rollouts."""
    phases = GaugeMetricFamily(
        names.ROLLOUT_PHASE,
        "1 for where the rollout stands, 0 for everything else.",
        labels=("service", "phase"),
    )
    steps = GaugeMetricFamily(
        names.ROLLOUT_STEP,
        "Number of the step; 0 before the first.",
        labels=("service",),
    )
    evalues = GaugeMetricFamily(
        names.LOG_EVALUE,
        "Natural log of the evidence that the candidate is worse, over all segments.",
        labels=("service", "metric"),
    )
    rollbacks = CounterMetricFamily(
        names.ROLLBACKS,
        "Rollbacks since the controller started, by the metric that caused them.",
        labels=("service", "metric"),
    )
    for service, figures in rollouts.items():
        for phase in _PHASES:
            phases.add_metric([service, phase], float(phase == figures.phase))
        steps.add_metric([service], figures.step)
        for metric, log_evalue in figures.log_evalues.items():
            evalues.add_metric([service, metric], log_evalue)
        for metric, count in figures.rollbacks.items():
            rollbacks.add_metric([service, metric], count)
    yield from (phases, steps, evalues, rollbacks)
