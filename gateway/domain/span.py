"""A step of a trace: one exchange, as a collector is told of it."""

import msgspec


class Span(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """One exchange as a step of a trace. Unknown is None.

    Attributes:
        trace: Of the whole trace, 32 hexadecimal digits.
        span: Of this step, 16 hexadecimal digits.
        parent: Of the client's step; None when the trace began here.
        service: Service name.
        version: Name of the version it was assigned to.
        request_id: As the endpoint was told it.
        method: Of the request.
        path: Without query, bounded.
        ended: Unix time in seconds.
        duration: Seconds, from the request's head.
        outcome: Outcome value.
        status: What the client was sent.
        failure: Failure value.
        failover_from: The version that was to answer, where this one did in its place.
        first_content: Seconds from the request's head.
        dialect: Name of the dialect it was read in.
        model: As the client named it, bounded.
        input: Tokens, cached ones included.
        cached: Of them, those read from a cache.
        output: Tokens as the server said; no estimate.
        reasoning: Of them, those not shown.
        cost: USD.

    """

    trace: str
    span: str
    parent: str | None = None
    service: str
    version: str
    request_id: str
    method: str
    path: str
    ended: float
    duration: float
    outcome: str
    status: int | None = None
    failure: str | None = None
    failover_from: str | None = None
    first_content: float | None = None
    dialect: str | None = None
    model: str | None = None
    input: int | None = None
    cached: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cost: float | None = None
