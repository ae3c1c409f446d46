"""Which segments a request falls into, by what it says as it arrived.

Decided before a version is known, so a segment never depends on one. What is absent, and
what nobody declared, is `other`: the number of values is bounded by the configuration.
"""

import re
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.answers.patterns import LONGEST_TEXT, compile_all
from gateway.domain.errors import BadConfiguration
from gateway.domain.segment import MOST_SEGMENTS, MOST_VALUES, Segment, SegmentBy

Cell = tuple[int, ...]
"""One value's number for each segment, in order; 0 is `other`."""

Place = tuple[str, str, int]
"""Segment, value, and a code of the segment's definition: another one, another place."""

_OTHER: Final = 0
_CODE_BITS: Final = 0xFFFF
_LARGEST: Final = 1 << 53  # no declared value is a longer number


class Facts(msgspec.Struct, kw_only=True, gc=False):
    """What is known of a request. Unknown is None or empty.

    Attributes:
        fields: Request fields by lower-case name.
        path: Of the target, without its query.
        size: Bytes of the body.
        model: The model's name as the client wrote it.
        prompt: The last thing the user said.
        json: Values in the body, by JSON pointer; see SegmentPlan.pointers.

    """

    fields: Mapping[bytes, bytes]
    path: bytes = b""
    size: int | None = None
    model: str | None = None
    prompt: str | None = None
    json: Mapping[str, object] = {}


Dimension = Callable[[Facts], int]


class SegmentPlan:
    """The segments of one service, prepared once per routing table.

    Args:
        segments: Their definitions.
        script_of: Names the script a text is written in; called with at most
            LONGEST_TEXT characters.

    Raises:
        BadConfiguration: Too many segments or values, or a pattern that may take long.

    Attributes:
        code: See code_of.
        pointers: JSON pointers whose values `cell` wants to know.
        needs_prompt: Whether it wants to know the prompt.

    """

    __slots__ = ("_dimensions", "code", "needs_prompt", "pointers")

    def __init__(
        self, segments: Sequence[Segment], script_of: Callable[[str], str]
    ) -> None:
        _demand_few(segments)
        self._dimensions = [_dimension(segment, script_of) for segment in segments]
        ways = {segment.by for segment in segments}
        self.code = code_of(segments)
        self.pointers = tuple(
            segment.key for segment in segments if segment.by is SegmentBy.JSON
        )
        self.needs_prompt = bool({SegmentBy.SCRIPT, SegmentBy.PROMPT} & ways)

    def cell(self, facts: Facts) -> Cell:
        """Give the number of each segment's value, below the length of its labels."""
        return tuple([dimension(facts) for dimension in self._dimensions])


def code_of(segments: Sequence[Segment]) -> int:
    """Give 16 bits that tell whether a cell was made by these same definitions."""
    return zlib.crc32(msgspec.json.encode(segments)) & _CODE_BITS


def places_of(segment: Segment) -> tuple[Place, ...]:
    """Give the places of a segment's values, in the order of their numbers."""
    code = code_of([segment])
    return tuple((segment.name, label, code) for label in segment.labels)


def named(
    segments: Sequence[Segment], cell: Iterable[int]
) -> tuple[tuple[str, str], ...]:
    """Name segments and values of a cell that was made by these definitions."""
    return tuple(
        (segment.name, segment.labels[number])
        for segment, number in zip(segments, cell, strict=False)
        if number < len(segment.labels)
    )


def _demand_few(segments: Sequence[Segment]) -> None:
    if len(segments) > MOST_SEGMENTS:
        raise BadConfiguration(
            f"There are {len(segments)} segments.",
            remedy=f"Declare at most {MOST_SEGMENTS}.",
        )
    for segment in segments:
        if (values := len(segment.labels)) > MOST_VALUES:
            raise BadConfiguration(
                f"The segment '{segment.name}' has {values} values, other included.",
                remedy=f"Declare at most {MOST_VALUES - 1}; the rest is other.",
            )


def _dimension(segment: Segment, script_of: Callable[[str], str]) -> Dimension:
    if segment.by is SegmentBy.SCRIPT:
        return _by_script(segment, script_of)
    return _WAYS[segment.by](segment)


def _numbers(segment: Segment) -> dict[str, int]:
    """Give the declared values; an empty one would fit what is absent."""
    labels = enumerate(segment.labels)
    return {value: number for number, value in labels if number and value}


def _by_size(segment: Segment) -> Dimension:
    edges = segment.edges
    if not edges:
        return lambda _facts: _OTHER

    def number(facts: Facts) -> int:
        size = facts.size
        return _OTHER if size is None else bisect_right(edges, size) + 1

    return number


def _by_header(segment: Segment) -> Dimension:
    field = segment.key.lower().encode()
    known = {value.encode(): number for value, number in _numbers(segment).items()}
    return lambda facts: known.get(facts.fields.get(field, b""), _OTHER)


def _by_path(segment: Segment) -> Dimension:
    if not segment.values:
        return lambda _facts: _OTHER
    prefixes = [_prefix(value.encode()) for value in segment.values]
    match = re.compile(b"|".join(prefixes)).match  # one group each: a third of a loop

    def number(facts: Facts) -> int:
        found = match(facts.path)
        return _OTHER if found is None else found.lastindex or _OTHER

    return number


def _prefix(written: bytes) -> bytes:
    """Write a path prefix as a pattern: "/v1" does not fit "/v10"."""
    end = b"" if written.endswith(b"/") else rb"(?=/|\Z)"
    return b"(%b)%b" % (re.escape(written), end)


def _by_model(segment: Segment) -> Dimension:
    numbers = _numbers(segment)
    return lambda facts: numbers.get(facts.model or "", _OTHER)


def _by_script(segment: Segment, script_of: Callable[[str], str]) -> Dimension:
    numbers = _numbers(segment)

    def number(facts: Facts) -> int:
        prompt = facts.prompt
        if not prompt:
            return _OTHER
        return numbers.get(script_of(prompt[:LONGEST_TEXT]), _OTHER)

    return number


def _by_json(segment: Segment) -> Dimension:
    pointer, numbers = segment.key, _numbers(segment)
    return lambda facts: numbers.get(_as_text(facts.json.get(pointer)), _OTHER)


def _as_text(found: object) -> str:
    """Write a JSON value as it is declared; "" for what no value can be."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, int) and abs(found) <= _LARGEST else ""


def _by_prompt(segment: Segment) -> Dimension:
    numbers = _numbers(segment)
    compiled = zip(segment.patterns, compile_all(segment.patterns), strict=True)
    searches = [
        (pattern.search, numbers.get(value, _OTHER)) for (value, _), pattern in compiled
    ]

    def number(facts: Facts) -> int:
        text = (facts.prompt or "")[:LONGEST_TEXT]
        for search, found in searches if text else ():
            if search(text):
                return found
        return _OTHER

    return number


_WAYS: Final[Mapping[SegmentBy, Callable[[Segment], Dimension]]] = {
    SegmentBy.REQUEST_BYTES: _by_size,
    SegmentBy.HEADER: _by_header,
    SegmentBy.PATH: _by_path,
    SegmentBy.MODEL: _by_model,
    SegmentBy.JSON: _by_json,
    SegmentBy.PROMPT: _by_prompt,
}
