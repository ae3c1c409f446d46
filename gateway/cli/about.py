"""What the command knows about itself: version and build, the schema of its files."""

import json
import platform
import sys

import typer


def version() -> None:
    """Print the version of sluicegate, what it runs on, and whether it is compiled."""
    typer.echo(_version_line())


def print_version_and_leave(wanted: bool) -> None:
    """Do what `--version` asks for."""
    if wanted:
        typer.echo(_version_line())
        raise typer.Exit


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors and validators."""
    from gateway.settings.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _version_line() -> str:
    from gateway.app.installed import installed_version, is_compiled

    return (
        f"sluicegate {installed_version() or 'from a checkout'}"
        f" (Python {platform.python_version()}, {sys.platform},"
        f" compiled: {'yes' if is_compiled() else 'no'})"
    )
