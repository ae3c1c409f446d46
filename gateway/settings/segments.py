"""How traffic is sliced: what of a request decides, and which values are told apart.

Each way to decide has one key that lists its values: `edges`, `values` or `patterns`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.answers.patterns import MOST_STEPS, compile_all
from gateway.answers.script import SCRIPTS
from gateway.domain.errors import BadConfiguration
from gateway.domain.segment import MOST_VALUES, OTHER, Segment, SegmentBy
from gateway.domain.units import Bytes
from gateway.settings.names import header_name, json_pointer, path_prefix
from gateway.settings.problem import (
    Finding,
    Wrong,
    raise_all,
    shown,
    text_of,
    unknown,
    wrong,
)

LONGEST_VALUE: Final = 128
LONGEST_PATTERN: Final = 1000
MOST_DECLARED: Final = MOST_VALUES - 1  # OTHER is one
MOST_EDGES: Final = MOST_DECLARED - 1  # which make one range more
_NAMED: Final[Mapping[str, Callable[[object], str]]] = {
    SegmentBy.HEADER.value: header_name,
    SegmentBy.JSON.value: json_pointer,
}
WORDS: Final = tuple(by.value for by in SegmentBy if by.value not in _NAMED)
_KNOWN: Final = (*WORDS, *_NAMED)
_REMEDY: Final = (
    f"Write one of: {', '.join(WORDS)}, {{header: x-tenant}}, {{json: /metadata/plan}}."
)
_EXAMPLES: Final[Mapping[SegmentBy, tuple[str, str]]] = {
    SegmentBy.REQUEST_BYTES: ("edges", "[1KiB, 8KiB, 32KiB]"),
    SegmentBy.HEADER: ("values", "[a, b]"),
    SegmentBy.PATH: ("values", "[/v1/chat, /v1/embeddings]"),
    SegmentBy.MODEL: ("values", "[small, large]"),
    SegmentBy.SCRIPT: ("values", "[latin, cyrillic]"),
    SegmentBy.JSON: ("values", "[free, paid]"),
    SegmentBy.PROMPT: ("patterns", "{code: 'def |class ', money: invoice|refund}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """What of a request decides; `key` as in Segment."""

    by: SegmentBy
    key: str = ""


def decider(value: object) -> Decider:
    """Read `by`. Raises Wrong."""
    if isinstance(value, dict):
        return _named(value)
    text = text_of(value, _REMEDY)
    if text in _NAMED:
        raise wrong(f"found {shown(text)} without a name.", _REMEDY)
    if text not in WORDS:
        raise Wrong(unknown("way to slice", text, _KNOWN))
    return Decider(by=SegmentBy(text))


def _named(value: dict[str, object]) -> Decider:
    raise_all(unknown("key", key, _NAMED) for key in value if key not in _NAMED)
    if len(value) != 1:
        raise wrong(f"found {len(value)} keys in one entry.", _REMEDY)
    kind, name = next(iter(value.items()))
    try:
        return Decider(by=SegmentBy(kind), key=_NAMED[kind](name))
    except Wrong as error:
        raise Wrong(*(finding.below(kind) for finding in error.findings)) from None


def declared_value(value: object) -> str:
    """Read a value that is told apart. Raises Wrong."""
    remedy = f"Write a text of 1 to {LONGEST_VALUE} printable characters."
    text = text_of(value, remedy)
    if not 0 < len(text) <= LONGEST_VALUE or not text.isprintable():
        raise wrong(f"found {shown(text)}.", remedy)
    return text


def expression(value: object) -> str:
    """Read a regular expression, which `checked` compiles. Raises Wrong."""
    remedy = f"Write a regular expression of 1 to {LONGEST_PATTERN} characters."
    text = text_of(value, remedy)
    if not 0 < len(text) <= LONGEST_PATTERN:
        raise wrong(f"found {shown(text)}, of {len(text)} characters.", remedy)
    return text


def checked(segment: Segment) -> Segment:
    """Check that what is declared is what `by` needs, and can be told apart.

    Raises:
        Wrong: With places below the entry of the segment.

    """
    needed, example = _EXAMPLES[segment.by]
    given = {
        "edges": len(segment.edges),
        "values": len(segment.values),
        "patterns": len(segment.patterns),
    }
    raise_all(
        Finding(
            what=f"found {key} in a segment by {segment.by.value}.",
            remedy=f"Write `{needed}: {example}` instead.",
            at=(key,),
        )
        for key, count in given.items()
        if count and key != needed
    )
    if not given[needed]:
        raise wrong("missing.", f"Add it, such as `{needed}: {example}`.", at=(needed,))
    raise_all(_too_many(needed, given[needed]))
    raise_all([*_fallen(segment.edges), *_values(segment), *_patterns(segment)])
    return segment


def _too_many(key: str, count: int) -> Iterator[Finding]:
    most = MOST_EDGES if key == "edges" else MOST_DECLARED
    if count > most:
        yield Finding(
            what=f"found {count} {key}.",
            remedy=f"Write at most {most}: the rest is {OTHER}.",
            at=(key,),
        )


def _fallen(edges: tuple[Bytes, ...]) -> Iterator[Finding]:
    for place in range(1, len(edges)):
        if edges[place] <= edges[place - 1]:
            yield Finding(
                what=f"found {edges[place]} bytes after {edges[place - 1]}.",
                remedy="Write edges that rise.",
                at=("edges", place),
            )


def _values(segment: Segment) -> Iterator[Finding]:
    for place, value in enumerate(segment.values):
        if value == OTHER:
            yield _reserved("values", place)
        elif value in segment.values[:place]:
            yield Finding(
                what=f"found {shown(value)} again.",
                remedy="Keep one: the first that fits counts.",
                at=("values", place),
            )
        elif segment.by is SegmentBy.PATH:
            yield from _no_path(value, place)
        elif segment.by is SegmentBy.SCRIPT and value not in SCRIPTS:
            yield unknown("script", value, SCRIPTS, at=("values", place))


def _reserved(*at: str | int) -> Finding:
    return Finding(
        what=f"found '{OTHER}', which is what no other value fits.",
        remedy="Leave it out: it is always there.",
        at=at,
    )


def _no_path(value: str, place: int) -> Iterator[Finding]:
    try:
        path_prefix(value)
    except Wrong as error:
        yield from (finding.below("values", place) for finding in error.findings)


def _patterns(segment: Segment) -> Iterator[Finding]:
    """Compile each alone, to say which one is wrong; and all together if none is."""
    findings = [
        finding.below("patterns", name)
        for name, pattern in segment.patterns
        for finding in uncompiled((name, pattern))
    ]
    yield from findings
    if not findings:
        for finding in uncompiled(*segment.patterns):
            yield finding.below("patterns")
    if OTHER in dict(segment.patterns):
        yield _reserved("patterns", OTHER)


def uncompiled(*patterns: tuple[str, str], most: int = MOST_STEPS) -> Iterator[Finding]:
    """Say why (name, expression) pairs cannot be used together, if they cannot."""
    try:
        with warnings.catch_warnings(action="error"):
            compile_all(patterns, most=most)
    except BadConfiguration as error:
        yield Finding(what=error.what, remedy=error.remedy)
    except Warning as warning:  # what later releases of Python will read differently
        yield Finding(
            what=f"found an expression that can be read in two ways ({warning}).",
            remedy="Put a backslash before the character that is meant as itself.",
        )
