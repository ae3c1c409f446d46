"""`sluicegate serve`: from a file, or from one or two URLs and no file."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

DEFAULT_WEIGHT: Final = 10.0
DEFAULT_LISTEN: Final = "127.0.0.1:8080"
DEFAULT_ADMIN: Final = "127.0.0.1:8081"
DEFAULT_STATE: Final = "memory:"


_Config: TypeAlias = Annotated[
    Path | None, typer.Argument(help="The configuration file.", show_default=False)
]
_Baseline: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Without a file: the version of today."),
]
_Candidate: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The version that is to get a share."),
]
_Weight: TypeAlias = Annotated[
    float | None,
    typer.Option(help="The candidate's percent.", show_default=f"{DEFAULT_WEIGHT:g}"),
]
_Listen: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="For clients.", show_default=DEFAULT_LISTEN),
]
_Admin: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="For operators.", show_default=DEFAULT_ADMIN
    ),
]
_State: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Where weights survive a restart: memory: or sqlite:PATH.",
        show_default=DEFAULT_STATE,
    ),
]


# ruff: ignore[too-many-arguments] each is one option of the command
def serve(
    config: _Config = None,
    *,
    baseline: _Baseline = None,
    candidate: _Candidate = None,
    weight: _Weight = None,
    listen: _Listen = None,
    admin: _Admin = None,
    state: _State = None,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM. SIGHUP makes it read CONFIG again."""
    if config is not None:
        _refuse_beside_a_file(
            baseline=baseline,
            candidate=candidate,
            weight=weight,
            listen=listen,
            admin=admin,
            state=state,
        )
        raise typer.Exit(_serve_file(config))
    if baseline is None:
        raise typer.BadParameter(
            "Nothing to serve. Name a configuration file, or give --baseline URL."
        )
    if weight is not None and candidate is None:
        raise typer.BadParameter("--weight is the candidate's. Give --candidate URL.")
    code = _serve_endpoints(
        baseline,
        candidate,
        weight=DEFAULT_WEIGHT if weight is None else weight,
        listen=listen or DEFAULT_LISTEN,
        admin=admin or DEFAULT_ADMIN,
        state=state or DEFAULT_STATE,
    )
    raise typer.Exit(code)


def _refuse_beside_a_file(**options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise typer.BadParameter(
            f"{', '.join(given)} cannot go with a configuration file. "
            "Write it in the file, or leave the file out."
        )


def _serve_file(path: Path) -> int:
    from gateway.app.supervisor import run
    from gateway.cli.read import read_file

    return run(read_file(path), config_path=path, document=None)


def _serve_endpoints(
    baseline: str,
    candidate: str | None,
    *,
    weight: float,
    listen: str,
    admin: str,
    state: str,
) -> int:
    from gateway.app.supervisor import run
    from gateway.cli.read import read_document
    from gateway.settings.document import two_endpoints

    document = two_endpoints(
        baseline, candidate, weight=weight, listen=listen, admin=admin, state=state
    )
    return run(read_document(document), config_path=None, document=document)
