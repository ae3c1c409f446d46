"""Evidence: what is known of a candidate, and the marks of the keys it was learnt from.

Marks of up to 200,000 keys, of which a few thousand change each second, are kept in runs,
as a log-structured merge tree has them (O'Neil et al. 1996): each save adds one run of what
has changed, and a run that is no more than twice as long as the newer ones behind it is
merged with them. So there are few rows, and no more than about twice the marks there are.
Measured: 43 ms for the first 200,000 and 2.4 ms (median) for 5,000 that change; with a row
for each key, spread over all pages of the table, 620 and 44 ms.
"""

import sqlite3
from typing import Final

from msgspec import msgpack

from gateway.state.store import KeptEvidence, demand_same_attempt

_MERGED_AT: Final = 2
"""How many times as long an older run must be to be left alone."""

_READ: Final = "SELECT attempt, trial, book FROM evidence WHERE service = ?"
_WRITE: Final = "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?)"
_COUNTS: Final = "SELECT run, count FROM marks WHERE service = ? ORDER BY run DESC"
_READ_RUNS: Final = (
    "SELECT packed FROM marks WHERE service = ? AND run >= ? ORDER BY run"
)
_DROP_RUNS: Final = "DELETE FROM marks WHERE service = ? AND run >= ?"
_WRITE_RUN: Final = "INSERT INTO marks VALUES (?, ?, ?, ?)"

_unpacked = msgpack.Decoder(dict[int, bytes]).decode


def read_attempts(connection: sqlite3.Connection) -> dict[str, int]:
    """Read of which attempt each service's evidence is."""
    return dict(connection.execute("SELECT service, attempt FROM evidence"))


def read_evidence(connection: sqlite3.Connection, service: str) -> KeptEvidence | None:
    """Read what is known; None: nothing is kept."""
    row = connection.execute(_READ, (service,)).fetchone()
    if row is None:
        return None
    attempt, trial, book = row
    return KeptEvidence(
        service=service,
        attempt=attempt,
        trial=trial,
        book=book,
        keys=_without_empty(_marks(connection, service, since=0)),
    )


def write_evidence(connection: sqlite3.Connection, evidence: KeptEvidence) -> None:
    """Replace what is known, and add or replace the marks that have changed.

    Raises:
        RevisionConflict: See store.demand_same_attempt.

    """
    row = connection.execute(_READ, (evidence.service,)).fetchone()
    demand_same_attempt(evidence, kept=row[0] if row is not None else None)
    if evidence.is_new:
        connection.execute(_DROP_RUNS, (evidence.service, 0))
    connection.execute(
        _WRITE, (evidence.service, evidence.attempt, evidence.trial, evidence.book)
    )
    if evidence.keys:
        _add_run(connection, evidence)


def _add_run(connection: sqlite3.Connection, evidence: KeptEvidence) -> None:
    service = evidence.service
    runs = connection.execute(_COUNTS, (service,)).fetchall()
    run = _merged_from(runs, len(evidence.keys))
    marks = {**_marks(connection, service, since=run), **evidence.keys}
    if not runs or run == runs[-1][0]:  # nothing older: what is forgotten may go
        marks = _without_empty(marks)
    connection.execute(_DROP_RUNS, (service, run))
    connection.execute(_WRITE_RUN, (service, run, len(marks), msgpack.encode(marks)))


def _merged_from(runs: list[tuple[int, int]], count: int) -> int:
    """Give the number of the run that *count* new marks go into, newer ones with it."""
    into = runs[0][0] + 1 if runs else 0
    for run, length in runs:
        if length > _MERGED_AT * count:
            break
        into, count = run, count + length
    return into


def _marks(
    connection: sqlite3.Connection, service: str, *, since: int
) -> dict[int, bytes]:
    """Read the marks in a service's runs from number *since* on; newer ones win."""
    marks: dict[int, bytes] = {}
    for (packed,) in connection.execute(_READ_RUNS, (service, since)):
        marks |= _unpacked(packed)
    return marks


def _without_empty(marks: dict[int, bytes]) -> dict[int, bytes]:
    return {fingerprint: mark for fingerprint, mark in marks.items() if mark}
