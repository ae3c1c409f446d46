"""Weights, the epoch and the keys of request ids, as rows."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.state.store import Change, Weight, demand_expected

_READ: Final = (
    "SELECT service, candidate, share, configured_share, salt, revision,"
    " changed_by, reason, changed_at FROM weight"
)
_WRITE: Final = "INSERT OR REPLACE INTO weight VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_READ_KEYS: Final = "SELECT number, secret, made_at FROM ticket_key"
_WRITE_KEY: Final = "INSERT INTO ticket_key VALUES (?, ?, ?)"


def read_epoch(connection: sqlite3.Connection) -> int:
    """Read the highest epoch that was kept."""
    return int(connection.execute("SELECT epoch FROM gateway").fetchone()[0])


def raise_epoch(connection: sqlite3.Connection, epoch: int) -> None:
    """Keep *epoch* if it is higher."""
    connection.execute("UPDATE gateway SET epoch = max(epoch, ?)", (epoch,))


def read_weights(connection: sqlite3.Connection) -> dict[str, Weight]:
    """Read all weights, by service."""
    return {row[0]: _weight(row) for row in connection.execute(_READ)}


def write_weights(
    connection: sqlite3.Connection,
    weights: Sequence[Weight],
    expected: Mapping[str, int],
) -> None:
    """Replace weights.

    Raises:
        RevisionConflict: See store.demand_expected.

    """
    if not weights:
        return
    demand_expected(
        "revision",
        [weight.service for weight in weights],
        expected=expected,
        kept=dict(connection.execute("SELECT service, revision FROM weight")),
    )
    connection.executemany(_WRITE, [_row(weight) for weight in weights])


def read_ticket_keys(connection: sqlite3.Connection) -> tuple[TicketKey, ...]:
    """Read all keys."""
    return tuple(
        TicketKey(number=number, secret=secret, made_at=made_at)
        for number, secret, made_at in connection.execute(_READ_KEYS)
    )


def write_ticket_keys(
    connection: sqlite3.Connection, keys: Sequence[TicketKey]
) -> None:
    """Replace all keys by these."""
    rows = [(key.number, key.secret, key.made_at) for key in keys]
    connection.execute("DELETE FROM ticket_key")
    connection.executemany(_WRITE_KEY, rows)


def _row(weight: Weight) -> tuple[str | int | float | None, ...]:
    return (
        weight.service,
        weight.candidate,
        weight.share,
        weight.configured_share,
        weight.salt,
        weight.revision,
        weight.change.by,
        weight.change.reason,
        weight.change.at,
    )


def _weight(
    row: tuple[str, str | None, int, int, str, int, str, str, float],
) -> Weight:
    service, candidate, share, configured, salt, revision, by, reason, at = row
    return Weight(
        service=service,
        candidate=candidate,
        share=Share(share),
        configured_share=Share(configured),
        salt=salt,
        revision=revision,
        change=Change(by=by, reason=reason, at=at),
    )
