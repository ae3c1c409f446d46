"""Segments: bounded slices of traffic, told apart by what the client's request says.

Made from the configuration, carried to the workers inside the routing table. A value is
a small number wherever it is counted; `labels` gives its name.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

from gateway.domain.units import Bytes

MOST_SEGMENTS: Final = 16
"""Segments of one service."""

MOST_VALUES: Final = 32
"""Values of one segment, OTHER included."""

OTHER: Final = "other"
"""What is absent, and what is none of the declared values; its number is 0."""

_UNITS: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


class SegmentBy(Enum):
    """What of a request decides."""

    REQUEST_BYTES = "request_bytes"
    HEADER = "header"
    PATH = "path"
    MODEL = "model"
    SCRIPT = "script"
    JSON = "json"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One way to slice the traffic of a service.

    Attributes:
        name: Unique within its service.
        by: See SegmentBy.
        key: Header name in lower case (header), JSON pointer (json), or empty.
        values: Declared values (header, model, script, json), or path prefixes, of
            which the first that fits counts. Not OTHER.
        edges: Rising limits in bytes (request_bytes); a size on an edge is above it.
        patterns: (value, regular expression) pairs (prompt); the first expression
            found in the text counts. See answers.patterns for what they may say.

    """

    name: str
    by: SegmentBy
    key: str = ""
    values: tuple[str, ...] = ()
    edges: tuple[Bytes, ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all values; the place of a name is its number."""
        if self.by is SegmentBy.REQUEST_BYTES:
            return (OTHER, *_ranges(self.edges))
        if self.by is SegmentBy.PROMPT:
            return (OTHER, *dict(self.patterns))
        return (OTHER, *self.values)


def _ranges(edges: tuple[Bytes, ...]) -> list[str]:
    sizes = [_size(edge) for edge in edges]
    if not sizes:
        return []
    between = [f"{low}..{high}" for low, high in pairwise(sizes)]
    return [f"<{sizes[0]}", *between, f">={sizes[-1]}"]


def _size(count: int) -> str:
    for unit, name in _UNITS:
        if count and count % unit == 0:
            return f"{count // unit}{name}"
    return f"{count}B"
