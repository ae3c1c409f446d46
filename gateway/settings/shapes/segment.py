"""The shape of a segment: an entry of `services.NAME.segments`."""

from typing import Annotated

from pydantic import Field, PlainValidator, PrivateAttr, model_validator

from gateway.domain.segment import MOST_SEGMENTS, Segment
from gateway.settings import names, segments
from gateway.settings.problem import Finding, raise_all, wrong
from gateway.settings.shapes.shape import Name, Shape, Size, schema

_By = Annotated[
    segments.Decider,
    PlainValidator(segments.decider),
    schema(
        anyOf=[
            {"enum": list(segments.WORDS)},
            *(
                {
                    "type": "object",
                    "properties": {kind: {"type": "string", "pattern": f"^{pattern}$"}},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind, pattern in (
                    ("header", names.FIELD_NAME_PATTERN),
                    ("json", names.POINTER_PATTERN),
                )
            ),
        ]
    ),
]
_Value = Annotated[
    str,
    PlainValidator(segments.declared_value),
    schema(type="string", minLength=1, maxLength=segments.LONGEST_VALUE),
]
_Expression = Annotated[
    str,
    PlainValidator(segments.expression),
    schema(
        type="string",
        format="regex",
        minLength=1,
        maxLength=segments.LONGEST_PATTERN,
    ),
]


class SegmentShape(Shape):
    """An entry of `segments`."""

    name: Name = Field(
        description="What the slices are called in metrics.", examples=["prompt_size"]
    )
    by: _By = Field(
        description="What of a request decides: its size, path, model, prompt or the "
        "prompt's script, a header or a value in its JSON.",
        examples=["request_bytes"],
    )
    edges: list[Size] = Field(
        default=[],
        description="Of request_bytes: rising sizes between two slices.",
        json_schema_extra={"maxItems": segments.MOST_EDGES},
    )
    values: list[_Value] = Field(
        default=[],
        description="Of path, model, script, header and json: what is told apart; a "
        "path is a prefix. All else is `other`.",
        json_schema_extra={"maxItems": segments.MOST_DECLARED},
    )
    patterns: dict[Name, _Expression] = Field(
        default={},
        description="Of prompt: regular expressions, by the name of their slice; the "
        "first that is found counts. All else is `other`.",
        json_schema_extra={"maxProperties": segments.MOST_DECLARED},
    )

    _segment: Segment = PrivateAttr()

    @model_validator(mode="after")
    def _check(self) -> "SegmentShape":
        self._segment = segments.checked(
            Segment(
                name=self.name,
                by=self.by.by,
                key=self.by.key,
                values=tuple(self.values),
                edges=tuple(self.edges),
                patterns=tuple(self.patterns.items()),
            )
        )
        return self

    @property
    def segment(self) -> Segment:
        """Give the domain's value."""
        return self._segment


def told_apart(shapes: list[SegmentShape]) -> list[SegmentShape]:
    """Check that there are few, each with a name of its own. Raises Wrong."""
    if len(shapes) > MOST_SEGMENTS:
        raise wrong(f"found {len(shapes)} segments.", f"Write at most {MOST_SEGMENTS}.")
    found = [shape.name for shape in shapes]
    raise_all([
        Finding(
            what=f"found the name '{name}' again.",
            remedy="Give each segment a name of its own: metrics show it.",
            at=(place, "name"),
        )
        for place, name in enumerate(found)
        if name in found[:place]
    ])
    return shapes
