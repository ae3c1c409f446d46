"""After a restart: what was in force is found again, before anything is published.

The workers ran on while the controller was away. Their tables and the store each know
a revision of every weight; the highest is the truth, because revisions only grow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.control.standings import StandingBook, effective
from gateway.domain.deployment import Deployment
from gateway.domain.service import Service
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.state.store import Change, Kept, Weight


def newest_weights(
    kept: Kept | None, tables: Iterable[RoutingTable], *, at: float
) -> dict[str, Weight]:
    """Give the weight with the highest revision of each service.

    Args:
        kept: From the store; None when it cannot be read.
        tables: From the workers.
        at: Unix time, for weights that only the workers know.

    """
    weights = dict(kept.weights) if kept is not None else {}
    for table in tables:
        for found in table.services:
            known = weights.get(found.service.name)
            if known is None or found.revision > known.revision:
                weights[found.service.name] = _adopted(found, at)
    return weights


def highest_epoch(kept: Kept | None, tables: Iterable[RoutingTable]) -> int:
    """Give the highest epoch anybody has seen; 0 when nobody has seen any."""
    kept_epoch = kept.epoch if kept is not None else 0
    return max([kept_epoch, *(table.epoch for table in tables)])


def newest_table(tables: Sequence[RoutingTable]) -> RoutingTable | None:
    """Give the table with the highest epoch; None when there is none."""
    return max(tables, key=lambda table: table.epoch, default=None)


def as_run(
    accepted: Deployment, newest: RoutingTable | None, standings: StandingBook
) -> Deployment:
    """Give the deployment that really runs.

    Args:
        accepted: The last one that was written down.
        newest: The table with the highest epoch; a controller that was killed
            between publishing it and writing leaves an older deployment behind.
        standings: Of the rollouts. A table has what was promoted as the baseline; who
            takes that for the configuration cannot go back to what the file names.

    """
    if newest is None:
        return accepted
    filed = {service.name: service for service in accepted.services}
    return replace(
        accepted,
        services=tuple(
            _as_filed(routed.service, filed.get(routed.service.name), standings)
            for routed in newest.services
        ),
        trusted_proxies=newest.trusted_proxies,
        limits=newest.limits,
        drain=newest.drain,
        access_log=newest.access_log,
    )


def _as_filed(
    routed: Service, filed: Service | None, standings: StandingBook
) -> Service:
    if filed is not None and effective(filed, standings.serving(filed.name)) == routed:
        return filed
    return routed


def _adopted(found: RoutedService, at: float) -> Weight:
    return Weight(
        service=found.service.name,
        candidate=found.service.candidate,
        share=found.share,
        configured_share=found.service.configured_share,
        salt=found.salt,
        revision=found.revision,
        change=Change(by="unknown", reason="found in the workers' table", at=at),
    )
