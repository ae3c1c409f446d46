"""Evaluators in /metrics: what they judged, and what that took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.telemetry import names


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorFigures:
    """One evaluator, in numbers, since the gateway started.

    Attributes:
        results: Samples by what became of them (evaluators.bench.Result).
        failures: Of those that failed, by why (evaluators.evaluator.Why).
        input: Tokens it read.
        output: Tokens it wrote.
        cost: USD, by its price; 0.0 without one.
        seconds: Spent waiting for verdicts, together.
        queued: Samples that wait now.
        cut: Those judged that were shown shortened.
        tokens_left: Of this hour's budget; None: there is none.
        usd_left: The same in USD.
        identity: What decides how it judges: with another one, scores do not compare.

    """

    results: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    input: int = 0
    output: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    queued: int = 0
    cut: int = 0
    tokens_left: int | None = None
    usd_left: float | None = None
    identity: str = ""


Evaluators = Mapping[tuple[str, str], EvaluatorFigures]
"""By service and evaluator."""


def judging_metrics(evaluators: Evaluators) -> Iterator[Metric]:
    """Write what each evaluator has done."""
    by = ("service", "evaluator")
    results = CounterMetricFamily(
        names.EVALUATIONS, "Samples, by what became of them.", labels=(*by, "result")
    )
    failures = CounterMetricFamily(
        names.EVALUATION_FAILURES,
        "Samples that an evaluator failed to judge, by why.",
        labels=(*by, "why"),
    )
    tokens = CounterMetricFamily(
        names.EVALUATOR_TOKENS, "Tokens that judging took.", labels=(*by, "type")
    )
    cost = CounterMetricFamily(
        names.EVALUATOR_COST, "What judging cost, in USD.", labels=by
    )
    seconds = CounterMetricFamily(
        names.EVALUATION_SECONDS, "Time spent waiting for verdicts.", labels=by
    )
    queued = GaugeMetricFamily(
        names.EVALUATOR_QUEUED, "Samples that wait to be judged.", labels=by
    )
    cut = CounterMetricFamily(
        names.EVALUATIONS_CUT,
        "Samples judged of which a judge was shown less than there was.",
        labels=by,
    )
    for labels, figures in sorted(evaluators.items()):
        for result, count in sorted(figures.results.items()):
            results.add_metric([*labels, result], count)
        for why, count in sorted(figures.failures.items()):
            failures.add_metric([*labels, why], count)
        tokens.add_metric([*labels, "input"], figures.input)
        tokens.add_metric([*labels, "output"], figures.output)
        cost.add_metric(labels, figures.cost)
        seconds.add_metric(labels, figures.seconds)
        queued.add_metric(labels, figures.queued)
        cut.add_metric(labels, figures.cut)
    yield from (results, failures, tokens, cost, seconds, queued, cut)
