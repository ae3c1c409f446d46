"""What the gateway serves: services, their versions, and how a request picks one.

Frozen values, made from the configuration by settings/, carried to the workers inside
the routing table. Secrets in `set_headers` are already resolved here, so a Version is
never printed or shown by the admin API as a whole.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.domain.segment import Segment
from gateway.domain.units import Bytes, Seconds, Share


class StickyKind(Enum):
    """Where a sticky key may come from."""

    HEADER = "header"
    JSON = "json"
    CLIENT_IP = "client_ip"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class StickySource:
    """One place to look for the sticky key; the first source that has one wins.

    Attributes:
        kind: Which part of the request.
        name: Header name in lower case, JSON pointer (RFC 6901), or cookie name;
            empty for client_ip.

    """

    kind: StickyKind
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One upstream address.

    Attributes:
        url: As configured, for people and as identity.
        host: DNS name or address, without brackets.
        port: 1 to 65535.
        tls: True for https, verified against the system's authorities.
        base_path: Path before the request's own, "" or "/something" without a
            closing slash.

    """

    url: str
    host: str
    port: int
    tls: bool = False
    base_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long an endpoint may take, in seconds.

    Attributes:
        connect: From the wish for a connection to its handshake done.
        first_byte: From the request sent to the first byte of the answer's head.
        idle: Longest silence inside a body, in either direction.
        pool_idle: How long an unused connection is kept for the next request.

    """

    connect: Seconds = Seconds(2.0)
    first_byte: Seconds = Seconds(600.0)
    idle: Seconds = Seconds(300.0)
    pool_idle: Seconds = Seconds(4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much of an endpoint one worker may use at once.

    Attributes:
        connections: Open connections to one endpoint.
        pending: Requests that may wait for a connection; one more gets a 503.

    """

    connections: int = 512
    pending: int = 1024


class HostRule(Enum):
    """Which Host the upstream is told."""

    KEEP = "keep"
    REWRITE = "rewrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRewrite:
    """Replace the prefix `old` of a path by `new`; other paths pass unchanged."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What tokens cost, in USD per million.

    Attributes:
        input: Prompt tokens.
        cached_input: Prompt tokens read from a cache; None: the same as `input`.
        output: Generated tokens.

    """

    input: float
    cached_input: float | None = None
    output: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Something that can serve a service: endpoints, and what is changed on the way.

    Attributes:
        name: Unique within its service.
        endpoints: One or more; balanced by outstanding requests.
        host: Which Host header goes upstream.
        path_rewrite: Applied before the endpoint's base path.
        set_headers: (name, value) pairs that replace the client's; secrets resolved.
        set_json: (JSON pointer, JSON text of the value) pairs set in request bodies.
        timeouts: See Timeouts.
        limits: See PoolLimits.
        price: None when nobody said what its tokens cost.

    """

    name: str
    endpoints: tuple[Endpoint, ...]
    host: HostRule = HostRule.KEEP
    path_rewrite: PathRewrite | None = None
    set_headers: tuple[tuple[str, str], ...] = ()
    set_json: tuple[tuple[str, str], ...] = ()
    timeouts: Timeouts = Timeouts()
    limits: PoolLimits = PoolLimits()
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests a service takes; empty lists fit everything.

    Attributes:
        hosts: Lower-case host names without port; "*.example.com" fits any depth below.
        paths: Prefixes. "/v1/" fits everything below; "/v1" fits itself and below.

    """

    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A header by which permitted senders name the version they want.

    Attributes:
        header: Lower-case header name.
        senders: Networks (CIDR) the client's address must be in.

    """

    header: str
    senders: tuple[str, ...]


DEFAULT_STICKY = (
    StickySource(kind=StickyKind.HEADER, name="x-user-id"),
    StickySource(kind=StickyKind.JSON, name="/safety_identifier"),
    StickySource(kind=StickyKind.JSON, name="/user"),
)

DEFAULT_UNSPLIT = ("/v1/files", "/v1/batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A named endpoint that clients call, split between a baseline and a candidate.

    Attributes:
        name: Unique; also the salt of the split while fixed weights rule.
        versions: By order of definition; contains baseline and candidate.
        baseline: Name of the version that owns every bucket nobody else owns.
        candidate: Name of the version under release; None when there is only one.
        configured_share: The candidate's weight as the configuration has it. The
            weight in force may differ (operators change it live): routing table.
        match: Which requests belong here.
        unsplit: Path prefixes that always go to the baseline.
        sticky: Sources of the sticky key, in order; none present: a fresh coin.
        json_limit: How much request body may be held for json keys, set_json and
            a second try.
        expose: Tell the client the version's name.
        override: None when off.
        repeat: True when a request may be sent again on a fresh connection after a
            reused one died before the answer began, whatever its method.
        segments: How its traffic is sliced, in order.

    """

    name: str
    versions: tuple[Version, ...]
    baseline: str
    candidate: str | None = None
    configured_share: Share = Share(0)
    match: Match = Match()
    unsplit: tuple[str, ...] = DEFAULT_UNSPLIT
    sticky: tuple[StickySource, ...] = DEFAULT_STICKY
    json_limit: Bytes = Bytes(1024 * 1024)
    expose: bool = True
    override: Override | None = None
    repeat: bool = True
    segments: tuple[Segment, ...] = ()
