"""Secrets and header values: written out, or taken from the environment or a file.

Their values never appear in a message.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.settings.problem import Wrong, raise_all, shown, text_of, unknown, wrong

_KINDS: Final = ("env", "file")
_LARGEST_FILE: Final = 64 * 1024
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_BEARER: Final = re.compile(r"[\x21-\x7e]*")  # what an Authorization header can carry
SHORTEST_SECRET: Final = 16
_REMEDY: Final = "Write a text in quotes, {env: VARIABLE} or {file: PATH}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a configuration may refer to.

    Attributes:
        environment: Environment variables.
        folder: Where relative paths begin.

    """

    environment: Mapping[str, str]
    folder: Path


def from_environment(value: object, surroundings: Surroundings) -> str:
    """Read the environment variable that *value* names. Raises Wrong."""
    variable = text_of(value, "Write the name of an environment variable.")
    found = surroundings.environment.get(variable)
    if not found:
        state = "not set" if found is None else "empty"
        raise wrong(
            f"the environment variable {shown(variable)} is {state}.",
            "Set it where the gateway is started, or read the value from a file.",
        )
    return found


def from_file(value: object, surroundings: Surroundings) -> str:
    """Read the file that *value* names, without its last line end. Raises Wrong."""
    path = surroundings.folder / text_of(value, "Write the path of a file.")
    text = _read(path).removesuffix("\n").removesuffix("\r")
    if not text:
        raise wrong(
            f"the file {shown(str(path))} is empty.", "Write the value into it."
        )
    return text


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) <= _LARGEST_FILE:
            return content.decode()
        reason = f"more than {_LARGEST_FILE} bytes"
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except OSError as error:
        reason = error.strerror or "not readable"
    except ValueError:  # a NUL in the path
        reason = "not a path"
    raise wrong(
        f"the file {shown(str(path))} cannot be used: {reason}.",
        "Name a small text file that the gateway's user may read.",
    )


def header_value(value: object, surroundings: Surroundings) -> str:
    """Read the value of a header: a text, {env: …} or {file: …}. Raises Wrong."""
    if isinstance(value, dict):
        text = _referred(value, surroundings)
    elif isinstance(value, str):
        text = value
    else:
        kind = "a number" if isinstance(value, int | float) else shown(value)
        raise wrong(f"found {kind}.", _REMEDY)
    if not _HEADER_VALUE.fullmatch(text):
        raise wrong(
            "found a value with control characters, characters outside ASCII, or "
            "blanks at an end.",
            "Correct it where it comes from: it is sent as it stands, on one line.",
        )
    return text


def _referred(value: dict[str, object], surroundings: Surroundings) -> str:
    raise_all(unknown("source", key, _KINDS) for key in value if key not in _KINDS)
    if len(value) != 1:
        raise wrong(f"found {len(value)} sources of one value.", _REMEDY)
    kind, named = next(iter(value.items()))
    read = from_environment if kind == "env" else from_file
    try:
        return read(named, surroundings)
    except Wrong as error:
        raise Wrong(*(finding.below(kind) for finding in error.findings)) from None


def checked_secret(secret: str) -> str:
    """Check a token's secret. Raises Wrong."""
    if len(secret) < SHORTEST_SECRET:
        raise wrong(
            f"found a secret of {len(secret)} characters.",
            f"Use at least {SHORTEST_SECRET} random ones: `openssl rand -hex 32`.",
        )
    if not _BEARER.fullmatch(secret):
        raise wrong(
            "found a secret with blanks, control characters or letters outside ASCII.",
            "Use visible ASCII characters only: `openssl rand -hex 32`.",
        )
    return secret
