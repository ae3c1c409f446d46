"""What /metrics says of rollouts."""

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry, Metric

from gateway.domain.rollout import Phase
from gateway.telemetry.rollouts import rollout_metrics
from gateway.telemetry.traffic import RolloutFigures

ON = RolloutFigures(
    phase="progressing",
    step=2,
    log_evalues={"error_rate": -0.5, "duration": 9.25},
    rollbacks={"error_rate": 3},
)


class _Collector:
    def __init__(self, figures: dict[str, RolloutFigures]) -> None:
        self._figures = figures

    def collect(self) -> list[Metric]:
        return list(rollout_metrics(self._figures))


def _scraped(**figures: RolloutFigures) -> list[str]:
    registry = CollectorRegistry()
    registry.register(_Collector(figures))
    return generate_latest(registry).decode().splitlines()


def test_one_phase_is_one_and_all_others_are_nothing() -> None:
    lines = [line for line in _scraped(chat=ON) if "rollout_phase{" in line]

    assert len(lines) == len(Phase) + 1
    assert [line for line in lines if line.endswith(" 1.0")] == [
        'sluicegate_rollout_phase{phase="progressing",service="chat"} 1.0'
    ]


def test_a_killed_rollout_is_in_no_other_phase() -> None:
    killed = RolloutFigures(phase="killed", step=0, log_evalues={}, rollbacks={})

    lines = [line for line in _scraped(chat=killed) if line.endswith(" 1.0")]

    assert lines == ['sluicegate_rollout_phase{phase="killed",service="chat"} 1.0']


def test_steps_evidence_and_rollbacks_have_the_names_of_the_contract() -> None:
    lines = _scraped(chat=ON)

    assert 'sluicegate_rollout_step{service="chat"} 2.0' in lines
    assert (
        'sluicegate_analysis_log_evalue{metric="duration",service="chat"} 9.25' in lines
    )
    assert (
        'sluicegate_analysis_log_evalue{metric="error_rate",service="chat"} -0.5'
        in lines
    )
    assert 'sluicegate_rollbacks_total{metric="error_rate",service="chat"} 3.0' in lines


def test_every_service_has_its_own() -> None:
    other = RolloutFigures(phase="idle", step=0, log_evalues={}, rollbacks={})

    lines = _scraped(chat=ON, other=other)

    assert 'sluicegate_rollout_phase{phase="idle",service="other"} 1.0' in lines
    assert 'sluicegate_rollout_step{service="other"} 0.0' in lines


def test_without_rollouts_there_are_names_and_no_figures() -> None:
    assert [line for line in _scraped() if not line.startswith("#")] == []
