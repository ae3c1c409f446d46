"""The shape of `telemetry`: who else is told what the gateway sees."""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator

from gateway.domain.deployment import Otlp
from gateway.settings.addresses import collector
from gateway.settings.shapes.headers import Headers
from gateway.settings.shapes.shape import URL_PATTERN, Duration, Part, Shape, schema

_DEFAULTS: Final = Otlp(endpoint="")

_Url = Annotated[
    str, PlainValidator(collector), schema(type="string", pattern=URL_PATTERN)
]


class OtlpShape(Shape):
    """`telemetry.otlp`, when it is on."""

    endpoint: _Url = Field(
        description="Base URL of the collector (OTLP over HTTP).",
        examples=["http://127.0.0.1:4318"],
    )
    headers: Headers = Field(
        default={},
        description="Headers sent along: a text, {env: VARIABLE} or {file: PATH}.",
    )
    interval: Duration = Field(
        default=_DEFAULTS.interval, description="How often metrics are sent."
    )
    traces: Part = Field(
        default=_DEFAULTS.traces,
        description="Which part of the exchanges is traced: 0.01 is every hundredth.",
    )


def _url_alone(value: object) -> object:
    return {"endpoint": collector(value)} if isinstance(value, str) else value


class TelemetryShape(Shape):
    """`telemetry`."""

    otlp: Annotated[
        OtlpShape | None,
        BeforeValidator(_url_alone, json_schema_input_type=OtlpShape | _Url | None),
    ] = Field(
        default=None,
        description="An OpenTelemetry collector: its URL, or a mapping; null: none.",
    )
