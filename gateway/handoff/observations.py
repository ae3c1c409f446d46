"""What a worker tells about its traffic: running totals since it started.

Totals and not differences: a lost or repeated frame costs nothing, the next one says
everything again. The controller keeps the newest frame of each worker (by `sequence`)
and the last frame of each dead one.
"""

import msgspec

from gateway.analysis.histogram import Histogram
from gateway.answers.segments import Place


class Spread(msgspec.Struct, gc=False):
    """A histogram on its way: counts over analysis.histogram.BOUNDS, and their sum.

    Attributes:
        counts: By place; places without any are left out.
        total: Seconds.

    """

    counts: dict[int, int] = {}
    total: float = 0.0

    @classmethod
    def of(cls, histogram: Histogram) -> "Spread":
        """Write down a histogram."""
        return cls(histogram.sparse(), histogram.total)

    def read(self) -> Histogram:
        """Give the histogram again."""
        return Histogram(self.counts, self.total)


class Series(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """Totals of one version of one service in one worker, or of a slice of them.

    Attributes:
        service: Service name.
        version: Version name.
        slice: Segment, value and code, when these are the totals of a slice only.
        outcomes: Outcome value to number of exchanges.
        codes: HTTP status the client was sent (the gateway's own included) to number.
        failures: Failure value to number; why exchanges failed.
        duration: Arrival of the request's head to the last byte handed to the client's
            socket.
        first_byte: The same to the first body byte of the answer.
        first_content: The same to the first content that was read, of streams.
        per_token: Time for each output token after the first, of streams.
        tokens: Kind to number: input, cached_input (part of it), output, reasoning
            (part of it), and output_estimated where the server did not say.
        cost: USD.
        priced: Exchanges whose cost is known, and in `cost`.
        signals: Signal name to how often it was measured, the sum of its values, and
            the sum of their squares.
        skipped: What was not read or measured (answer, event, request, signal) to number;
            of copies of requests, why there were none (see proxy.mirror), too.
        pinned: What became of requests that name a server's state (proxy.pins) to number.
        ejections: Why an endpoint was left out (domain.health.EjectedFor) to how often.
        tunnels_open: Connections that speak another protocol now (proxy.tunnel).
        tunnels_ended: What was first to end one (client, endpoint, idle, gateway) to
            number.
        tunnel_bytes: Who sent them (client, endpoint) to bytes in tunnels.
        late: Exchanges that had no content yet when the version's deadline passed.
        failovers: Exchanges of this version that the baseline answered, by what they had
            failed with.
        retried: Times that another endpoint of the version was asked for a connection.
        uncovered: Those that it did not answer though it would have, by what was in the
            way: the budget, the body, or that they may have begun.
        diverted: Exchanges of this version that the guard sent to the baseline.
        diverting: Whether it does so now.
        answered_age: Seconds since an answer below 500 began; None: there was none.
        in_flight: Exchanges running now.
        connections_active: Upstream connections with an exchange on them.
        connections_idle: Upstream connections waiting for one.
        pending: Exchanges waiting for a connection.

    """

    service: str
    version: str
    slice: Place | None = None
    outcomes: dict[str, int] = {}
    codes: dict[int, int] = {}
    failures: dict[str, int] = {}
    duration: Spread = msgspec.field(default_factory=Spread)
    first_byte: Spread = msgspec.field(default_factory=Spread)
    first_content: Spread = msgspec.field(default_factory=Spread)
    per_token: Spread = msgspec.field(default_factory=Spread)
    tokens: dict[str, int] = {}
    cost: float = 0.0
    priced: int = 0
    signals: dict[str, tuple[int, float, float]] = {}
    skipped: dict[str, int] = {}
    pinned: dict[str, int] = {}
    ejections: dict[str, int] = {}
    tunnels_open: int = 0
    tunnels_ended: dict[str, int] = {}
    tunnel_bytes: dict[str, int] = {}
    late: int = 0
    failovers: dict[str, int] = {}
    uncovered: dict[str, int] = {}
    retried: int = 0
    diverted: int = 0
    diverting: bool = False
    answered_age: float | None = None
    in_flight: int = 0
    connections_active: int = 0
    connections_idle: int = 0
    pending: int = 0


class EndpointTold(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """How one endpoint stands in one worker.

    Attributes:
        service: Service name.
        version: Version name.
        url: As configured.
        address: Where its name leads; "": that is not known, or it is an address.
        state: A domain.health.EndpointState value.
        back_in: Seconds until it is tried again.
        health: Whether its health checks pass; None: there are none, or it is not known.

    """

    service: str
    version: str
    url: str
    address: str = ""
    state: str = "up"
    back_in: float = 0.0
    health: bool | None = None


class Observations(msgspec.Struct, kw_only=True, tag="observations"):
    """One frame: everything one worker has seen.

    Attributes:
        worker: The worker's number, from 0.
        pid: Tells a restarted worker from its predecessor.
        sequence: Grows by one per frame of this process.
        series: All series with traffic so far.
        slices: The series of some slices with traffic so far, in turn, for there may
            be many; all in the last frame of a process. What the newest frame that
            told of a slice said of it holds until the controller publishes a table
            whose segments do not define that slice: then both sides drop it. A slice
            that is lost with a frame is told again in its next turn.
        mirrored: Of copies of requests, whose answers no client saw; their cost is not
            in `series`. By the version the copies went to.
        endpoints: How every endpoint stands, one for each address.
        covered: Of what one version answered in the place of another that had failed, by
            the one that answered. In `series` these count for the one that failed.
        downstream_connections: Client connections open now.
        refused: Status to number of requests the gateway refused itself, before
            any version was assigned.
        dropped: What there was no room for, to number: lines of the `access_log`,
            records of `evidence`, steps of traces (`span`), what was to be judged
            (`sample`); of `refused`, connections and requests that there was too much to
            do for (`shed` and why: proxy.overload, proxy.listen).
        handshakes: TLS handshakes of clients, by result (done, failed), to number.

    """

    worker: int
    pid: int
    sequence: int
    series: list[Series]
    slices: list[Series] = []
    mirrored: list[Series] = []
    endpoints: list[EndpointTold] = []
    covered: list[Series] = []
    downstream_connections: int
    refused: dict[int, int]
    dropped: dict[str, int] = {}
    handshakes: dict[str, int] = {}


class Counted(msgspec.Struct, kw_only=True, frozen=True):
    """What a controller leaves to the next, so that no counter ever goes down.

    Attributes:
        series: Sums over worker processes that are replaced, and of their slices.
        mirrored: The same of copies of requests.
        covered: The same of what was answered in another version's place.
        refused: The same for requests refused before any version was assigned.
        dropped: The same for what there was no room for.
        handshakes: The same for TLS handshakes of clients.
        frames: The newest frame of each other process, with all its slices where it is
            not linked; a linked one tells its slices again.

    """

    series: list[Series] = []
    mirrored: list[Series] = []
    covered: list[Series] = []
    refused: dict[int, int] = {}
    dropped: dict[str, int] = {}
    handshakes: dict[str, int] = {}
    frames: list[Observations] = []
