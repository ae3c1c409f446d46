"""What `sluicegate status SERVICE` says beyond the table.

Rates, units of evidence, signals, feedback, segments: what there is of them.
The versions stand one below the other, so that they can be compared at a glance.
"""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

from gateway.cli.figures import NOTHING, amount, dollars, duration, rate
from gateway.cli.screen import plain_table
from gateway.cli.views import ServiceView, Slice, Statistics, VersionView

_RATES: Final = {
    "refused": "refused_rate",
    "length": "length_rate",
    "filtered": "content_filter_rate",
    "loops": "degenerate_rate",
    "client error": "client_error_rate",
    "cancelled": "cancel_rate",
}


def detail_of(service: ServiceView) -> Iterator[RenderableType]:
    """Draw the tables of a service, each with a line before it; only what there is."""
    seen = {name: version.statistics for name, version in service.versions.items()}
    tables = [_rates(seen)]
    versions = service.versions
    if any(version.evidence for version in versions.values()):
        tables.append(_evidence(versions))
    if any(one.signals for one in seen.values()):
        tables.append(_signals(seen))
    if any(version.feedback for version in versions.values()):
        tables.append(_feedback(versions))
    tables += _segments(service)
    for table in tables:
        yield Padding(table, (1, 0, 0, 2))


def _rates(seen: dict[str, Statistics]) -> Table:
    numbers = tuple(_RATES)
    table = plain_table("version", *numbers, numbers=numbers)
    for name, one in seen.items():
        table.add_row(name, *(rate(getattr(one, key)) for key in _RATES.values()))
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


def _feedback(versions: dict[str, VersionView]) -> Table:
    numbers = ("given", "mean")
    table = plain_table("feedback", "version", *numbers, numbers=numbers)
    for signal in sorted({name for one in versions.values() for name in one.feedback}):
        label = signal
        for version, one in versions.items():
            if (sums := one.feedback.get(signal)) is not None:
                table.add_row(label, version, str(sums.count), amount(sums.mean))
                label = ""
    return table


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
