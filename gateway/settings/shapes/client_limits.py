"""The shape of what clients may ask of the gateway, one by one and together."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator

from gateway.domain.deployment import ClientLimits
from gateway.settings.quantities import count
from gateway.settings.shapes.shape import Duration, Shape, Size, schema

_LIMITS: Final = ClientLimits()
_MOST: Final = 1_000_000

_Count = Annotated[
    int,
    PlainValidator(count(1, _MOST)),
    schema(type="integer", minimum=1, maximum=_MOST),
]


class ClientLimitsShape(Shape):
    """`limits` of the gateway."""

    head: Size = Field(
        default=_LIMITS.head, description="Request line and headers; more is 431."
    )
    headers: _Count = Field(
        default=_LIMITS.headers,
        description="Headers of a request, and its trailers; more is 431.",
    )
    body: Size = Field(default=_LIMITS.body, description="Request body; more is 413.")
    head_timeout: Duration = Field(
        default=_LIMITS.head_timeout,
        description="From a request's first byte to the end of its head; then 408.",
    )
    body_timeout: Duration = Field(
        default=_LIMITS.body_timeout,
        description="How long a request body may come more slowly than body_rate; "
        "then 408.",
    )
    body_rate: Size = Field(
        default=_LIMITS.body_rate,
        description="Bytes a second, on average, that a request body must come with "
        "beyond body_timeout.",
    )
    idle: Duration = Field(
        default=_LIMITS.idle,
        description="Longest silence inside a request body, or of a client that does "
        "not take its answer.",
    )
    keep_alive: Duration = Field(
        default=_LIMITS.keep_alive,
        description="How long an idle client connection is kept.",
    )
    stream: Duration | None = Field(
        default=_LIMITS.stream,
        description="Longest time of a request with its answer, and of an upgraded "
        "connection; null: any.",
    )
    connections: _Count | None = Field(
        default=_LIMITS.connections,
        description="Client connections, in each worker; one more gets a 503. null: as "
        "many as it may have open files.",
    )
    connections_per_client: _Count | None = Field(
        default=_LIMITS.connections_per_client,
        description="The same from one address (IPv6: from one /64), trusted proxies "
        "apart; one more gets a 429. null: any.",
    )
    requests: _Count | None = Field(
        default=_LIMITS.requests,
        description="Requests in flight, in each worker; one more gets a 503. null: as "
        "many as there are connections.",
    )
    lag: Duration | None = Field(
        default=_LIMITS.lag,
        description="How late a worker may be with everything, two seconds long, "
        "before it takes fewer requests; null: any.",
    )
