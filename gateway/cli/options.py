"""Options that several commands share, and the connection they lead to."""

import os
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

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]


def admin_api(url: str) -> AdminApi:
    """Give the admin API at *url*, with the token from the environment.

    Raises:
        BadConfiguration: The URL is none.

    """
    return AdminApi(url, os.environ.get("SLUICEGATE_TOKEN"))
