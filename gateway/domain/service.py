"""What the gateway serves: services, their versions, and how a request picks one.

Frozen values, made from the configuration by settings/, carried to the workers inside
the routing table. Secrets in `set_headers` are already resolved here, so a Version is
never printed or shown by the admin API as a whole.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.domain.evaluation import Evaluator, Sampling
from gateway.domain.failover import Failover, Guard
from gateway.domain.health import EndpointCare
from gateway.domain.lane import service_of
from gateway.domain.price import Price
from gateway.domain.rollout import RolloutPlan
from gateway.domain.segment import Segment
from gateway.domain.tls import UpstreamTls
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
        tls: True for https; see Version.tls.
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
class Deadlines:
    """When an answer is late: an event for the analyzer, which cuts nothing off.

    Attributes:
        first_token: From the request's head to the first content of a stream, in
            seconds; to the first byte of any other answer, and where nothing is read.
            None: never late.

    """

    first_token: Seconds | None = None


COMPARED_FIRST_TOKEN = Seconds(30.0)
"""Deadlines.first_token of a service with a rollout that says nothing else: a candidate
that hangs is found by it, and not only when its timeouts end."""


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
        deadlines: See Deadlines.
        limits: See PoolLimits.
        care: See EndpointCare.
        price: None when nobody said what its tokens cost.
        tls: How https endpoints are spoken to; None: they prove their names to the
            system's authorities.

    """

    name: str
    endpoints: tuple[Endpoint, ...]
    host: HostRule = HostRule.KEEP
    path_rewrite: PathRewrite | None = None
    set_headers: tuple[tuple[str, str], ...] = ()
    set_json: tuple[tuple[str, str], ...] = ()
    timeouts: Timeouts = Timeouts()
    deadlines: Deadlines = Deadlines()
    limits: PoolLimits = PoolLimits()
    care: EndpointCare = EndpointCare()
    price: Price | None = None
    tls: UpstreamTls | None = None


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


class DialectChoice(Enum):
    """How answers are read: as the path tells, or always as one family of servers."""

    AUTO = "auto"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    KSERVE = "kserve"
    OLLAMA = "ollama"
    TGI = "tgi"
    PLAIN = "plain"


class UsageRule(Enum):
    """What is done about token usage in streams.

    INJECT asks the upstream for it where the client did not, and takes it out of the
    answer again.
    """

    PASS = "pass"  # ruff: ignore[hardcoded-password-string]: a word, no password
    INJECT = "inject"


class ReportPlace(Enum):
    """Where in an answer a model server reports a signal of its own."""

    HEADER = "header"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSignal:
    """A number or flag that the model server itself reports with an answer.

    Attributes:
        name: Unique among the signals of its service.
        place: Which part of the answer.
        key: Header name in lower case, or JSON pointer (RFC 6901).

    """

    name: str
    place: ReportPlace
    key: str


DEFAULT_SIGNALS = (
    "refusal",
    "empty",
    "repetition",
    "truncation",
    "json_validity",
    "schema_validity",
    "tool_call_validity",
    "output_length",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is measured in answers, and what that may cost.

    Attributes:
        names: Of our own signals; with no reported ones either, nothing is measured.
        reported: Those that come with the answer.
        sample: For which part of the keys costly signals are measured, 0.0 to 1.0;
            the same keys on both versions.
        cpu: Processor time after which no further costly signal of an answer is
            begun, in seconds.

    """

    names: tuple[str, ...] = DEFAULT_SIGNALS
    reported: tuple[ReportedSignal, ...] = ()
    sample: float = 1.0
    cpu: Seconds = Seconds(0.002)


MOST_FEEDBACK_SIGNALS = 64
"""Names of feedback that are told apart in one service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What users and applications may say about an answer after it was given.

    Attributes:
        deadline: How long after the answer it is still evidence, in seconds.
        signals: Names that are taken; none: any, up to MOST_FEEDBACK_SIGNALS.

    """

    deadline: Seconds = Seconds(86_400.0)
    signals: tuple[str, ...] = ()


DEFAULT_STICKY = (
    StickySource(kind=StickyKind.HEADER, name="x-user-id"),
    StickySource(kind=StickyKind.JSON, name="/safety_identifier"),
    StickySource(kind=StickyKind.JSON, name="/user"),
)

DEFAULT_UNSPLIT = ("/v1/files", "/v1/batches")


DEFAULT_UPGRADES = ("websocket",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A named endpoint that clients call, split between a baseline and a candidate.

    One with several candidates is as many of these as it has lanes (domain.lane).

    Attributes:
        name: Unique; also the salt of the split while fixed weights rule.
        versions: By order of definition; contains baseline and candidate.
        baseline: Name of the version that owns every bucket nobody else owns.
        candidate: Name of the version under release; None when there is only one.
        configured_share: The candidate's weight as the configuration has it. The
            weight in force may differ (operators change it live): routing table.
        match: Which requests belong here.
        unsplit: Path prefixes that always go to the baseline.
        dialect: How answers are read.
        sticky: Sources of the sticky key, in order; none present: a fresh coin.
        json_limit: How much request body may be held for json keys, set_json and
            a second try.
        usage: See UsageRule.
        context: JSON pointer (RFC 6901) to the retrieved passages in a request: a
            text, or a list of texts or of objects with a `text` or `content`. None:
            where the dialect has them.
        signals: See Signals.
        feedback: See Feedback.
        expose: Tell the client the version's name.
        override: None when off.
        repeat: True when a request may be sent again on a fresh connection after a
            reused one died before the answer began, whatever its method; and to the
            baseline after a candidate may have begun with it.
        failover: When the baseline answers what a candidate failed at.
        guard: When a worker diverts on its own; None: never.
        upgrades: Protocols, in lower case, that a request may change its connection to.
        segments: How its traffic is sliced, in order.
        rollout: What moves the candidate's weight; None: `configured_share`, and people.
        evaluators: Who judges sampled answers; none: nobody, and nothing is sampled.
        sampling: What may leave a worker for them.

    """

    name: str
    versions: tuple[Version, ...]
    baseline: str
    candidate: str | None = None
    configured_share: Share = Share(0)
    match: Match = Match()
    unsplit: tuple[str, ...] = DEFAULT_UNSPLIT
    dialect: DialectChoice = DialectChoice.AUTO
    sticky: tuple[StickySource, ...] = DEFAULT_STICKY
    json_limit: Bytes = Bytes(1024 * 1024)
    usage: UsageRule = UsageRule.PASS
    context: str | None = None
    signals: Signals = Signals()
    feedback: Feedback = Feedback()
    expose: bool = True
    override: Override | None = None
    repeat: bool = True
    failover: Failover = Failover()
    guard: Guard | None = Guard()
    upgrades: tuple[str, ...] = DEFAULT_UPGRADES
    segments: tuple[Segment, ...] = ()
    rollout: RolloutPlan | None = None
    evaluators: tuple[Evaluator, ...] = ()
    sampling: Sampling = Sampling()

    @property
    def known_as(self) -> str:
        """What people, requests and metrics call it: a lane is part of its service."""
        return service_of(self.name)

    @property
    def candidates(self) -> tuple[str, ...]:
        """All candidates of the service, in order; one for each lane, if it has lanes."""
        alone = () if self.candidate is None else (self.candidate,)
        return alone if self.rollout is None else self.rollout.lanes or alone

    @property
    def lanes(self) -> int:
        """Into how many lanes the service's keys are cut; 1: into none."""
        return len(self.candidates) or 1
