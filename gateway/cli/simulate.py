"""`sluicegate simulate PLAN`: what a rollout will need, before it begins."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.options import AsJson

if TYPE_CHECKING:
    from gateway.analysis.expected import Assumed
    from gateway.analysis.plan import Traffic
    from gateway.domain.service import Service

_IMPOSSIBLE: Final = 1
_PERCENT: Final = 100.0


Plan = Annotated[Path, typer.Argument(help="The configuration file.")]
Named = Annotated[
    str | None, typer.Option(help="Which service, if several have a rollout.")
]
KeysPerHour = Annotated[
    float | None, typer.Option(min=0.0, help="Different sticky keys in an hour.")
]
RequestsPerHour = Annotated[
    float | None,
    typer.Option(min=0.0, help="Requests in an hour, where each is its own unit."),
]
Keys = Annotated[
    int | None,
    typer.Option(min=1, help="How many keys there are in all; else new ones come."),
]
Exchanges = Annotated[
    int, typer.Option(min=1, max=20, help="Of a key in a step, added up as proof.")
]
ErrorRate = Annotated[
    float,
    typer.Option(min=0.0, max=100.0, help="Of the baseline, every rate; percent."),
]
Sigma = Annotated[
    float,
    typer.Option(min=0.05, max=5.0, help="Of the logarithm of durations and cost."),
]
EqualVersions = Annotated[
    bool, typer.Option("--aa", help="Play rollouts of two equal versions as well.")
]
Rollouts = Annotated[int, typer.Option(min=1, max=100_000, help="How many --aa plays.")]
Seed = Annotated[int, typer.Option(help="Of the dice of --aa.")]


# ruff: ignore[too-many-arguments] each is one option of the command
def simulate(
    plan: Plan,
    *,
    service: Named = None,
    keys_per_hour: KeysPerHour = None,
    requests_per_hour: RequestsPerHour = None,
    keys: Keys = None,
    exchanges: Exchanges = 1,
    error_rate: ErrorRate = 0.5,
    sigma: Sigma = 0.5,
    aa: EqualVersions = False,
    rollouts: Rollouts = 200,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Say what the rollout in PLAN needs: keys and hours per step, what it would find.

    Exit 1 when a margin cannot be proven with the traffic that was given.
    """
    from gateway.analysis.expected import Assumed
    from gateway.cli.read import read_file

    chosen = _chosen(read_file(plan).offered, service)
    assumed = Assumed(rate=error_rate / _PERCENT, sigma=sigma, exchanges=exchanges)
    traffic = _traffic(chosen, keys_per_hour, requests_per_hour, keys)
    document, lines, is_possible = _ahead(chosen, assumed, traffic)
    if aa:
        from gateway.cli import equal_versions

        played = equal_versions.play(chosen, assumed, rollouts, seed)
        document["equal_versions"] = equal_versions.as_document(played)
        lines += ["", *equal_versions.tell(played)]
    _print(document, lines, as_json=as_json)
    if not is_possible:
        raise typer.Exit(_IMPOSSIBLE)


def _ahead(
    service: "Service", assumed: "Assumed", traffic: "Traffic | None"
) -> tuple[dict[str, object], list[str], bool]:
    from gateway.control.outlook import ahead_of, as_document, lines_of

    ahead = ahead_of(service, assumed, traffic)
    if ahead is None:
        return {}, [], True
    lines = list(lines_of(service, assumed, traffic))
    return as_document(ahead), lines, not ahead.unprovable


def _print(document: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    from gateway.cli.screen import print_json

    if as_json:
        print_json(document)
        return
    for line in lines:
        typer.echo(line)


def _chosen(services: "tuple[Service, ...]", name: str | None) -> "Service":
    """Choose the service that was named, or the only one with a rollout.

    Raises:
        BadConfiguration: There is none, or there are several.

    """
    from gateway.domain.errors import BadConfiguration
    from gateway.domain.lane import service_of

    leading = [service for service in services if service.rollout is not None]
    names = ", ".join(service.known_as for service in leading) or "none"
    if name is not None:
        leading = [s for s in leading if s.known_as == service_of(name)]
    if len(leading) == 1:
        return leading[0]
    if name is not None:
        raise BadConfiguration(
            f"No service '{name}' has a rollout.",
            remedy=f"Those that have one: {names}.",
        )
    raise BadConfiguration(
        f"{len(leading)} services have a rollout, and one is simulated at a time.",
        remedy=f"Name it with --service: {names}."
        if leading
        else "Give a service a `rollout` first.",
    )


def _traffic(
    service: "Service",
    keys_per_hour: float | None,
    requests_per_hour: float | None,
    keys: int | None,
) -> "Traffic | None":
    """Put together what is known of the traffic.

    Raises:
        BadConfiguration: Both rates were given, or one that does not fit the service.

    """
    from gateway.analysis.plan import Traffic
    from gateway.domain.errors import BadConfiguration
    from gateway.domain.rollout import CountedBy

    plan = service.rollout
    by_request = not service.sticky or (
        plan is not None and plan.analysis.unit is CountedBy.REQUEST
    )
    if keys_per_hour is not None and (requests_per_hour is not None or by_request):
        raise BadConfiguration(
            "--keys-per-hour was given, and requests are the unit.",
            remedy="Give one rate: --requests-per-hour where requests have no key.",
        )
    if requests_per_hour is not None:
        return Traffic(units_per_hour=requests_per_hour, by_request=True)
    if keys_per_hour is not None:
        return Traffic(units_per_hour=keys_per_hour, keys=keys)
    if keys is not None:
        return Traffic(units_per_hour=float(keys), keys=keys)
    return None
