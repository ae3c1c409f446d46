"""The shapes of headers that the gateway sends, whose values may be secrets."""

from typing import Annotated

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from gateway.settings import names
from gateway.settings.credentials import header_value
from gateway.settings.problem import Finding, raise_all
from gateway.settings.shapes.shape import schema, surroundings_of, text_schema


def _header_value(value: object, info: ValidationInfo) -> str:
    return header_value(value, surroundings_of(info))


def _distinct_names(headers: dict[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    raise_all([
        Finding(
            what=f"found the header {name} again, after {first[name.lower()]}.",
            remedy="Keep one: header names do not tell cases apart.",
            at=(name,),
        )
        for name in headers
        if first.setdefault(name.lower(), name) != name
    ])
    return headers


HeaderValue = Annotated[
    str,
    PlainValidator(_header_value),
    schema(
        anyOf=[
            {"type": "string"},
            *(
                {
                    "type": "object",
                    "properties": {kind: {"type": "string"}},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind in ("env", "file")
            ),
        ]
    ),
]
_RequestName = Annotated[
    str,
    PlainValidator(names.settable_header),
    text_schema(names.FIELD_NAME_PATTERN),
]
_AnyName = Annotated[
    str,
    PlainValidator(names.header_as_written),
    text_schema(names.FIELD_NAME_PATTERN),
]

RequestHeaders = Annotated[
    dict[_RequestName, HeaderValue], AfterValidator(_distinct_names)
]
"""Set in requests of clients, where some names are the gateway's."""

Headers = Annotated[dict[_AnyName, HeaderValue], AfterValidator(_distinct_names)]
"""Sent in requests of our own."""
