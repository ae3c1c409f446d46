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


class Audience(Protocol):
    """What the play shows itself to."""

    @property
    def pause_s(self) -> float:
        """Seconds between two looks."""

    def begin(self, scene: Scene) -> None:
        """Show that a chapter begins."""

    def look(self, scene: Scene) -> None:
        """Show how it stands now."""


class Terminal:
    """Draws the whole scene anew several times a second."""

    pause_s: Final = 0.1

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
    """Prints a line a second."""

    pause_s: Final = 1.0

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, scene: Scene) -> None:
        """Print what the chapter is about."""
        self._console.print(plain.opening(scene))

    def look(self, scene: Scene) -> None:
        """Print how it stands."""
        self._console.print(plain.progress(scene, time.monotonic()))


@contextmanager
def audience(console: Console) -> Generator[Audience]:
    """Give what fits *console*; a picture has a screen of its own, gone at the end."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console)
        return
    with Live(console=console, auto_refresh=False, screen=True) as live:
        yield Terminal(console, live)
