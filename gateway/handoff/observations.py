"""What a worker tells about its traffic: running totals since it started.

Totals and not differences: a lost or repeated frame costs nothing, the next one says
everything again. The controller keeps the newest frame of each worker (by `sequence`)
and the last frame of each dead one.
"""

import msgspec


class Series(msgspec.Struct, kw_only=True, gc=False):
    """Totals of one version of one service in one worker.

    Attributes:
        service: Service name.
        version: Version name.
        outcomes: Outcome value to number of exchanges.
        codes: HTTP status the client was sent (the gateway's own included) to number.
        failures: Failure value to number; why exchanges failed.
        duration: Histogram counts over analysis.histogram.BOUNDS, arrival of the
            request's head to the last byte handed to the client's socket.
        duration_sum: Seconds.
        first_byte: The same for the arrival of the request's head to the first body
            byte of the answer.
        first_byte_sum: Seconds.
        in_flight: Exchanges running now.
        connections_active: Upstream connections with an exchange on them.
        connections_idle: Upstream connections waiting for one.
        pending: Exchanges waiting for a connection.

    """

    service: str
    version: str
    outcomes: dict[str, int]
    codes: dict[int, int]
    failures: dict[str, int]
    duration: list[int]
    duration_sum: float
    first_byte: list[int]
    first_byte_sum: float
    in_flight: int = 0
    connections_active: int = 0
    connections_idle: int = 0
    pending: int = 0


class Observations(msgspec.Struct, kw_only=True, tag="observations"):
    """One frame: everything one worker has seen.

    Attributes:
        worker: The worker's number, from 0.
        pid: Tells a restarted worker from its predecessor.
        sequence: Grows by one per frame of this process.
        series: All series with traffic so far.
        downstream_connections: Client connections open now.
        refused: Status to number of requests the gateway refused itself, before
            any version was assigned.

    """

    worker: int
    pid: int
    sequence: int
    series: list[Series]
    downstream_connections: int
    refused: dict[int, int]


class Counted(msgspec.Struct, kw_only=True, frozen=True):
    """What a controller leaves to the next, so that no counter ever goes down.

    Attributes:
        series: Sums over worker processes that are replaced.
        refused: The same for requests refused before any version was assigned.
        frames: The newest frame of each other process.

    """

    series: list[Series] = []
    refused: dict[int, int] = {}
    frames: list[Observations] = []
