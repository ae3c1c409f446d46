"""Who watches: a terminal that is drawn on, or a pipe that gets lines."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live

from gateway.cli.demo import plain
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.stage import draw

_EVERY_S: Final = 2.0


class Audience(Protocol):
    """What the play shows itself to."""

    def begin(self, scene: Scene) -> None:
        """Show that an act begins."""

    def look(self, scene: Scene) -> None:
        """Show how it stands now; called several times a second."""


class Terminal:
    """Draws the whole scene anew each time."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live

    def begin(self, scene: Scene) -> None:
        """Draw at once."""
        self.look(scene)

    def look(self, scene: Scene) -> None:
        """Draw."""
        width, height = self._console.size
        picture = draw(scene, time.monotonic(), width=width, height=height)
        self._live.update(picture, refresh=True)


class Lines:
    """Prints decisions as they come, and now and then how it stands."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0
        self._due = 0.0

    def begin(self, scene: Scene) -> None:
        """Print what the act is about."""
        self._tell_moves(scene)
        self._print(plain.opening(scene))

    def look(self, scene: Scene) -> None:
        """Print what is new."""
        self._tell_moves(scene)
        now = time.monotonic()
        if now >= self._due and scene.looked is not None:
            self._due = now + _EVERY_S
            self._print(plain.progress(scene, now))

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _tell_moves(self, scene: Scene) -> None:
        for move in scene.moves[self._told :]:
            self._print(plain.decision(scene, move))
        self._told = len(scene.moves)


@contextmanager
def audience(console: Console) -> Generator[Audience]:
    """Give what fits *console*; a picture has a screen of its own, gone at the end."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console)
        return
    with Live(console=console, auto_refresh=False, screen=True) as live:
        yield Terminal(console, live)
