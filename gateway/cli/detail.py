"""What `sluicegate status SERVICE` says beyond the table.

Rates, units of evidence, signals, feedback, scores, evaluators, segments: what there is.
The versions stand one below the other, so that they can be compared at a glance.
"""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

from gateway.cli.figures import NOTHING, amount, dollars, duration, many, rate
from gateway.cli.judging_views import BudgetView, EvaluatorView
from gateway.cli.screen import plain_table
from gateway.cli.views import (
    ServiceView,
    SignalView,
    Slice,
    Statistics,
    VersionView,
)

_RATES: Final = {
    "refused": "refused_rate",
    "length": "length_rate",
    "filtered": "content_filter_rate",
    "loops": "degenerate_rate",
    "client error": "client_error_rate",
    "cancelled": "cancel_rate",
}

_LET_GO: Final = ("late", "no_room", "no_budget")
"""Results of samples that nobody was asked about, though there was an answer."""


def detail_of(service: ServiceView) -> Iterator[RenderableType]:
    """Draw the tables of a service, each with a line before it; only what there is."""
    seen = {name: version.statistics for name, version in service.versions.items()}
    tables = [_rates(seen)]
    versions = service.versions
    if any(_is_worth_telling(version) for version in versions.values()):
        tables.append(_endpoints(versions))
    if any(version.evidence for version in versions.values()):
        tables.append(_evidence(versions))
    if any(one.signals for one in seen.values()):
        tables.append(_signals(seen))
    if any(version.feedback for version in versions.values()):
        feedback = {name: version.feedback for name, version in versions.items()}
        tables.append(_means("feedback", "given", feedback))
    if any(version.scores for version in versions.values()):
        scores = {name: version.scores for name, version in versions.items()}
        tables.append(_means("score", "judged", scores))
    if service.evaluators:
        tables += [_judging(service.evaluators), _costs(service.evaluators)]
    tables += _segments(service)
    for table in tables:
        yield Padding(table, (1, 0, 0, 2))


def _rates(seen: dict[str, Statistics]) -> Table:
    numbers = tuple(_RATES)
    table = plain_table("version", *numbers, numbers=numbers)
    for name, one in seen.items():
        table.add_row(name, *(rate(getattr(one, key)) for key in _RATES.values()))
    return table


def _is_worth_telling(version: VersionView) -> bool:
    """Whether there is more to say of a version's endpoints than that there is one."""
    seen = version.endpoint_health
    is_checked = any(one.healthy is not None for one in seen)
    return len(seen) > 1 or is_checked or any(one.state != "up" for one in seen)


def _endpoints(versions: dict[str, VersionView]) -> Table:
    table = plain_table("endpoints of", "address", "state", "health check", "workers")
    for name, version in versions.items():
        label = name
        for one in version.endpoint_health:
            where = f"{one.url} ({one.address})" if one.address else one.url
            checked = {None: NOTHING, True: "passes", False: "fails"}[one.healthy]
            left = one.back_in_seconds
            state = one.state if left is None else f"{one.state}, {left:.0f} s left"
            workers = ", ".join(f"{n} {what}" for what, n in one.workers.items())
            table.add_row(label, where, state, checked, workers)
            label = ""
    return table


def _evidence(versions: dict[str, VersionView]) -> Table:
    has_pairs = any(one.evidence and one.evidence.pairs for one in versions.values())
    columns = ("units of evidence", "mirrored pairs")[: 1 + has_pairs]
    table = plain_table("version", *columns, numbers=columns)
    for name, version in versions.items():
        counted = version.evidence
        numbers = [NOTHING, NOTHING]
        if counted is not None:
            numbers = [str(counted.units), str(counted.pairs)]
        table.add_row(name, *numbers[: len(columns)])
    return table


def _means(what: str, counted: str, seen: dict[str, dict[str, SignalView]]) -> Table:
    """Draw counts and means of what was told of answers, by version."""
    numbers = (counted, "mean")
    table = plain_table(what, "version", *numbers, numbers=numbers)
    for signal in sorted({name for by_signal in seen.values() for name in by_signal}):
        label = signal
        for version, by_signal in seen.items():
            if (sums := by_signal.get(signal)) is not None:
                table.add_row(label, version, str(sums.count), amount(sums.mean))
                label = ""
    return table


def _judging(evaluators: list[EvaluatorView]) -> Table:
    numbers = ("judged", "failed", "let go", "queued", "for each")
    table = plain_table("evaluator", *numbers, numbers=numbers)
    for one in evaluators:
        results = one.results
        table.add_row(
            one.name,
            str(results.get("judged", 0)),
            str(results.get("failed", 0)),
            str(sum(results.get(each, 0) for each in _LET_GO)),
            str(one.queued),
            duration(one.seconds_per_verdict),
        )
    return table


def _costs(evaluators: list[EvaluatorView]) -> Table:
    """Draw what judging took, beside what serving cost in the same time."""
    numbers = ("tokens", "cost", "cost of serving", "left this hour")
    table = plain_table("evaluator", *numbers, numbers=numbers)
    for one in evaluators:
        tokens = one.tokens
        table.add_row(
            one.name,
            many(tokens.input + tokens.output),
            NOTHING if one.cost_usd is None else dollars(one.cost_usd),
            dollars(one.serving_cost_usd),
            _left(one.budget),
        )
    return table


def _left(budget: BudgetView) -> str:
    """Say what is left of an hour's budget: of money, or else of tokens."""
    if budget.usd_left is not None:
        return f"${budget.usd_left:.2f}"
    left = budget.tokens_left
    return NOTHING if left is None else f"{many(left)} tokens"


def _signals(seen: dict[str, Statistics]) -> Table:
    numbers = ("measured", "mean", "sd")
    table = plain_table("signal", "version", *numbers, numbers=numbers)
    for signal in sorted({name for one in seen.values() for name in one.signals}):
        label = signal
        for version, one in seen.items():
            if (sums := one.signals.get(signal)) is not None:
                figures = str(sums.count), amount(sums.mean), amount(sums.sd)
                table.add_row(label, version, *figures)
                label = ""
    return table


def _segments(service: ServiceView) -> Iterator[Table]:
    versions = service.versions
    for segment in dict.fromkeys(
        name for version in versions.values() for name in version.segments
    ):
        slices = {
            name: version.segments.get(segment, {})
            for name, version in versions.items()
        }
        if any(slices.values()):
            yield _segment(segment, slices)


def _segment(segment: str, slices: dict[str, dict[str, Slice]]) -> Table:
    numbers = ("requests", "errors", "p50", "p95", "1st token", "cost")
    table = plain_table(segment, "version", *numbers, numbers=numbers)
    values = dict.fromkeys(value for by_value in slices.values() for value in by_value)
    for value in values:
        label = value
        for version, by_value in slices.items():
            if (one := by_value.get(value)) is not None:
                table.add_row(label, version, *_figures(one))
                label = ""
    return table


def _figures(one: Slice) -> tuple[str, ...]:
    return (
        str(one.requests),
        rate(one.error_rate),
        duration(one.duration_seconds.p50),
        duration(one.duration_seconds.p95),
        duration(one.time_to_first_token_seconds.p50),
        dollars(one.cost_usd),
    )
