"""What the command knows about itself: its version, and the schema of its files."""

import json
import platform
import sys

import typer


def version() -> None:
    """Print the version of sluicegate and of the Python it runs on."""
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
    from importlib import metadata

    try:
        installed = metadata.version("sluicegate")
    except metadata.PackageNotFoundError:
        installed = "from a checkout"
    return (
        f"sluicegate {installed} (Python {platform.python_version()}, {sys.platform})"
    )
