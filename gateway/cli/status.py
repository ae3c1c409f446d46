"""`sluicegate status`: how every service is split and how its versions do."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.admin_api import DEFAULT_URL
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from gateway.cli.views import ServiceView


def status(
    service: Annotated[
        str | None, typer.Argument(help="One service; all without.", show_default=False)
    ] = None,
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Show what protects each service, its weights, and how its versions answer."""
    from gateway.cli.screen import print_json, screen
    from gateway.cli.views import AllServices, ServiceView, read

    api = admin_api(admin, ca)
    answer = api.services() if service is None else api.service(service)
    if as_json:
        print_json(answer)
    elif service is None:
        every = read(AllServices, answer)
        screen().print(*warned(every.warnings), status_of(every.services), sep="\n")
    else:
        from gateway.cli.detail import detail_of

        view = read(ServiceView, answer)
        screen().print(status_of([view]), *detail_of(view))


def warned(warnings: "Iterable[str]") -> "Iterator[str]":
    """Draw what people should know before all else."""
    from rich.markup import escape

    for warning in warnings:
        yield f"[bold]warning:[/] {escape(warning)}"


def status_of(services: "Iterable[ServiceView]") -> "RenderableType":
    """Draw a heading and a table for each service."""
    from rich.console import Group
    from rich.markup import escape
    from rich.padding import Padding

    from gateway.cli.figures import age

    parts: list[RenderableType] = []
    for service in services:
        parts += [""] if parts else []
        last = age(service.evidence_age_seconds)
        title = f"[bold]{escape(service.name)}[/]  protection: {service.protection}"
        parts.append(f"{title}  last evidence: {last}")
        parts += [f"  {escape(line)}" for line in _rollouts(service)]
        parts += [f"  {escape(line)}" for line in _standbys(service)]
        parts.append(Padding(_versions(service), (0, 0, 0, 2)))
    return Group(*parts)


def _rollouts(service: "ServiceView") -> "Iterator[str]":
    """Say where its rollout stands, or those of several candidates."""
    named = [("rollout", service.rollout)]
    named += [(lane.candidate, lane.rollout) for lane in service.lanes]
    for name, rollout in named:
        if rollout is not None and rollout.attempt:
            yield f"{name}: {rollout.line()}"
            if service.lanes:
                yield f"protection: {rollout.protection}"
            if rollout.compared is not None:
                yield rollout.compared
            yield f"last: {rollout.cause or 'nothing'}"
            if rollout.shortage is not None:
                yield f"waits in vain: {rollout.shortage}"


def _standbys(service: "ServiceView") -> "Iterator[str]":
    """Say what failed over, and what a guard diverts, with the baseline beside it."""
    baseline = service.versions.get(service.baseline)
    age = None if baseline is None else baseline.standby.answered_seconds_ago
    for name, version in service.versions.items():
        line = version.standby.line(name, service.baseline, age)
        if line is not None:
            yield line


def _versions(service: "ServiceView") -> "Table":
    from gateway.cli.figures import dollars, duration, percent, rate, speed
    from gateway.cli.screen import plain_table

    weights = _weights(service)
    has_room = len(weights) == 1  # in 80 columns
    length = ("p50",) if has_room else ()
    numbers = (*weights, "requests", "errors", *length, "1st token", "tok/s", "cost")
    table = plain_table("version", *numbers, numbers=numbers)
    for name, version in service.versions.items():
        seen = version.statistics
        table.add_row(
            name,
            *(percent(by_version.get(name)) for by_version in weights.values()),
            str(seen.requests),
            rate(seen.error_rate),
            *([duration(seen.duration_seconds.p50)] if has_room else []),
            duration(seen.time_to_first_token_seconds.p50),
            speed(seen.tokens_per_second),
            dollars(seen.cost_usd),
        )
    return table


def _weights(service: "ServiceView") -> dict[str, dict[str, float]]:
    """Give the columns of weights: one, unless what is desired is not in force."""
    effective = {name: version.weight for name, version in service.versions.items()}
    if effective == service.weights:
        return {"weight": effective}
    return {"desired": service.weights, "effective": effective}
