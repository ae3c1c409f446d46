"""The shapes of what decides whether an endpoint is asked: `health` and its neighbours."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, model_validator

from gateway.domain.health import EndpointCare, HealthCheck, OutlierDetection
from gateway.settings.problem import Finding, raise_all, shown, wrong
from gateway.settings.quantities import count
from gateway.settings.shapes.shape import Duration, PathPrefix, Shape, schema

_HEALTH: Final = HealthCheck(path="/")
_DETECTION: Final = OutlierDetection()
_MOST_IN_A_ROW: Final = 1_000
_LOWEST, _HIGHEST = 200, 599
_ALL: Final = 100

_InARow = Annotated[
    int,
    PlainValidator(count(1, _MOST_IN_A_ROW)),
    schema(type="integer", minimum=1, maximum=_MOST_IN_A_ROW),
]
_Status = Annotated[
    int,
    PlainValidator(count(_LOWEST, _HIGHEST)),
    schema(type="integer", minimum=_LOWEST, maximum=_HIGHEST),
]


class HealthShape(Shape):
    """`health`."""

    path: PathPrefix = Field(
        description="Asked for with GET on every endpoint, as it stands here.",
        examples=["/health"],
    )
    interval: Duration = Field(
        default=_HEALTH.interval, description="Between two checks of an endpoint."
    )
    timeout: Duration = Field(
        default=_HEALTH.timeout,
        description="From the wish for a connection to the answer's head.",
    )
    healthy_threshold: _InARow = Field(
        default=_HEALTH.healthy_threshold,
        description="Good answers in a row after which an endpoint is asked again.",
    )
    unhealthy_threshold: _InARow = Field(
        default=_HEALTH.unhealthy_threshold,
        description="Bad answers in a row, or none, after which it is asked no more.",
    )
    expected_statuses: list[_Status] = Field(
        default=[], description="Good answers; empty: 200 to 299."
    )

    def domain(self) -> HealthCheck:
        """Give what it says."""
        values = self.model_dump()
        return HealthCheck(
            **values | {"expected_statuses": tuple(self.expected_statuses)}
        )


class OutlierDetectionShape(Shape):
    """`outlier_detection`, when it is on."""

    consecutive_failures: _InARow = Field(
        default=_DETECTION.consecutive_failures,
        description="Requests in a row that failed before their first content, after "
        "which an endpoint is left out.",
    )
    base_ejection_time: Duration = Field(
        default=_DETECTION.base_ejection_time,
        description="How long the first time; twice as long the second, and so on.",
    )
    max_ejection_time: Duration = Field(
        default=_DETECTION.max_ejection_time, description="How long at most."
    )
    max_ejection_percent: Annotated[
        int,
        PlainValidator(count(0, _ALL)),
        schema(type="integer", minimum=0, maximum=_ALL),
    ] = Field(
        default=_DETECTION.max_ejection_percent,
        description="Which part of the endpoints may be out for bad answers; one always "
        "may, and the last never.",
    )

    @model_validator(mode="after")
    def _grows(self) -> "OutlierDetectionShape":
        if self.max_ejection_time < self.base_ejection_time:
            raise_all([
                Finding(
                    what="found max_ejection_time shorter than base_ejection_time.",
                    remedy="Make it as long or longer.",
                )
            ])
        return self


def off_is_none(value: object) -> object:
    """Read `off`, or what it is when it is on."""
    if value is False or value == "off":
        return None
    if isinstance(value, dict | OutlierDetectionShape):
        return value
    raise wrong(
        f"found {shown(value)}.",
        "Write off, or {consecutive_failures: 5} and the like.",
    )


CARE: Final = EndpointCare()
