"""The shape of `telemetry`: who else is told what the gateway sees."""

from importlib.util import find_spec
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from gateway.domain.deployment import Otlp
from gateway.settings.addresses import collector
from gateway.settings.problem import wrong
from gateway.settings.shapes.headers import Headers
from gateway.settings.shapes.shape import URL_PATTERN, Duration, Part, Shape, schema

_PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
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

    @model_validator(mode="after")
    def _can_be_told(self) -> "TelemetryShape":
        if self.otlp is not None and not _is_installed():
            raise wrong(
                "found a collector, and the packages that talk to one are missing.",
                "Run `pip install 'sluicegate[otel]'`, or remove otlp.",
                at=("otlp",),
            )
        return self


def _is_installed() -> bool:
    try:
        return all(find_spec(package) is not None for package in _PACKAGES)
    except ModuleNotFoundError:  # of a package they lie in
        return False
