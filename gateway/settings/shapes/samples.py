"""The shape of what may leave a worker for judges: `services.NAME.samples`."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator

from gateway.domain.evaluation import DEFAULT_REDACTED, Sampling
from gateway.settings import quantities, redacted, segments
from gateway.settings.shapes.shape import Pointer, Shape, Size, schema

_DEFAULTS: Final = Sampling()
_SHORTEST: Final = 256
_LONGEST: Final = 16 * 1024  # readers keep no more of a prompt or a passage
_MOST_KEPT: Final = 100

_Entry = Annotated[
    redacted.RedactedEntry,
    PlainValidator(redacted.redacted),
    schema(
        anyOf=[
            {"enum": list(redacted.KNOWN)},
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": f"^{redacted.NAME_PATTERN}$"},
                    "pattern": {
                        "type": "string",
                        "format": "regex",
                        "minLength": 1,
                        "maxLength": segments.LONGEST_PATTERN,
                    },
                },
                "required": ["name", "pattern"],
                "additionalProperties": False,
            },
        ]
    ),
]


def _whole(lowest: int, highest: int) -> tuple[PlainValidator, object]:
    return (
        PlainValidator(quantities.count(lowest, highest)),
        schema(type="integer", minimum=lowest, maximum=highest),
    )


class SamplesShape(Shape):
    """`samples`."""

    redact: Annotated[list[_Entry], AfterValidator(redacted.together)] = Field(
        default=list(DEFAULT_REDACTED),
        description="What no judge sees, by name; {name: …, pattern: …} for a pattern "
        "of your own.",
        json_schema_extra={"maxItems": redacted.MOST},
    )
    longest: Annotated[int, *_whole(_SHORTEST, _LONGEST)] = Field(
        default=_DEFAULTS.longest,
        description="Characters that are sent of each prompt, passage and answer.",
    )
    queued: Size = Field(
        default=_DEFAULTS.queued,
        description="What may wait to be sent, of each worker; what is beyond is dropped.",
    )
    per_second: Size = Field(
        default=_DEFAULTS.per_second,
        description="What is sent in a second, of each worker.",
    )
    keep_worst: Annotated[int, *_whole(0, _MOST_KEPT)] = Field(
        default=_DEFAULTS.keep_worst,
        description="Examples that are kept of each version and score, to be looked at; "
        "0: no text is kept anywhere.",
    )
    reference: Pointer | None = Field(
        default=_DEFAULTS.reference,
        description="Where a request carries the right answer, for an application that "
        "knows it; null: nobody does.",
        examples=["/metadata/expected"],
    )

    @property
    def sampling(self) -> Sampling:
        """Give the domain's value."""
        return Sampling(
            redact=tuple(entry for entry in self.redact if isinstance(entry, str)),
            patterns=redacted.own(self.redact),
            longest=self.longest,
            queued=self.queued,
            per_second=self.per_second,
            keep_worst=self.keep_worst,
            reference=self.reference,
        )
