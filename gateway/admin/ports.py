"""What the admin API needs from the rest; app/controller.py joins them.

`Gate` is filled by the gatekeeper of the control plane, which this folder does not
know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.analysis.sums import SlicedSum
from gateway.domain.deployment import Token
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.state.store import Change
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

    def routed(self, name: str) -> RoutedService:
        """Give a service as routed now; NotFound when there is none."""

    def change(self, name: str) -> Change | None:
        """Give the last change of a service's weight."""

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

    def age(self, service: str) -> float | None:
        """Tell how old the newest is, in seconds; None: there is none."""


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

    """

    reasons: tuple[str, ...]
    degraded: tuple[str, ...]
    workers: int
    connected: int
    in_force: int
    epoch: int


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

    """

    gate: Gate
    traffic: Callable[[], Traffic]
    slices: Callable[[str], Mapping[str, Slices]]
    condition: Callable[[], Condition]
    exposition: Callable[[str], tuple[bytes, str]]
    feedback: Desk
    evidence: Evidence
