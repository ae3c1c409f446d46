"""`sluicegate demo`: see it work, on this machine, with nothing prepared."""

from typing import Annotated

import typer


def demo(
    *,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave it running at the end, until Ctrl-C.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="A short one, of a few seconds.")
    ] = False,
) -> None:
    """Watch traffic move between two pretended models, through a real gateway."""
    from gateway.cli.demo.chapters import FAST, FULL
    from gateway.cli.demo.play import play
    from gateway.cli.screen import screen

    raise typer.Exit(play(FAST if fast else FULL, screen(), stay=stay))
