"""Checks values against JSON Schemas that clients sent, and that may be hostile.

The work is jsonschema-rs': a compiled interpreter that generates no code, fetches
nothing (`offline`), and matches patterns in linear time (`RegexOptions`: Rust's regex
engine, without look-around). What it does not bound is bounded here, before it compiles:
size, depth, and how large a schema becomes when its references are written out, which
doubles with each `$ref` that stands twice.

A schema beyond the bounds, or that is no schema, gives None: unknown is not invalid.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from jsonschema_rs import Validator

LARGEST: Final = 64 * 1024
"""Bytes of a schema."""

DEEPEST: Final = 64
"""Levels of a schema, references followed."""

HEAVIEST: Final = 2_000
"""Values of a schema with its references written out; a pattern counts as 20, a `multipleOf` or `uniqueItems` as 150."""

MOST_WORK: Final = 2_000_000
"""Weight of a schema times characters of a value: some 2 ms at worst (measured).

No budget of signals ends a check that has begun, and each JSON answer is checked.
"""

_PATTERN_WEIGHT: Final = 20
_DIVISOR_WEIGHT: Final = 150
_UNIQUE_WEIGHT: Final = 150  # up to 15 items are compared each with each
_LEAST_DIVISOR: Final = 1e-9
_LARGEST_PATTERN: Final = 256 * 1024  # bytes, compiled
_MOST_KEPT: Final = 32  # of at most about 1 MB

# Names that change what a reference means, or make evaluation collect annotations. No
# model server's structured output takes them.
_NOT_FOLLOWED: Final = frozenset({
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
    "unevaluatedItems",
    "unevaluatedProperties",
})
_DEFINED: Final = frozenset({"$defs", "definitions"})
_OLD: Final = ("draft-03", "draft-04")  # their "id" is a common name of a property


class _OutOfBoundsError(Exception):
    """A schema is too heavy, or has what is not followed."""


def _weight_of_divisor(divisor: object) -> int:
    """Weigh a `multipleOf`, which is divided exactly, in fractions of any length.

    Raises:
        _OutOfBoundsError: A division by it takes longer than a few microseconds.

    """
    if not isinstance(divisor, int | float):
        return 0
    if not _LEAST_DIVISOR <= divisor <= 1 / _LEAST_DIVISOR:
        raise _OutOfBoundsError
    return _DIVISOR_WEIGHT


class _Scale:
    """Weighs one schema with its references written out; each target is weighed once."""

    def __init__(self, document: object) -> None:
        self._document = document
        self._targets: dict[str, int] = {}

    def weigh(self, value: object, depth: int = 0) -> int:
        """Give the weight of a part.

        Raises:
            _OutOfBoundsError: It is beyond the bounds.

        """
        if depth > DEEPEST:
            raise _OutOfBoundsError
        weight = 1
        if isinstance(value, dict):
            weight += self._beyond_its_values(value, depth)
            # What is only defined costs nothing; what is referred to is weighed there.
            defined = _DEFINED if value is self._document else ()
            value = [part for name, part in value.items() if name not in defined]
        if isinstance(value, list):
            for part in value:
                weight += self.weigh(part, depth + 1)
                if weight > HEAVIEST:
                    raise _OutOfBoundsError
        return weight

    def _beyond_its_values(self, part: dict[str, object], depth: int) -> int:
        if not _NOT_FOLLOWED.isdisjoint(part) or (depth and "$id" in part):
            raise _OutOfBoundsError
        weight = 0
        reference, patterns = part.get("$ref"), part.get("patternProperties")
        if isinstance(reference, str):
            weight += self._weigh_target(reference, depth)
        if isinstance(part.get("pattern"), str):
            weight += _PATTERN_WEIGHT
        if isinstance(patterns, dict):
            weight += _PATTERN_WEIGHT * len(patterns)
        if part.get("uniqueItems") is True:
            weight += _UNIQUE_WEIGHT
        return weight + _weight_of_divisor(part.get("multipleOf"))

    def _weigh_target(self, reference: str, depth: int) -> int:
        known = self._targets.get(reference)
        if known is None:
            self._targets[reference] = 1  # of a cycle; the validator remembers results
            known = self.weigh(self._find(reference), depth + 1)
            self._targets[reference] = known
        return known

    def _find(self, reference: str) -> object:
        """Give what a reference within the document means; there are no others."""
        start, *steps = reference.split("/")
        found = self._document
        if start != "#" or "%" in reference:
            raise _OutOfBoundsError
        for step in steps:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise _OutOfBoundsError
            found = found[name]
            if isinstance(found, dict) and "$id" in found:
                raise _OutOfBoundsError  # a document of its own begins here
        return found


def _weight(schema: bytes) -> int:
    """Weigh a schema.

    Raises:
        _OutOfBoundsError: It is beyond the bounds, or no JSON object.

    """
    if len(schema) > LARGEST:
        raise _OutOfBoundsError
    try:
        document = msgspec.json.decode(schema)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise _OutOfBoundsError from problem
    if not isinstance(document, dict):
        raise _OutOfBoundsError
    dialect = document.get("$schema")
    if isinstance(dialect, str) and any(old in dialect for old in _OLD):
        raise _OutOfBoundsError
    return _Scale(document).weigh(document)


@lru_cache(maxsize=_MOST_KEPT)
def _compiled(schema: bytes) -> "tuple[Validator, int] | None":
    """Give the validator of a schema and its weight; None when there is none."""
    # Imported when the first schema comes: 17 ms and 9 MB that a worker without any
    # need not spend.
    import jsonschema_rs

    try:
        weight = _weight(schema)
        validator = jsonschema_rs.validator_for(
            schema.decode(),
            offline=True,
            validate_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(
                size_limit=_LARGEST_PATTERN, dfa_size_limit=_LARGEST_PATTERN
            ),
        )
    except (_OutOfBoundsError, ValueError, jsonschema_rs.ReferencingError):
        return None
    return validator, weight


def is_checkable(schema: bytes, characters: int) -> bool:
    """Whether values of so many characters can be checked against a schema."""
    if len(schema) > LARGEST:
        return False
    compiled = _compiled(schema)
    return compiled is not None and compiled[1] * characters <= MOST_WORK


def fits(schema: bytes, value: object, characters: int) -> bool | None:
    """Whether a parsed JSON value fits a schema.

    Args:
        schema: JSON Schema as JSON text; drafts 6, 7, 2019-09 and 2020-12. `format` is
            not checked, as the newer drafts have it.
        value: What msgspec or json parsed.
        characters: Of the text that *value* was parsed from.

    Returns:
        None when it cannot be checked; see `is_checkable`.

    """
    if not is_checkable(schema, characters):
        return None
    compiled = _compiled(schema)
    try:
        return None if compiled is None else compiled[0].is_valid(value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None  # a value that the validator cannot hold
