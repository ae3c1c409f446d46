"""`sluicegate check`: whether the gateway can run a file, and what it means."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import AsJson

if TYPE_CHECKING:
    from gateway.domain.deployment import Deployment


def check(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    as_json: AsJson = False,
) -> None:
    """Validate CONFIG and print what was understood. Exit 0 when valid, 2 when not."""
    from gateway.analysis.expected import Assumed
    from gateway.cli import understood
    from gateway.cli.read import read_file
    from gateway.cli.screen import print_json, screen
    from gateway.control.outlook import lines_of
    from gateway.tls.expiry import expiring, unverified

    deployment = read_file(config)
    _demand_canaries(deployment)
    if as_json:
        print_json(understood.as_document(deployment))
        return
    screen().print(understood.as_tables(deployment, source=str(config)))
    for warning in [*expiring(deployment, time.time()), *unverified(deployment)]:  # ruff: ignore[banned-api]: the clock of certificates
        typer.echo(f"warning: {warning}")
    for service in deployment.offered:
        lines = list(lines_of(service, Assumed(), None, is_brief=True))
        if lines:
            typer.echo("\n".join(["", f"{service.known_as}, its rollout:", *lines]))
            typer.echo(
                "Assumed: 0.5 % errors, one exchange a key. With your figures, and in "
                f"hours: sluicegate simulate {config} --keys-per-hour N"
            )


def _demand_canaries(deployment: "Deployment") -> None:
    """Read the examples that judges are tried on: they are read by who tries them alone.

    Raises:
        BadConfiguration: With some of them nobody can be tried.

    """
    from gateway.evaluators.labelled import read_examples

    for service in deployment.services:
        for evaluator in service.evaluators:
            if evaluator.canaries is not None:
                read_examples(Path(evaluator.canaries))
