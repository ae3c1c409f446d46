"""Where rollouts stand, as rows."""

import sqlite3
from collections.abc import Mapping, Sequence

from gateway.state.store import KeptRollout, demand_expected


def read_rollouts(connection: sqlite3.Connection) -> dict[str, KeptRollout]:
    """Read all, by service."""
    rows = connection.execute("SELECT service, standing, version FROM rollout")
    return {
        service: KeptRollout(service=service, standing=standing, version=version)
        for service, standing, version in rows
    }


def write_rollouts(
    connection: sqlite3.Connection,
    rollouts: Sequence[KeptRollout],
    expected: Mapping[str, int],
) -> None:
    """Replace where these stand.

    Raises:
        RevisionConflict: See store.demand_expected.

    """
    if not rollouts:
        return
    demand_expected(
        "version",
        [rollout.service for rollout in rollouts],
        expected=expected,
        kept=dict(connection.execute("SELECT service, version FROM rollout")),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO rollout VALUES (?, ?, ?)",
        [(kept.service, kept.standing, kept.version) for kept in rollouts],
    )
