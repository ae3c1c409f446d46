"""Commands that have a name already and no behaviour yet; they say so, and exit 2."""

from collections.abc import Callable
from typing import Final

import typer

NOT_YET: Final = (
    "watch",
    "report",
    "flags",
    "import",
)

_MISUSED: Final = 2
_ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}


def announce(app: typer.Typer) -> None:
    """Make these names known to *app*, out of sight of its help."""
    for name in NOT_YET:
        hide = app.command(name, hidden=True, context_settings=_ANY_ARGUMENTS)
        hide(_refusal(name))


def _refusal(name: str) -> Callable[[], None]:
    def refuse() -> None:
        typer.echo(
            f"`sluicegate {name}` is not available yet. "
            "Run `sluicegate --help` for the commands that are.",
            err=True,
        )
        raise typer.Exit(_MISUSED)

    refuse.__doc__ = "Not available yet."
    return refuse
