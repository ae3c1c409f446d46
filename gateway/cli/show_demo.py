"""`sluicegate demo`: see it work, on this machine, with nothing prepared."""

from typing import Annotated

import typer


def demo(
    *,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave it running at the end, until Ctrl-C.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="A short one, of half a minute.")
    ] = False,
) -> None:
    """Watch two releases: one climbs by evidence, one is caught by a judge of answers."""
    from gateway.cli.demo.play import play
    from gateway.cli.demo.script import FAST, FULL
    from gateway.cli.screen import screen

    raise typer.Exit(play(FAST if fast else FULL, screen(), stay=stay))
