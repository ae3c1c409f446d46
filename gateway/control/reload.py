"""A new configuration while traffic flows: what it may change, and into which table."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import zip_longest

from gateway.control.standings import StandingBook, effective
from gateway.control.weights import routed
from gateway.domain.deployment import Deployment, names_of
from gateway.domain.errors import BadConfiguration
from gateway.domain.service import Service
from gateway.domain.ticket_key import TicketKey
from gateway.handoff.routing_table import RoutingTable
from gateway.state.store import Weight

Arranged = Callable[[Deployment, Deployment], AbstractAsyncContextManager[None]]
"""Prepares the processes for a new configuration; see app.supervised.Supervised."""


@asynccontextmanager
async def nothing_arranged(old: Deployment, new: Deployment) -> AsyncGenerator[None]:
    """Prepare nothing, where there is no supervisor."""
    demand_no_restart(old, new)
    yield


def demand_no_restart(old: Deployment, new: Deployment) -> None:
    """Refuse what only a restart can change.

    Raises:
        BadConfiguration: Names the keys that differ.

    """
    pairs = {
        "admin.listen": (old.admin.listen, new.admin.listen),
        "state": (old.state, new.state),
    }
    differing = [key for key, (was, now) in pairs.items() if was != now]
    if differing:
        raise BadConfiguration(
            f"A reload cannot change {', '.join(differing)}; nothing was changed.",
            remedy="Restart the gateway, or put the old values back and reload.",
        )


def in_effect(deployment: Deployment, standings: StandingBook) -> list[Service]:
    """Give the services as they are routed: what was promoted is the baseline."""
    return [
        effective(service, standings.serving(service.name))
        for service in deployment.services
    ]


def table_of(
    deployment: Deployment,
    weights: Mapping[str, Weight],
    standings: StandingBook,
    key: TicketKey,
) -> RoutingTable:
    """Make the table of a configuration; its epoch is given when it is published.

    Args:
        deployment: The configuration.
        weights: One for each of its services, by name.
        standings: Of their rollouts.
        key: What request ids are made with.

    """
    otlp = deployment.telemetry.otlp
    return RoutingTable(
        epoch=0,
        services=tuple(
            routed(service, weights[service.name], standings.of(service.name))
            for service in in_effect(deployment, standings)
        ),
        trusted_proxies=deployment.trusted_proxies,
        limits=deployment.limits,
        drain=deployment.drain,
        ticket_key=key,
        access_log=deployment.access_log,
        traces=None if otlp is None else otlp.traces,
        listen_tls=dict(
            zip_longest(names_of(deployment.listen), deployment.listen_tls)
        ),
    )
