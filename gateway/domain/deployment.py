"""The gateway as a whole: where it listens, who may operate it, where it keeps state."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.domain.service import Service
from gateway.domain.tls import ServerTls
from gateway.domain.units import Bytes, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A TCP address to bind. `host` without brackets; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as people and URLs do: [::1]:8080, 127.0.0.1:8080."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


BACKLOG: Final = 4096
"""Connections to one socket that the system may queue until they are accepted."""


def names_of(addresses: Iterable[Address]) -> tuple[str, ...]:
    """Give each listener a name of its own; port 0 may be there more than once."""
    seen: Counter[Address] = Counter()
    names: list[str] = []
    for address in addresses:
        seen[address] += 1
        nth = seen[address]
        names.append(str(address) if nth == 1 else f"{address}#{nth}")
    return tuple(names)


class Role(Enum):
    """What a token's bearer may do; an operator may do all, the others only their own."""

    VIEWER = "viewer"
    APP = "app"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer of the admin API. `secret` is compared in constant time, never shown."""

    name: str
    role: Role
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The admin listener; no tokens is allowed on loopback only. Without tls, in clear."""

    listen: Address
    tokens: tuple[Token, ...] = ()
    tls: ServerTls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What clients may ask of the gateway, one by one and together.

    Attributes:
        head: Request line and headers together; more is 431 (414 if the target alone).
        headers: How many headers a request may have, and how many trailers; more is 431.
        body: Request body; more is 413.
        head_timeout: From a request's first byte to the end of its head; then 408.
        body_timeout: How long a body may come more slowly than body_rate; then 408.
        body_rate: Bytes a second that it must come with, on average, beyond that.
        idle: Longest silence inside a request body, or of a client that does not
            take its answer.
        keep_alive: How long an idle client connection is kept.
        stream: Longest time of a request with its answer, and of a tunnel; None: any.
        connections: Client connections of one worker; None: as many as it may have
            open files.
        connections_per_client: The same from one address; None: any.
        requests: Requests in flight in one worker; None: one for each connection.
        lag: How late the worker may be before it takes fewer requests; None: any.

    """

    head: Bytes = Bytes(64 * 1024)
    headers: int = 100
    body: Bytes = Bytes(2 * 1024 * 1024 * 1024)
    head_timeout: Seconds = Seconds(30.0)
    body_timeout: Seconds = Seconds(30.0)
    body_rate: Bytes = Bytes(240)
    idle: Seconds = Seconds(300.0)
    keep_alive: Seconds = Seconds(75.0)
    stream: Seconds | None = None
    connections: int | None = None
    connections_per_client: int | None = None
    requests: int | None = None
    lag: Seconds | None = Seconds(0.5)


class StateKind(Enum):
    """Which store keeps what must survive a restart."""

    SQLITE = "sqlite"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAddress:
    """Where state lives; `path` is empty for memory."""

    kind: StateKind
    path: str = ""


class AccessLogKind(Enum):
    """Where a line for each exchange goes."""

    OFF = "off"
    STDOUT = "stdout"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLog:
    """Where exchanges are logged, never their text; `path` is empty but for a file."""

    kind: AccessLogKind = AccessLogKind.OFF
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Otlp:
    """A collector of traces and metrics (OpenTelemetry protocol over HTTP).

    Attributes:
        endpoint: Base URL, to which the protocol's paths (/v1/traces) are added.
        headers: (name, value) pairs sent along; secrets resolved, so never shown.
        interval: How often metrics are sent, in seconds.
        traces: Which part of the exchanges is traced, 0.0 to 1.0.

    """

    endpoint: str
    headers: tuple[tuple[str, str], ...] = ()
    interval: Seconds = Seconds(10.0)
    traces: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Who else is told what the gateway sees; `otlp` is None when nobody is."""

    otlp: Otlp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A whole, valid configuration.

    Attributes:
        listen: Data listeners, at least one.
        listen_tls: How each of them speaks TLS, in the same order; None: it does not.
            Empty: none does.
        admin: The admin listener.
        workers: Worker processes, at least 1 ("auto" is already resolved).
        state: Which store.
        trusted_proxies: Networks (CIDR) whose forwarded headers are believed.
        access_log: See AccessLog.
        telemetry: See Telemetry.
        limits: See ClientLimits.
        drain: How long a stopping worker waits for running exchanges, in seconds.
        services: In order; the first that fits a request takes it. One with several
            candidates is here lane by lane (domain.lane).

    """

    listen: tuple[Address, ...]
    listen_tls: tuple[ServerTls | None, ...] = ()
    admin: Admin
    workers: int = 1
    state: StateAddress = StateAddress(kind=StateKind.SQLITE, path="state.db")
    trusted_proxies: tuple[str, ...] = ()
    access_log: AccessLog = AccessLog()
    telemetry: Telemetry = Telemetry()
    limits: ClientLimits = ClientLimits()
    drain: Seconds = Seconds(30.0)
    services: tuple[Service, ...]

    @property
    def offered(self) -> tuple[Service, ...]:
        """The services as the file has them: of several lanes the first."""
        by_name: dict[str, Service] = {}
        for service in self.services:
            by_name.setdefault(service.known_as, service)
        return tuple(by_name.values())
