"""How commands tell that a change is in force, and fail when it is not yet."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gateway.cli.views import Workers

_FAILED = 1


def told(workers: "Workers") -> str:
    """Say how many workers have it."""
    return f"in force on {workers.in_force} of {workers.connected} workers"


def demand_everywhere(workers: "Workers") -> None:
    """Leave with exit code 1 when a worker does not have it.

    Raises:
        typer.Exit: Some worker runs on the old state.

    """
    if workers.in_force < workers.connected:
        typer.echo(
            "Some worker has not taken it up in time, and will when it can. "
            "Look again with `sluicegate status`.",
            err=True,
        )
        raise typer.Exit(_FAILED)
