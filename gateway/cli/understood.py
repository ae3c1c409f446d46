"""A configuration as the gateway understood it; secrets are left out."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from gateway.cli.screen import plain_table
from gateway.cli.understood_tls import as_json, in_words
from gateway.domain.deployment import (
    AccessLog,
    Deployment,
    StateAddress,
    Telemetry,
)
from gateway.domain.service import (
    DialectChoice,
    Service,
    StickySource,
    UsageRule,
    Version,
)
from gateway.domain.units import BUCKETS, Share, percent_from_share


def as_document(deployment: Deployment) -> dict[str, object]:
    """Give the deployment as JSON values."""
    return {
        "listen": [str(address) for address in deployment.listen],
        "tls": [as_json(tls) for tls in deployment.listen_tls],
        "admin": {
            "listen": str(deployment.admin.listen),
            "tls": as_json(deployment.admin.tls),
            "tokens": [token.name for token in deployment.admin.tokens],
        },
        "workers": deployment.workers,
        "state": _state(deployment.state),
        "access_log": _access_log(deployment.access_log),
        "otlp": _collector(deployment.telemetry),
        "services": [_service_document(service) for service in deployment.offered],
    }


def as_tables(deployment: Deployment, *, source: str) -> RenderableType:
    """Give the deployment as tables for people."""
    return Group(
        f"{escape(source)} is valid.",
        "",
        _around(deployment),
        *(_service(service) for service in deployment.offered),
    )


def _service_document(service: Service) -> dict[str, object]:
    return {
        "name": service.known_as,
        "baseline": service.baseline,
        **_candidates(service),
        "weights": {
            version.name: _percent(service, version) for version in service.versions
        },
        "versions": {
            version.name: [endpoint.url for endpoint in version.endpoints]
            for version in service.versions
        },
        "prices": {
            version.name: asdict(version.price)
            for version in service.versions
            if version.price is not None
        },
        "hosts": list(service.match.hosts),
        "paths": list(service.match.paths),
        "unsplit": list(service.unsplit),
        "sticky": [_sticky_document(source) for source in service.sticky],
        "dialect": service.dialect.value,
        "usage": service.usage.value if _is_read(service) else None,
        "signals": _signals(service) if _is_read(service) else None,
        "segments": {
            segment.name: list(segment.labels) for segment in service.segments
        },
        "evaluators": {
            evaluator.name: {
                "kind": evaluator.kind.value,
                "scores": [score.name for score in evaluator.scores],
                "sample": evaluator.sample,
            }
            for evaluator in service.evaluators
        },
    }


def _around(deployment: Deployment) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    tokens = ", ".join(
        f"{token.name} ({token.role.value})" for token in deployment.admin.tokens
    )
    for address, tls in zip_longest(deployment.listen, deployment.listen_tls):
        table.add_row("data", f"{address}{in_words(tls)}")
    admin = f"{deployment.admin.listen}{in_words(deployment.admin.tls)}"
    table.add_row("admin", f"{admin}, {tokens or 'open: no tokens'}")
    table.add_row("workers", str(deployment.workers))
    table.add_row("state", _state(deployment.state))
    table.add_row("access log", _access_log(deployment.access_log))
    if (collector := _collector(deployment.telemetry)) is not None:
        table.add_row("telemetry", f"to {collector}")
    return table


def _service(service: Service) -> RenderableType:
    table = plain_table("version", "role", "weight", "endpoints", numbers=("weight",))
    for version in service.versions:
        table.add_row(
            version.name,
            _role(service, version),
            f"{_percent(service, version):g} %",
            "\n".join(endpoint.url for endpoint in version.endpoints),
        )
    title = f"[bold]{escape(service.known_as)}[/], sticky by {escape(_sticky(service))}"
    below = Group(
        table,
        escape(_reading(service)),
        *_prices(service),
        *_segments(service),
        *_judges(service),
    )
    return Group("", title, Padding(below, (0, 0, 0, 2)))


def _reading(service: Service) -> str:
    """Say in a line what is read in answers; with `plain` nothing, whatever is set."""
    if not _is_read(service):
        return "answers are judged by status and wholeness; usage and signals: not read"
    by_path = service.dialect is DialectChoice.AUTO
    how = "as their path tells" if by_path else f"as {service.dialect.value}"
    usage = ", usage asked for" if service.usage is UsageRule.INJECT else ""
    signals = ", ".join(_signals(service)) or "none"
    return f"answers are read {how}{usage}; signals: {signals}"


def _is_read(service: Service) -> bool:
    return service.dialect is not DialectChoice.PLAIN


def _prices(service: Service) -> Iterator[str]:
    for version in service.versions:
        if (price := version.price) is not None:
            cached = price.input if price.cached_input is None else price.cached_input
            yield (
                f"{escape(version.name)} costs {price.input:g} (cached {cached:g}) in, "
                f"{price.output:g} out, USD per million tokens"
            )


def _segments(service: Service) -> Iterator[str]:
    for segment in service.segments:
        by = f"{segment.by.value} {segment.key}".rstrip()
        yield escape(f"{segment.name} by {by}: {', '.join(segment.labels)}")


def _judges(service: Service) -> Iterator[str]:
    for evaluator in service.evaluators:
        given = ", ".join(evaluator.signal(score.name) for score in evaluator.scores)
        yield escape(
            f"{given} by {evaluator.kind.value}, on {100 * evaluator.sample:.4g} % of the keys"
        )


def _signals(service: Service) -> list[str]:
    reported = [signal.name for signal in service.signals.reported]
    return [*service.signals.names, *reported]


def _role(service: Service, version: Version) -> str:
    if version.name == service.baseline:
        return "baseline"
    return "candidate" if version.name in service.candidates else ""


def _candidates(service: Service) -> dict[str, object]:
    """Give the candidate; where there are several, them all."""
    if service.lanes == 1:
        return {"candidate": service.candidate}
    return {"candidate": None, "candidates": list(service.candidates)}


def _percent(service: Service, version: Version) -> float:
    share = service.configured_share  # of several candidates: 0 until the start
    if version.name == service.candidate:
        return percent_from_share(share)
    if version.name == service.baseline:
        return percent_from_share(Share(BUCKETS - share))
    return 0.0


def _sticky(service: Service) -> str:
    named = [f"{source.kind.value} {source.name}".strip() for source in service.sticky]
    return ", ".join(named) or "none: each request on its own"


def _sticky_document(source: StickySource) -> object:
    return {source.kind.value: source.name} if source.name else source.kind.value


def _state(state: StateAddress) -> str:
    return f"{state.kind.value}:{state.path}"


def _access_log(log: AccessLog) -> str:
    return log.path or log.kind.value


def _collector(telemetry: Telemetry) -> str | None:
    return None if telemetry.otlp is None else telemetry.otlp.endpoint
