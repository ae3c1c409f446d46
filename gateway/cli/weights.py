"""`sluicegate weights`: show the split of a service, or set it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import in_force
from gateway.cli.admin_api import DEFAULT_URL, AdminApi
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from gateway.cli.views import ChangeView, Receipt


# ruff: ignore[too-many-arguments] each is one option of the command
def weights(
    service: Annotated[str, typer.Argument(help="Which service.")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VERSION=PERCENT]...", help="Without any: show what is in force."
        ),
    ] = None,
    *,
    if_match: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION",
            help="Refuse when somebody changed it since this revision.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why, for the record.", show_default=False)
    ] = "",
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Set the weights of a service's versions, in percent; the rest stays baseline."""
    api = admin_api(admin, ca)
    if not pairs:
        _show(api, service, as_json=as_json)
        return
    wanted = parse_pairs(pairs)
    answer = api.set_weights(service, wanted, revision=if_match, reason=reason)
    _report(answer, as_json=as_json)


def parse_pairs(pairs: Sequence[str]) -> dict[str, float]:
    """Read VERSION=PERCENT arguments.

    Raises:
        typer.BadParameter: One is no such pair, or a version comes twice.

    """
    wanted: dict[str, float] = {}
    for pair in pairs:
        version, percent = _parse_pair(pair)
        if version in wanted:
            raise typer.BadParameter(f"{version} is there twice. Give it one weight.")
        wanted[version] = percent
    return wanted


def _parse_pair(pair: str) -> tuple[str, float]:
    version, _, number = pair.rpartition("=")
    try:
        percent = float(number.removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not version or not math.isfinite(percent):
        raise typer.BadParameter(
            f"{pair!r} is no weight. Write VERSION=PERCENT, such as v2=25."
        )
    return version, percent


def _show(api: AdminApi, service: str, *, as_json: bool) -> None:
    from gateway.cli.figures import percent
    from gateway.cli.screen import plain_table, print_json, screen
    from gateway.cli.views import ServiceView, read

    view = read(ServiceView, api.service(service))
    if as_json:
        print_json({
            "service": view.name,
            "weights": view.weights,
            "revision": view.revision,
        })
        return
    table = plain_table("version", "role", "weight", numbers=("weight",))
    for name, version in view.versions.items():
        table.add_row(name, version.role or "", percent(view.weights.get(name)))
    screen().print(table)
    typer.echo(f"revision {view.revision}{_origin(view.changed)}")


def _origin(change: "ChangeView | None") -> str:
    if change is None:
        return ""
    reason = f": {change.reason}" if change.reason else ""
    return f", set by {change.by} at {change.at}{reason}"


def _report(answer: object, *, as_json: bool) -> None:
    from gateway.cli.screen import print_json
    from gateway.cli.views import Receipt, read

    receipt = read(Receipt, answer)
    if as_json:
        print_json(answer)
    else:
        typer.echo(told(receipt))
    in_force.demand_everywhere(receipt.workers)


def told(receipt: "Receipt") -> str:
    """Say in one line what came of it, and in another when it will not last."""
    from gateway.cli.figures import percent

    split = ", ".join(f"{name} {percent(p)}" for name, p in receipt.weights.items())
    line = (
        f"{receipt.service}: {split}; revision {receipt.revision}; "
        f"{in_force.told(receipt.workers)}"
    )
    if receipt.durable:
        return line
    return f"{line}\nIt could not be stored, so a restart would undo it."
