"""What every shape shares, and the value types that shapes are made of.

A shape is a pydantic model of one mapping in the file. Its leaves are read by our own
functions; pydantic walks, collects all errors, and knows the defaults and the schema.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from gateway.domain.units import Bytes, Seconds, Share
from gateway.settings import names, quantities
from gateway.settings.credentials import Surroundings
from gateway.settings.problem import shown, wrong


class Shape(BaseModel):
    """One mapping of the configuration.

    `later` holds the keys of the contract that this release does not act on, with what
    to do until then.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        model_title_generator=lambda shape: shape.__name__.removesuffix("Shape"),
    )
    later: ClassVar[Mapping[str, str]] = {}


def surroundings_of(info: ValidationInfo) -> Surroundings:
    """Give what the caller of the validation put beside the document."""
    found = info.context
    if isinstance(found, Surroundings):
        return found
    raise TypeError(found)


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong(f"found {shown(value)}.", "Write true or false.")


def schema(**keywords: object) -> WithJsonSchema:
    """Describe a leaf to editors."""
    return WithJsonSchema(dict(keywords))


def text_schema(pattern: str) -> WithJsonSchema:
    """Describe a text to editors; the pattern is for all of it."""
    return schema(type="string", pattern=f"^(?:{pattern})$")


def duration_schema(longest: float) -> WithJsonSchema:
    """Describe a duration to editors; *longest* in seconds."""
    return schema(
        anyOf=[
            {"type": "string", "pattern": f"^{quantities.DURATION_PATTERN}$"},
            {"type": "number", "minimum": quantities.SHORTEST, "maximum": longest},
        ]
    )


URL_PATTERN: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://[^?#@\s]+$"
NotEmpty: Final = Field(min_length=1)

YesNo = Annotated[bool, PlainValidator(_yes_or_no), schema(type="boolean")]
Duration = Annotated[
    Seconds, PlainValidator(quantities.duration), duration_schema(quantities.LONGEST)
]
Wait = Annotated[
    Seconds,
    PlainValidator(quantities.wait),
    schema(
        anyOf=[
            {"type": "string", "pattern": f"^{quantities.DURATION_PATTERN}$"},
            {"type": "number", "minimum": 0, "maximum": quantities.LONGEST},
        ]
    ),
]
"""A duration that may be 0."""
Size = Annotated[
    Bytes,
    PlainValidator(quantities.size),
    schema(
        anyOf=[
            {"type": "string", "pattern": f"^{quantities.SIZE_PATTERN}$"},
            {"type": "integer", "minimum": 1, "maximum": quantities.LARGEST},
        ]
    ),
]
Percent = Annotated[
    Share,
    PlainValidator(quantities.percent),
    schema(type="number", minimum=0, maximum=100, multipleOf=0.001),
]
Part = Annotated[
    float,
    PlainValidator(quantities.part),
    schema(type="number", minimum=0, maximum=1),
]
Name = Annotated[str, PlainValidator(names.name), text_schema(names.NAME_PATTERN)]
PathPrefix = Annotated[
    str, PlainValidator(names.path_prefix), text_schema(names.PATH_PATTERN)
]
Pointer = Annotated[
    str, PlainValidator(names.json_pointer), text_schema(names.POINTER_PATTERN)
]
