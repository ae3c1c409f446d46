"""The shapes of what is read from answers: `signals`, `context`, `feedback`."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator

from gateway.domain.service import (
    DEFAULT_SIGNALS,
    MOST_FEEDBACK_SIGNALS,
    Feedback,
    Signals,
)
from gateway.domain.units import Seconds
from gateway.settings import names, quantities
from gateway.settings.shapes.shape import (
    Name,
    Part,
    Pointer,
    Shape,
    duration_schema,
    schema,
)
from gateway.settings.signals import (
    KNOWN,
    MOST,
    SignalEntry,
    each_once,
    few,
    signal_entry,
    unreserved,
)

_SIGNALS: Final = Signals()
_FEEDBACK: Final = Feedback()

_Entry = Annotated[
    SignalEntry,
    PlainValidator(signal_entry),
    schema(
        anyOf=[
            {"enum": list(KNOWN)},
            *(
                {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string",
                            "pattern": f"^{names.NAME_PATTERN}$",
                        },
                        place: {"type": "string", "pattern": f"^{pattern}$"},
                    },
                    "required": ["name", place],
                    "additionalProperties": False,
                }
                for place, pattern in (
                    ("header", names.FIELD_NAME_PATTERN),
                    ("json", names.POINTER_PATTERN),
                )
            ),
        ]
    ),
]
_Cpu = Annotated[
    Seconds,
    PlainValidator(
        quantities.duration_up_to("100ms", "Other exchanges wait while signals run.")
    ),
    duration_schema(0.1),
]
_Deadline = Annotated[
    Seconds,
    PlainValidator(
        quantities.duration_up_to("30d", "Request ids are known for 30 days.")
    ),
    duration_schema(30 * 86_400),
]


class SignalsShape(Shape):
    """`signals`."""

    names: Annotated[
        list[_Entry], AfterValidator(few(MOST)), AfterValidator(each_once)
    ] = Field(
        default=list(DEFAULT_SIGNALS),
        description="What is measured in answers, by name; {name: …, header: …} or "
        "{name: …, json: …} for what the model server reports. None: nothing.",
        json_schema_extra={"maxItems": MOST},
    )
    sample: Part = Field(
        default=_SIGNALS.sample,
        description="For which part of the keys costly signals are measured; the same "
        "keys on both versions.",
    )
    cpu: _Cpu = Field(
        default=_SIGNALS.cpu,
        description="Processor time after which no further costly signal of an answer is "
        "begun.",
    )


class ContextShape(Shape):
    """`context`."""

    at: Pointer = Field(
        alias="json",
        description="Where requests carry retrieved passages: a text, or a list of "
        "texts or of objects with a text or content.",
        examples=["/documents"],
    )


class FeedbackShape(Shape):
    """`feedback`."""

    deadline: _Deadline = Field(
        default=_FEEDBACK.deadline,
        description="How long after its answer feedback is still evidence.",
    )
    signals: Annotated[
        list[Annotated[Name, AfterValidator(unreserved)]],
        AfterValidator(few(MOST_FEEDBACK_SIGNALS)),
        AfterValidator(each_once),
    ] = Field(
        default=[],
        description="Names of feedback that are taken; none: any, up to "
        f"{MOST_FEEDBACK_SIGNALS}.",
        json_schema_extra={"maxItems": MOST_FEEDBACK_SIGNALS},
    )
