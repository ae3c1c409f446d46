"""The shape of a version: `services.NAME.versions.NAME`."""

from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainValidator,
    model_validator,
)

from gateway.domain.service import Endpoint, PoolLimits, Timeouts
from gateway.routing.json_pointer import split_pointer
from gateway.settings import names
from gateway.settings.addresses import endpoint
from gateway.settings.problem import Finding, raise_all
from gateway.settings.quantities import count
from gateway.settings.shapes.headers import RequestHeaders
from gateway.settings.shapes.health import (
    CARE,
    HealthShape,
    OutlierDetectionShape,
    off_is_none,
)
from gateway.settings.shapes.price import PriceOrName
from gateway.settings.shapes.shape import (
    URL_PATTERN,
    Duration,
    NotEmpty,
    PathPrefix,
    Pointer,
    Shape,
    Wait,
    schema,
)
from gateway.settings.shapes.tls import UpstreamTlsShape

_TIMEOUTS: Final = Timeouts()
_LIMITS: Final = PoolLimits()
_MOST_CONNECTIONS: Final = 100_000
_MOST_PENDING: Final = 1_000_000


def _distinct_places(places: dict[str, JsonValue]) -> dict[str, JsonValue]:
    steps = {pointer: split_pointer(pointer) for pointer in places}
    raise_all([
        Finding(
            what=f"found {inner}, which is inside {outer}.",
            remedy=f"Write it into the value of {outer}, and take it out here.",
            at=(inner,),
        )
        for inner in places
        for outer in places
        if inner != outer and steps[inner][: len(steps[outer])] == steps[outer]
    ])
    return places


def _distinct_endpoints(endpoints: list[Endpoint]) -> list[Endpoint]:
    places = [(e.host, e.port, e.tls, e.base_path) for e in endpoints]
    raise_all([
        Finding(
            what=f"found {endpoints[number].url} again.",
            remedy="Keep one: listed twice, it would get twice the requests.",
            at=(number,),
        )
        for number, place in enumerate(places)
        if place in places[:number]
    ])
    return endpoints


_Url = Annotated[
    Endpoint,
    PlainValidator(endpoint),
    schema(type="string", pattern=URL_PATTERN),
]
_HostRule = Annotated[
    str,
    PlainValidator(names.choice("host rule", names.HOST_RULES)),
    schema(enum=list(names.HOST_RULES)),
]


class PathRewriteShape(Shape):
    """`path_rewrite`."""

    old: PathPrefix = Field(
        alias="from",
        description="The beginning of a path that is replaced.",
        examples=["/v2/models/a/"],
    )
    new: PathPrefix = Field(
        alias="to",
        description="What is put in its place.",
        examples=["/v2/models/b/"],
    )

    @model_validator(mode="after")
    def _end_alike(self) -> "PathRewriteShape":
        if self.old.endswith("/") != self.new.endswith("/"):
            raise_all([
                Finding(
                    what=f"found from: {self.old} with to: {self.new}, of which one "
                    "ends with /.",
                    remedy="End both with / or neither: else names grow together.",
                )
            ])
        return self


class TimeoutsShape(Shape):
    """`timeouts`."""

    connect: Duration = Field(
        default=_TIMEOUTS.connect,
        description="From the wish for a connection to its handshake done.",
    )
    first_byte: Duration = Field(
        default=_TIMEOUTS.first_byte,
        description="From the request sent to the first byte of the answer.",
    )
    idle: Duration = Field(
        default=_TIMEOUTS.idle,
        description="Longest silence inside a body, in either direction.",
    )
    pool_idle: Duration = Field(
        default=_TIMEOUTS.pool_idle,
        description="How long an unused connection is kept; stay below the server's.",
    )


class DeadlinesShape(Shape):
    """`deadlines`."""

    first_token: Duration | None = Field(
        default=None,
        description="A stream whose first content comes later, or another answer whose "
        "first byte does, is late; null: none is.",
    )


class LimitsShape(Shape):
    """`limits` of a version."""

    connections: Annotated[
        int,
        PlainValidator(count(1, _MOST_CONNECTIONS)),
        schema(type="integer", minimum=1, maximum=_MOST_CONNECTIONS),
    ] = Field(
        default=_LIMITS.connections,
        description="Open connections to one endpoint, in each worker.",
    )
    pending: Annotated[
        int,
        PlainValidator(count(0, _MOST_PENDING)),
        schema(type="integer", minimum=0, maximum=_MOST_PENDING),
    ] = Field(
        default=_LIMITS.pending,
        description="Requests that may wait for a connection; one more gets a 503.",
    )


class VersionShape(Shape):
    """`services.NAME.versions.NAME`."""

    endpoints: Annotated[list[_Url], NotEmpty, AfterValidator(_distinct_endpoints)] = (
        Field(
            description="Upstream URLs, balanced by outstanding requests.",
            examples=[["http://127.0.0.1:9001"]],
        )
    )
    host: _HostRule = Field(
        default="keep",
        description="Host header sent upstream: the client's, or the endpoint's.",
    )
    path_rewrite: PathRewriteShape | None = Field(
        default=None,
        description="Replaces the beginning of paths; other paths pass unchanged.",
    )
    set_headers: RequestHeaders = Field(
        default={},
        description="Request headers set in place of the client's: a text, "
        "{env: VARIABLE} or {file: PATH}.",
    )
    set_json: Annotated[dict[Pointer, JsonValue], AfterValidator(_distinct_places)] = (
        Field(
            default={},
            description="Values set in JSON request bodies, by JSON pointer.",
        )
    )
    timeouts: TimeoutsShape = Field(
        default=TimeoutsShape(), description="How long an endpoint may take."
    )
    deadlines: DeadlinesShape = Field(
        default=DeadlinesShape(),
        description="When an answer is late, which the analyzer is told; nothing is cut.",
    )
    tls: UpstreamTlsShape | None = Field(
        default=None,
        description="How https endpoints are spoken to; null: they prove their names to "
        "the system's authorities.",
    )
    limits: LimitsShape = Field(
        default=LimitsShape(),
        description="How much of an endpoint one worker may use at once.",
    )
    health: HealthShape | None = Field(
        default=None,
        description="Asks every endpoint whether it is well; null: nobody asks.",
    )
    outlier_detection: Annotated[
        OutlierDetectionShape | None,
        BeforeValidator(
            off_is_none,
            json_schema_input_type=OutlierDetectionShape | Literal["off", False],
        ),
    ] = Field(
        default=OutlierDetectionShape(),
        description="Leaves endpoints out for a while on which requests fail; or off.",
    )
    slow_start: Wait = Field(
        default=CARE.slow_start,
        description="In which an endpoint that is back, or new, comes to its full share.",
    )
    resolve: Duration = Field(
        default=CARE.resolve,
        description="Between two look-ups of an endpoint's name.",
    )
    price: PriceOrName = Field(  # after set_json, which it looks at
        default=None,
        description="USD per million tokens; {model: …} or auto: as that model costs; "
        "null: nothing is known of costs.",
    )
