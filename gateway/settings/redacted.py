"""What is taken out of texts before a judge sees them: built-in rules and the user's own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.answers.patterns import least_length
from gateway.answers.redaction import BUILT_IN, MOST_OWN_STEPS, SHORTEST_FOUND
from gateway.settings.problem import (
    Finding,
    Wrong,
    raise_all,
    shown,
    text_of,
    unknown,
    wrong,
)
from gateway.settings.segments import expression, uncompiled

KNOWN: Final = tuple(BUILT_IN)
MOST: Final = 32
NAME_PATTERN: Final = r"[a-z][a-z0-9_]{0,31}"
_NAME: Final = re.compile(NAME_PATTERN)
_KEYS: Final = ("name", "pattern")
_REMEDY: Final = (
    'Write the name of a rule; or {name: ticket, pattern: "TICKET-[0-9]{1,9}"} for one '
    "of your own."
)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A pattern of the user's own."""

    name: str
    pattern: str


RedactedEntry = str | Redacted
"""The name of a built-in rule, or one of the user's own."""


def redacted(value: object) -> RedactedEntry:
    """Read one entry. Raises Wrong."""
    if not isinstance(value, dict):
        name = text_of(value, _REMEDY)
        if name not in KNOWN:
            raise Wrong(unknown("rule", name, KNOWN))
        return name
    raise_all(unknown("key", key, _KEYS) for key in value if key not in _KEYS)
    if set(value) != set(_KEYS):
        raise wrong(f"found {', '.join(value) or 'none of them'}.", _REMEDY)
    return Redacted(_own_name(value["name"]), _own_pattern(value["pattern"]))


def _own_name(value: object) -> str:
    remedy = "Write 1 to 32 of a-z, 0-9 and _, beginning with a letter."
    name = text_of(value, remedy)
    if not _NAME.fullmatch(name):
        raise wrong(f"found the name {shown(name)}.", remedy, at=("name",))
    if name in KNOWN:
        raise wrong(
            f"found the name '{name}', which a built-in rule has.",
            "Give your own another name.",
            at=("name",),
        )
    return name


def _own_pattern(value: object) -> str:
    try:
        return expression(value)
    except Wrong as error:
        raise Wrong(*(each.below("pattern") for each in error.findings)) from None


def together(entries: list[RedactedEntry]) -> list[RedactedEntry]:
    """Check that no name is there twice, and that no text can make it slow. Raises Wrong."""
    if len(entries) > MOST:
        raise wrong(f"found {len(entries)} entries.", f"Write at most {MOST}.")
    names = [entry if isinstance(entry, str) else entry.name for entry in entries]
    raise_all([
        Finding(what=f"found '{name}' again.", remedy="Keep one.", at=(place,))
        for place, name in enumerate(names)
        if name in names[:place]
    ])
    findings = [
        finding.below(place, "pattern")
        for place, entry in enumerate(entries)
        if isinstance(entry, Redacted)
        for finding in _unfit(entry)
    ]
    raise_all(findings or uncompiled(*own(entries), most=MOST_OWN_STEPS))
    return entries


def own(entries: Iterable[RedactedEntry]) -> tuple[tuple[str, str], ...]:
    """Give the user's own, as (name, expression) pairs."""
    found = (entry for entry in entries if isinstance(entry, Redacted))
    return tuple((entry.name, entry.pattern) for entry in found)


def _unfit(entry: Redacted) -> Iterator[Finding]:
    found = [*uncompiled((entry.name, entry.pattern), most=MOST_OWN_STEPS)]
    yield from found
    if not found and least_length(entry.pattern) < SHORTEST_FOUND:
        yield Finding(
            what=f"found {shown(entry.pattern)}, which may find fewer than "
            f"{SHORTEST_FOUND} characters: what is so short is everywhere.",
            remedy="Write more of what surrounds it.",
        )
