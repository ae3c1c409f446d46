"""What /metrics says of evaluators."""

from gateway.telemetry.judging import EvaluatorFigures, judging_metrics


def test_each_evaluator_is_told_of_by_service_and_name() -> None:
    figures = EvaluatorFigures(
        results={"judged": 3, "failed": 1},
        failures={"garbage": 1},
        input=120,
        output=7,
        cost=0.25,
        seconds=1.5,
        queued=2,
        cut=3,
    )

    families = judging_metrics({("chat", "judge"): figures})

    told = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    ours = (("evaluator", "judge"), ("service", "chat"))
    assert told == {
        ("sluicegate_evaluations_total", ours[0], ("result", "judged"), ours[1]): 3,
        ("sluicegate_evaluations_total", ours[0], ("result", "failed"), ours[1]): 1,
        ("sluicegate_evaluation_failures_total", *ours, ("why", "garbage")): 1,
        ("sluicegate_evaluator_tokens_total", *ours, ("type", "input")): 120,
        ("sluicegate_evaluator_tokens_total", *ours, ("type", "output")): 7,
        ("sluicegate_evaluator_cost_usd_total", *ours): 0.25,
        ("sluicegate_evaluation_seconds_total", *ours): 1.5,
        ("sluicegate_evaluator_queued", *ours): 2,
        ("sluicegate_evaluations_cut_total", *ours): 3,
    }
