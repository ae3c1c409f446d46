"""What a child process is started with, so that it finds what this one runs on."""

import os
import site
from pathlib import Path

import gateway


def child_environment() -> dict[str, str]:
    """Let a child find this very package, also when it runs from a checkout."""
    root = str(Path(gateway.__file__).parents[1])
    if root in site.getsitepackages():
        return dict(os.environ)
    path = filter(None, (os.environ.get("PYTHONPATH"), root))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
