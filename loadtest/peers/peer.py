"""Socket: a peer is a proxy that splits traffic between two versions.

To add one: write `peers/<name>.py` with one constant and list it in `__init__.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """Where a peer is set up: all ports are on 127.0.0.1."""

    folder: Path  # the peer's working directory, thrown away after the run
    listen: int
    admin: int  # for peers that insist on a second port
    upstreams: tuple[int, int]  # v1 and v2; half of the keys belong to each


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How to find and start one proxy, with one worker."""

    name: str
    program: str  # looked for beside Python and on PATH
    variable: str  # environment variable that names the program
    prepare: Callable[[Site, str], Sequence[str]]
    """Write the files the program needs; give the command that starts it."""
    worker_mark: str | None = None  # command lines of the data path contain this
    patience_s: float = 15.0  # until the first answer
