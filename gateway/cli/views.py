"""What the admin API answers, as far as the commands show it; the rest is ignored."""

import math
from typing import TypeVar

import msgspec

from gateway.cli.judging_views import EvaluatorView
from gateway.cli.standing_views import EndpointView, StandbyView
from gateway.domain.errors import GatewayError, Side


class OtherLanguage(GatewayError):
    """The gateway answers in a shape that this command does not know."""

    side = Side.OPERATOR
    type = "other_language"


class Quantiles(msgspec.Struct, kw_only=True, frozen=True):
    """Seconds; None without any traffic."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class SignalView(msgspec.Struct, kw_only=True, frozen=True):
    """One signal; None while there is too little to say it."""

    count: int
    mean: float | None
    sd: float | None = None


class Slice(msgspec.Struct, kw_only=True, frozen=True):
    """Totals of a slice of one version's traffic; see Statistics."""

    requests: int
    error_rate: float | None
    duration_seconds: Quantiles
    time_to_first_token_seconds: Quantiles = Quantiles()
    cost_usd: float = 0.0
    cost_per_request_usd: float | None = None
    signals: dict[str, SignalView] = {}


class Statistics(Slice, kw_only=True, frozen=True):
    """Totals of one version; rates from 0 to 1, None without any traffic."""

    refused_rate: float | None = None
    length_rate: float | None = None
    content_filter_rate: float | None = None
    degenerate_rate: float | None = None
    client_error_rate: float | None = None
    cancel_rate: float | None = None
    tokens_per_second: float | None = None
    outcomes: dict[str, int] = {}
    codes: dict[str, int] = {}
    late: int = 0


class EvidenceView(msgspec.Struct, kw_only=True, frozen=True):
    """What a decision may rest on: sticky keys and requests, counted as units.

    Attributes:
        units: Counted once for each weight.
        pairs: Of a mirror: the request got an answer of both versions.

    """

    units: int
    pairs: int = 0


class VersionView(msgspec.Struct, kw_only=True, frozen=True):
    """One version; `weight` is the percent in force."""

    role: str | None
    weight: float
    statistics: Statistics
    segments: dict[str, dict[str, Slice]] = {}
    endpoint_health: list[EndpointView] = []
    evidence: EvidenceView | None = None
    feedback: dict[str, SignalView] = {}
    scores: dict[str, SignalView] = {}
    standby: StandbyView = StandbyView()


class ChangeView(msgspec.Struct, kw_only=True, frozen=True):
    """Who set the weight last; `at` in ISO 8601."""

    by: str
    reason: str
    at: str


class RolloutView(msgspec.Struct, kw_only=True, frozen=True):
    """Where a rollout stands; see the admin API."""

    phase: str
    pause_reason: str | None = None
    killed: bool = False
    attempt: int = 0
    candidate: str | None = None
    step: int = 0
    steps: list[dict[str, object]] = []
    weight: float = 0.0
    protection: str = "off"
    compared: str | None = None
    drain_left_seconds: float = 0.0
    cause: str | None = None
    shortage: str | None = None

    def line(self) -> str:
        """Say it in a line."""
        phase = "killed" if self.killed else self.phase
        why = f" ({self.pause_reason})" if self.pause_reason else ""
        where = ""
        if self.steps and self.step < len(self.steps):
            name = next(iter(self.steps[self.step]))
            where = f", step {self.step + 1} of {len(self.steps)} ({name})"
        drain = ""
        if self.drain_left_seconds:
            left = math.ceil(self.drain_left_seconds)
            drain = f", draining: conversations on it have {left} s left"
        return f"{phase}{why}{where}, candidate at {self.weight:g} %{drain}"


class LaneView(msgspec.Struct, kw_only=True, frozen=True):
    """How one of several candidates stands."""

    name: str
    candidate: str
    rollout: RolloutView


class ServiceView(msgspec.Struct, kw_only=True, frozen=True):
    """One service.

    Attributes:
        weights: What was asked for, in percent, by version.
        evidence_age_seconds: Since the last unit of evidence; None: there is none.
        protection: What protects it, in a word: analysing, taking up evidence, guard only,
            off.
        rollout: Where its rollout stands; None from gateways that know of none, and
            where there are several.
        lanes: Where the rollouts of several candidates stand.
        evaluators: Who judges its answers, and what that takes.

    """

    name: str
    baseline: str = ""
    weights: dict[str, float]
    revision: int
    versions: dict[str, VersionView]
    changed: ChangeView | None = None
    evidence_age_seconds: float | None = None
    protection: str = "off"
    rollout: RolloutView | None = None
    lanes: list[LaneView] = []
    evaluators: list[EvaluatorView] = []


class AllServices(msgspec.Struct, kw_only=True, frozen=True):
    """Every service, and what people should know besides."""

    services: list[ServiceView]
    warnings: list[str] = []


class Workers(msgspec.Struct, kw_only=True, frozen=True):
    """How many workers there should be, are linked, and have a change in force."""

    configured: int
    connected: int
    in_force: int

    @property
    def are_unanimous(self) -> bool:
        """Whether a change is in force everywhere; it cannot be where nobody is."""
        return 0 < self.configured <= self.in_force


class Receipt(msgspec.Struct, kw_only=True, frozen=True):
    """What came of setting weights; `durable` when it survives a restart."""

    service: str
    weights: dict[str, float]
    revision: int
    workers: Workers
    durable: bool


class TriedView(msgspec.Struct, kw_only=True, frozen=True):
    """What came of an action in one lane; `error` is why nothing did."""

    name: str
    said: str
    error: str | None = None


class Acted(msgspec.Struct, kw_only=True, frozen=True):
    """What came of an action on a rollout; `durable` when it survives a restart.

    Of several candidates each has a lane and a rollout of its own.
    """

    service: str
    said: str
    weights: dict[str, float]
    workers: Workers
    durable: bool
    rollout: RolloutView | None = None
    lanes: list[TriedView] = []
    notes: list[str] = []


class JudgementsView(msgspec.Struct, kw_only=True, frozen=True):
    """What came of judging one score."""

    sample: float
    sampled: int
    judged: int
    failed: int = 0
    unsaid: int = 0
    is_down: bool = False
    pairs_won: int = 0
    pairs_tied: int = 0
    pairs_lost: int = 0
    controls: int = 0
    noise: float | None = None
    controls_won: int = 0
    shown_first: int = 0
    shown_second: int = 0
    shown_tied: int = 0
    served_first: int = 0
    served_second: int = 0


class FindingView(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of one metric in one segment."""

    metric: str
    verdict: str
    log_threshold: float
    log_e: float | None = None
    segment: tuple[str, str] | None = None
    baseline: float | None = None
    candidate: float | None = None
    log_proof: float | None = None
    log_proof_threshold: float | None = None
    baseline_units: int = 0
    candidate_units: int = 0
    judgements: JudgementsView | None = None


class UnitsView(msgspec.Struct, kw_only=True, frozen=True):
    """Units of both versions."""

    baseline: int
    candidate: int


class AssessmentView(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of a rollout at one look."""

    units_in_step: UnitsView
    is_mirrored: bool = False
    lost_pairs: int = 0
    stopped_pairs: int = 0
    integrity: str | None = None
    units_needed: int | None = None
    shortage: str | None = None


class EvidenceState(msgspec.Struct, kw_only=True, frozen=True):
    """How good the evidence is."""

    sampled: float = 1.0
    split_checked: float = 1.0
    age_seconds: float | None = None


class Analysed(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of a rollout, metric by metric."""

    service: str
    rollout: RolloutView
    alpha: float | None = None
    examination: int = 1
    as_of: str | None = None
    unit: str = "key"
    evidence: EvidenceState | None = None
    assessment: AssessmentView | None = None
    metrics: list[FindingView] = []


class AnalysedLanes(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of several candidates, each against the baseline; none: there is one."""

    lanes: list[Analysed] = []


class EntryView(msgspec.Struct, kw_only=True, frozen=True):
    """One entry of the journal."""

    seq: int
    at: str
    kind: str
    service: str | None = None
    body: dict[str, object] | None = None


class RawEntry(msgspec.Struct, kw_only=True, frozen=True):
    """The same, as it is hashed."""

    seq: int
    unix: float
    kind: str
    digest: str
    hash: str
    service: str | None = None
    raw: str | None = None


class JournalPage(msgspec.Struct, kw_only=True, frozen=True):
    """Entries of the journal, as they came."""

    entries: list[dict[str, object]]


class ReloadReceipt(msgspec.Struct, kw_only=True, frozen=True):
    """What came of a reload."""

    epoch: int
    workers: Workers
    services: dict[str, object]


_View = TypeVar("_View", bound=msgspec.Struct)


def read(view: type[_View], answer: object) -> _View:
    """Read *answer* as *view*.

    Raises:
        OtherLanguage: It has another shape.

    """
    try:
        return msgspec.convert(answer, view)
    except msgspec.ValidationError as error:
        raise OtherLanguage(
            f"The gateway answered in a shape this command does not know ({error}).",
            remedy="Use the `sluicegate` of the gateway's own version.",
        ) from error


def analysed(answer: object) -> list[Analysed]:
    """Read what is known of a service's rollout, or of each of several."""
    return read(AnalysedLanes, answer).lanes or [read(Analysed, answer)]
