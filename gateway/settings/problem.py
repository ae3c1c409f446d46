"""What is wrong with a configuration: where, what was found, what to do.

A reader of one value raises Wrong, which knows no path but the part below that value;
whoever called it knows the rest. In the end all become one RejectedDocument.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Self

from gateway.domain.errors import BadConfiguration

Place = tuple[str | int, ...]
"""Keys and list positions, from the outside in."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_/~*-]+")
_LONGEST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to correct.

    Attributes:
        path: `services.chat.sticky[0]`, or `line 3, column 7`; "" for the whole.
        what: What was found, with its value; a sentence.
        remedy: What to write instead; a sentence or two.

    """

    path: str
    what: str
    remedy: str

    def line(self, source: str) -> str:
        """Write it in one line, as compilers do."""
        where = f"{source}: {self.path}" if self.path else source
        return f"{where}: {self.what} {self.remedy}"


class RejectedDocument(BadConfiguration):
    """A configuration with at least one problem; `str()` gives one line for each.

    Attributes:
        source: The file's name, or what stands for it.
        problems: All that was found, at least one.

    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        lines = [problem.line(source) for problem in problems]
        remedy = problems[-1].remedy
        super().__init__("\n".join(lines).removesuffix(f" {remedy}"), remedy=remedy)
        self.source = source
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem whose outer place is not known yet; `at` is below the value read."""

    what: str
    remedy: str
    at: Place = ()

    def below(self, *outer: str | int) -> Self:
        """Give the same finding, seen from further out."""
        return type(self)(what=self.what, remedy=self.remedy, at=(*outer, *self.at))


class Wrong(ValueError):
    """A value that cannot be used; a ValueError, so that pydantic collects it."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.what for finding in findings))
        self.findings = findings


def wrong(what: str, remedy: str, at: Place = ()) -> Wrong:
    """Make the error for one finding."""
    return Wrong(Finding(what=what, remedy=remedy, at=at))


def raise_all(findings: Iterable[Finding]) -> None:
    """Raise one Wrong with all *findings*, if there are any."""
    found = tuple(findings)
    if found:
        raise Wrong(*found)


def unknown(
    kind: str, found: str, known: Iterable[str], *, none: str = "", at: Place = ()
) -> Finding:
    """Say that no *kind* is named *found*; *none* is said when nothing is known."""
    names = list(known)
    near = get_close_matches(found[:_LONGEST_SHOWN], names, n=1)
    remedy = f"Known: {', '.join(names)}." if names else none
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return Finding(what=f"unknown {kind} {shown(found)}.", remedy=remedy + hint, at=at)


def path_of(place: Place) -> str:
    """Write a place: ("services", "chat", "sticky", 0) is `services.chat.sticky[0]`."""
    path = ""
    for key in place:
        if isinstance(key, int):
            path += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            path += f".{key}" if path else key
        else:
            path += f"[{shown(key)}]"
    return path


def shown(value: object) -> str:
    """Write a found value for a message: short, on one line, never a whole mapping."""
    if isinstance(value, str):
        text = value.encode("unicode_escape").decode()
        return (
            f"'{text[:_LONGEST_SHOWN]}…'" if len(text) > _LONGEST_SHOWN else f"'{text}'"
        )
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else str(value)


def text_of(value: object, remedy: str) -> str:
    """Take a string; anything else is wrong, and YAML's own readings are explained."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        remedy += " YAML reads on, off, yes and no as true and false: quote them."
    elif isinstance(value, int | float):
        remedy += " If that is meant as text, quote it."
    raise wrong(f"found {shown(value)}.", remedy)


def as_flow(value: object) -> str:
    """Write a value as it could stand in a YAML line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
