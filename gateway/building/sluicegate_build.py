"""The build backend (PEP 517): setuptools, and on request the hot path compiled by mypyc.

Without SLUICEGATE_COMPILE=1 every hook is setuptools' own and needs nothing more. With it
the modules that `[tool.sluicegate.compiled]` in pyproject.toml names become C extensions;
their sources are installed beside them, for tracebacks and to be read.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import setuptools
from setuptools import build_meta

VARIABLE: Final = "SLUICEGATE_COMPILE"
MYPYC: Final = "mypy[mypyc]>=2.4"

_PROJECT: Final = Path("pyproject.toml")  # a backend is run at the top of its tree
_BUILD: Final = "build"
_MYPY: Final = ("--config-file=", "--cache-dir=/dev/null", "--ignore-missing-imports")
"""Types are needed; to be strict about them is for the tests, with a mypy they know."""

_BESIDE_THE_BACKEND: Final = [
    "gateway/building/README.md",
    "gateway/building/sluicegate_build.py",
]
_WORDS: Final = {"": False, "0": False, "1": True}

Settings = Mapping[str, Any] | None
"""What the front end passes on; setuptools reads it."""


# The hooks of PEP 517 and PEP 660.

prepare_metadata_for_build_wheel: Final = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable: Final = (
    build_meta.prepare_metadata_for_build_editable
)
get_requires_for_build_sdist: Final = build_meta.get_requires_for_build_sdist


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Give what a wheel needs besides setuptools."""
    return [*_requires(), *build_meta.get_requires_for_build_wheel(config_settings)]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Give what an editable install needs besides setuptools."""
    return [*_requires(), *build_meta.get_requires_for_build_editable(config_settings)]


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel, of this platform alone when it is compiled; give its name."""
    with _setup_is_given(_compiled() if is_asked_for() else {}):
        name: str = build_meta.build_wheel(
            wheel_directory, config_settings, metadata_directory
        )
    return name


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build what an editable install needs; compiled, it puts extensions in the tree."""
    with _setup_is_given(_compiled() if is_asked_for() else {}):
        name: str = build_meta.build_editable(
            wheel_directory, config_settings, metadata_directory
        )
    return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build a source archive, with this backend in it; give its name."""
    with _setup_is_given({"data_files": [("", _BESIDE_THE_BACKEND)]}):
        name: str = build_meta.build_sdist(sdist_directory, config_settings)
    return name


# What they do.


def is_asked_for() -> bool:
    """Whether a compiled build is wanted. Leaves with a message at an unknown word."""
    word = os.environ.get(VARIABLE, "")
    if word not in _WORDS:
        sys.exit(f"{VARIABLE} is {word!r}. Set it to 1 for a compiled build, or to 0.")
    return _WORDS[word]


def modules() -> list[str]:
    """Give the paths of the modules to compile, in order."""
    asked = _project()["tool"]["sluicegate"]["compiled"]
    return sorted(_paths(asked["modules"]) - _paths(asked["interpreted"]))


def _requires() -> list[str]:
    """Name the compiler, and the libraries whose types it has to know."""
    if not is_asked_for():
        return []
    check_c_compiler()
    return [MYPYC, *_project()["project"]["dependencies"]]


def _project() -> dict[str, Any]:
    return tomllib.loads(_PROJECT.read_text("utf-8"))


def _paths(patterns: list[str]) -> set[str]:
    return {path.as_posix() for pattern in patterns for path in Path().glob(pattern)}


def check_c_compiler() -> None:
    """Leave with a message unless a C compiler, Python's headers and libc's are there."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "")
    if not command:
        return  # Windows: setuptools looks for Visual C++ itself, and says what lacks
    include = sysconfig.get_path("include")
    try:
        tried = subprocess.run(
            [*command, "-fsyntax-only", "-I", include, "-x", "c", "-"],
            input="#include <Python.h>\n",
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        _lack_a_compiler(f"{command[0]} cannot be run: {error.strerror}")
    if tried.returncode:
        _lack_a_compiler(next(iter(tried.stderr.splitlines()), "it fails"))


def _lack_a_compiler(why: str) -> NoReturn:
    sys.exit(
        f"{VARIABLE}=1 needs a C compiler and the headers of Python and libc ({why})."
        " Install them (Debian: apt-get install gcc libc6-dev, and python3-dev for"
        f" Debian's own Python), or leave {VARIABLE} unset."
    )


def _compiled() -> dict[str, Any]:
    """Translate the modules to C, below build/; give what setup() must be told."""
    from mypyc.build import mypycify

    extensions = mypycify(
        [*_MYPY, *modules()], target_dir=_BUILD, group_name="sluicegate"
    )
    if os.name == "posix":
        for extension in extensions:  # a compiler newer than mypyc may warn of more
            extension.extra_compile_args.append("-Wno-error")
    return {"ext_modules": extensions}


@contextmanager
def _setup_is_given(more: dict[str, Any]) -> Generator[None]:
    """Let setup(), which setuptools calls where there is no setup.py, know *more*."""
    plain: Callable[..., object] = setuptools.setup
    setuptools.setup = partial(plain, **more)
    try:
        yield
    finally:
        setuptools.setup = plain
