"""Reduce a document to what JSON could say, within bounds.

A parsed document may hold dates, sets, numbers for keys, itself, or a billion copies
of one list. Everything after this sees only bounded trees of plain values.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final

from gateway.settings.problem import Finding, Place, raise_all, shown, wrong

DEEPEST: Final = 32
MOST_VALUES: Final = 50_000
_INTEGERS: Final = range(-(2**63), 2**64)  # what JSON readers keep exactly


class _Full(Exception):
    """More values than a configuration can need."""


class _Copy:
    """One walk over one document, and what it found."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._left = MOST_VALUES

    def of(self, value: object, at: Place) -> object:
        self._left -= 1
        if not self._left:
            raise _Full
        if isinstance(value, Mapping | list | tuple) and len(at) >= DEEPEST:
            self._odd(
                at,
                f"nested more than {DEEPEST} levels deep.",
                "Flatten it; or, with aliases, take out the one that contains itself.",
            )
            return None
        if isinstance(value, Mapping):
            return {
                key: self.of(item, (*at, key)) for key, item in self._keys(value, at)
            }
        if isinstance(value, list | tuple):
            return [self.of(item, (*at, place)) for place, item in enumerate(value)]
        return self._scalar(value, at)

    def _keys(
        self, value: Mapping[object, object], at: Place
    ) -> Iterator[tuple[str, object]]:
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                yield key, item
            else:
                self._odd(at, f"found the key {_brief(key)}.", "Put keys in quotes.")

    def _scalar(self, value: object, at: Place) -> object:
        match value:
            case None | bool():
                return value
            case str() if _is_unicode(value):
                return str(value)
            case int() if value in _INTEGERS:
                return int(value)
            case float() if isfinite(value):
                return float(value)
            case _:
                remedy = "Write a text in quotes, a finite number, true or false."
                self._odd(at, f"found {_brief(value)}.", remedy)
                return None

    def _odd(self, at: Place, what: str, remedy: str) -> None:
        self.findings.append(Finding(what=what, remedy=remedy, at=at))


def _is_unicode(text: str) -> bool:
    """Whether *text* can be written as UTF-8: half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _brief(value: object) -> str:
    if isinstance(value, bool | str | float):
        return shown(value)
    if isinstance(value, int) and value in _INTEGERS:
        return str(value)
    return f"a value of type {type(value).__name__} that JSON cannot say"


def plain_document(document: object) -> dict[str, object]:
    """Copy *document* as dicts, lists, texts, finite numbers, true, false and None.

    Raises:
        Wrong: With everything in it that is none of these.

    """
    copy = _Copy()
    tree: object = None
    try:
        tree = copy.of(document, ())
    except _Full:
        copy.findings = [
            Finding(
                what=f"found more than {MOST_VALUES} values.",
                remedy="Take out the aliases that multiply each other.",
            )
        ]
    raise_all(copy.findings)
    if isinstance(tree, dict):
        return tree
    raise wrong(
        f"found {shown(tree)} at the top.",
        "Write a mapping there: it begins with `listen: 127.0.0.1:8080`.",
    )
