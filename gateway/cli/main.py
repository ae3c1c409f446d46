"""The command `sluicegate`: which commands there are, and how each of them ends.

Exit codes: 0 done, 1 refused or failed, 2 usage or configuration error.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from gateway.cli import (
    about,
    analysis,
    check,
    journal,
    judge,
    later,
    reload,
    replay,
    rollout,
    serve,
    show_demo,
    simulate,
    status,
    weights,
)
from gateway.domain.errors import BadConfiguration, GatewayError

FAILED: Final = 1
MISUSED: Final = 2

app: Final = typer.Typer(
    name="sluicegate",
    help="Split live traffic between two versions of a model, and move it with care.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(serve.serve)
app.command()(check.check)
app.command()(show_demo.demo)
app.command()(status.status)
app.command()(weights.weights)
for name, command in rollout.COMMANDS.items():
    app.command(name)(command)
app.command()(analysis.analysis)
app.command()(journal.journal)
app.command()(replay.replay)
app.command()(simulate.simulate)
app.add_typer(judge.app, name="judge")
app.command()(reload.reload)
app.command()(about.schema)
app.command()(about.version)
later.announce(app)


@app.callback()
def sluicegate(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and leave.",
            is_eager=True,
            callback=about.print_version_and_leave,
        ),
    ] = False,
) -> None:
    """Split live traffic between two versions of a model, and move it with care."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in *arguments* (the process's own when None) and leave.

    Raises:
        SystemExit: Always, with the exit code.

    """
    try:
        app(arguments, prog_name="sluicegate")
    except BadConfiguration as error:
        _tell(error)
        sys.exit(MISUSED)
    except GatewayError as error:
        _tell(error)
        sys.exit(FAILED)


def _tell(error: GatewayError) -> None:
    typer.echo(str(error), err=True)
