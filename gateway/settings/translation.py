"""From pydantic's complaints to our sentences.

Our own readers raise Wrong, which already says everything; what is left to say here is
about keys (unknown, planned, missing) and about mappings and lists that are neither.
"""

from types import NoneType
from typing import Annotated, Final, TypeGuard, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.settings.problem import (
    Finding,
    Place,
    Wrong,
    as_flow,
    shown,
    unknown,
)
from gateway.settings.shapes.gateway import DocumentShape
from gateway.settings.shapes.shape import Shape

_KEY: Final = "[key]"
_SECRET: Final = frozenset({"set_headers", "headers", "api_key", "tokens"})
"""Below these, a value may be a secret in the wrong place, and is not repeated."""


def findings_of(error: ValidationError) -> list[Finding]:
    """Say all that *error* holds, each with its place in the whole document."""
    return [
        finding
        for details in error.errors(include_url=False)
        for finding in _findings(details)
    ]


def _findings(details: ErrorDetails) -> list[Finding]:
    place: Place = tuple(part for part in details["loc"] if part != _KEY)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Wrong):
        return [finding.below(*place) for finding in cause.findings]
    match details["type"]:
        case "extra_forbidden":
            return [_refused_key(place)]
        case "missing":
            return [_missing(place)]
        case "too_short":
            remedy = "Write at least one entry."
        case _:
            remedy = _expected(place)
    found = "a value" if _SECRET.intersection(place) else shown(details["input"])
    return [Finding(what=f"found {found}.", remedy=remedy, at=place)]


def _refused_key(place: Place) -> Finding:
    *outer, key = place
    shape = type_at(tuple(outer))
    if not _is_shape(shape):
        return unknown("key", str(key), (), none="Remove it.", at=place)
    if key in shape.later:
        what = f"'{key}' is not available yet."
        return Finding(what=what, remedy=shape.later[str(key)], at=place)
    return unknown("key", str(key), keys_of(shape), at=tuple(outer))


def _missing(place: Place) -> Finding:
    *outer, key = place
    shape = type_at(tuple(outer))
    field = keys_of(shape)[str(key)] if _is_shape(shape) else None
    examples = (field.examples if field else None) or ["…"]
    return Finding(
        what="missing.",
        remedy=f"Add it, such as `{key}: {as_flow(examples[0])}`.",
        at=place,
    )


def _expected(place: Place) -> str:
    found = type_at(place)
    if _is_shape(found):
        return f"Write a mapping with some of: {', '.join(keys_of(found))}."
    if get_origin(found) is dict:
        return "Write a mapping of names to values: {name: value}."
    if get_origin(found) is list:
        return "Write a list: [value, value], or one `- value` a line."
    return "Write a value that JSON could hold."


def keys_of(shape: type[Shape]) -> dict[str, FieldInfo]:
    """Give a shape's fields by the keys they have in the file."""
    return {field.alias or name: field for name, field in shape.model_fields.items()}


def type_at(place: Place) -> object:
    """Give the type that the document has at *place*; None where it has none."""
    found: object = DocumentShape
    for key in place:
        found = bare(_inside(found, key))
    return found


def _inside(found: object, key: str | int) -> object:
    if _is_shape(found):
        field = keys_of(found).get(str(key))
        return field.annotation if field else None
    if get_origin(found) in {dict, list}:
        return get_args(found)[-1]
    return None


def bare(found: object) -> object:
    """Take `Annotated` and `| None` off a type."""
    if get_origin(found) is Annotated:
        return bare(get_args(found)[0])
    if NoneType in get_args(found):
        return bare(next(part for part in get_args(found) if part is not NoneType))
    return found


def _is_shape(found: object) -> TypeGuard[type[Shape]]:
    return isinstance(found, type) and issubclass(found, Shape)
