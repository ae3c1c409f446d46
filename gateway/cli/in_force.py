"""How commands tell that a change is in force, and fail when it is not yet."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gateway.cli.views import Workers

_FAILED = 1


def told(workers: "Workers") -> str:
    """Say how many workers have it."""
    return f"in force on {workers.in_force} of {workers.configured} workers"


def demand_everywhere(workers: "Workers") -> None:
    """Leave with exit code 1 when a worker does not have it.

    Raises:
        typer.Exit: Some worker is not there, or runs on the old state.

    """
    if not workers.are_unanimous:
        typer.echo(
            f"{_missing(workers)} Look again with `sluicegate status`.", err=True
        )
        raise typer.Exit(_FAILED)


def _missing(workers: "Workers") -> str:
    if workers.connected < workers.configured:
        return (
            f"Only {workers.connected} of {workers.configured} workers are linked to"
            " the controller; one that is not may run on the old state until it is."
        )
    return "Some worker has not taken it up in time, and will when it can."
