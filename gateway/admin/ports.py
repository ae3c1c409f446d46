"""What the admin API needs from the rest; app/controller.py joins them.

`Gate` is filled by the gatekeeper of the control plane, which this folder does not
know.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.analysis.sums import SlicedSum
from gateway.domain.deployment import Token
from gateway.domain.errors import GatewayError
from gateway.domain.rollout import Standing
from gateway.domain.verdict import Assessment, Finding
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.samples import Texts
from gateway.state.journal import Entry
from gateway.state.store import Change
from gateway.telemetry.judging import EvaluatorFigures
from gateway.telemetry.traffic import Slices, Traffic


class Receipt(Protocol):
    """What a change came to; see control.gatekeeper.Receipt."""

    @property
    def table(self) -> RoutingTable:
        """The table in force."""

    @property
    def configured(self) -> int:
        """Workers there should be."""

    @property
    def connected(self) -> int:
        """Workers linked."""

    @property
    def in_force(self) -> int:
        """How many of them have it in force."""

    @property
    def durable(self) -> bool:
        """Whether it survives a restart."""


class Gate(Protocol):
    """Whoever decides which table is in force."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Who may use this API; nobody is named where everything local may."""

    @property
    def table(self) -> RoutingTable:
        """The table in force."""

    def lanes(self, name: str) -> tuple[RoutedService, ...]:
        """Give a service as routed now, lane by lane; NotFound when there is none."""

    def change(self, name: str) -> Change | None:
        """Give the last change of a service's weight."""


class Desk(Protocol):
    """Whoever adds feedback up; see control.feedback.FeedbackDesk."""

    def take(self, request_id: str, signal: str, value: float) -> str:
        """Count a value: "counted", "replaced" or "unchanged"; raises Refused."""

    def of(self, service: str, version: str) -> Mapping[str, SlicedSum]:
        """Give the sums of a version, by signal."""


class Evidence(Protocol):
    """Whoever counts evidence; see control.evidence.EvidenceBook."""

    def units(self, service: str, version: str) -> int:
        """Give how many units of a version were counted."""

    def pairs(self, service: str, version: str) -> int:
        """Give how many mirrored pairs there were, each a unit of both versions."""

    def age(self, service: str) -> float | None:
        """Tell how old the newest is, in seconds; None: there is none."""


class Example(Protocol):
    """An answer that scored badly; see evaluators.score_book.Example."""

    @property
    def at(self) -> float:
        """When it was judged; Unix time, seconds."""

    @property
    def value(self) -> float:
        """Its score."""

    @property
    def said(self) -> str:
        """The judge's reasons; may be empty."""

    @property
    def texts(self) -> Texts:
        """What was asked and said, redacted."""


class Judging(Protocol):
    """Whoever has answers judged; see app.judging.Judging."""

    def evaluators(self, service: str) -> Mapping[str, EvaluatorFigures]:
        """Give what those of a service have done, by name."""

    def scores(self, service: str, version: str) -> Mapping[str, SlicedSum]:
        """Give the sums of a version's scores, by signal."""

    def worst(self, service: str) -> Mapping[str, Mapping[str, Sequence[Example]]]:
        """Give the worst examples that are kept, by version and signal."""

    def served_before(self, service: str) -> float:
        """Give the USD that serving had cost before anything was judged here."""


class Acted(Protocol):
    """What an operator's action on a rollout came to; see control.rollouts.Acted."""

    @property
    def standing(self) -> Standing:
        """Where it stands after it."""

    @property
    def protection(self) -> str:
        """See Rollouts.protection."""

    @property
    def receipt(self) -> Receipt:
        """Of the table in force."""

    @property
    def said(self) -> str:
        """What happened, in a sentence or two."""

    @property
    def notes(self) -> Sequence[str]:
        """What else the operator should know, each a sentence or two."""


class Tried(Protocol):
    """What an action came to in one lane; see control.side_by_side.Tried."""

    @property
    def lane(self) -> str:
        """Its name."""

    @property
    def done(self) -> Acted | None:
        """What was done; None: nothing."""

    @property
    def refused(self) -> GatewayError | None:
        """Why nothing was; None: it was done."""


class Examined(Protocol):
    """What the analyzer knows of a rollout; see control.rollouts.Examined."""

    @property
    def number(self) -> int:
        """Of the examination: 1 the first, others began from nothing."""

    @property
    def alpha(self) -> float:
        """Of the whole rollout; of an examination from nothing, its part."""

    @property
    def as_of(self) -> float | None:
        """Unix time at which the attempt ended, with this known; None: it is on."""

    @property
    def unit(self) -> str:
        """What counts once: "key" or "request"."""

    @property
    def sampled(self) -> float:
        """Part of the keys that is looked at, 0 to 1."""

    @property
    def split_checked(self) -> float:
        """Part of the keys that the split is checked on, 0 to 1."""

    @property
    def age(self) -> float | None:
        """Seconds since the last unit of evidence; None: there is none."""

    @property
    def assessment(self) -> Assessment:
        """At the last look."""

    @property
    def findings(self) -> Sequence[Finding]:
        """By metric and segment."""


class Rollouts(Protocol):
    """Whoever leads the rollouts; see control.rollouts.Rollouts."""

    async def act(
        self, service: str, action: str, *, by: str, reason: str, full: bool
    ) -> Acted:
        """Start, pause, resume, promote, abort, retry, kill or unkill."""

    async def act_in_lanes(
        self, service: str, action: str, *, by: str, reason: str, full: bool
    ) -> Sequence[Tried]:
        """Do it in each lane of a service that has several."""

    async def set_weights(
        self,
        service: str,
        percents: Mapping[str, object],
        *,
        revision: int | None,
        by: str,
        reason: str,
    ) -> Receipt:
        """Set a service's weights by hand."""

    async def reload(self) -> Receipt:
        """Read the configuration again."""

    def standing(self, service: str) -> Standing:
        """Tell where a service's rollout stands."""

    def protection(self, service: str) -> str:
        """Tell in a word what protects a service: analysing, taking up evidence, off."""

    def shortage(self, service: str) -> str | None:
        """Tell why no more evidence is to be waited for; None: it may come."""

    async def examined(self, service: str) -> Examined | None:
        """Tell what the analyzer knows, or knew at the end; None: nothing was analysed."""

    async def journal(
        self, service: str | None, *, after: int, limit: int
    ) -> Sequence[Entry]:
        """Give entries of the journal, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the gateway is.

    Attributes:
        reasons: Why it is not ready; empty when traffic flows.
        degraded: What is wrong although traffic flows.
        workers: Workers there should be.
        connected: Workers linked.
        in_force: Workers that have the current table in force.
        epoch: Of the current table.
        taking_up: Services with a rollout whose evidence is being read after a start.

    """

    reasons: tuple[str, ...]
    degraded: tuple[str, ...]
    workers: int
    connected: int
    in_force: int
    epoch: int
    taking_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the API is joined to.

    Attributes:
        gate: See Gate.
        traffic: What the workers saw, now.
        slices: Of the slices of a service's traffic, by version.
        condition: How the gateway is, now.
        exposition: From an Accept header to /metrics' body and content type.
        feedback: See Desk.
        evidence: See Evidence.
        rollouts: See Rollouts.
        judging: See Judging.
        warnings: What people should know of certificates, in sentences.

    """

    gate: Gate
    traffic: Callable[[], Traffic]
    slices: Callable[[str], Mapping[str, Slices]]
    condition: Callable[[], Condition]
    exposition: Callable[[str], tuple[bytes, str]]
    feedback: Desk
    evidence: Evidence
    rollouts: Rollouts
    judging: Judging
    warnings: Callable[[], list[str]] = list
