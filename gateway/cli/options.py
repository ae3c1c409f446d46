"""Options that several commands share, and the connection they lead to."""

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway.cli.admin_api import AdminApi

AdminUrl: TypeAlias = Annotated[
    str,
    typer.Option(
        "--admin",
        envvar="SLUICEGATE_ADMIN",
        metavar="URL",
        help="Admin API of the running gateway. Its token comes from SLUICEGATE_TOKEN.",
    ),
]

AdminCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="SLUICEGATE_CA",
        metavar="FILE",
        help="Authorities that its certificate is of, for https; the system's without.",
        show_default=False,
    ),
]

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]


def admin_api(url: str, ca: Path | None = None) -> AdminApi:
    """Give the admin API at *url*, with the token from the environment.

    Raises:
        BadConfiguration: The URL is none, or *ca* no file of authorities.

    """
    return AdminApi(url, os.environ.get("SLUICEGATE_TOKEN"), ca)
